"""receive() of a WebSocket: what comes, in which order, and how far the application may be behind."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from tests.gateway.test_asgi_websocket import Script, peer_of
from tests.support.server import TIMEOUT_S
from tests.support.websocket import BINARY, CONTINUATION, TEXT, frame


def hearing(count: int) -> Script:
    """Accepts, hands `count` messages to the test, returns."""

    async def body(script: Script, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        for _ in range(count):
            script.heard.put(await receive())

    return Script(body)


@pytest.mark.each_http
@pytest.mark.parametrize("text", ["", "x", "\xe4\u20ac\U0001f600", "y" * 125, "y" * 126, "y" * 70000, "\xe4" * 40000])
def test_text(asgi, text):
    script = hearing(1)
    with peer_of(asgi(script)) as peer:
        peer.open().say(text)
        assert script.hear() == {"type": "websocket.receive", "text": text}


@pytest.mark.each_http
@pytest.mark.parametrize("data", [b"", b"\x00\xff", b"y" * 125, b"y" * 126, b"y" * 65535, b"y" * 65536, b"y" * 1000000])
def test_bytes(asgi, data):
    script = hearing(1)
    with peer_of(asgi(script)) as peer:
        peer.open().say(data)
        assert script.hear() == {"type": "websocket.receive", "bytes": data}


@pytest.mark.each_http
@pytest.mark.parametrize("size", [1, 3, 1000])
def test_fragments_are_one_message(asgi, size):
    script = hearing(2)
    text = "fr\xe4gm\u20acnts" * 10
    data = text.encode()
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    with peer_of(asgi(script)) as peer:
        peer.open()
        for number, piece in enumerate(pieces):
            opcode = CONTINUATION if number else TEXT
            peer.send_bytes(frame(opcode, piece, last=number == len(pieces) - 1))
        peer.send_bytes(frame(BINARY, b"", last=False) + frame(CONTINUATION, b"end"))
        assert script.hear() == {"type": "websocket.receive", "text": text}
        assert script.hear() == {"type": "websocket.receive", "bytes": b"end"}


@pytest.mark.each_http
def test_byte_by_byte(asgi):
    script = hearing(2)
    with peer_of(asgi(script)) as peer:
        peer.open().send_slowly(frame(TEXT, b"slow") + frame(BINARY, b"x" * 130))
        assert script.hear()["text"] == "slow"
        assert script.hear()["bytes"] == b"x" * 130


@pytest.mark.each_http
def test_what_came_before_the_close_comes_before_the_disconnect(asgi):
    gate = threading.Event()

    async def body(script, receive, send):
        await receive()
        await send({"type": "websocket.accept"})
        await asyncio.get_running_loop().run_in_executor(None, gate.wait, TIMEOUT_S)
        for _ in range(4):
            script.heard.put(await receive())

    script = Script(body)
    with peer_of(asgi(script)) as peer:
        peer.open()
        peer.say("1").say("2").say(b"3").say_close(3001, "bye")
        peer.expect_close(3001)
        gate.set()
        assert [script.hear().get("text"), script.hear().get("text"), script.hear().get("bytes")] == ["1", "2", b"3"]
        assert script.hear() == {"type": "websocket.disconnect", "code": 3001, "reason": "bye"}


@pytest.mark.each_http
@pytest.mark.parametrize("size", [10, 30000])
def test_a_peer_has_to_wait_for_an_application_that_is_behind(asgi, size):
    """Far more than is kept is sent; all of it comes, in order, and none is lost."""
    gate = threading.Event()
    count = 400

    async def body(script, receive, send):
        await receive()
        await send({"type": "websocket.accept"})
        await asyncio.get_running_loop().run_in_executor(None, gate.wait, TIMEOUT_S)
        for number in range(count):
            if number % 50 == 0:
                await asyncio.sleep(0)
            script.heard.put(await receive())

    script = Script(body)
    server = asgi(script, limits={"ws_queue_messages_max": 4})
    with peer_of(server) as peer:
        peer.open()
        messages = [f"{number:06}".encode() + b"x" * size for number in range(count)]
        sender = threading.Thread(target=lambda: [peer.say(message) for message in messages])
        sender.start()
        gate.set()
        assert [script.hear()["bytes"] for _ in range(count)] == messages
        sender.join(TIMEOUT_S)
        assert not sender.is_alive()


def test_a_peer_that_floods_is_stopped(asgi):
    """Without a receiver only a bounded part of it is taken from the peer's socket."""
    gate = threading.Event()

    async def body(script, receive, send):
        await receive()
        await send({"type": "websocket.accept"})
        script.heard.put("open")
        await asyncio.get_running_loop().run_in_executor(None, gate.wait, TIMEOUT_S)

    script = Script(body)
    with peer_of(asgi(script)) as peer:
        peer.open()
        assert script.hear() == "open"
        peer.socket.settimeout(0.5)
        flood, sent = frame(BINARY, b"x" * 60000) * 20, 0
        stopped = False
        try:
            while sent < 100_000_000:
                sent += peer.socket.send(flood)
        except TimeoutError:
            stopped = True
        gate.set()
        assert stopped


