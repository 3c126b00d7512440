"""src/python/asgi_send.c: heads and bodies, and every message that may not come. ASGI HTTP spec 2.5."""

from __future__ import annotations

import array
import asyncio
from http import HTTPStatus

import pytest

from freastal import _core
from tests.gateway.asgi import Told, body, read_body, sending, start

GET = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
HEAD = "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n"
LENGTH_5 = [(b"content-length", b"5")]


def head_of(gateway, request=GET):
    """The status line and the fields, but for the server's own."""
    lines = gateway.send(request).read_head().split("\r\n")
    return [line for line in lines if line and not line.startswith(("Server:", "Date:"))]


# ---- the head ----


def test_a_whole_body_has_its_length_said(asgi):
    gateway = asgi(sending(start(), body(b"hello")))
    assert head_of(gateway) == ["HTTP/1.1 200 OK", "Content-Length: 5"]


def test_no_body_has_a_length_too(asgi):
    gateway = asgi(sending(start(), {"type": "http.response.body"}))
    assert head_of(gateway) == ["HTTP/1.1 200 OK", "Content-Length: 0"]


def test_a_body_in_pieces_is_chunked(asgi):
    gateway = asgi(sending(start(), body(b"one", more=True), body(b"", more=True), body(b"two")))
    raw = gateway.send(GET)
    assert "Transfer-Encoding: chunked" in raw.read_head()
    assert raw.read_until(b"0\r\n\r\n") == b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"


@pytest.mark.each_http
def test_a_declared_length_is_kept(asgi):
    gateway = asgi(sending(start(headers=LENGTH_5), body(b"he", more=True), body(b"llo")))
    assert head_of(gateway) == ["HTTP/1.1 200 OK", "content-length: 5"]
    assert gateway.get().body == b"hello"


@pytest.mark.each_http
@pytest.mark.parametrize("status", [HTTPStatus.IM_A_TEAPOT, 418, 299, 599, 999])
def test_any_status(asgi, status):
    assert asgi(sending(start(status), body(b"x"))).get().status == status


@pytest.mark.parametrize("status", [204, 304])
def test_a_status_without_body_says_no_length(asgi, status):
    gateway = asgi(sending(start(status), body()))
    head = head_of(gateway)
    assert head[0].startswith(f"HTTP/1.1 {status} ")
    assert len(head) == 1


def test_a_304_may_say_the_length_of_what_was_not_modified(asgi):
    gateway = asgi(sending(start(304, LENGTH_5), body()))
    assert head_of(gateway)[1:] == ["content-length: 5"]
    gateway.expect_no_failure()


def test_head_is_answered_with_the_length_of_the_body(asgi):
    gateway = asgi(sending(start(), body(b"hello")))
    raw = gateway.send(HEAD + GET)
    assert "Content-Length: 5\r\n" in raw.read_head()
    assert raw.read_head().startswith("HTTP/1.1 200 OK")  # no body in between
    assert raw.read_until(b"hello") == b"hello"


def test_an_empty_answer_to_head_says_nothing_of_the_body(asgi):
    assert head_of(asgi(sending(start(), body())), HEAD) == ["HTTP/1.1 200 OK"]


def test_a_declared_length_is_not_measured_for_head(asgi):
    gateway = asgi(sending(start(headers=LENGTH_5), body()))
    assert head_of(gateway, HEAD) == ["HTTP/1.1 200 OK", "content-length: 5"]
    gateway.expect_no_failure()


def test_http_1_0_is_answered_until_close(asgi):
    gateway = asgi(sending(start(), body(b"one", more=True), body(b"two")))
    assert gateway.send("GET / HTTP/1.0\r\n\r\n").read_to_end().endswith(b"\r\n\r\nonetwo")


@pytest.mark.each_http
def test_the_head_waits_for_the_body(asgi):
    """Nothing has left before it, so a failure there is still a 500."""
    gateway = asgi(failing_after(start(201)))
    answer = gateway.get()
    assert (answer.status, answer.body) == (500, b"Internal Server Error\n")
    assert gateway.failure()[0] == "GET /: the application failed"


