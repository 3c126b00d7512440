"""A request from its beginning to its end, whatever goes wrong in between (PEP 3333, "Error Handling")."""

from __future__ import annotations

import gc
import threading
import weakref

import pytest

from tests.gateway.gateway import TIMEOUT_S, driven, plain

GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"


class Result:
    """An iterable with a close() that notes every call."""

    def __init__(self, pieces=(b"a", b"b"), error=None, close_error=None):
        self.pieces = iter(pieces)
        self.error = error
        self.close_error = close_error
        self.closed = 0
        self.on_close = threading.Event()

    def __iter__(self):
        return self

    def __next__(self):
        piece = next(self.pieces, None)
        if piece is None:
            raise self.error or StopIteration
        return piece

    def close(self):
        self.closed += 1
        self.on_close.set()
        if self.close_error:
            raise self.close_error


def answering(result, headers=()):
    def application(environ, start_response):
        start_response("200 OK", list(headers))
        return result

    return application


@pytest.mark.each_http
def test_the_application_gets_two_positional_arguments(gateway):
    seen = []

    def application(*args, **kwargs):
        seen.append((len(args), kwargs))
        args[1]("200 OK", [])
        return []

    gateway(application).get()
    assert seen == [(2, {})]


@pytest.mark.each_http
@pytest.mark.parametrize("kind", ["function", "method", "instance", "class", "lambda"])
def test_any_callable_is_an_application(gateway, kind):
    class Application:
        def __call__(self, environ, start_response):
            start_response("200 OK", [])
            return [b"ok"]

        method = __call__

    class Response:
        def __init__(self, environ, start_response):
            start_response("200 OK", [])

        def __iter__(self):
            return iter([b"ok"])

    applications = {
        "function": plain(b"ok"),
        "method": Application().method,
        "instance": Application(),
        "class": Response,
        "lambda": lambda environ, start_response: start_response("200 OK", []) and [b"ok"],
    }
    assert gateway(applications[kind]).get().body == b"ok"


# ---- exceptions ----


@pytest.mark.parametrize("error", [ValueError("x"), KeyError("x"), SystemExit(3), GeneratorExit(), StopIteration()])
def test_an_exception_is_answered_500_and_reported(gateway, error):
    def application(environ, start_response):
        raise error

    server = gateway(application)
    raw = server.send("GET /some%20path?secret=1 HTTP/1.1\r\nHost: a\r\n\r\n" + GET)
    for path in ("/some%20path", "/"):
        assert raw.read_head().startswith("HTTP/1.1 500 ")
        assert raw.read_until(b"Internal Server Error\n")
        sentence, reported = server.failure()
        assert sentence == f"GET {path}: the application failed"
        assert reported is error
        assert reported.__traceback__ is not None


@pytest.mark.each_http
def test_an_exception_after_start_response_is_answered_500(gateway):
    def application(environ, start_response):
        start_response("200 OK", [("X-A", "b")])
        raise ValueError

    server = gateway(application)
    answer = server.get()
    assert (answer.status, answer.headers["X-A"]) == (500, None)
    assert server.failure()[0].endswith("the application failed")


@pytest.mark.each_http
def test_an_exception_before_the_first_piece_is_answered_500(gateway):
    result = Result([], ValueError("early"))
    server = gateway(answering(result))
    assert server.get().status == 500
    assert str(server.failure()[1]) == "early"
    assert result.closed == 1


def test_an_exception_between_pieces_cuts_the_answer(gateway):
    result = Result([b"one"], ValueError("late"))
    server = gateway(answering(result))
    answer = server.send(GET + GET).read_to_end()
    assert b"one" in answer
    assert not answer.endswith(b"0\r\n\r\n")
    assert answer.count(b"HTTP/1.1") == 1
    sentence, error = server.failure()
    assert sentence == "GET /: the application failed after the head was sent; the answer was cut"
    assert str(error) == "late"
    assert result.closed == 1


def test_an_exception_after_a_complete_answer_is_only_reported(gateway):
    results = [Result([b"all"], ValueError("late")) for _ in range(2)]

    def application(environ, start_response):
        start_response("200 OK", [("Content-Length", "3")])
        return results[int(environ["PATH_INFO"][1:])]

    server = gateway(application)
    raw = server.send("GET /0 HTTP/1.1\r\nHost: a\r\n\r\nGET /1 HTTP/1.1\r\nHost: a\r\n\r\n")
    for _ in results:
        assert raw.read_until(b"\r\n\r\nall")
        assert server.failure()[0].endswith("the application failed after its answer was complete")
    assert [result.closed for result in results] == [1, 1]


