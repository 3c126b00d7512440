"""Applications of ASGI that are called a hundred thousand times, in our own loop and with the worker as a guest."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import freastal
from tests.leaks.http2 import UPLOAD, WEBSOCKET, joining, streaming
from tests.leaks.scene import CHUNKED, FIELDS, GET, POST, Round, connecting, repeating

HEADERS = [(b"content-type", b"text/plain"), (b"x-marker", b"marker")]
LARGE = b"p" * 3000
START = {"type": "http.response.start", "status": 200, "headers": HEADERS}


def body(data: bytes = b"", more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": data, "more_body": more}


async def small(scope: Any, receive: Any, send: Any) -> None:
    await send(START)
    await send(body(b"x" * 500))


async def large(scope: Any, receive: Any, send: Any) -> None:
    await send(START)
    await send(body(LARGE, True))
    await send(body(LARGE))


async def echo(scope: Any, receive: Any, send: Any) -> None:
    await send(START)
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        more = message["more_body"]
        await send(body(message["body"], more))


async def suspending(scope: Any, receive: Any, send: Any) -> None:
    await asyncio.sleep(0)
    listener = asyncio.ensure_future(receive())
    await send(START)
    await asyncio.sleep(0)
    await send(body(b"x"))
    await listener
    await receive()


async def background(scope: Any, receive: Any, send: Any) -> None:
    await small(scope, receive, send)
    for _ in range(3):
        await asyncio.sleep(0)


async def cyclic(scope: Any, receive: Any, send: Any) -> None:
    scope["cycle"] = [scope, receive, send]
    await small(scope, receive, send)


async def never_ending(scope: Any, receive: Any, send: Any) -> None:
    await send(START)
    while True:
        await send(body(LARGE, True))


async def listening(scope: Any, receive: Any, send: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue


async def extended(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.early_hint", "links": [b"</a>"]})
    await send({**START, "trailers": True})
    await send({"type": "http.response.pathsend", "path": __file__})
    await send({"type": "http.response.trailers", "headers": HEADERS, "more_trailers": True})
    await send({"type": "http.response.trailers"})


async def websocket(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({**message, "type": "websocket.send"})


async def failing_late(scope: Any, receive: Any, send: Any) -> None:
    await send(START)
    await send(body(b"first", True))
    raise ValueError("late")


MISTAKES: list[dict[str, Any]] = [
    {},
    {"type": "http.response.start"},
    {"type": "http.response.start", "status": "x"},
    {"type": "http.response.start", "status": 200, "headers": [("a", b"b")]},
    {"type": "http.response.start", "status": 200, "headers": [(b"a", b"b"), (b"a", b"\n")]},
    {"type": "http.response.start", "status": 200, "headers": iter([(b"a", b"b"), 5])},
    {"type": "http.response.body", "body": b"x"},
    {"type": "nonsense"},
]


class Mistaken:
    """Makes another mistake each time."""

    def __init__(self) -> None:
        self.calls = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.calls += 1
        await send(MISTAKES[self.calls % len(MISTAKES)])


APPLICATIONS: dict[str, tuple[Any, Round]] = {
    "small": (small, repeating(GET)),
    "large": (large, repeating(GET)),
    "fields": (small, repeating(FIELDS)),
    "upload": (echo, repeating(POST)),
    "upload_chunked": (echo, repeating(CHUNKED)),
    "suspending": (suspending, repeating(GET)),
    "background": (background, repeating(GET)),
    "cyclic": (cyclic, repeating(GET)),
    "extended": (extended, repeating(GET)),
    "mistakes": (Mistaken(), repeating(GET)),
    "connections": (small, connecting(GET)),
    "failing_late": (failing_late, connecting(GET)),
    "left_stream": (never_ending, connecting(GET, reset=True)),
    "left_listener": (listening, connecting(GET)),
    "left_upload": (echo, connecting(POST[:-1], reset=True)),
}

HTTP2_APPLICATIONS: dict[str, tuple[Any, Round]] = {
    "small": (small, streaming()),
    "upload": (echo, streaming(UPLOAD)),
    "extended": (extended, streaming()),
    "websocket": (websocket, streaming(WEBSOCKET)),
    "failing_late": (failing_late, joining()),
    "left_stream": (never_ending, joining(leave="cancel")),
    "left_listener": (listening, joining(leave="reset")),
    "left_websocket": (websocket, joining(WEBSOCKET[:-1], leave="cancel")),
}

LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "": freastal.new_event_loop,
    "guest_": asyncio.new_event_loop,
}


ASGI_SCENARIOS: dict[str, tuple[Any, Round, dict[str, Any]]] = {
    f"asgi_{kind}{name}": (application, run, {"interface": "asgi", "new_loop": new_loop})
    for kind, new_loop in LOOPS.items()
    for name, (application, run) in APPLICATIONS.items()
} | {
    f"asgi_h2_{name}": (application, run, {"interface": "asgi", "new_loop": freastal.new_event_loop})
    for name, (application, run) in HTTP2_APPLICATIONS.items()
}
