"""WebSockets of an ASGI application with a client that others have written."""

from __future__ import annotations

import asyncio
import os
import threading
import zlib
from typing import Any

import pytest
from websockets.asyncio.client import connect as connect_async
from websockets.exceptions import ConnectionClosedError, ConnectionClosedOK, InvalidStatus
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.sync.client import connect as connect_sync

from tests.gateway.test_asgi_websocket import echo
from tests.support.server import TIMEOUT_S

MESSAGES: list[str | bytes] = [
    "",
    b"",
    "x",
    b"\x00",
    "\xe4\u20ac\U0001f600" * 100,
    "compressible " * 1000,
    b"y" * 125,
    b"y" * 126,
    b"y" * 65535,
    b"y" * 65536,
    os.urandom(300_000),
    "long " * 400_000,
]
COMPRESSIONS = {
    "none": {"compression": None},
    "deflate": {"compression": "deflate"},
    "small windows": {
        "compression": None,
        "extensions": [ClientPerMessageDeflateFactory(server_max_window_bits=9, client_max_window_bits=9)],
    },
    "no takeover": {
        "compression": None,
        "extensions": [
            ClientPerMessageDeflateFactory(server_no_context_takeover=True, client_no_context_takeover=True)
        ],
    },
}


def connect(server: Any, path: str = "/", **options: Any) -> Any:
    url = f"ws://{server.host}:{server.port}{path}"
    return connect_sync(url, open_timeout=TIMEOUT_S, close_timeout=TIMEOUT_S, proxy=None, **options)


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_echo(asgi, compression):
    with connect(asgi(echo), max_size=None, **COMPRESSIONS[compression]) as client:
        for _ in range(2):
            for message in MESSAGES:
                client.send(message)
                assert client.recv(TIMEOUT_S) == message


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_fragments(asgi, compression):
    with connect(asgi(echo), **COMPRESSIONS[compression]) as client:
        client.send(["frag", "", "m\xe4nts ", "of text" * 100])
        assert client.recv(TIMEOUT_S) == "fragm\xe4nts " + "of text" * 100
        client.send([b"frag", b"ments" * 100, b""])
        assert client.recv(TIMEOUT_S) == b"frag" + b"ments" * 100


def test_many_in_flight(asgi):
    """The client sends all before it reads anything."""
    messages = [f"message {number} " * (number % 50) for number in range(2000)]
    with connect(asgi(echo)) as client:
        sender = threading.Thread(target=lambda: [client.send(message) for message in messages])
        sender.start()
        assert [client.recv(TIMEOUT_S) for _ in messages] == messages
        sender.join(TIMEOUT_S)


def test_many_at_once(asgi):
    server = asgi(echo)

    async def talk(number: int) -> None:
        async with connect_async(f"ws://{server.host}:{server.port}/{number}", proxy=None) as client:
            for turn in range(20):
                await client.send(f"{number} {turn}")
                assert await client.recv() == f"{number} {turn}"

    async def main() -> None:
        await asyncio.gather(*(talk(number) for number in range(50)))

    asyncio.run(asyncio.wait_for(main(), TIMEOUT_S))
    server.expect_no_failure()


def test_subprotocol_and_headers(asgi):
    async def application(scope, receive, send):
        assert scope["subprotocols"] == ["one", "two"]
        assert (b"x-sent", b"1") in scope["headers"]
        await send({"type": "websocket.accept", "subprotocol": "two", "headers": [(b"x-answered", b"2")]})
        await receive()
        await receive()

    with connect(asgi(application), subprotocols=["one", "two"], additional_headers={"X-Sent": "1"}) as client:
        assert client.subprotocol == "two"
        assert client.response.headers["x-answered"] == "2"


def test_the_server_closes(asgi):
    async def application(scope, receive, send):
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.close", "code": 3456, "reason": "en\xf4ugh"})

    with connect(asgi(application)) as client:
        with pytest.raises(ConnectionClosedError):
            client.recv(TIMEOUT_S)
        assert (client.close_code, client.close_reason) == (3456, "en\xf4ugh")


def test_the_client_closes(asgi):
    told: list[Any] = []
    heard = threading.Event()

    async def application(scope, receive, send):
        await send({"type": "websocket.accept"})
        await receive()
        told.append(await receive())
        heard.set()

    with connect(asgi(application)) as client:
        client.close(4000, "bye")
        with pytest.raises((ConnectionClosedOK, ConnectionClosedError)):
            client.recv(TIMEOUT_S)
    assert heard.wait(TIMEOUT_S)
    assert told == [{"type": "websocket.disconnect", "code": 4000, "reason": "bye"}]


def test_refused(asgi):
    async def application(scope, receive, send):
        await send({"type": "websocket.close"})

    with pytest.raises(InvalidStatus) as caught:
        connect(asgi(application))
    assert caught.value.response.status_code == 403


def test_denied(asgi):
    async def application(scope, receive, send):
        await send({"type": "websocket.http.response.start", "status": 418, "headers": [(b"x-why", b"tea")]})
        await send({"type": "websocket.http.response.body", "body": b"short and stout"})

    with pytest.raises(InvalidStatus) as caught:
        connect(asgi(application))
    response = caught.value.response
    assert (response.status_code, response.body) == (418, b"short and stout")
    assert response.headers["x-why"] == "tea"


def test_ping(asgi):
    with connect(asgi(echo)) as client:
        for _ in range(5):
            assert client.ping().wait(TIMEOUT_S)
        client.send("still here")
        assert client.recv(TIMEOUT_S) == "still here"


def test_a_slow_reader_gets_everything(asgi):
    count, size = 300, 50_000
    behind = threading.Event()

    async def application(scope, receive, send):
        await send({"type": "websocket.accept"})
        for number in range(count):
            wait = asyncio.ensure_future(send({"type": "websocket.send", "bytes": bytes([number % 256]) * size}))
            await asyncio.wait({wait}, timeout=0.2)
            if not wait.done():
                behind.set()
            await wait

    with connect(asgi(application), compression=None, max_queue=1) as client:
        assert behind.wait(TIMEOUT_S)
        for number in range(count):
            assert client.recv(TIMEOUT_S) == bytes([number % 256]) * size
        with pytest.raises(ConnectionClosedOK):
            client.recv(TIMEOUT_S)


def test_too_big(asgi):
    with connect(asgi(echo, limits={"ws_message_bytes_max": 10_000}), compression=None) as client:
        client.send("x" * 10_000)
        assert client.recv(TIMEOUT_S) == "x" * 10_000
        client.send("x" * 10_001)
        with pytest.raises(ConnectionClosedError):
            client.recv(TIMEOUT_S)
        assert client.close_code == 1009


def test_a_compression_bomb(asgi):
    with connect(asgi(echo, limits={"ws_message_bytes_max": 100_000}), max_size=None) as client:
        bomb = "x" * 30_000_000
        assert len(zlib.compress(bomb.encode())) < 65_000
        client.send(bomb)
        with pytest.raises(ConnectionClosedError):
            client.recv(TIMEOUT_S)
        assert client.close_code == 1009
