"""WSGI over HTTP/2: what is not the same as over HTTP/1.1, or could get into the way of other streams (RFC 9113).

What is the same is in the tests that are marked each_http.
"""

from __future__ import annotations

import hashlib
import tempfile
import threading

import pytest

from tests.gateway.gateway import Recorder, plain
from tests.support.frames import Code, Kind, rst_stream
from tests.support.server import TIMEOUT_S

WINDOW = 65535
SIZES = [0, 1, 1000, 16383, 16384, 16385, WINDOW, WINDOW + 1, 1_000_000]


def pattern(size):
    return (bytes(range(251)) * (size // 251 + 1))[:size]


def echo(environ, start_response):
    start_response("200 OK", [("X-Length", environ.get("CONTENT_LENGTH", "none"))])
    return [environ["wsgi.input"].read()]


# ---- the environ ----


def environ_of(gateway, *fields, path="/", **pseudo):
    recorder = Recorder()
    with gateway(recorder).client() as client:
        client.finish(client.begin("GET", path, list(fields), **pseudo))
    return recorder.environs[-1]


def test_the_request_line(gateway):
    environ = environ_of(gateway, path="/a%20b/?c=d%20e", authority="example.com:8000")
    assert environ["REQUEST_METHOD"] == "GET"
    assert environ["SERVER_PROTOCOL"] == "HTTP/2.0"
    assert environ["PATH_INFO"] == "/a b/"
    assert environ["QUERY_STRING"] == "c=d%20e"
    assert environ["RAW_URI"] == environ["REQUEST_URI"] == "/a%20b/?c=d%20e"
    assert environ["HTTP_HOST"] == "example.com:8000"
    assert environ["wsgi.url_scheme"] == "http"
    assert not [key for key in environ if ":" in key or key.startswith("HTTP__")]


def test_the_authority_goes_before_host(gateway):
    assert environ_of(gateway, ("host", "test"), authority="test")["HTTP_HOST"] == "test"


def test_cookies_are_one_and_other_fields_are_listed(gateway):
    environ = environ_of(
        gateway, ("cookie", "a=1"), ("x-a", "1"), ("cookie", "b=2"), ("x-a", "2"), ("accept", "x"), ("accept", "y")
    )
    assert environ["HTTP_COOKIE"] == "a=1; b=2"
    assert environ["HTTP_X_A"] == "1,2"
    assert environ["HTTP_ACCEPT"] == "x,y"


def test_te_is_a_field_and_no_framing(gateway):
    environ = environ_of(gateway, ("te", "trailers"))
    assert environ["HTTP_TE"] == "trailers"
    assert "HTTP_TRANSFER_ENCODING" not in environ
    assert "CONTENT_LENGTH" not in environ


def test_a_connect_is_refused_and_the_others_go_on(gateway):
    recorder = Recorder()
    with gateway(recorder).client() as client:
        stream = client.begin("CONNECT", "/", [("sec-websocket-version", "13")], end=False, protocol="websocket")
        assert client.hear_until_status(stream).status == 501
        assert client.request().status == 200
    assert len(recorder.environs) == 1


# ---- what comes ----


@pytest.mark.parametrize("said", [True, False])
@pytest.mark.parametrize("memory", [1000, 1 << 20])
def test_bodies_of_all_sizes(gateway, said, memory):
    """In memory and in files."""
    with gateway(echo, body_memory_max=memory).client() as client:
        for size in SIZES:
            body = pattern(size)
            answer = client.request("POST", "/", body if said else [body], {})
            assert answer.body == body
            assert answer.headers["x-length"] == str(size)


def test_the_end_may_come_with_the_head(gateway):
    with gateway(echo).client() as client:
        stream = client.begin("POST")
        answer = client.finish(stream)
        assert (answer.body, answer.headers["x-length"]) == (b"", "none")


def test_many_bodies_at_once(gateway):
    """Their frames are mixed; each application sees its own body whole."""
    bodies = [pattern(20_000 + 100 * i)[i:] for i in range(20)]
    with gateway(echo, body_memory_max=5000).client() as client:
        streams = [client.begin("POST", end=False) for _ in bodies]
        for at in range(0, 25_000, 1000):
            for stream, body in zip(streams, bodies, strict=True):
                client.upload(stream, body[at : at + 1000])
        for stream, body in zip(reversed(streams), reversed(bodies), strict=True):
            client.upload(stream, b"", end=True)
            assert client.finish(stream).body == body


def test_who_resets_an_upload_is_forgotten(gateway):
    recorder = Recorder()
    with gateway(recorder, body_memory_max=10).client() as client:
        for _ in range(5):
            stream = client.begin("POST", end=False)
            client.upload(stream, b"x" * 1000)
            client.send(rst_stream(stream))
        client.expect_alive()
        assert client.request("POST", "/whole", b"x").status == 200
    assert [environ["PATH_INFO"] for environ in recorder.environs] == ["/whole"]


def test_a_body_over_the_limit(gateway):
    recorder = Recorder()
    with gateway(recorder, limits={"body_bytes_max": 1000}).client() as client:
        assert client.request("POST", "/", b"x" * 1001).status == 413
        assert client.request("POST", "/", [b"x" * 600, b"y" * 600]).status == 413
        assert client.request("POST", "/", b"x" * 1000).status == 200
    assert len(recorder.environs) == 1


# ---- what goes ----


@pytest.mark.parametrize("size", SIZES)
def test_answers_of_all_sizes(gateway, size):
    with gateway(plain(pattern(size))).client() as client:
        answer = client.request()
        assert answer.body == pattern(size)
        assert answer.headers["content-length"] == str(size)
        assert "transfer-encoding" not in answer.headers


def test_names_are_lowered_and_kept_in_order(gateway):
    fields = [("X-B", "1"), ("Set-Cookie", "a=b"), ("X-A", "2"), ("Set-Cookie", "c=d")]
    with gateway(plain(b"x", headers=fields)).client() as client:
        answer = client.expect(client.begin())
        assert [field for field in answer.fields if field[0] in ("x-a", "x-b", "set-cookie")] == [
            (name.lower(), value) for name, value in fields
        ]


def test_a_generator_has_no_length(gateway):
    def application(environ, start_response):
        start_response("200 Whatever", [])
        return iter([b"one ", b"two"])

    with gateway(application).client() as client:
        answer = client.request()
        assert (answer.status, answer.body) == (200, b"one two")
        assert "content-length" not in answer.headers
        assert "transfer-encoding" not in answer.headers


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_answers_without_a_body(gateway, status):
    with gateway(plain(status=status)).client() as client:
        answer = client.expect(client.begin(), int(status[:3]), b"")
        assert answer["transfer-encoding"] is None


def test_head_has_the_length_and_no_body(gateway):
    with gateway(plain(b"x" * 1000)).client() as client:
        answer = client.request("HEAD")
        assert (answer.status, answer.body) == (200, b"")
        assert answer.headers["content-length"] == "1000"
        assert client.request().body == b"x" * 1000


def test_files(gateway):
    def application(environ, start_response):
        file = tempfile.TemporaryFile()  # noqa: SIM115 - the server closes it
        file.write(pattern(300_000))
        file.seek(1000)
        start_response("200 OK", [])
        return environ["wsgi.file_wrapper"](file)

    with gateway(application).client() as client:
        streams = [client.begin() for _ in range(5)]
        for stream in streams:
            assert client.finish(stream).body == pattern(300_000)[1000:]


# ---- in pieces ----


def test_a_piece_is_there_before_the_next_is_asked_for(gateway):
    """Though other requests wait, who came with the same packet."""
    seen = [threading.Event() for _ in range(3)]

    def application(environ, start_response):
        start_response("200 OK", [])
        if environ["PATH_INFO"] != "/pieces":
            return [b"other"]
        return pieces()

    def pieces():
        for event in seen:
            yield b"piece"
            assert event.wait(TIMEOUT_S)

    with gateway(application).client() as client:
        stream, others = client.begin(path="/pieces"), [client.begin(path="/other") for _ in range(3)]
        answer = client.answer_of(stream)
        for i, event in enumerate(seen):
            while len(answer.body) < 5 * (i + 1):
                client.hear()
            event.set()
        client.expect(stream, 200, b"piece" * 3)
        for other in others:
            client.expect(other, 200, b"other")


def test_what_write_writes_is_there_while_the_application_goes_on(gateway):
    seen = threading.Event()

    def application(environ, start_response):
        write = start_response("200 OK", [])
        write(b"early")
        assert seen.wait(TIMEOUT_S)
        return [b" and late"]

    with gateway(application).client() as client:
        stream = client.begin()
        while client.answer_of(stream).body != b"early":
            client.hear()
        seen.set()
        assert client.finish(stream).body == b"early and late"


def test_who_does_not_read_holds_up_only_itself(gateway):
    asked = []

    def application(environ, start_response):
        start_response("200 OK", [])
        return endless() if environ["PATH_INFO"] == "/endless" else [b"quick"]

    def endless():
        while True:
            asked.append(None)
            yield b"x" * 10_000

    with gateway(application).client() as client:
        client.generous = False
        stuck = client.begin(path="/endless")
        answer = client.answer_of(stuck)
        while answer.window > 0:
            client.hear()
        client.give(0, 1 << 20)
        for _ in range(20):
            client.expect(client.begin(), 200, b"quick")
        assert len(answer.body) == WINDOW
        assert len(asked) < 60
        client.give(stuck, 100_000)
        while answer.window > 0:
            client.hear()
        client.send(rst_stream(stuck))
        client.expect(client.begin(), 200, b"quick")


def test_an_answer_that_is_left_is_closed(gateway):
    closed = threading.Event()

    class Pieces:
        def __iter__(self):
            return self

        def __next__(self):
            return b"x" * 10_000

        def close(self):
            closed.set()

    def application(environ, start_response):
        start_response("200 OK", [])
        return Pieces()

    for leave in (lambda client, stream: client.send(rst_stream(stream)), lambda client, _: client.socket.close()):
        closed.clear()
        with gateway(application).client() as client:
            stream = client.begin()
            client.hear_until_status(stream)
            leave(client, stream)
            assert closed.wait(TIMEOUT_S)


def test_a_hundred_streams_on_one_connection(gateway):
    def application(environ, start_response):
        name = environ["PATH_INFO"].encode()
        start_response("200 OK", [("X-Name", environ["PATH_INFO"])])
        return (hashlib.sha256(name + b"%d" % i).digest() * 100 for i in range(10))

    with gateway(application).client(initial_window_size=1 << 20) as client:
        streams = [client.begin(path=f"/{i}") for i in range(100)]
        for i, stream in enumerate(streams):
            answer = client.finish(stream)
            wanted = b"".join(hashlib.sha256(b"/%d%d" % (i, j)).digest() * 100 for j in range(10))
            assert (answer.headers["x-name"], answer.body) == (f"/{i}", wanted)


# ---- what goes wrong ----


def test_a_failure_before_the_head(gateway):
    def application(environ, start_response):
        raise LookupError("lost")

    server = gateway(application)
    with server.client() as client:
        for _ in range(3):
            answer = client.request("GET", "/lost")
            assert answer.status == 500
            sentence, error = server.failure()
            assert sentence.startswith("GET /lost: ")
            assert str(error) == "lost"


def test_a_failure_in_the_middle_cuts_its_stream_only(gateway):
    def application(environ, start_response):
        start_response("200 OK", [])
        if environ["PATH_INFO"] == "/":
            return [b"fine"]
        return failing()

    def failing():
        yield b"first"
        raise LookupError("lost")

    server = gateway(application)
    with server.client() as client:
        stream, other = client.begin(path="/fails"), client.begin()
        answer = client.expect_reset(stream, Code.INTERNAL_ERROR)
        assert (answer.status, answer.body) == (200, b"first")
        client.expect(other, 200, b"fine")
    assert str(server.failure()[1]) == "lost"


@pytest.mark.parametrize(("length", "body"), [("9", [b"abc"]), ("9", [b"abc", b"de"])])
def test_less_than_was_said_cuts_the_stream(gateway, length, body):
    server = gateway(plain(*body, headers=[("Content-Length", length)]))
    with server.client() as client:
        stream = client.begin()
        answer = client.hear_until_over(stream)
        assert not answer.ended
        assert client.request("HEAD").status == 200
    server.failure()


def test_more_than_was_said_is_dropped(gateway):
    server = gateway(plain(b"abc", b"de", headers=[("Content-Length", "4")]))
    with server.client() as client:
        for _ in range(2):
            assert client.request().body == b"abcd"
            server.failure()


@pytest.mark.parametrize(
    ("field", "status"),
    [
        (("Connection", "close"), 200),
        (("Keep-Alive", "timeout=5"), 200),
        (("Transfer-Encoding", "chunked"), 500),
        (("Upgrade", "h3"), 500),
        (("TE", "trailers"), 500),
    ],
)
def test_fields_of_the_connection_stay_here_or_are_refused_as_ever(gateway, field, status):
    """Http2Client takes none of them."""
    with gateway(plain(b"x", headers=[field])).client() as client:
        assert client.request().status == status


def test_a_connection_that_is_dropped_takes_all_with_it(gateway):
    closed = threading.Semaphore(0)

    class Pieces:
        def __iter__(self):
            return self

        def __next__(self):
            return b"x" * 100_000

        def close(self):
            closed.release()

    def application(environ, start_response):
        start_response("200 OK", [])
        return Pieces()

    server = gateway(application)
    with server.client() as client:
        client.generous = False
        for stream in [client.begin() for _ in range(10)]:
            client.hear_until_status(stream)
    for _ in range(10):
        assert closed.acquire(timeout=TIMEOUT_S)
    server.expect_no_failure()


def test_a_drain_finishes_what_was_asked(gateway):
    asked, go_on = threading.Semaphore(0), threading.Event()

    def application(environ, start_response):
        start_response("200 OK", [])
        return pieces()

    def pieces():
        yield b"first"
        asked.release()
        assert go_on.wait(TIMEOUT_S)
        yield b" and last"

    server = gateway(application)
    with server.client() as client:
        stream = client.begin()
        assert asked.acquire(timeout=TIMEOUT_S)
        server.worker.drain()
        go_on.set()
        client.expect(stream, 200, b"first and last")
        while heard := client.hear_or_end():
            assert heard.kind == Kind.GOAWAY, heard
        assert client.goaways[-1].code == Code.NO_ERROR
        assert client.goaways[-1].last >= stream
