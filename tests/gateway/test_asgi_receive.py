"""src/python/asgi_receive.c: the request's body as messages, and http.disconnect. ASGI HTTP spec 2.5."""

from __future__ import annotations

import asyncio
import select
import socket

import pytest

from tests.gateway.asgi import Told, body, read_body, sending, start

HEAD = "POST / HTTP/1.1\r\nHost: x\r\n"
GET = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
WINDOW = 64 * 1024


class Listing:
    """Answers at once and tells each message it receives, up to the disconnect; each when the test asks for it."""

    def __init__(self, *, answer=True):
        self.told = Told()
        self.answer = answer
        self.go_on = asyncio.Semaphore(0)

    async def __call__(self, scope, receive, send):
        if self.answer:
            await send(start())
        kind = ""
        while kind != "http.disconnect":
            await self.go_on.acquire()
            message = await receive()
            kind = message["type"]
            self.told.put(message)

    def next(self, gateway):
        gateway.loop.call_soon_threadsafe(self.go_on.release)
        return self.told.get()


def request(data, more):
    return {"type": "http.request", "body": data, "more_body": more}


DISCONNECT = {"type": "http.disconnect"}


def test_no_body_is_one_empty_message(asgi):
    application = Listing()
    gateway = asgi(application)
    gateway.send(GET)
    assert application.next(gateway) == request(b"", False)


@pytest.mark.each_http
def test_a_message_is_the_application_s_own(asgi):
    """What it does to one changes no other."""
    told = Told()

    async def application(scope, receive, send):
        message = await receive()
        told.put(dict(message))
        message["body"] = b"spoilt"
        await send(start())
        await send(body())

    gateway = asgi(application)
    assert gateway.get().status == gateway.get().status == 200
    assert told.get() == told.get() == request(b"", False)


def test_a_whole_body_is_one_message(asgi):
    application = Listing()
    gateway = asgi(application)
    gateway.send(HEAD + "Content-Length: 5\r\n\r\nhello")
    assert application.next(gateway) == request(b"hello", False)


def test_an_empty_body_of_declared_length(asgi):
    application = Listing()
    gateway = asgi(application)
    gateway.send(HEAD + "Content-Length: 0\r\n\r\n")
    assert application.next(gateway) == request(b"", False)


def test_pieces_come_as_they_arrive(asgi):
    application = Listing()
    gateway = asgi(application)
    raw = gateway.send(HEAD + "Content-Length: 6\r\n\r\n")
    gateway.loop.call_soon_threadsafe(application.go_on.release)
    raw.send("abc")
    assert application.told.get() == request(b"abc", True)
    gateway.loop.call_soon_threadsafe(application.go_on.release)
    raw.send("def")
    assert application.told.get() == request(b"def", False)