def failing_after(*messages):
    async def application(scope, receive, send):
        for message in messages:
            await send(message)
        raise ValueError("x")

    return application


def test_an_empty_piece_sends_the_head(asgi):
    """By which applications make sure that it leaves."""
    go_on = asyncio.Event()

    async def application(scope, receive, send):
        await send(start())
        await send(body(b"", more=True))
        await go_on.wait()
        await send(body(b"rest"))

    gateway = asgi(application)
    raw = gateway.send(GET)
    assert raw.read_head().startswith("HTTP/1.1 200 OK")
    gateway.set(go_on)
    assert raw.read_until(b"0\r\n\r\n") == b"4\r\nrest\r\n0\r\n\r\n"


# ---- the body ----


@pytest.mark.each_http
@pytest.mark.parametrize("length", [0, 1, 2048, 2049, 100_000, 5_000_000])
@pytest.mark.parametrize("make", [bytes, bytearray, memoryview, lambda data: array.array("B", data)])
def test_what_may_be_a_body(asgi, make, length):
    data = bytes(range(256)) * (length // 256) + b"z" * (length % 256)
    assert asgi(sending(start(), body(make(data)))).get().body == data


@pytest.mark.each_http
def test_bytes_of_a_kind_of_their_own(asgi):
    class Kind(bytes):
        pass

    assert asgi(sending(start(), body(Kind(b"x" * 5000)))).get().body == b"x" * 5000


@pytest.mark.each_http
def test_a_bytearray_may_be_changed_afterwards(asgi):
    async def application(scope, receive, send):
        data = bytearray(b"x" * 5000)
        await send(start())
        await send(body(data, more=True))
        data[:] = b"y" * 6000
        await send(body())

    assert asgi(application).get().body == b"x" * 5000


def test_bytes_are_held_no_longer_than_needed(asgi):
    import sys

    data = b"".join([b"x"] * 100_000)
    before = sys.getrefcount(data)

    async def application(scope, receive, send):
        await send(start())
        await send(body(data))

    gateway = asgi(application)
    raw = gateway.send(GET)
    raw.read_until(b"x" * 100_000)
    gateway.run(asyncio.sleep(0))
    gateway.close()
    assert sys.getrefcount(data) == before


@pytest.mark.each_http
@pytest.mark.parametrize("data", ["text", 5, None, ["x"], memoryview(b"abcd")[::2]])
def test_what_may_not_be_a_body(asgi, data):
    told = Told()

    async def application(scope, receive, send):
        await send(start())
        try:
            await send(body(data))
        except (TypeError, BufferError) as error:
            told.put(str(error))
        await send(body(b"better"))

    assert asgi(application).get().body == b"better"
    said = told.get()
    assert "'body' must be bytes" in said or "contiguous" in said


def test_a_slow_reader_holds_the_application_up(asgi):
    """send() comes back when there is room, not before; and then everything arrives."""
    told = Told()
    pieces, piece = 400, b"x" * 50_000

    async def application(scope, receive, send):
        await send(start())
        for i in range(pieces):
            await send(body(piece, more=True))
            told.put(i)
        await send(body())

    gateway = asgi(application)
    raw = gateway.send(GET)
    raw.read_head()
    sent = 0
    while not told.empty():
        sent = told.get()
    assert sent < pieces - 1
    received, end = len(raw.buffer), b""
    while not end.endswith(b"\r\n0\r\n\r\n"):
        data = raw.connection.recv(1 << 20)
        received += len(data)
        end = end[-10:] + data[-10:]
    assert received > (pieces - 1) * len(piece)
    while sent < pieces - 1:
        sent = told.get()


@pytest.mark.each_http
def test_send_waits_only_when_it_must(asgi):
    """Otherwise its awaitable is over before it is awaited, and nobody else runs in between."""
    told = Told()

    async def application(scope, receive, send):
        asyncio.get_running_loop().call_soon(told.put, "somebody else")
        await send(start())
        await send(body(b"x" * 100, more=True))
        await send(body(b"y"))
        told.put("done")

    assert asgi(application).get().status == 200
    assert told.get() == "done"


@pytest.mark.each_http
def test_several_may_wait_for_room(asgi):
    done = Told()

    async def application(scope, receive, send):
        await send(start())
        sending = [asyncio.ensure_future(send(body(b"x" * 1_000_000, more=True))) for _ in range(5)]
        await asyncio.gather(*sending)
        await send(body())
        done.put("all")

    answer = asgi(application).get()
    assert len(answer.body) == 5_000_000
    assert done.get() == "all"


@pytest.mark.each_http
def test_an_echo_while_the_body_still_comes(asgi):
    async def application(scope, receive, send):
        await send(start())
        more = True
        while more:
            message = await receive()
            more = message["more_body"]
            await send(body(message["body"], more=more))

    gateway = asgi(application)
    data = bytes(range(256)) * 8000
    assert gateway.request("POST", "/", data).body == data


# ---- lengths ----


async def caught(send, message, told):
    try:
        await send(message)
    except RuntimeError as error:
        told.put(str(error))
        raise


@pytest.mark.each_http
@pytest.mark.parametrize(
    ("messages", "sentence"),
    [
        ([body(b"hell")], "Response content shorter than Content-Length"),
        ([body()], "Response content shorter than Content-Length"),
        ([body(b"hello!")], "Response content longer than Content-Length"),
        ([body(b"hello!", more=True)], "Response content longer than Content-Length"),
    ],
)
def test_a_wrong_length_before_the_head(asgi, messages, sentence):
    told = Told()

    async def application(scope, receive, send):
        await send(start(headers=LENGTH_5))
        for message in messages:
            await caught(send, message, told)

    gateway = asgi(application)
    assert gateway.get().status == 500
    assert told.get() == sentence
    assert gateway.failure()[0] == "GET /: the application failed"


@pytest.mark.parametrize(
    ("last", "sentence"),
    [
        (body(b"l"), "Response content shorter than Content-Length"),
        (body(b"llo!"), "Response content longer than Content-Length"),
        (body(b"llo!", more=True), "Response content longer than Content-Length"),
    ],
)
def test_a_wrong_length_after_the_head(asgi, last, sentence):
    """The peer sees the cut, and nothing of the next answer."""
    told = Told()

    async def application(scope, receive, send):
        await send(start(headers=LENGTH_5))
        await send(body(b"he", more=True))
        await caught(send, last, told)

    gateway = asgi(application)
    data = gateway.send(GET + GET).read_to_end()
    assert data.count(b"HTTP/1.1") == 1
    assert data.split(b"\r\n\r\n")[1] in (b"he", b"hel")
    assert told.get() == sentence
    assert "the answer was cut" in gateway.failure()[0]


# ---- messages that may not come ----

TYPES = ("http.response.start", "http.response.body", "http.response.trailers", "http.request", "websocket.send", "")


@pytest.mark.parametrize(
    ("before", "expected", "allowed"),
    [
        ([], "http.response.start", {"http.response.start"}),
        ([start()], "http.response.body", {"http.response.body"}),
        ([start(), body(b"x", more=True)], "http.response.body", {"http.response.body"}),
    ],
)
@pytest.mark.parametrize("kind", TYPES)
def test_what_is_not_expected(asgi, before, expected, allowed, kind):
    if kind in allowed:
        pytest.skip("it may come")
    told = Told()

    async def application(scope, receive, send):
        for message in before:
            await send(message)
        try:
            await send({"type": kind, "status": 200})
        except RuntimeError as error:
            told.put(str(error))
        if not before:
            await send(start())
        await send(body(b"end"))

    gateway = asgi(application)
    assert gateway.get().body.endswith(b"end")
    assert told.get() == f"Expected ASGI message '{expected}', but got '{kind}'."
    gateway.expect_no_failure()


@pytest.mark.each_http
@pytest.mark.parametrize("kind", TYPES)
def test_nothing_comes_after_the_end(asgi, kind):
    told = Told()

    async def application(scope, receive, send):
        await send(start())
        await send(body(b"x"))
        try:
            await send({"type": kind, "status": 200})
        except RuntimeError as error:
            told.put(str(error))

    assert asgi(application).get().body == b"x"
    assert told.get() == f"Unexpected ASGI message '{kind}' sent, after response already completed."


@pytest.mark.each_http
@pytest.mark.parametrize(
    ("status", "error", "sentence"),
    [
        ("200", TypeError, "'status' must be an int, not str"),
        (None, TypeError, "'status' must be an int, not NoneType"),
        (200.0, TypeError, "'status' must be an int, not float"),
        (0, ValueError, "'status' must be a number from 200 to 999, not 0"),
        (100, ValueError, "must be a number from 200 to 999"),
        (101, ValueError, "must be a number from 200 to 999"),
        (1000, ValueError, "must be a number from 200 to 999"),
        (-200, ValueError, "must be a number from 200 to 999"),
        (1 << 100, ValueError, "must be a number from 200 to 999"),
    ],
)
def test_no_status(asgi, status, error, sentence):
    told = Told()

    async def application(scope, receive, send):
        try:
            await send(start(status))
        except (TypeError, ValueError) as failure:
            told.put((type(failure), str(failure)))
        await send(start(202))
        await send(body())

    assert asgi(application).get().status == 202
    kind, said = told.get()
    assert kind is error
    assert sentence in said


@pytest.mark.each_http
def test_send_takes_one_message(asgi):
    told = Told()

    async def application(scope, receive, send):
        for attempt in (send, lambda: send({}, {}), lambda: send(start(), x=1), lambda: send(other=1)):
            try:
                attempt()
            except TypeError as error:
                told.put(str(error))
        told.put(repr(send))
        await send(message=start())  # its name in the specification's examples
        await send(body(b"x"))

    assert asgi(application).get().body == b"x"
    assert {told.get() for _ in range(4)} == {"send() takes one argument, a message"}
    assert "send" in told.get()


# ---- when nobody is there ----


def test_send_raises_when_the_peer_is_gone(asgi):
    """The specification wants an OSError; it is also what every writer to a socket knows."""
    told = Told()

    async def application(scope, receive, send):
        await receive()
        await receive()
        for message in (start(), body(b"x", more=True)):
            try:
                await send(message)
            except OSError as error:
                told.put(error)

    asgi(application).send(GET).reset()
    for _ in range(2):
        error = told.get()
        assert isinstance(error, ConnectionResetError)
        assert type(error) is _core.ClientDisconnected
        assert str(error) == "the peer is gone, no answer will reach it"


def test_a_send_that_waits_for_room_ends_with_the_peer(asgi):
    told = Told()

    async def application(scope, receive, send):
        await send(start())
        told.put("begun")
        try:
            while True:
                await send(body(b"x" * 1_000_000, more=True))
        except _core.ClientDisconnected:
            told.put("gone")
            raise

    gateway = asgi(application)
    raw = gateway.send(GET)
    assert told.get() == "begun"
    raw.read_head()
    raw.reset()
    assert told.get() == "gone"
    gateway.run(asyncio.sleep(0))
    gateway.expect_no_failure()


@pytest.mark.each_http
def test_send_may_be_kept(asgi):
    kept = []

    async def application(scope, receive, send):
        kept.append(send)
        await send(start())
        await send(body(await read_body(receive)))

    gateway = asgi(application)
    assert gateway.request("POST", "/", b"x").body == b"x"

    async def late():
        await kept[0](body(b"late"))

    with pytest.raises(RuntimeError, match="after response already completed"):
        gateway.run(late())
