"""What the application returns, as the peer gets it (PEP 3333, "Buffering and Streaming", "Content-Length")."""

from __future__ import annotations

import threading

import pytest

from tests.gateway.gateway import TIMEOUT_S, driven, plain

GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def returning(result, status="200 OK", headers=()):
    """An application that returns this, or what this function gives."""

    def application(environ, start_response):
        start_response(status, list(headers))
        return result() if callable(result) else result

    return application


@pytest.mark.each_http
def test_a_single_piece_has_a_length(gateway):
    answer = gateway(plain(b"hello")).get()
    assert (answer.status, answer.body, answer.headers["Content-Length"]) == (200, b"hello", "5")
    assert "Transfer-Encoding" not in answer.headers


@pytest.mark.each_http
@pytest.mark.parametrize("kind", [list, tuple])
@pytest.mark.parametrize("pieces", [[], [b""], [b"", b""], [b"a"], [b"a", b"", b"bc"], [b"", b"x" * 5000, b"y", b""]])
def test_lists_and_tuples_have_a_length(gateway, kind, pieces):
    answer = gateway(returning(kind(pieces))).get()
    assert answer.body == b"".join(pieces)
    assert answer.headers["Content-Length"] == str(len(answer.body))


@pytest.mark.each_http
@pytest.mark.parametrize("size", [1, 2048, 2049, 65536, 5_000_000])
def test_sizes(gateway, size):
    body = bytes(range(251)) * (size // 251 + 1)
    assert gateway(plain(body[:size])).get().body == body[:size]


def test_a_generator_is_chunked(gateway):
    answer = gateway(returning(lambda: (b"%d," % i for i in range(5)))).get()
    assert answer.body == b"0,1,2,3,4,"
    assert answer.headers["Transfer-Encoding"] == "chunked"


def test_a_generator_for_http_1_0_ends_with_the_connection(gateway):
    raw = gateway(returning(lambda: iter([b"one ", b"two"]))).send("GET / HTTP/1.0\r\n\r\n")
    head, body = raw.read_to_end().split(b"\r\n\r\n")
    assert body == b"one two"
    assert b"chunked" not in head.lower()
    assert b"content-length" not in head.lower()


@pytest.mark.each_http
@pytest.mark.parametrize("pieces", [[], [b""], [b"", b""]])
def test_a_generator_of_nothing_has_length_0(gateway, pieces):
    answer = gateway(returning(lambda: iter(pieces))).get()
    assert (answer.body, answer.headers["Content-Length"]) == (b"", "0")


@pytest.mark.each_http
def test_empty_pieces_neither_send_the_head_nor_end_the_body(gateway):
    def application(environ, start_response):
        start_response("200 OK", [])
        yield b""
        start_response("201 Made", [], (None, None, None))
        yield b"a"
        yield b""
        yield b"b"

    answer = gateway(application).get()
    assert (answer.status, answer.body) == (201, b"ab")


@pytest.mark.each_http
def test_start_response_may_be_called_by_the_first_step_of_the_iteration(gateway):
    def application(environ, start_response):
        start_response("200 OK", [("X-A", "b")])
        yield b"x"

    assert gateway(application).get().headers["X-A"] == "b"


@pytest.mark.each_http
def test_start_response_may_be_called_by_iter(gateway):
    """An application that is a class, as in PEP 3333, whose __iter__ is no generator."""

    class Application:
        def __init__(self, environ, start_response):
            self.start_response = start_response

        def __iter__(self):
            self.start_response("200 OK", [("X-A", "b")])
            return iter([b"one ", b"two"])

    answer = gateway(Application).get()
    assert (answer.status, answer.headers["X-A"], answer.body) == (200, "b", b"one two")


@pytest.mark.each_http
def test_an_iterable_of_ones_own(gateway):
    class Result:
        def __init__(self):
            self.left = 3

        def __iter__(self):
            return self

        def __next__(self):
            if not self.left:
                raise StopIteration
            self.left -= 1
            return b"x"

    assert gateway(returning(Result)).get().body == b"xxx"


@pytest.mark.each_http
def test_an_iterable_by_getitem(gateway):
    class Result:
        def __getitem__(self, index):
            return [b"a", b"b"][index]

    assert gateway(returning(Result)).get().body == b"ab"


@pytest.mark.each_http
def test_sets_dicts_and_subclasses_of_list_are_iterables(gateway):
    class Pieces(list):
        def __iter__(self):
            return iter([b"of its own"])

    assert gateway(returning({b"a": 1})).get().body == b"a"
    assert gateway(returning(Pieces([b"x"]))).get().body == b"of its own"


@pytest.mark.each_http
def test_subclasses_of_bytes_are_bytes(gateway):
    class Bytes(bytes):
        pass

    assert gateway(returning([Bytes(b"a"), Bytes(b"b" * 5000)])).get().body == b"a" + b"b" * 5000
    assert gateway(returning(lambda: iter([Bytes(b"a"), Bytes(b"b" * 5000)]))).get().body == b"a" + b"b" * 5000


def test_each_piece_arrives_before_the_next_is_asked_for(gateway):
    """A piece must not wait for the next."""
    seen = [threading.Event() for _ in range(3)]

    def application(environ, start_response):
        start_response("200 OK", [])
        for event in seen:
            yield b"piece"
            assert event.wait(20)

    raw = gateway(application).send(GET)
    for event in seen:
        assert raw.read_until(b"piece")
        event.set()
    assert raw.read_until(b"0\r\n\r\n")


def test_the_last_piece_does_not_wait_for_close(gateway):
    seen = threading.Event()

    class Result:
        def __iter__(self):
            return iter([b"all of it"])

        def close(self):
            assert seen.wait(20)

    server = gateway(returning(Result))
    raw = server.send(GET)
    assert raw.read_until(b"\r\n0\r\n\r\n")
    seen.set()
    raw.send(GET)
    assert raw.read_until(b"\r\n0\r\n\r\n")
    server.expect_no_failure()


def test_no_piece_is_asked_for_while_the_peer_does_not_read():
    made = []

    def application(environ, start_response):
        start_response("200 OK", [])
        for i in range(400):
            made.append(i)
            yield b"%06d" % i * 10_000

    with driven(application) as (worker, connect), connect() as peer:
        peer.sendall(GET.encode())
        while not made:
            worker.turn(-1)
        asked = 0
        while asked != len(made):
            asked = len(made)
            worker.turn(0)
        assert 1 < asked < 400  # held up by a full socket
        peer.settimeout(0)
        received = 0
        while len(made) < 400 or received < 400 * 60_000:
            worker.turn(0)
            try:
                received += len(peer.recv(1 << 20))
            except BlockingIOError:
                worker.turn(1)
        assert made == list(range(400))


def test_an_endless_generator_leaves_room_for_others(gateway):
    """A peer that reads as fast as the application makes pieces does not keep the loop from the others."""
    stop = threading.Event()

    def application(environ, start_response):
        start_response("200 OK", [])
        if environ["PATH_INFO"] == "/endless":
            while not stop.is_set():
                yield b"x" * 100
        yield b"done"

    server = gateway(application)
    greedy = server.send("GET /endless HTTP/1.1\r\nHost: a\r\n\r\n")
    reader = threading.Thread(target=greedy.read_to_end)
    reader.start()
    try:
        for _ in range(20):
            assert server.get().body == b"done"
    finally:
        stop.set()
        greedy.connection.shutdown(1)
        reader.join(20)


@pytest.mark.each_http
def test_an_endless_generator_of_nothing_leaves_room_for_others(gateway):
    stop = threading.Event()

    def application(environ, start_response):
        start_response("200 OK", [])
        if environ["PATH_INFO"] == "/endless":
            while not stop.is_set():
                yield b""
        yield b"done"

    server = gateway(application)
    endless = server.send("GET /endless HTTP/1.1\r\nHost: a\r\n\r\n")
    for _ in range(5):
        assert server.get().body == b"done"
    stop.set()
    assert endless.read_until(b"done")


# ---- Content-Length ----


def test_a_declared_length_is_sent_as_it_is(gateway):
    head = gateway(plain(b"abc", headers=[("Content-Length", "3")])).send(GET).read_head()
    assert head.lower().count("content-length") == 1


@pytest.mark.parametrize("how", [list, iter, lambda pieces: (piece for piece in pieces)])
def test_a_declared_length_ends_the_body(gateway, how):
    server = gateway(returning(lambda: how([b"ab", b"c"]), headers=[("Content-Length", "3")]))
    raw = server.send(GET + GET)
    for _ in range(2):
        assert "chunked" not in raw.read_head()
        assert raw.read_until(b"abc") == b"abc"
    server.expect_no_failure()


@pytest.mark.each_http
def test_a_generator_is_finished_after_the_declared_length(gateway):
    """The code behind the last yield runs, as it would with any other server."""
    finished = threading.Event()

    def application(environ, start_response):
        start_response("200 OK", [("Content-Length", "3")])
        yield b"abc"
        finished.set()

    assert gateway(application).get().body == b"abc"
    assert finished.wait(TIMEOUT_S)


@pytest.mark.parametrize("pieces", [[b"abcdef"], [b"ab", b"cdef"], [b"abc", b"def"], [b"abc", b"", b"d", b"ef"]])
@pytest.mark.parametrize("how", [list, iter])
def test_too_long_is_cut_and_reported(gateway, pieces, how):
    server = gateway(returning(lambda: how(pieces), headers=[("Content-Length", "3")]))
    raw = server.send(GET + GET)
    for _ in range(2):
        raw.read_head()
        assert raw.read_until(b"abc") == b"abc"
        sentence, error = server.failure()
        assert sentence.startswith("GET /: ")
        assert "longer than its Content-Length" in str(error)
    server.expect_no_failure()


@pytest.mark.parametrize("pieces", [[], [b""], [b"abc"], [b"a", b"bc"]])
@pytest.mark.parametrize("how", [list, iter])
def test_too_short_closes_the_connection_and_is_reported(gateway, pieces, how):
    server = gateway(returning(lambda: how(pieces), headers=[("Content-Length", "5")]))
    raw = server.send(GET + GET)
    answer = raw.read_to_end()
    assert answer.count(b"HTTP/1.1") <= 1
    assert answer.endswith(b"\r\n\r\n" + b"".join(pieces)) or answer == b""
    sentence, error = server.failure()
    assert sentence.startswith("GET /: ")
    assert "shorter than its Content-Length" in str(error)


@pytest.mark.each_http
def test_the_next_connection_is_unharmed_by_a_body_that_is_too_short(gateway):
    def application(environ, start_response):
        start_response("200 OK", [("Content-Length", "5")])
        return [b"abc" if environ["PATH_INFO"] == "/short" else b"abcde"]

    server = gateway(application)
    server.send("GET /short HTTP/1.1\r\nHost: a\r\n\r\n").read_to_end()
    assert server.get("/").body == b"abcde"


@pytest.mark.each_http
def test_a_generator_that_never_ends_after_a_complete_answer_is_closed(gateway):
    closed = threading.Event()

    def application(environ, start_response):
        start_response("200 OK", [("Content-Length", "3")])
        try:
            yield b"abc"
            while True:
                yield b""
        finally:
            closed.set()

    server = gateway(application)
    assert server.get().body == b"abc"
    assert closed.wait(20)
    server.expect_no_failure()


# ---- HEAD, 204, 304 ----


@pytest.mark.parametrize("how", [list, iter])
def test_head_has_no_body(gateway, how):
    server = gateway(returning(lambda: how([b"abc"])))
    raw = server.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n" + GET)
    head = raw.read_head()
    if how is list:
        assert "Content-Length: 3" in head
    assert raw.read_head().startswith("HTTP/1.1 200")
    assert b"abc" in raw.read_until(b"abc")
    server.expect_no_failure()


@pytest.mark.each_http
def test_head_of_an_application_that_leaves_the_body_out(gateway):
    assert "Content-Length" not in gateway(plain()).request("HEAD").headers
    assert gateway(plain(headers=[("Content-Length", "7")])).request("HEAD").headers["Content-Length"] == "7"


@pytest.mark.each_http
def test_head_does_not_wait_for_a_whole_generator(gateway):
    closed = threading.Event()

    def application(environ, start_response):
        start_response("200 OK", [])
        try:
            while True:
                yield b"x"
        finally:
            closed.set()

    assert gateway(application).request("HEAD").status == 200
    assert closed.wait(TIMEOUT_S)


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
@pytest.mark.parametrize("result", [[], [b"not allowed"]])
def test_statuses_without_body(gateway, status, result):
    raw = gateway(plain(*result, status=status)).send(GET + GET)
    for _ in range(2):
        head = raw.read_head()
        assert head.startswith("HTTP/1.1 " + status)
        assert "content-length" not in head.lower()
        assert "transfer-encoding" not in head.lower()


# ---- wrong results ----


@pytest.mark.parametrize(
    ("result", "part"),
    [
        (None, "NoneType"),
        (42, "int"),
        (b"bytes", "an iterable of bytes, such as a list, not bytes"),
        ("text", "an iterable of bytes, such as a list, not str"),
        (["text"], "bytes, not str"),
        ([b"ok", "text"], "bytes, not str"),
        ([b"ok", None], "bytes, not NoneType"),
        ([bytearray(b"x")], "bytes, not bytearray"),
        ([memoryview(b"x")], "bytes, not memoryview"),
        (("text",), "bytes, not str"),
        (lambda: iter(["text"]), "bytes, not str"),
        (lambda: iter([1]), "bytes, not int"),
    ],
)
def test_wrong_results_are_answered_500(gateway, result, part):
    server = gateway(returning(result))
    raw = server.send(GET + GET)
    for _ in range(2):
        assert raw.read_head().startswith("HTTP/1.1 500 ")
        assert raw.read_until(b"Internal Server Error\n")
        sentence, error = server.failure()
        assert sentence == "GET /: the application failed"
        assert isinstance(error, TypeError)
        assert part in str(error)


def test_a_wrong_piece_after_the_head_cuts_the_answer(gateway):
    server = gateway(returning(lambda: iter([b"good", "bad"])))
    answer = server.send(GET + GET).read_to_end()
    assert b"good" in answer
    assert not answer.endswith(b"0\r\n\r\n")
    assert answer.count(b"HTTP/1.1") == 1
    sentence, error = server.failure()
    assert "after the head was sent" in sentence
    assert isinstance(error, TypeError)


@pytest.mark.each_http
@pytest.mark.parametrize("result", [[], [b"x"], lambda: iter([]), lambda: iter([b"x"])])
def test_without_start_response_the_answer_is_500(gateway, result):
    server = gateway(lambda environ, start_response: result() if callable(result) else result)
    assert server.get().status == 500
    assert "start_response() was not called" in str(server.failure()[1])


# ---- pipelining ----


def test_pipelined_answers_come_in_order(gateway):
    def application(environ, start_response):
        start_response("200 OK", [])
        path = environ["PATH_INFO"].encode()
        return [path] if environ["QUERY_STRING"] else (piece for piece in [path, b"+"])

    requests = "".join(f"GET /{i:03}{'?x' * (i % 2)} HTTP/1.1\r\nHost: a\r\n\r\n" for i in range(100))
    raw = gateway(application).send(requests)
    for i in range(100):
        raw.read_head()
        assert raw.read_until(b"/%03d" % i)


def test_pipelined_large_streams(gateway):
    def application(environ, start_response):
        start_response("200 OK", [])
        return (environ["PATH_INFO"].encode() * 20_000 for _ in range(10))

    raw = gateway(application).send("".join(f"GET /{i} HTTP/1.1\r\nHost: a\r\n\r\n" for i in range(5)))
    for i in range(5):
        raw.read_head()
        assert raw.read_until(b"0\r\n\r\n").count(b"/%d" % i) == 200_000
