"""start_response() and write(): what they take, what they refuse (PEP 3333, "The start_response() Callable")."""

from __future__ import annotations

import sys
import threading

import pytest

from tests.gateway.gateway import driven, plain


class Trying:
    """An application that tries something with start_response, and answers 200 whatever came of it."""

    def __init__(self, attempt):
        self.attempt = attempt
        self.error = None
        self.result = None

    def __call__(self, environ, start_response):
        try:
            self.result = self.attempt(start_response)
        except BaseException as error:
            self.error = error
        start_response("200 OK", [], (None, None, None))
        return [b"ok"]


@pytest.fixture
def attempt(gateway):
    """attempt(what): the exception that what(start_response) raised inside an application."""

    def attempt(what):
        application = Trying(what)
        assert gateway(application).get().body == b"ok"
        return application.error

    return attempt


# ---- what is taken ----


@pytest.mark.parametrize(
    ("status", "line"),
    [
        ("200 OK", "HTTP/1.1 200 OK"),
        ("404 Not Found", "HTTP/1.1 404 Not Found"),
        ("299 My Own Phrase", "HTTP/1.1 299 My Own Phrase"),
        ("999 x", "HTTP/1.1 999 x"),
        ("200 \xe4\xff", "HTTP/1.1 200 \xe4\xff"),
    ],
)
def test_status_line(gateway, status, line):
    head = gateway(plain(b"x", status=status)).send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").read_head()
    assert head.split("\r\n")[0] == line


def test_headers_are_sent_as_they_are_and_in_order(gateway):
    headers = [("X-B", "1"), ("x-a", "\xe4"), ("X-B", "2"), ("X-Empty", ""), ("Set-Cookie", "a"), ("Set-Cookie", "b")]
    head = gateway(plain(b"x", headers=headers)).send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").read_head()
    lines = [line for line in head.split("\r\n") if line.lower().startswith(("x-", "set-"))]
    assert [tuple(part.strip() for part in line.split(":", 1)) for line in lines] == headers


@pytest.mark.parametrize(("wish", "closed"), [("keep-alive", False), ("close", True), ("Upgrade", False)])
def test_the_connection_is_a_wish(gateway, wish, closed):
    def application(environ, start_response):
        start_response("200 OK", [("Connection", wish), ("Keep-Alive", "timeout=99"), ("Content-Length", "0")])
        return []

    raw = gateway(application).send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    head = raw.read_head().lower()
    assert ("connection: close" in head) is closed
    assert "keep-alive" not in head
    assert "upgrade" not in head
    if closed:
        assert raw.read_to_end() == b""
    else:
        raw.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert raw.read_head().startswith("HTTP/1.1 200 ")


@pytest.mark.each_http
def test_many_headers(gateway):
    headers = [(f"x-{i}", str(i)) for i in range(80)]
    answer = gateway(plain(b"x", headers=headers)).get()
    assert [(name, value) for name, value in answer.headers.items() if name.startswith("x-")] == headers


@pytest.mark.each_http
def test_subclasses_of_str_are_strings(gateway):
    class Text(str):
        pass

    answer = gateway(plain(b"x", status=Text("201 Made"), headers=[(Text("X-A"), Text("b"))])).get()
    assert (answer.status, answer.headers["X-A"]) == (201, "b")


@pytest.mark.each_http
def test_the_list_may_change_after_the_call(gateway):
    def application(environ, start_response):
        headers = [("X-A", "".join(["va", "lue"]))]
        start_response("".join(["200", " OK"]), headers)
        headers[0] = ("X-A", "other")
        headers.append(("X-B", "more"))
        return [b"x"]

    answer = gateway(application).get()
    assert (answer.headers["X-A"], answer.headers["X-B"]) == ("value", None)


@pytest.mark.each_http
def test_exc_info_by_name_and_none(gateway):
    def application(environ, start_response):
        start_response("200 OK", [], exc_info=None)
        try:
            raise KeyError
        except KeyError:
            start_response("500 Oops", [("X-A", "b")], exc_info=sys.exc_info())
        return [b"x"]

    answer = gateway(application).get()
    assert (answer.status, answer.headers["X-A"]) == (500, "b")


