"""ASGI applications in a thread: in our own event loop, and with the worker as a guest of others."""

from __future__ import annotations

import asyncio
import queue
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import uvloop

import freastal
from freastal._guest import Guest
from tests.gateway.gateway import Gateway
from tests.support.server import TIMEOUT_S

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

NEW_LOOP: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "freastal": freastal.new_event_loop,
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}


class AsgiGateway(Gateway):
    """Serves an ASGI application from the loop of that name."""

    def __init__(self, application: Any, listener: socket.socket | None = None, *, loop: str, **options: Any) -> None:
        self.loop = NEW_LOOP[loop]()
        self.stopped = self.loop.create_future()
        self.guest = None if loop == "freastal" else Guest(self.loop)
        settings = {"interface": "asgi", "loop": self.loop, "on_stopped": self._on_stopped}
        if self.guest is not None:
            settings["on_stirred"] = self.guest.turn_soon
        super().__init__(application, listener, **{**settings, **options})

    def _on_stopped(self) -> None:
        if not self.stopped.done():
            self.stopped.set_result(None)

    async def _serve(self) -> None:
        self.worker.start()
        if self.guest is not None:
            self.guest.attach(self.worker)
        try:
            await self.stopped
        finally:
            if self.guest is not None:
                self.guest.detach()

    def _run(self) -> None:
        try:
            self.loop.run_until_complete(self._serve())
        except BaseException as error:
            self.ended.put(error)
        else:
            self.ended.put(None)

    def set(self, event: asyncio.Event) -> None:
        """Sets an event that the application waits for."""
        self.loop.call_soon_threadsafe(event.set)

    def run(self, awaitable: Any) -> Any:
        """What comes of this coroutine in the loop."""
        return asyncio.run_coroutine_threadsafe(awaitable, self.loop).result(TIMEOUT_S)

    def close(self) -> None:
        super().close()
        self.loop.close()


class Told:
    """What an application has told a test: `put` there, `get` here."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.put = self._queue.put
        self.empty = self._queue.empty

    def get(self) -> Any:
        return self._queue.get(timeout=TIMEOUT_S)


def start(status: int = 200, headers: Any = (), **more: Any) -> Message:
    return {"type": "http.response.start", "status": status, "headers": headers, **more}


def body(data: Any = b"", *, more: bool = False) -> Message:
    return {"type": "http.response.body", "body": data, "more_body": more}


def sending(*messages: Message) -> Callable[..., Awaitable[None]]:
    """An application that sends these."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        for message in messages:
            await send(message)

    return application


async def read_body(receive: Receive) -> bytes:
    """All of the request's body."""
    data = b""
    while True:
        message = await receive()
        assert message["type"] == "http.request", message
        data += message["body"]
        if not message["more_body"]:
            return data
