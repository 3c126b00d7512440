"""send() of a WebSocket: accept, messages, close; what is refused, and with which words."""

from __future__ import annotations

import array
import asyncio
import threading
from typing import Any

import pytest

from tests.gateway.test_asgi_websocket import Script, peer_of
from tests.support.server import TIMEOUT_S
from tests.support.websocket import BINARY, TEXT


def sending(*messages: Any, accept: bool = True) -> Script:
    """Sends these, hands what comes of each to the test, waits for the end."""

    async def body(script: Script, receive: Any, send: Any) -> None:
        await receive()
        if accept:
            await send({"type": "websocket.accept"})
        for message in messages:
            try:
                script.heard.put(await send(message))
            except Exception as error:
                script.heard.put(error)
        while (await receive())["type"] != "websocket.disconnect":
            pass

    return Script(body)


def refusal(script: Script) -> tuple[type, str]:
    error = script.hear()
    assert isinstance(error, Exception), error
    return type(error), str(error)


# websocket.accept.


@pytest.mark.each_http
@pytest.mark.parametrize("offered", ["chat, other", None])
def test_a_subprotocol_is_named(asgi, offered):
    script = sending({"type": "websocket.accept", "subprotocol": "chat"}, accept=False)
    with peer_of(asgi(script)) as peer:
        assert (
            peer.ask(headers={"Sec-WebSocket-Protocol": offered}).expect_accepted()["Sec-WebSocket-Protocol"] == "chat"
        )
        assert script.hear() is None


@pytest.mark.each_http
@pytest.mark.parametrize("subprotocol", [None, ""])
def test_no_subprotocol(asgi, subprotocol):
    script = sending({"type": "websocket.accept", "subprotocol": subprotocol, "headers": []}, accept=False)
    with peer_of(asgi(script)) as peer:
        response = peer.ask(headers={"Sec-WebSocket-Protocol": "chat"}).expect_accepted()
        assert response["Sec-WebSocket-Protocol"] is None


@pytest.mark.each_http
@pytest.mark.parametrize("kind", [list, tuple, iter])
def test_headers_of_accept(asgi, kind):
    headers = [(b"x-one", b"1"), (b"set-cookie", b"a=b"), (b"set-cookie", b"c=d")]
    script = sending({"type": "websocket.accept", "headers": kind(headers)}, accept=False)
    with peer_of(asgi(script)) as peer:
        response = peer.ask().expect_accepted()
        assert response["x-one"] == "1"
        assert response.all("set-cookie") == ["a=b", "c=d"]
        peer.leave()


@pytest.mark.each_http
@pytest.mark.parametrize(
    ("message", "kind", "words"),
    [
        ({"subprotocol": 1}, TypeError, "'subprotocol' must be a str, not int"),
        ({"subprotocol": "a b"}, ValueError, "'subprotocol' must be the name of one"),
        ({"subprotocol": "\u20ac"}, ValueError, "'subprotocol' must be the name of one"),
        ({"headers": 1}, TypeError, "headers"),
        ({"headers": [(b"a", "b")]}, TypeError, "bytes"),
        ({"headers": [(b"a b", b"c")]}, ValueError, "name"),
        ({"headers": [(b"a", b"c\r\nd: e")]}, ValueError, "value"),
        ({"headers": [(b"Sec-WebSocket-Accept", b"x")]}, ValueError, "only the server may send"),
        ({"headers": [(b"sec-websocket-extensions", b"x")]}, ValueError, "only the server may send"),
        ({"headers": [(b"upgrade", b"x")]}, ValueError, "only the server may send"),
        ({"headers": [(b"connection", b"x")]}, ValueError, "only the server may send"),
        ({"headers": [(b"sec-websocket-protocol", b"x")]}, ValueError, "'subprotocol' is for"),
    ],
)
def test_what_accept_refuses_and_may_do_better(asgi, message, kind, words):
    script = sending({"type": "websocket.accept", **message}, {"type": "websocket.accept"}, accept=False)
    with peer_of(asgi(script)) as peer:
        peer.ask().expect_accepted()
        found, sentence = refusal(script)
        assert found is kind
        assert words in sentence
        assert script.hear() is None
        peer.leave()


