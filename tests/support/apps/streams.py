"""An ASGI application with a path for each thing that a stream may be used for, which knows who has been in it.

It is a class because each test file wants what it has seen for itself; `app` is one of them.
"""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

PIECE = 10_000


class Streams:
    def __init__(self) -> None:
        self.seen: list[str] = []
        """The paths of all requests, as they came."""
        self.left: list[str] = []
        """Of those that are over."""
        self.produced = 0
        self._changed = threading.Condition()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._released: asyncio.Event | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        path = scope["path"]
        with self._changed:
            self.seen.append(path)
        try:
            name = "socket" if scope["type"] == "websocket" else path.strip("/").replace("-", "_") or "hello"
            await getattr(self, name, self.missing)(scope, receive, send)
        except OSError:
            pass  # The peer has gone.
        finally:
            with self._changed:
                self.left.append(path)
                self._changed.notify_all()

    # For the test, from its own thread.

    def wait_until_left(self, path: str, count: int = 1, timeout: float = 20) -> None:
        """Until so many requests for `path` are over."""
        with self._changed:
            over = self._changed.wait_for(lambda: self.left.count(path) >= count, timeout)
        assert over, f"{self.left.count(path)} of {path} are over, not {count}"

    def wait_until_empty(self, timeout: float = 20) -> None:
        """Until all that have begun are over."""
        with self._changed:
            over = self._changed.wait_for(lambda: len(self.left) == len(self.seen), timeout)
        assert over, f"{len(self.left)} are over of {self.seen}"

    def release(self) -> None:
        """Lets go who is held now."""
        assert self._loop

        def pass_on() -> None:
            assert self._released
            self._released.set()
            self._released = asyncio.Event()

        self._loop.call_soon_threadsafe(pass_on)

    async def _live(self, receive: Any, send: Any) -> None:
        self._loop, self._released = asyncio.get_running_loop(), asyncio.Event()
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})

    # By path.

    async def hello(self, scope: Any, receive: Any, send: Any) -> None:
        await answer(send, b"hello\n")

    async def missing(self, scope: Any, receive: Any, send: Any) -> None:
        await answer(send, b"nothing here\n", 404)

    async def empty(self, scope: Any, receive: Any, send: Any) -> None:
        await answer(send, b"", 204)

    async def scope(self, scope: Any, receive: Any, send: Any) -> None:
        """What the application is told, as JSON."""
        names = ("http_version", "method", "scheme", "path", "query_string", "headers")
        text = json.dumps({name: scope[name] for name in names}, default=lambda value: value.decode("latin-1"))
        await answer(send, text.encode())

    async def echo(self, scope: Any, receive: Any, send: Any) -> None:
        """The whole body, once it is here."""
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body, more = body + message.get("body", b""), message.get("more_body", False)
        await answer(send, body)

    async def mirror(self, scope: Any, receive: Any, send: Any) -> None:
        """The body while it comes."""
        await send({"type": "http.response.start", "status": 200, "headers": []})
        more = True
        while more:
            message = await receive()
            more = message.get("more_body", False)
            await send({"type": "http.response.body", "body": message.get("body", b""), "more_body": more})

    async def bytes(self, scope: Any, receive: Any, send: Any) -> None:
        """As many as the query says, at once."""
        await answer(send, b"b" * int(scope["query_string"]))

    async def stream(self, scope: Any, receive: Any, send: Any) -> None:
        """The same in pieces, and without saying how many."""
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for at in range(0, count := int(scope["query_string"]), PIECE):
            size = min(PIECE, count - at)
            await send({"type": "http.response.body", "body": b"s" * size, "more_body": True})
            self.produced += size
        await send({"type": "http.response.body"})

    async def early(self, scope: Any, receive: Any, send: Any) -> None:
        """Answers without a look at the body."""
        await answer(send, b"early\n")

    async def held(self, scope: Any, receive: Any, send: Any) -> None:
        """Does not look at the body, and answers when it is released."""
        assert self._released
        await self._released.wait()
        await answer(send, b"released\n")

    async def wait(self, scope: Any, receive: Any, send: Any) -> None:
        """Until the peer goes."""
        while (await receive())["type"] != "http.disconnect":
            pass

    async def hints(self, scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.early_hint", "links": [b"</style.css>; rel=preload"]})
        await answer(send, b"hinted\n")

    async def trailers(self, scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [], "trailers": True})
        await send({"type": "http.response.body", "body": b"summed\n"})
        await send({"type": "http.response.trailers", "headers": [(b"X-Sum", b"1")]})

    async def fail(self, scope: Any, receive: Any, send: Any) -> None:
        raise LookupError("asked to fail")

    async def fail_midway(self, scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"begun\n", "more_body": True})
        raise LookupError("asked to fail midway")

    async def fields(self, scope: Any, receive: Any, send: Any) -> None:
        """An answer with fields as an application of HTTP/1.1 may give them."""
        headers = [
            (b"X-Mixed-Case", b"Yes"),
            (b"set-cookie", b"a=1"),
            (b"set-cookie", b"b=2"),
            (b"connection", b"close"),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"fields\n"})

    async def socket(self, scope: Any, receive: Any, send: Any) -> None:
        """A WebSocket: /deny denies it; otherwise what is heard is said, and "bye" closes."""
        await receive()
        if scope["path"] == "/deny":
            await send({"type": "websocket.close"})
            return
        asked = scope["subprotocols"]
        await send({"type": "websocket.accept", "subprotocol": asked[0] if asked else None})
        while (message := await receive())["type"] == "websocket.receive":
            if message.get("text") == "bye":
                await send({"type": "websocket.close", "code": 4000, "reason": "as asked"})
                return
            await send({"type": "websocket.send", "text": message.get("text"), "bytes": message.get("bytes")})


async def answer(send: Any, body: bytes, status: int = 200) -> None:
    headers = [] if status == 204 else [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


app = Streams()