@pytest.mark.each_http
def test_it_says_what_it_is(attempt):
    seen = []
    attempt(lambda start_response: seen.extend([repr(start_response), repr(start_response("200 OK", []))]))
    assert seen == ["<freastal start_response function>", "<freastal write function>"]


# ---- what is refused ----


@pytest.mark.each_http
@pytest.mark.parametrize(
    ("arguments", "kind", "part"),
    [
        ((), TypeError, "0 given"),
        (("200 OK",), TypeError, "1 given"),
        (("200 OK", [], None, None), TypeError, "4 given"),
        ((200, []), TypeError, "status, not int"),
        ((b"200 OK", []), TypeError, "status, not bytes"),
        ((None, []), TypeError, "status, not NoneType"),
        (("200", []), ValueError, "'200'"),
        (("200OK", []), ValueError, "'200OK'"),
        (("20 OK", []), ValueError, "'20 OK'"),
        (("OK 200", []), ValueError, "'OK 200'"),
        (("", []), ValueError, "''"),
        (("099 Low", []), ValueError, "'099 Low'"),
        (("100 Continue", []), ValueError, "100"),
        (("101 Switching Protocols", []), ValueError, "101"),
        (("-20 OK", []), ValueError, "-20"),
        (("\u0662\u0660\u0660 OK", []), ValueError, "latin-1"),
        (("200 OK\r\nX-Evil: 1", []), ValueError, "X-Evil"),
        (("200 OK\n", []), ValueError, "status"),
        (("200 O\0K", []), ValueError, "status"),
        (("200 \u20ac", []), ValueError, "latin-1"),
        (("200 OK", ()), TypeError, "list of headers, not tuple"),
        (("200 OK", {}), TypeError, "list of headers, not dict"),
        (("200 OK", None), TypeError, "list of headers, not NoneType"),
        (("200 OK", [["A", "b"]]), TypeError, "['A', 'b']"),
        (("200 OK", [("A",)]), TypeError, "('A',)"),
        (("200 OK", [("A", "b", "c")]), TypeError, "('A', 'b', 'c')"),
        (("200 OK", ["A: b"]), TypeError, "'A: b'"),
        (("200 OK", [(b"A", "b")]), TypeError, "header name, not bytes"),
        (("200 OK", [("A", b"b")]), TypeError, "header value, not bytes"),
        (("200 OK", [("A", 1)]), TypeError, "header value, not int"),
        (("200 OK", [("A", None)]), TypeError, "header value, not NoneType"),
        (("200 OK", [("A\u20ac", "b")]), ValueError, "latin-1"),
        (("200 OK", [("A", "\u20ac")]), ValueError, "latin-1"),
        (("200 OK", [("", "b")]), ValueError, "name of a header"),
        (("200 OK", [("A B", "b")]), ValueError, "'A B'"),
        (("200 OK", [("A:", "b")]), ValueError, "'A:'"),
        (("200 OK", [("A\r\nB", "b")]), ValueError, "name of a header"),
        (("200 OK", [("\xe4", "b")]), ValueError, "name of a header"),
        (("200 OK", [("A", "b\r\nX-Evil: 1")]), ValueError, "control character"),
        (("200 OK", [("A", "b\n")]), ValueError, "control character"),
        (("200 OK", [("A", "b\r")]), ValueError, "control character"),
        (("200 OK", [("A", "b\0c")]), ValueError, "control character"),
        (("200 OK", [("A", "b\x7f")]), ValueError, "control character"),
        (("200 OK", [("Proxy-Connection", "close")]), ValueError, "'Proxy-Connection'"),
        (("200 OK", [("Transfer-Encoding", "chunked")]), ValueError, "'Transfer-Encoding'"),
        (("200 OK", [("Upgrade", "x")]), ValueError, "'Upgrade'"),
        (("200 OK", [("Content-Length", "x")]), ValueError, "Content-Length"),
        (("200 OK", [("Content-Length", "-1")]), ValueError, "Content-Length"),
        (("200 OK", [("Content-Length", "1, 1")]), ValueError, "Content-Length"),
        (("200 OK", [("Content-Length", "")]), ValueError, "Content-Length"),
        (("200 OK", [("Content-Length", "9" * 30)]), ValueError, "Content-Length"),
        (("200 OK", [("Content-Length", "1"), ("content-length", "1")]), ValueError, "two fields"),
        (("200 OK", [], "exc_info"), TypeError, "sys.exc_info()"),
        (("200 OK", [], (1, 2)), TypeError, "sys.exc_info()"),
    ],
)
def test_refused(attempt, arguments, kind, part):
    error = attempt(lambda start_response: start_response(*arguments))
    assert type(error) is kind
    assert part in str(error)
    assert str(error).startswith("start_response() ")