# websocket.send.


@pytest.mark.each_http
@pytest.mark.parametrize("text", ["", "x", "\xe4\u20ac\U0001f600", "y" * 125, "y" * 126, "y" * 3000, "\xe4" * 70000])
def test_text(asgi, text):
    script = sending({"type": "websocket.send", "text": text}, {"type": "websocket.send", "text": text, "bytes": None})
    with peer_of(asgi(script)) as peer:
        peer.open().expect_message(text).expect_message(text)
        peer.leave()


@pytest.mark.each_http
@pytest.mark.parametrize("data", [b"", b"\x00\xff", b"y" * 125, b"y" * 126, b"y" * 65535, b"y" * 65536, b"y" * 1000000])
def test_bytes(asgi, data):
    script = sending({"type": "websocket.send", "bytes": data}, {"type": "websocket.send", "bytes": data, "text": None})
    with peer_of(asgi(script)) as peer:
        peer.open().expect_message(data).expect_message(data)
        peer.leave()


@pytest.mark.each_http
@pytest.mark.parametrize("size", [10, 10000])
@pytest.mark.parametrize("kind", [bytearray, memoryview, lambda data: array.array("B", data)])
def test_other_buffers(asgi, kind, size):
    script = sending({"type": "websocket.send", "bytes": kind(b"z" * size)})
    with peer_of(asgi(script)) as peer:
        peer.open().expect_message(b"z" * size)


@pytest.mark.each_http
def test_a_buffer_may_be_changed_after_it_was_sent(asgi):
    async def body(script, receive, send):
        await send({"type": "websocket.accept"})
        data = bytearray(b"a" * 100000)
        awaitable = send({"type": "websocket.send", "bytes": data})
        data[:] = b"b" * 100000
        await awaitable

    with peer_of(asgi(Script(body))) as peer:
        peer.open().expect_message(b"a" * 100000)


@pytest.mark.each_http
def test_a_message_may_be_a_subclass(asgi):
    class Text(str):
        pass

    class Data(bytes):
        pass

    script = sending(
        {"type": "websocket.send", "text": Text("a" * 5000)},
        {"type": Text("websocket.send"), "bytes": Data(b"b" * 5000)},
    )
    with peer_of(asgi(script)) as peer:
        peer.open().expect_message("a" * 5000).expect_message(b"b" * 5000)


@pytest.mark.each_http
@pytest.mark.parametrize(
    ("message", "kind", "words"),
    [
        ({}, TypeError, "needs either 'bytes' or 'text'"),
        ({"text": None, "bytes": None}, TypeError, "needs either 'bytes' or 'text'"),
        ({"text": "a", "bytes": b"a"}, TypeError, "needs either 'bytes' or 'text'"),
        ({"text": b"a"}, TypeError, "'text' must be a str, not bytes"),
        ({"bytes": "a"}, TypeError, "'bytes' must be bytes, not str"),
        ({"text": "\ud800"}, UnicodeEncodeError, "surrogates"),
    ],
)
def test_what_send_refuses_without_harm(asgi, message, kind, words):
    script = sending({"type": "websocket.send", **message}, {"type": "websocket.send", "text": "fine"})
    with peer_of(asgi(script)) as peer:
        peer.open().expect_message("fine")
        found, sentence = refusal(script)
        assert found is kind
        assert words in sentence
        peer.leave()


@pytest.mark.each_http
def test_many_messages_at_once_come_in_order(asgi):
    async def body(script, receive, send):
        await send({"type": "websocket.accept"})
        for number in range(2000):
            await send({"type": "websocket.send", "text": str(number)})

    with peer_of(asgi(Script(body))) as peer:
        peer.open()
        for number in range(2000):
            peer.expect_message(str(number))
        peer.expect_close(1000)


@pytest.mark.each_http
def test_a_slow_reader_makes_send_wait(asgi):
    async def body(script, receive, send):
        await send({"type": "websocket.accept"})
        sent = 0
        while True:
            awaitable = send({"type": "websocket.send", "bytes": bytes([sent % 256]) * 60000})
            done = asyncio.ensure_future(awaitable)
            finished, _ = await asyncio.wait({done}, timeout=0.2)
            sent += 1
            if not finished:
                break
        script.heard.put(sent)
        await done
        await send({"type": "websocket.close"})

    script = Script(body)
    with peer_of(asgi(script)) as peer:
        peer.open()
        sent = script.hear()
        assert sent < 1000
        for number in range(sent):
            peer.expect_message(bytes([number % 256]) * 60000)
        peer.expect_close(1000)


