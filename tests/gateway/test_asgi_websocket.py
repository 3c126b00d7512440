"""A WebSocket of an ASGI application: the handshake, how it ends, and what is left of it (ASGI WebSocket spec 2.5)."""

from __future__ import annotations

import asyncio
import gc
import queue
import threading
from typing import Any

import pytest

from tests.support.server import TIMEOUT_S
from tests.support.websocket import CLOSE, KEY, PING, PONG, TEXT, WebSocketPeer, frame

_CORE = "freastal._core.WebSocket"


async def echo(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Accepts, and says again what it hears."""
    assert (await receive())["type"] == "websocket.connect"
    await send({"type": "websocket.accept"})
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            return
        await send({**message, "type": "websocket.send"})


class Script:
    """An application that does what it is told, once a WebSocket is there; `heard` is for what the test waits for."""

    def __init__(self, body: Any) -> None:
        self.body = body
        self.heard: queue.SimpleQueue[Any] = queue.SimpleQueue()

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        await self.body(self, receive, send)

    def hear(self) -> Any:
        return self.heard.get(timeout=TIMEOUT_S)


def peer_of(server: Any) -> WebSocketPeer:
    return server.websocket()


# The handshake.


@pytest.mark.each_http
def test_connect_comes_first_and_nothing_is_answered_before_accept(asgi):
    async def body(script, receive, send):
        script.heard.put(await receive())
        await send({"type": "websocket.accept"})
        script.heard.put(await receive())

    script = Script(body)
    with peer_of(asgi(script)) as peer:
        peer.ask()
        assert script.hear() == {"type": "websocket.connect"}
        peer.expect_accepted()
        peer.leave()
    assert script.hear() == {"type": "websocket.disconnect", "code": 1000, "reason": ""}


@pytest.mark.each_http
def test_a_peer_that_leaves_before_it_is_accepted_is_a_disconnect(asgi):
    """Nothing is unread, so all that is seen of it is the end of what it sends."""

    async def body(script, receive, send):
        script.heard.put(await receive())
        script.heard.put(await receive())

    script = Script(body)
    with peer_of(asgi(script)) as peer:
        peer.ask()
        assert script.hear() == {"type": "websocket.connect"}
    assert script.hear() == {"type": "websocket.disconnect", "code": 1006, "reason": ""}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-WebSocket-Key": None}, 400),
        ({"Sec-WebSocket-Key": "short"}, 400),
        ({"Sec-WebSocket-Key": KEY.replace("=", "-")}, 400),
        ({"Connection": "keep-alive"}, 400),
        ({"Sec-WebSocket-Version": None}, 400),
        ({"Sec-WebSocket-Version": "8"}, 426),
        ({"Sec-WebSocket-Protocol": "a b"}, 400),
    ],
)
def test_a_bad_handshake_is_refused_without_the_application(asgi, headers, status):
    called = []

    async def application(scope, receive, send):
        called.append(scope)

    with peer_of(asgi(application)) as peer:
        response = peer.ask(headers=headers).hear()
        assert response.status == status
        assert response["Sec-WebSocket-Version"] == ("13" if status == 426 else None)
        assert len(response.body) > 10
        peer.expect_closed()
    assert called == []


@pytest.mark.each_http
def test_bytes_that_come_with_the_handshake_are_messages(asgi):
    with peer_of(asgi(echo)) as peer:
        peer.ask()
        peer.say("early").say(b"bird")
        peer.expect_accepted()
        peer.expect_message("early").expect_message(b"bird")
        peer.leave()


def test_websockets_and_requests_share_a_listener(asgi):
    async def application(scope, receive, send):
        if scope["type"] == "websocket":
            await echo(scope, receive, send)
        else:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"plain"})

    server = asgi(application)
    with peer_of(server) as peer:
        peer.send("GET / HTTP/1.1", "Host: a").expect(200, body=b"plain")
        peer.open().say("x").expect_message("x")
        assert server.get("/").body == b"plain"
        peer.leave()


# How it ends.


@pytest.mark.each_http
@pytest.mark.parametrize(("code", "told"), [(1000, 1000), (1001, 1001), (3333, 3333), (4999, 4999), (None, 1005)])
def test_the_peer_closes(asgi, code, told):
    async def body(script, receive, send):
        await send({"type": "websocket.accept"})
        await receive()
        script.heard.put(await receive())

    script = Script(body)
    with peer_of(asgi(script)) as peer:
        peer.open().say_close(code, "" if code is None else "so long \N{WAVING HAND SIGN}")
        peer.expect_close(code)
        peer.expect_closed()
    reason = "" if code is None else "so long \N{WAVING HAND SIGN}"
    assert script.hear() == {"type": "websocket.disconnect", "code": told, "reason": reason}


@pytest.mark.each_http
@pytest.mark.parametrize("reset", [False, True])
def test_the_peer_is_gone_without_a_word(asgi, reset):
    async def body(script, receive, send):
        await receive()
        await send({"type": "websocket.accept"})
        script.heard.put(await receive())
        try:
            await send({"type": "websocket.send", "text": "x"})
        except OSError as error:
            script.heard.put(error)

    script = Script(body)
    server = asgi(script)
    peer = peer_of(server).open()
    if reset:
        peer.reset()
    else:
        peer.close()
    assert script.hear() == {"type": "websocket.disconnect", "code": 1006, "reason": ""}
    assert type(script.hear()).__name__ == "ClientDisconnected"
    server.expect_no_failure()


@pytest.mark.each_http
def test_the_peer_goes_before_it_is_accepted(asgi):
    async def body(script, receive, send):
        await receive()
        script.heard.put("asked")
        script.heard.put(await receive())
        try:
            await send({"type": "websocket.accept"})
        except OSError as error:
            script.heard.put(error)

    script = Script(body)
    peer = peer_of(asgi(script)).ask()
    assert script.hear() == "asked"
    peer.reset()
    assert script.hear() == {"type": "websocket.disconnect", "code": 1006, "reason": ""}
    assert isinstance(script.hear(), OSError)


@pytest.mark.each_http
def test_to_return_closes_in_order(asgi):
    async def application(scope, receive, send):
        await send({"type": "websocket.accept"})

    server = asgi(application)
    with peer_of(server) as peer:
        peer.open().expect_close(1000)
        peer.say_close(1000).expect_closed()
    server.expect_no_failure()


@pytest.mark.each_http
def test_to_fail_closes_with_1011_and_is_reported(asgi):
    async def application(scope, receive, send):
        await send({"type": "websocket.accept"})
        raise ValueError("too bad")

    server = asgi(application)
    with peer_of(server) as peer:
        peer.open("/some/path").expect_close(1011)
        peer.say_close(1011).expect_closed()
    sentence, error = server.failure()
    assert "/some/path" in sentence
    assert repr(error) == "ValueError('too bad')"


@pytest.mark.each_http
def test_to_fail_before_accept_is_a_500_and_reported(asgi):
    async def application(scope, receive, send):
        raise ValueError("too bad")

    server = asgi(application)
    with peer_of(server) as peer:
        assert peer.ask().hear().status == 500
    assert repr(server.failure()[1]) == "ValueError('too bad')"


@pytest.mark.each_http
def test_to_return_before_accept_is_a_500_and_logged(asgi):
    async def application(scope, receive, send):
        assert (await receive())["type"] == "websocket.connect"

    server = asgi(application)
    with peer_of(server) as peer:
        assert peer.ask("/p").hear().status == 500
    level, line = server.lines.get(timeout=TIMEOUT_S)
    assert level == 40
    assert "ASGI callable returned without completing handshake." in line
    assert "/p" in line


@pytest.mark.each_http
def test_an_application_that_lets_the_disconnect_through_has_not_failed(asgi):
    async def body(script, receive, send):
        await send({"type": "websocket.accept"})
        await receive()
        await receive()
        script.heard.put("gone")
        await send({"type": "websocket.send", "text": "x"})

    script = Script(body)
    server = asgi(script)
    peer_of(server).open().reset()
    assert script.hear() == "gone"
    with peer_of(server) as peer:
        peer.open()
        peer.reset()
    assert script.hear() == "gone"
    server.expect_no_failure()


@pytest.mark.each_http
def test_a_failure_after_the_disconnect_is_reported(asgi):
    async def application(scope, receive, send):
        await send({"type": "websocket.accept"})
        while (await receive())["type"] != "websocket.disconnect":
            pass
        raise ValueError("afterwards")

    server = asgi(application)
    with peer_of(server) as peer:
        peer.open().leave()
    assert repr(server.failure()[1]) == "ValueError('afterwards')"


@pytest.mark.each_http
def test_an_application_goes_on_after_its_websocket(asgi):
    async def body(script, receive, send):
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.close"})
        await asyncio.sleep(0)
        script.heard.put("went on")

    script = Script(body)
    with peer_of(asgi(script)) as peer:
        peer.open().expect_close(1000)
        assert script.hear() == "went on"
        peer.say_close(1000).expect_closed()


# Drain and stop.


@pytest.mark.each_http
def test_drain_closes_with_1012(asgi):
    async def body(script, receive, send):
        await send({"type": "websocket.accept"})
        await receive()
        script.heard.put(await receive())
        try:
            await send({"type": "websocket.send", "text": "x"})
        except OSError:
            script.heard.put("gone")

    script = Script(body)
    server = asgi(script)
    with peer_of(server) as peer:
        peer.open()
        server.worker.drain()
        peer.expect_close(1012)
        assert script.hear() == {"type": "websocket.disconnect", "code": 1012, "reason": ""}
        assert script.hear() == "gone"
        peer.say_close(1012).expect_closed()


@pytest.mark.each_http
def test_who_is_accepted_while_the_worker_drains_is_closed_at_once(asgi):
    gate = threading.Event()

    async def body(script, receive, send):
        script.heard.put(await receive())
        await asyncio.get_running_loop().run_in_executor(None, gate.wait, TIMEOUT_S)
        await send({"type": "websocket.accept"})
        script.heard.put(await receive())

    script = Script(body)
    server = asgi(script)
    with peer_of(server) as peer:
        peer.ask()
        assert script.hear()["type"] == "websocket.connect"
        server.worker.drain()
        gate.set()
        peer.expect_accepted()
        peer.expect_close(1012)
        assert script.hear()["code"] == 1012
        peer.say_close(1012).expect_closed()


@pytest.mark.each_http
def test_stop_tells_the_application(asgi):
    async def body(script, receive, send):
        await send({"type": "websocket.accept"})
        await receive()
        script.heard.put("open")
        script.heard.put(await receive())

    script = Script(body)
    server = asgi(script)
    with peer_of(server) as peer:
        peer.open()
        assert script.hear() == "open"
        server.worker.stop()
        assert script.hear()["code"] == 1006


# Ping, pong and patience.


@pytest.mark.each_http
def test_pings_are_answered_while_the_application_waits(asgi):
    with peer_of(asgi(echo)) as peer:
        peer.open()
        for payload in (b"", b"x" * 125):
            peer.send_bytes(frame(PING, payload))
            found = peer.hear_frame()
            assert (found.opcode, found.payload) == (PONG, payload)
        peer.leave()


@pytest.mark.each_http
def test_a_quiet_peer_is_asked_and_given_up(asgi):
    async def body(script, receive, send):
        await send({"type": "websocket.accept"})
        await receive()
        script.heard.put(await receive())

    script = Script(body)
    with peer_of(asgi(script, limits={"ws_ping_interval_ms": 60, "ws_ping_timeout_ms": 60})) as peer:
        peer.open()
        for _ in range(3):
            found = peer.hear_frame()
            assert found.opcode == PING
            peer.send_bytes(frame(PONG, found.payload))
        assert peer.hear_frame().opcode == PING
        peer.expect_close(1011)
    assert script.hear()["code"] == 1011


@pytest.mark.each_http
def test_a_peer_that_does_not_answer_the_close_frame_is_given_up(asgi):
    async def application(scope, receive, send):
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.close", "code": 3000})

    with peer_of(asgi(application, limits={"ws_close_timeout_ms": 60})) as peer:
        peer.open().expect_close(3000)
        peer.expect_closed()


# Nothing is left.


def websockets_alive() -> int:
    gc.collect()
    return sum(1 for each in gc.get_objects() if type(each).__name__ == "builtin_function_or_method" and _is_ours(each))


def _is_ours(function: Any) -> bool:
    owner = getattr(function, "__self__", None)
    return f"{type(owner).__module__}.{type(owner).__qualname__}" == _CORE


def leave_early(server: Any, how: int) -> None:
    peer = peer_of(server)
    if how == 0:
        peer.send_bytes(b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: webso")
    elif how == 1:
        peer.ask()
    else:
        peer.open()
        if how == 3:
            peer.send_bytes(frame(TEXT, b"x" * 1000)[:500])
        elif how == 4:
            peer.say("x").say(b"y")
        elif how == 5:
            peer.say_close()
    if how % 2:
        peer.reset()
    else:
        peer.close()


@pytest.mark.parametrize("count", [2000])
def test_abrupt_ends_leave_nothing_behind(asgi, count):
    ended = threading.Semaphore(0)
    running: set[asyncio.Task[None]] = set()

    async def application(scope, receive, send):
        task = asyncio.current_task()
        running.add(task)
        try:
            await echo(scope, receive, send)
        except OSError:
            pass
        finally:
            running.discard(task)
            ended.release()

    server = asgi(application)
    with peer_of(server) as last:
        for number in range(count):
            leave_early(server, number % 6)
        for _ in range(count - (count + 5) // 6):
            assert ended.acquire(timeout=TIMEOUT_S)
        last.open().say("still here").expect_message("still here")
        last.leave()
        assert ended.acquire(timeout=TIMEOUT_S)
    server.close()
    assert running == set()
    assert websockets_alive() == 0
    server.expect_no_failure()


@pytest.mark.each_http
def test_receive_and_send_outlive_the_websocket(asgi):
    kept: queue.SimpleQueue[Any] = queue.SimpleQueue()

    async def application(scope, receive, send):
        await send({"type": "websocket.accept"})
        kept.put((receive, send))

    server = asgi(application)
    with peer_of(server) as peer:
        peer.open().expect_close(1000)
        peer.say_close().expect_closed()
    receive, send = kept.get(timeout=TIMEOUT_S)
    server.close()
    with pytest.raises(OSError, match="closed"):
        send({"type": "websocket.send", "text": "x"})
    assert "receive" in repr(receive)


@pytest.mark.each_http
def test_frames_that_break_the_protocol_fail_the_connection(asgi):
    async def body(script, receive, send):
        await send({"type": "websocket.accept"})
        await receive()
        script.heard.put(await receive())

    script = Script(body)
    server = asgi(script, limits={"ws_message_bytes_max": 1000})
    for sent, code in (
        (frame(3), 1002),
        (frame(TEXT, b"\xff"), 1007),
        (frame(TEXT, b"x" * 1001), 1009),
        (frame(CLOSE, b"x"), 1002),
    ):
        with peer_of(server) as peer:
            peer.open().send_bytes(sent)
            peer.expect_close(code)
            peer.expect_closed()
        assert script.hear()["code"] == code
