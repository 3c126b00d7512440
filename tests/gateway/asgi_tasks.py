"""Code that runs inside a request, for the tests of tasks and of what they wait for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from tests.gateway.asgi import AsgiGateway, Message, Receive, Scope, Send, Told, body, start

Body = Callable[[Scope, Receive, Send], Awaitable[Any]]


async def pause(turns: int = 1) -> None:
    """Lets the loop make so many turns."""
    loop = asyncio.get_running_loop()
    for _ in range(turns):
        passed = loop.create_future()
        loop.call_soon(passed.set_result, None)
        await passed


class Probe:
    """An application: runs `function(scope, receive, send)`, answers, and keeps what came of it for the test."""

    def __init__(self, function: Body) -> None:
        self.function = function
        self.told = Told()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            self.told.put((await self.function(scope, receive, send), None))
        except BaseException as error:
            self.told.put((None, error))
        await answer(send)

    def result(self) -> Any:
        value, error = self.told.get()
        if error is not None:
            raise error
        return value


def in_request(asgi: Callable[..., AsgiGateway], function: Body, *, data: bytes = b"", **options: Any) -> Any:
    """What came of `function(scope, receive, send)` in a request, with `data` as its body."""
    probe = Probe(function)
    gateway = asgi(probe, **options)
    assert gateway.request("POST" if data else "GET", "/", data or None).status == 200
    return probe.result()


def in_answer(asgi: Callable[..., AsgiGateway], function: Callable[[Receive, Send], Awaitable[Any]]) -> Any:
    """What came of function(receive, send), which answers as it likes."""
    told = Told()

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            told.put(await function(receive, send))
        except BaseException as error:
            told.put(error)
            raise

    asgi(application).send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    result = told.get()
    if isinstance(result, BaseException):
        raise result
    return result


async def answer(send: Send, data: bytes = b"ok") -> None:
    """A whole answer. Suspends only if the peer is slow."""
    await send(start())
    await send(body(data))


def message(data: bytes = b"", *, more: bool = False) -> Message:
    """A message as receive() gives it."""
    return {"type": "http.request", "body": data, "more_body": more}


DISCONNECT: Message = {"type": "http.disconnect"}