@pytest.mark.each_http
def test_who_waits_for_room_hears_that_the_peer_is_gone(asgi):
    async def body(script, receive, send):
        await send({"type": "websocket.accept"})
        try:
            while True:
                await send({"type": "websocket.send", "bytes": b"x" * 100000})
        except OSError as error:
            script.heard.put(error)

    script = Script(body)
    peer = peer_of(asgi(script)).open()
    peer.expect_bytes(100)
    peer.reset()
    assert type(script.hear()).__name__ == "ClientDisconnected"


# websocket.close.


@pytest.mark.each_http
@pytest.mark.parametrize(
    ("message", "code", "reason"),
    [
        ({}, 1000, ""),
        ({"code": 1001}, 1001, ""),
        ({"code": None, "reason": None}, 1000, ""),
        ({"code": 3000, "reason": "r\xe4son"}, 3000, "r\xe4son"),
        ({"code": 4999, "reason": "x" * 123}, 4999, "x" * 123),
        ({"code": 1005}, None, None),
    ],
)
def test_close(asgi, message, code, reason):
    script = sending({"type": "websocket.close", **message})
    with peer_of(asgi(script)) as peer:
        peer.open().expect_close(code, reason)
        peer.say_close(code or 1000).expect_closed()


@pytest.mark.each_http
@pytest.mark.parametrize(
    ("message", "kind", "words"),
    [
        ({"code": "1000"}, TypeError, "'code' must be an int, not str"),
        ({"code": -1}, ValueError, "-1 is no close code"),
        ({"code": 1 << 70}, ValueError, "is no close code"),
        ({"code": 999}, ValueError, "may not be sent"),
        ({"code": 1006}, ValueError, "may not be sent"),
        ({"code": 5000}, ValueError, "may not be sent"),
        ({"reason": b"x"}, TypeError, "'reason' must be a str, not bytes"),
        ({"reason": "x" * 124}, ValueError, "may not be sent"),
        ({"reason": "\ud800"}, UnicodeEncodeError, "surrogates"),
    ],
)
def test_what_close_refuses_without_harm(asgi, message, kind, words):
    script = sending({"type": "websocket.close", **message}, {"type": "websocket.close", "code": 3003})
    with peer_of(asgi(script)) as peer:
        peer.open().expect_close(3003)
        found, sentence = refusal(script)
        assert found is kind
        assert words in sentence
        assert script.hear() is None


@pytest.mark.each_http
@pytest.mark.parametrize("reason", [{}, {"reason": "why"}, {"reason": [{"type": "int_parsing"}]}])
def test_close_before_accept_is_a_403(asgi, http, reason):
    """FastAPI gives a list as its reason, of what it found invalid; nobody is told it."""

    async def body(script, receive, send):
        await receive()
        await send({"type": "websocket.close", "code": 3000, **reason})
        script.heard.put(await receive())

    script = Script(body)
    with peer_of(asgi(script)) as peer:
        response = peer.ask().hear()
        assert response.status == 403
        assert response["Connection"] == ("close" if http == "1" else None)
        peer.expect_closed()
    assert script.hear() == {"type": "websocket.disconnect", "code": 1006, "reason": ""}


@pytest.mark.each_http
def test_to_close_what_the_peer_has_closed_is_no_error(asgi):
    async def body(script, receive, send):
        await send({"type": "websocket.accept"})
        while (await receive())["type"] != "websocket.disconnect":
            pass
        script.heard.put(await send({"type": "websocket.close"}))

    script = Script(body)
    server = asgi(script)
    with peer_of(server) as peer:
        peer.open().leave()
    assert script.hear() is None
    server.expect_no_failure()


# In which state what may be sent.

