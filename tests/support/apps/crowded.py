"""An ASGI application that counts who is in it, for peers that come and go as they like: tests/wire/test_asgi_abuse.py.

It is a class because each test wants its own counts; `app` is one of them.
"""

from __future__ import annotations

import asyncio
import threading
from typing import Any

PIECE = b"s" * 7000
TIMEOUT_S = 30


class Crowded:
    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.entered = self.left = 0
        self.produced = 0
        self.events: list[str] = []
        self.failures: list[BaseException] = []
        self.release = threading.Event()
        self.background_released: asyncio.Event | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self.lifespan(receive, send)
            return
        with self.changed:
            self.entered += 1
        try:
            await getattr(self, scope["path"][1:].replace("-", "_"))(scope, receive, send)
        except OSError:
            pass  # The peer has gone.
        finally:
            with self.changed:
                self.left += 1
                self.changed.notify_all()

    def wait_until_empty(self, entered: int = 0) -> None:
        """Until at least so many calls have begun, and all have ended."""
        with self.changed:
            done = self.changed.wait_for(lambda: self.entered >= entered and self.left == self.entered, TIMEOUT_S)
        assert done, f"{self.entered} calls have begun and {self.left} have ended"

    async def lifespan(self, receive: Any, send: Any) -> None:
        assert (await receive())["type"] == "lifespan.startup"
        self.background_released = asyncio.Event()
        self.events.append("startup")
        await send({"type": "lifespan.startup.complete"})
        assert (await receive())["type"] == "lifespan.shutdown"
        self.events.append("shutdown")
        await send({"type": "lifespan.shutdown.complete"})

    # HTTP, by path.

    async def read(self, scope: Any, receive: Any, send: Any) -> None:
        """Takes the body and says how long it was."""
        total, more = 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            total += len(message.get("body", b""))
            more = message.get("more_body", False)
        await answer(send, str(total).encode())

    async def stream(self, scope: Any, receive: Any, send: Any) -> None:
        """Sends until the peer goes."""
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while True:
            await send({"type": "http.response.body", "body": PIECE, "more_body": True})
            self.produced += len(PIECE)
            await asyncio.sleep(0)

    async def hundred_mebibytes(self, scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(1600):
            await send({"type": "http.response.body", "body": b"b" * 65536, "more_body": True})
            self.produced += 65536
        await send({"type": "http.response.body"})

    async def produced_so_far(self, scope: Any, receive: Any, send: Any) -> None:
        await answer(send, str(self.produced).encode())

    async def wait(self, scope: Any, receive: Any, send: Any) -> None:
        """Until the peer goes, in a task of its own."""
        message = await asyncio.create_task(receive())
        while message["type"] != "http.disconnect":
            message = await asyncio.create_task(receive())

    async def race(self, scope: Any, receive: Any, send: Any) -> None:
        """Many children that wait; the peer's leaving cancels them all."""
        children = [asyncio.create_task(asyncio.Event().wait()) for _ in range(20)]
        gone = asyncio.create_task(self.wait(scope, receive, send))
        try:
            await asyncio.wait([gone, *children], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for child in [*children, gone]:
                child.cancel()
            await asyncio.gather(*children, gone, return_exceptions=True)

    async def impatient(self, scope: Any, receive: Any, send: Any) -> None:
        """Gives up waiting again and again, before it answers; loses nothing of the body by that."""
        got, more = b"", True
        while more:
            try:
                message = await asyncio.wait_for(receive(), 0.0001)
            except (TimeoutError, asyncio.TimeoutError):
                continue
            if message["type"] == "http.disconnect":
                return
            got += message["body"]
            more = message["more_body"]
        await answer(send, got)

    async def background(self, scope: Any, receive: Any, send: Any) -> None:
        """Goes on after its answer."""
        await answer(send, b"answered")
        self.events.append("answered")
        assert self.background_released
        await self.background_released.wait()
        self.events.append("background done")

    async def let_background_go(self, scope: Any, receive: Any, send: Any) -> None:
        assert self.background_released
        self.background_released.set()
        await answer(send, b"")

    async def forever(self, scope: Any, receive: Any, send: Any) -> None:
        """Never answers and never looks whether anybody waits."""
        self.events.append("waiting")
        with self.changed:
            self.changed.notify_all()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.events.append("cancelled")
            raise

    async def tasks(self, scope: Any, receive: Any, send: Any) -> None:
        """How many tasks there are beside this one."""
        others = asyncio.all_tasks() - {asyncio.current_task()}  # a spare task is not among them while it steps
        await answer(send, str(len(others)).encode())

    # WebSocket, by path.

    async def echo(self, scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": message.get("text"), "bytes": message.get("bytes")})

    async def push(self, scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        while True:
            await send({"type": "websocket.send", "bytes": PIECE})
            self.produced += len(PIECE)
            await asyncio.sleep(0)

    async def undecided(self, scope: Any, receive: Any, send: Any) -> None:
        """Accepts nobody, and waits until they go."""
        await receive()
        await receive()


async def answer(send: Any, body: bytes) -> None:
    fields = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": fields})
    await send({"type": "http.response.body", "body": body})


app = Crowded()