@pytest.mark.each_http
def test_a_cancelled_receive_loses_nothing(asgi):
    async def body(script, receive, send):
        await receive()
        await send({"type": "websocket.accept"})
        for _ in range(3):
            try:
                script.heard.put(await asyncio.wait_for(receive(), 0.01))
            except asyncio.TimeoutError:
                script.heard.put("timeout")
        task = asyncio.ensure_future(receive())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        script.heard.put("ready")
        script.heard.put(await receive())

    script = Script(body)
    with peer_of(asgi(script)) as peer:
        peer.open()
        assert [script.hear() for _ in range(4)] == ["timeout"] * 3 + ["ready"]
        peer.say("x")
        assert script.hear()["text"] == "x"


@pytest.mark.each_http
def test_several_that_receive_at_once_share_the_messages(asgi):
    async def body(script, receive, send):
        await receive()
        await send({"type": "websocket.accept"})
        tasks = [asyncio.ensure_future(receive()) for _ in range(3)]
        await asyncio.sleep(0)
        script.heard.put("waiting")
        messages = await asyncio.gather(*tasks)
        script.heard.put(sorted(message["text"] for message in messages))
        tasks = [asyncio.ensure_future(receive()) for _ in range(2)]
        await asyncio.sleep(0)
        script.heard.put("waiting")
        script.heard.put([message["type"] for message in await asyncio.gather(*tasks)])

    script = Script(body)
    with peer_of(asgi(script)) as peer:
        peer.open()
        assert script.hear() == "waiting"
        peer.send_bytes(frame(TEXT, b"a") + frame(TEXT, b"b") + frame(TEXT, b"c"))
        assert script.hear() == ["a", "b", "c"]
        assert script.hear() == "waiting"
        peer.leave()
        assert script.hear() == ["websocket.disconnect"] * 2


@pytest.mark.each_http
def test_receive_as_a_task_of_its_own(asgi):
    async def body(script, receive, send):
        await receive()
        await send({"type": "websocket.accept"})
        never = asyncio.get_running_loop().create_future()
        first = asyncio.ensure_future(receive())
        done, pending = await asyncio.wait({first, never}, return_when=asyncio.FIRST_COMPLETED)
        script.heard.put([task.result() for task in done])
        assert pending == {never}

    script = Script(body)
    with peer_of(asgi(script)) as peer:
        peer.open().say("first")
        assert script.hear() == [{"type": "websocket.receive", "text": "first"}]


@pytest.mark.each_http
def test_after_the_disconnect_receive_waits_for_ever(asgi):
    async def body(script, receive, send):
        await receive()
        await send({"type": "websocket.accept"})
        script.heard.put((await receive())["type"])
        try:
            await asyncio.wait_for(receive(), 0.05)
        except asyncio.TimeoutError:
            script.heard.put("nothing")

    script = Script(body)
    with peer_of(asgi(script)) as peer:
        peer.open().leave()
    assert [script.hear(), script.hear()] == ["websocket.disconnect", "nothing"]


@pytest.mark.each_http
def test_for_ever_ends_with_the_call(asgi):
    """A task that waits again after the disconnect would keep itself and the WebSocket for good."""

    async def body(script, receive, send):
        await receive()
        await send({"type": "websocket.accept"})
        told = asyncio.Event()

        async def listen():
            try:
                script.heard.put((await receive())["type"])
                told.set()
                await receive()
            except OSError as error:
                script.heard.put(str(error))

        script.listening = asyncio.ensure_future(listen())
        await told.wait()
        await asyncio.sleep(0)

    script = Script(body)
    with peer_of(asgi(script)) as peer:
        peer.open().leave()
    assert [script.hear(), script.hear()] == ["websocket.disconnect", "the WebSocket is closed"]


@pytest.mark.each_http
def test_after_its_own_close_the_application_hears_its_own_code(asgi):
    async def body(script, receive, send):
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.close", "code": 3002, "reason": "enough"})
        script.heard.put(await receive())

    script = Script(body)
    with peer_of(asgi(script)) as peer:
        peer.open().expect_close(3002, "enough")
        peer.say("ignored").say_close(1000).expect_closed()
    assert script.hear() == {"type": "websocket.disconnect", "code": 3002, "reason": "enough"}


@pytest.mark.each_http
def test_receive_takes_no_arguments(asgi):
    async def body(script, receive, send):
        try:
            receive(1)
        except TypeError as error:
            script.heard.put(error)

    script = Script(body)
    with peer_of(asgi(script)) as peer:
        peer.ask()
        assert isinstance(script.hear(), TypeError)
        assert peer.hear().status == 500