def test_the_end_of_a_chunked_body_may_be_a_message_of_its_own(asgi):
    application = Listing()
    gateway = asgi(application)
    raw = gateway.send(HEAD + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
    assert application.next(gateway) == request(b"abc", True)
    gateway.loop.call_soon_threadsafe(application.go_on.release)
    raw.send("0\r\n\r\n")
    assert application.told.get() == request(b"", False)


def test_pieces_that_nobody_asked_for_are_joined(asgi):
    """Chunks that come while the application is elsewhere make two messages, not hundreds."""
    application = Listing()
    gateway = asgi(application)
    raw = gateway.send(HEAD + "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n")
    assert application.next(gateway) == request(b"x", True)
    gateway.loop.call_soon_threadsafe(application.go_on.release)
    raw.send("1\r\ny\r\n" * 200 + "0\r\n\r\n")
    first = application.told.get()
    rest = first["body"]
    count = 1
    while first["more_body"]:
        first = application.next(gateway)
        rest += first["body"]
        count += 1
    assert rest == b"y" * 200
    assert count <= 4


@pytest.mark.each_http
@pytest.mark.parametrize("length", [1, WINDOW - 1, WINDOW, WINDOW + 1, 3_000_000])
def test_bodies_of_every_size(asgi, length):
    async def application(scope, receive, send):
        data = await read_body(receive)
        await send(start())
        await send(body(str(len(data)).encode() + data[-3:]))

    data = bytes(i & 0xFF for i in range(256)) * (length // 256 + 1)
    answer = asgi(application).request("POST", "/", data[:length])
    assert answer.body == str(length).encode() + data[:length][-3:]


def test_a_body_is_read_no_faster_than_it_is_taken(asgi):
    """Of a body that nobody asks for, the sockets hold what they may, and not a byte of it is ours."""
    application = Listing()
    gateway = asgi(application)
    raw = gateway.send(HEAD + "Content-Length: 100000000\r\n\r\n")
    raw.connection.setblocking(False)
    assert _send_all_it_takes(raw.connection) < 50_000_000
    taken = 0
    while taken < 5 * WINDOW:
        message = application.next(gateway)
        assert 0 < len(message["body"]) <= WINDOW
        assert message["more_body"]
        taken += len(message["body"])


def _send_all_it_takes(connection):
    """Until the socket has taken no more for long enough that the other side cannot be reading."""
    sent = 0
    while select.select([], [connection], [], 0.3)[1]:
        sent += connection.send(b"x" * 65536)
        assert sent < 50_000_000
    return sent


def test_continue_is_sent_when_the_body_is_asked_for(asgi):
    application = Listing(answer=False)
    gateway = asgi(application)
    raw = gateway.send(HEAD + "Content-Length: 3\r\nExpect: 100-continue\r\n\r\n")
    gateway.loop.call_soon_threadsafe(application.go_on.release)
    assert raw.read_head() == "HTTP/1.1 100 Continue\r\n\r\n"
    raw.send("abc")
    assert application.told.get() == request(b"abc", False)


def test_no_continue_for_a_body_that_is_not_wanted(asgi):
    gateway = asgi(sending(start(403), body(b"no")))
    raw = gateway.send(HEAD + "Content-Length: 3\r\nExpect: 100-continue\r\n\r\n")
    assert raw.read_head().startswith("HTTP/1.1 403 ")


# ---- disconnect ----


def test_disconnect_when_the_peer_goes(asgi):
    application = Listing()
    gateway = asgi(application)
    raw = gateway.send(GET)
    assert application.next(gateway) == request(b"", False)
    gateway.loop.call_soon_threadsafe(application.go_on.release)
    raw.reset()
    assert application.told.get() == DISCONNECT


def test_a_peer_that_sends_no_more_counts_as_gone_and_is_answered(asgi):
    """Nobody can tell who has left from who listens on, so receive() says the one and send() does the other."""
    told = Told()

    async def application(scope, receive, send):
        told.put([await receive(), await receive()])
        await send(start())
        await send(body(b"still"))

    gateway = asgi(application)
    raw = gateway.send(GET)
    raw.connection.shutdown(socket.SHUT_WR)
    assert raw.read_until(b"still")
    assert told.get() == [request(b"", False), DISCONNECT]


@pytest.mark.parametrize("behind", ["", "GET", GET], ids=["nothing", "a piece", "a request"])
def test_a_long_poll_ends_when_its_peer_leaves_politely(asgi, behind):
    """Also when another request, or a piece of one, has come behind it."""
    application = Listing()
    gateway = asgi(application)
    raw = gateway.send(GET + behind)
    assert application.next(gateway) == request(b"", False)
    gateway.loop.call_soon_threadsafe(application.go_on.release)
    raw.close()
    assert application.told.get() == DISCONNECT


def test_disconnect_is_said_again(asgi):
    told = Told()

    async def application(scope, receive, send):
        await receive()
        for _ in range(3):
            told.put(await receive())

    asgi(application).send(GET).reset()
    assert [told.get() for _ in range(3)] == [DISCONNECT] * 3


def test_disconnect_in_the_middle_of_a_body(asgi):
    """What had come of it is of no use any more."""
    application = Listing()
    gateway = asgi(application)
    raw = gateway.send(HEAD + "Content-Length: 100\r\n\r\nabc")
    assert application.next(gateway) == request(b"abc", True)
    gateway.loop.call_soon_threadsafe(application.go_on.release)
    raw.close()
    assert application.told.get() == DISCONNECT


def test_a_whole_body_is_given_before_the_disconnect(asgi):
    """A client that has said everything and left has still said it."""
    told, left = Told(), asyncio.Event()

    async def application(scope, receive, send):
        told.put(await receive())
        await left.wait()
        told.put(await read_body(receive))
        told.put(await receive())

    gateway = asgi(application)
    raw = gateway.send(HEAD + "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
    assert told.get() == request(b"a", True)
    before = gateway.worker.stats()["bytes_received"]
    raw.send("1\r\nb\r\n0\r\n\r\n")
    while gateway.worker.stats()["bytes_received"] == before:
        gateway.run(asyncio.sleep(0))
    raw.reset()
    while gateway.worker.stats()["connections_open"]:
        gateway.run(asyncio.sleep(0))
    gateway.set(left)
    assert told.get() == b"b"
    assert told.get() == DISCONNECT


def test_disconnect_at_once_when_the_answer_is_complete(asgi):
    told = Told()

    async def application(scope, receive, send):
        await send(start())
        await send(body(b"done"))
        told.put(await receive())
        told.put(await receive())

    gateway = asgi(application)
    raw = gateway.send(HEAD + "Content-Length: 3\r\n\r\nabc")
    assert raw.read_until(b"done")
    assert told.get() == told.get() == DISCONNECT


@pytest.mark.each_http
def test_who_waits_is_told_when_the_answer_is_complete(asgi):
    """As Starlette's listener for the disconnect of a stream."""
    told = Told()

    async def application(scope, receive, send):
        await receive()
        listener = asyncio.ensure_future(receive())
        await asyncio.sleep(0)
        await send(start())
        await send(body(b"done"))
        told.put(await listener)

    gateway = asgi(application)
    assert gateway.get().body == b"done"
    assert told.get() == DISCONNECT


def test_a_stop_disconnects(asgi):
    application = Listing()
    gateway = asgi(application)
    gateway.send(GET)
    assert application.next(gateway) == request(b"", False)
    gateway.loop.call_soon_threadsafe(application.go_on.release)
    gateway.worker.stop()
    assert application.told.get() == DISCONNECT


def test_the_beginning_of_a_drain_does_not(asgi):
    told, finish = Told(), asyncio.Event()

    async def application(scope, receive, send):
        await receive()
        listener = asyncio.ensure_future(receive())
        told.put("begun")
        await finish.wait()
        told.put(listener.done())
        await send(start())
        await send(body(b"finished"))

    gateway = asgi(application)
    raw = gateway.send(GET)
    assert told.get() == "begun"
    gateway.worker.drain()
    while gateway.worker.state == "serving":
        gateway.run(asyncio.sleep(0))
    gateway.set(finish)
    assert told.get() is False
    assert b"Connection: close" in raw.read_until(b"finished")


# ---- more than one ----


def test_several_at_a_time(asgi):
    """Each message goes to one of those that wait, in their order."""
    told = Told()

    async def application(scope, receive, send):
        waiting = [asyncio.ensure_future(receive()) for _ in range(3)]
        await asyncio.sleep(0)
        told.put("waiting")
        told.put([await each for each in waiting])

    gateway = asgi(application)
    raw = gateway.send(HEAD + "Transfer-Encoding: chunked\r\n\r\n")
    assert told.get() == "waiting"
    raw.send("1\r\na\r\n0\r\n\r\n")
    raw.close()
    assert told.get() == [request(b"a", False), DISCONNECT, DISCONNECT]


def test_who_was_cancelled_takes_nothing(asgi):
    told = Told()

    async def application(scope, receive, send):
        waiting = asyncio.ensure_future(receive())
        await asyncio.sleep(0)
        waiting.cancel()
        told.put("cancelled")
        told.put(await receive())
        await asyncio.wait([waiting])
        told.put(waiting.cancelled())

    gateway = asgi(application)
    raw = gateway.send(HEAD + "Content-Length: 3\r\n\r\n")
    assert told.get() == "cancelled"
    raw.send("abc")
    assert told.get() == request(b"abc", False)
    assert told.get() is True


@pytest.mark.each_http
def test_a_timeout_around_receive(asgi):
    told = Told()

    async def application(scope, receive, send):
        await receive()
        try:
            await asyncio.wait_for(receive(), 0.01)
        except asyncio.TimeoutError:
            told.put("timeout")
        await send(start())
        await send(body(b"late"))

    assert asgi(application).get().body == b"late"
    assert told.get() == "timeout"


def test_one_who_was_faster_leaves_an_empty_piece(asgi):
    """Both tasks were told of one piece: the second finds nothing, and nothing is lost."""
    told = Told()

    async def application(scope, receive, send):
        waiting = asyncio.ensure_future(receive())
        await asyncio.sleep(0)
        told.put("waiting")
        data = b""
        for _ in range(4):
            message = await (receive() if waiting is None else waiting)
            waiting = None
            data += message["body"]
            if not message["more_body"]:
                break
        told.put(data)

    gateway = asgi(application)
    raw = gateway.send(HEAD + "Content-Length: 6\r\n\r\n")
    assert told.get() == "waiting"
    raw.send("abc")
    raw.send("def")
    assert told.get() == b"abcdef"


# ---- after the end, and misuse ----


@pytest.mark.each_http
def test_receive_may_be_kept(asgi):
    kept = []

    async def application(scope, receive, send):
        kept.append(receive)
        await send(start())
        await send(body(b"done"))

    gateway = asgi(application)
    assert gateway.get().body == b"done"

    async def ask():
        return await kept[0]()

    assert gateway.run(ask()) == DISCONNECT


@pytest.mark.each_http
def test_receive_takes_no_arguments(asgi):
    told = Told()

    async def application(scope, receive, send):
        for attempt in (lambda: receive(1), lambda: receive(x=1)):
            with pytest.raises(TypeError, match=r"receive\(\) takes no arguments") as caught:
                attempt()
            told.put(str(caught.value))
        told.put(repr(receive))
        await send(start())
        await send(body())

    assert asgi(application).get().status == 200
    assert told.get() == told.get()
    assert "receive" in told.get()