@pytest.mark.each_http
def test_an_exception_in_iter(gateway):
    class Bad:
        closed = 0

        def __iter__(self):
            raise ValueError("iter")

        def close(self):
            self.closed += 1

    result = Bad()
    server = gateway(answering(result))
    assert server.get().status == 500
    assert str(server.failure()[1]) == "iter"
    assert result.closed == 1


@pytest.mark.each_http
def test_reports_name_the_method(gateway):
    server = gateway(lambda environ, start_response: 1 / 0)
    server.request("PROPFIND", "/x")
    assert server.failure()[0] == "PROPFIND /x: the application failed"


@pytest.mark.each_http
def test_without_a_log_failures_are_unraisable(gateway, monkeypatch):
    seen = []
    monkeypatch.setattr("sys.unraisablehook", lambda args: seen.append((args.exc_value, args.object)))

    def application(environ, start_response):
        raise ValueError("x")

    assert gateway(application, log_exception=None).get().status == 500
    assert str(seen[0][0]) == "x"
    assert seen[0][1] is application


@pytest.mark.each_http
def test_a_log_that_fails_harms_nobody(gateway, monkeypatch):
    seen = []
    monkeypatch.setattr("sys.unraisablehook", lambda args: seen.append(args.exc_value))

    def log(sentence, error):
        raise KeyError("log")

    server = gateway(lambda environ, start_response: 1 / 0, log_exception=log)
    assert server.get().status == 500
    assert server.get().status == 500
    assert [type(error) for error in seen] == [KeyError, KeyError]


def test_keyboard_interrupt_goes_to_whoever_runs_the_worker(gateway):
    def application(environ, start_response):
        raise KeyboardInterrupt

    server = gateway(application)
    assert server.send(GET).read_head().startswith("HTTP/1.1 500 ")
    assert isinstance(server.ended.get(timeout=TIMEOUT_S), KeyboardInterrupt)
    server.expect_no_failure()


# ---- close() ----


@pytest.mark.parametrize(
    "headers", [[], [("Content-Length", "2")], [("Content-Length", "1")], [("Content-Length", "9")]]
)
def test_close_is_called_once(gateway, headers):
    result = Result()
    server = gateway(answering(result, headers))
    server.send(GET).read_head()
    assert result.on_close.wait(TIMEOUT_S)
    assert result.closed == 1


@pytest.mark.each_http
def test_close_is_called_after_the_last_piece(gateway):
    order = []

    class Ordered(Result):
        def __next__(self):
            try:
                return super().__next__()
            except StopIteration:
                order.append("end")
                raise

        def close(self):
            order.append("close")
            super().close()

    result = Ordered()
    gateway(answering(result)).get()
    assert result.on_close.wait(TIMEOUT_S)
    assert order == ["end", "close"]


@pytest.mark.each_http
def test_close_of_a_subclass_of_list(gateway):
    class Pieces(list):
        closed = 0

        def close(self):
            self.closed += 1

    result = Pieces([b"a"])
    assert gateway(answering(result)).get().body == b"a"
    assert result.closed == 1


def test_close_is_called_when_a_piece_is_wrong(gateway):
    result = Result([b"a", "text"])
    server = gateway(answering(result))
    server.send(GET).read_to_end()
    server.failure()
    assert result.closed == 1


@pytest.mark.each_http
def test_close_is_called_when_start_response_was_not(gateway):
    result = Result()
    server = gateway(lambda environ, start_response: result)
    assert server.get().status == 500
    server.failure()
    assert result.closed == 1


@pytest.mark.each_http
def test_an_exception_in_close_is_reported_and_the_answer_stands(gateway):
    result = Result(close_error=ValueError("close"))
    server = gateway(answering(result))
    assert server.get().body == b"ab"
    sentence, error = server.failure()
    assert sentence == "GET /: close() of the response failed"
    assert str(error) == "close"
    assert result.closed == 1


@pytest.mark.each_http
def test_a_close_that_cannot_be_looked_up_is_reported(gateway):
    class Bad:
        def __iter__(self):
            return iter([b"x"])

        @property
        def close(self):
            raise ValueError("lookup")

    server = gateway(answering(Bad()))
    assert server.get().body == b"x"
    assert str(server.failure()[1]) == "lookup"


def test_close_is_called_when_the_peer_leaves_a_streamed_answer(gateway):
    result = Result(iter(lambda: b"x" * 65536, None))
    server = gateway(answering(result))
    raw = server.send(GET)
    raw.read_head()
    raw.reset()
    assert result.on_close.wait(TIMEOUT_S)
    assert result.closed == 1
    server.expect_no_failure()