@pytest.mark.each_http
def test_an_unknown_keyword_is_refused(attempt):
    error = attempt(lambda start_response: start_response("200 OK", [], why=1))
    assert isinstance(error, TypeError)
    assert "'why'" in str(error)


@pytest.mark.each_http
def test_a_refused_call_leaves_what_was_said_before(gateway):
    def application(environ, start_response):
        start_response("201 Made", [("X-A", "b")])
        with pytest.raises(ValueError, match="status"):
            start_response("x", [], (None, None, None))
        return [b"x"]

    answer = gateway(application).get()
    assert (answer.status, answer.headers["X-A"]) == (201, "b")


@pytest.mark.each_http
def test_a_second_call_without_exc_info_is_an_error(attempt):
    def twice(start_response):
        start_response("200 OK", [])
        start_response("200 OK", [])

    error = attempt(twice)
    assert isinstance(error, AssertionError)
    assert "second time" in str(error)


# ---- exc_info ----


@pytest.mark.each_http
def test_exc_info_replaces_a_head_that_is_not_sent(gateway):
    def application(environ, start_response):
        start_response("200 OK", [("X-A", "first"), ("Content-Length", "1000")])
        try:
            raise ValueError("late")
        except ValueError:
            start_response("503 Busy", [("X-B", "second")], sys.exc_info())
        return [b"sorry"]

    answer = gateway(application).get()
    assert (answer.status, answer.body) == (503, b"sorry")
    assert (answer.headers["X-A"], answer.headers["X-B"]) == (None, "second")
    assert answer.headers["Content-Length"] == "5"


def test_exc_info_is_raised_again_when_the_head_is_sent(gateway):
    raised = []

    def application(environ, start_response):
        start_response("200 OK", [])
        yield b"begun"
        try:
            raise ValueError("late")
        except ValueError:
            try:
                start_response("500 Oops", [], sys.exc_info())
            except ValueError as error:
                raised.append(error)
                raise

    server = gateway(application)
    raw = server.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert b"begun" in raw.read_to_end()
    sentence, error = server.failure()
    assert error is raised[0]
    assert str(error) == "late"
    assert error.__traceback__ is not None
    assert sentence.startswith("GET /: ")


@pytest.mark.each_http
def test_exc_info_after_the_head_without_an_exception(gateway):
    errors = []

    def application(environ, start_response):
        start_response("200 OK", [])
        yield b"begun"
        try:
            start_response("500 Oops", [], (None, None, None))
        except AssertionError as error:
            errors.append(str(error))

    assert gateway(application).get().body == b"begun"
    assert errors == ["start_response() was called after the head was sent"]


# ---- write ----


@pytest.mark.each_http
def test_write_sends_before_what_is_returned(gateway):
    def application(environ, start_response):
        write = start_response("200 OK", [])
        assert write(b"one ") is None
        write(b"")
        write(b"two ")
        return [b"three ", b"four"]

    assert gateway(application).get().body == b"one two three four"


@pytest.mark.each_http
def test_write_with_a_declared_length(gateway):
    def application(environ, start_response):
        write = start_response("200 OK", [("Content-Length", "6")])
        write(b"abc")
        write(b"def")
        return []

    server = gateway(application)
    answer = server.get()
    assert (answer.body, answer.headers["Content-Length"]) == (b"abcdef", "6")
    server.expect_no_failure()


@pytest.mark.each_http
def test_write_large_pieces(gateway):
    piece = bytes(range(256)) * 4096

    def application(environ, start_response):
        write = start_response("200 OK", [])
        for _ in range(8):
            write(piece)
        return []

    assert gateway(application).get().body == piece * 8


def test_write_is_seen_at_once(gateway):
    seen = threading.Event()

    def application(environ, start_response):
        write = start_response("200 OK", [])
        write(b"early")
        assert seen.wait(20)
        return [b"late"]

    raw = gateway(application).send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert raw.read_until(b"early")
    seen.set()
    assert raw.read_until(b"late")