CONNECTING = (
    "Expected ASGI message 'websocket.accept', 'websocket.close' or 'websocket.http.response.start' but got '{}'."
)
OPEN = "Expected ASGI message 'websocket.send' or 'websocket.close', but got '{}'."
CLOSED = "Unexpected ASGI message '{}', after sending 'websocket.close'."


@pytest.mark.each_http
@pytest.mark.parametrize(
    "type_", ["websocket.send", "websocket.connect", "http.response.start", "websocket.http.response.body", "nonsense"]
)
def test_before_accept(asgi, type_):
    script = sending({"type": type_, "text": "x"}, {"type": "websocket.accept"}, accept=False)
    with peer_of(asgi(script)) as peer:
        peer.ask().expect_accepted()
        assert refusal(script) == (RuntimeError, CONNECTING.format(type_))
        peer.leave()


@pytest.mark.each_http
@pytest.mark.parametrize("type_", ["websocket.accept", "websocket.http.response.start", "http.response.body", ""])
def test_after_accept(asgi, type_):
    script = sending({"type": type_}, {"type": "websocket.send", "text": "x"})
    with peer_of(asgi(script)) as peer:
        peer.open().expect_message("x")
        assert refusal(script) == (RuntimeError, OPEN.format(type_))
        peer.leave()


@pytest.mark.each_http
@pytest.mark.parametrize("type_", ["websocket.accept", "websocket.send", "websocket.close", "nonsense"])
@pytest.mark.parametrize("accept", [True, False])
def test_after_close(asgi, type_, accept):
    script = sending({"type": "websocket.close"}, {"type": type_, "text": "x"}, accept=accept)
    with peer_of(asgi(script)) as peer:
        peer.ask()
        assert script.hear() is None
        assert refusal(script) == (RuntimeError, CLOSED.format(type_))


@pytest.mark.each_http
@pytest.mark.parametrize(
    ("message", "kind"),
    [(None, TypeError), ("text", TypeError), ([], TypeError), ({}, RuntimeError), ({"type": 1}, TypeError)],
)
def test_what_is_no_message(asgi, message, kind):
    script = sending(message, {"type": "websocket.send", "text": "x"})
    with peer_of(asgi(script)) as peer:
        peer.open().expect_message("x")
        assert refusal(script)[0] is kind
        peer.leave()


@pytest.mark.each_http
def test_a_message_that_closes_while_it_is_looked_into(asgi):
    class Sly(dict):
        def __init__(self, send):
            super().__init__(type="websocket.send", text="too late")
            self.send = send

        def __getitem__(self, key):
            if key == "text" and self.send is not None:
                send, self.send = self.send, None
                send({"type": "websocket.close"})
            return super().__getitem__(key)

    async def body(script, receive, send):
        await send({"type": "websocket.accept"})
        try:
            await send(Sly(send))
        except RuntimeError as error:
            script.heard.put(str(error))

    script = Script(body)
    with peer_of(asgi(script)) as peer:
        peer.open().expect_close(1000)
        assert script.hear() == CLOSED.format("websocket.send")


# What leaves together.


def test_answers_to_what_came_together_leave_together(asgi):
    async def body(script, receive, send):
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": message["text"]})

    from tests.support.websocket import frame

    with peer_of(asgi(Script(body))) as peer:
        peer.open()
        peer.send_bytes(b"".join(frame(TEXT, b"%d" % number) for number in range(100)))
        wanted = b"".join(bytes([0x81, len(b"%d" % number)]) + b"%d" % number for number in range(100))
        assert peer.socket.recv(65536) == wanted


@pytest.mark.each_http
def test_sending_from_another_task_needs_no_message_to_leave(asgi):
    gate = threading.Event()

    async def body(script, receive, send):
        await receive()
        await send({"type": "websocket.accept"})

        async def tick():
            await asyncio.get_running_loop().run_in_executor(None, gate.wait, TIMEOUT_S)
            await send({"type": "websocket.send", "text": "tick"})

        task = asyncio.ensure_future(tick())
        await receive()
        await task

    with peer_of(asgi(Script(body))) as peer:
        peer.open()
        gate.set()
        found = peer.hear_frame()
        assert (found.opcode, found.payload) == (TEXT, b"tick")
        assert found.opcode != BINARY
        peer.leave()