def test_a_generator_is_closed_when_the_peer_leaves(gateway):
    ended = threading.Event()

    def application(environ, start_response):
        start_response("200 OK", [])
        try:
            while True:
                yield b"x" * 65536
        finally:
            ended.set()

    server = gateway(application)
    raw = server.send(GET)
    raw.read_head()
    raw.reset()
    assert ended.wait(TIMEOUT_S)
    server.expect_no_failure()


def test_close_is_called_when_the_worker_stops(gateway):
    result = Result(iter(lambda: b"x" * 65536, None))
    server = gateway(answering(result))
    server.send(GET).read_head()
    server.worker.stop()
    assert result.on_close.wait(TIMEOUT_S)
    assert result.closed == 1


def test_an_exception_while_the_peer_leaves_is_reported(gateway):
    result = Result(iter(lambda: b"x" * 65536, None), close_error=ValueError("close"))
    server = gateway(answering(result))
    raw = server.send(GET)
    raw.read_head()
    raw.reset()
    assert str(server.failure()[1]) == "close"


def test_start_response_inside_close_is_harmless(gateway):
    errors = []

    def application(environ, start_response):
        class Late(Result):
            def close(self):
                for call in (lambda: start_response("500 x", []), lambda: write(b"late")):
                    try:
                        call()
                    except Exception as error:
                        errors.append(type(error))
                super().close()

        write = start_response("200 OK", [])
        return Late()

    server = gateway(application)
    raw = server.send(GET + GET)
    for _ in range(2):
        assert raw.read_until(b"0\r\n\r\n").endswith(b"1\r\na\r\n1\r\nb\r\n0\r\n\r\n")
    assert errors[0] is AssertionError


# ---- the body before the call ----


@pytest.mark.each_http
def test_the_application_is_called_when_the_body_is_complete(gateway):
    called = []

    def application(environ, start_response):
        called.append(environ["PATH_INFO"])
        start_response("200 OK", [])
        return [environ["wsgi.input"].read()]

    server = gateway(application)
    raw = server.send("POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello")
    server.get("/other")
    raw.send("world")
    assert raw.read_until(b"helloworld")
    assert called == ["/other", "/slow"]


def test_a_peer_that_leaves_in_the_middle_of_the_body_is_no_request():
    called = []

    def application(environ, start_response):
        called.append(environ["PATH_INFO"])
        start_response("200 OK", [])
        return []

    with driven(application) as (worker, connect):
        for end in ("close", "reset"):
            peer = connect()
            peer.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello")
            begun = worker.stats()["requests_begun"]
            while worker.stats()["requests_begun"] == begun:
                worker.turn(-1)
            if end == "reset":
                peer.setsockopt(1, 13, b"\1\0\0\0\0\0\0\0")  # SO_LINGER
            peer.close()
            while worker.stats()["requests_open"]:
                worker.turn(-1)
        assert called == []


def test_expect_100_continue(gateway):
    def application(environ, start_response):
        start_response("200 OK", [])
        return [environ["wsgi.input"].read()]

    raw = gateway(application).send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
    assert raw.read_head().startswith("HTTP/1.1 100 ")
    raw.send("abc")
    assert raw.read_head().startswith("HTTP/1.1 200 ")
    assert raw.read_until(b"abc")


def test_a_body_that_is_not_read_does_not_disturb_the_next_request(gateway):
    raw = gateway(plain(b"ok")).send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabcde" + GET)
    for _ in range(2):
        assert raw.read_until(b"\r\n\r\nok")


# ---- what is left behind ----


@pytest.mark.each_http
def test_nothing_of_a_request_is_kept(gateway):
    seen = []

    class Marker(dict):
        pass

    def application(environ, start_response):
        marker = Marker()
        seen.append(weakref.ref(marker))
        environ["marker"] = marker
        start_response("200 OK", [])
        return iter([b"x"])

    server = gateway(application)
    for _ in range(3):
        server.get()
    gc.collect()
    assert [reference() for reference in seen] == [None] * 3


@pytest.mark.each_http
def test_environ_is_let_go_before_the_answer_is_streamed(gateway):
    """What the application does not hold itself should not live as long as a slow download."""
    alive = []

    class Marker:
        pass

    def application(environ, start_response):
        environ["marker"] = marker = Marker()
        reference = weakref.ref(marker)
        start_response("200 OK", [])
        return (repr(alive.append(reference() is not None)).encode() for _ in range(1))

    def drop(environ, start_response):
        return application(environ, start_response)

    gateway(drop).get()
    assert alive == [False]