@pytest.mark.each_http
def test_the_head_can_be_replaced_until_something_is_written(gateway):
    def application(environ, start_response):
        write = start_response("200 OK", [])
        write(b"")
        start_response("500 Oops", [], (None, None, None))
        return [b"x"]

    assert gateway(application).get().status == 500


@pytest.mark.each_http
@pytest.mark.parametrize("arguments", [(), ("text",), (b"a", b"b"), (bytearray(b"a"),), (None,)])
def test_write_refuses(attempt, arguments):
    error = attempt(lambda start_response: start_response("200 OK", [])(*arguments))
    assert isinstance(error, TypeError)
    assert str(error).startswith("write() ")


@pytest.mark.each_http
def test_write_beyond_the_declared_length_is_dropped_and_reported(gateway):
    def application(environ, start_response):
        write = start_response("200 OK", [("Content-Length", "3")])
        write(b"abcdef")
        write(b"more")
        return [b"and more"]

    server = gateway(application)
    assert server.get().body == b"abc"
    sentence, error = server.failure()
    assert "Content-Length" in sentence
    assert "longer" in str(error)
    server.expect_no_failure()


def test_write_to_a_peer_that_is_gone_raises(gateway):
    gone, wrote = threading.Event(), []

    def application(environ, start_response):
        write = start_response("200 OK", [])
        write(b"begin")
        assert gone.wait(20)
        try:
            for _ in range(1000):  # 64 MiB; what is written to a peer that is gone must not pile up
                write(b"x" * 65536)
        except OSError as error:
            wrote.append(error)
            raise

    server = gateway(application)
    raw = server.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    raw.read_until(b"begin")
    raw.reset()
    gone.set()
    assert server.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").read_until(b"begin")
    assert isinstance(wrote[0], ConnectionResetError)


# ---- life after the request ----


@pytest.mark.each_http
def test_kept_functions_find_that_the_request_is_over(gateway):
    kept = []

    def application(environ, start_response):
        kept.extend([start_response, start_response("200 OK", [])])
        return [b"x"]

    server = gateway(application)
    server.get()
    server.get()
    start_response, write = kept[:2]
    with pytest.raises(RuntimeError, match="after its request was over"):
        start_response("200 OK", [])
    with pytest.raises(RuntimeError, match="after its request was over"):
        write(b"x")
    assert len(set(map(id, kept))) == 4


@pytest.mark.each_http
def test_unkept_functions_are_used_again(gateway):
    seen = []

    def application(environ, start_response):
        seen.append((id(start_response), id(start_response("200 OK", []))))
        return [b"x"]

    server = gateway(application)
    server.get()
    server.get()
    assert seen[0] == seen[1]


def test_nobody_may_write_while_the_application_does_not_run():
    """A suspended response belongs to the loop: between two pieces, its write() is of no use."""
    kept, pieces = [], []

    def application(environ, start_response):
        kept.append(start_response("200 OK", []))
        while True:
            pieces.append(1)
            yield b"x" * 65536

    with driven(application) as (worker, connect), connect() as peer:
        peer.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        while not pieces:
            worker.turn(-1)
        asked = 0
        while asked != len(pieces):  # until the peer's socket takes no more
            asked = len(pieces)
            worker.turn(0)
        with pytest.raises(RuntimeError, match="from outside the application's code"):
            kept[0](b"x")


@pytest.mark.each_http
def test_another_thread_may_write_while_the_application_waits_for_it(gateway):
    """Only the GIL makes that safe; without one it is refused."""
    errors = []

    def application(environ, start_response):
        def answer():
            try:
                start_response("200 OK", [])(b"from a thread")
            except RuntimeError as error:
                errors.append(str(error))

        thread = threading.Thread(target=answer)
        thread.start()
        thread.join()
        return []

    server = gateway(application)
    if getattr(sys, "_is_gil_enabled", lambda: True)():
        assert server.get().body == b"from a thread"
    else:
        assert server.get().status == 500
        assert errors == ["start_response() was called from outside the application's code"]


@pytest.mark.each_http
def test_it_cannot_be_made_by_hand(gateway):
    seen = []

    def application(environ, start_response):
        seen.append(type(start_response))
        start_response("200 OK", [])
        return []

    gateway(application).get()
    with pytest.raises(TypeError):
        seen[0]()
