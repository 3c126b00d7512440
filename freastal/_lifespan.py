"""The lifespan of an ASGI application: it is told of the start and of the end, and may refuse either (lifespan 2.0).

One call of the application, as a task of the loop that it serves in. With "auto" an exception before
lifespan.startup.complete means that the application does not know of this; with "on" it is a failure.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from ._log import Log, traceback_text
from .errors import BootError

Message = dict[str, Any]

_RETURN_S = 1.0
"""How long the task may take to return once it has said its last word, or was cancelled."""


class Lifespan:
    """`mode` is auto, on or off. What the application puts into `state` each of its scopes gets a copy of."""

    def __init__(self, application: Callable[..., Awaitable[None]], mode: str, log: Log) -> None:
        self.state: dict[str, Any] = {}
        self._application = application
        self._mode = mode
        self._log = log
        self._task: asyncio.Task[None] | None = None
        self._started = asyncio.Event()
        """The application has answered lifespan.startup, or is not going to."""
        self._ending = asyncio.Event()
        """The server has said lifespan.shutdown."""
        self._ended = asyncio.Event()
        """The application has answered lifespan.shutdown, or is not going to."""
        self._asked = 0
        """How often the application has called receive."""
        self._complete = False
        self._failure: str | None = None

    async def startup(self) -> None:
        """Returns when the application may be served; a BootError with its message when it may not."""
        if self._mode == "off":
            return
        loop = asyncio.get_running_loop()
        self._idle: asyncio.Future[None] = loop.create_future()  # done when it waits for what will not come
        self._task = loop.create_task(self._run(), name="lifespan")
        try:
            await self._started.wait()
        except asyncio.CancelledError:
            await self._cancel(self._task)
            raise
        if self._failure is not None:
            await self._leave(self._task)
            raise BootError(self._failure)

    async def shutdown(self, timeout_s: float) -> None:
        """Tells the application that it is over, and waits until it is; after `timeout_s` it is cancelled."""
        if self._task is None or self._task.done():
            return
        self._ending.set()
        try:
            await asyncio.wait_for(self._ended.wait(), timeout_s)
        except asyncio.TimeoutError:
            self._log.error(f"the application did not finish its shutdown within {timeout_s:g} s and is cancelled")
            await self._cancel(self._task)
        except asyncio.CancelledError:
            await self._cancel(self._task)
            raise
        else:
            await self._leave(self._task)

    async def _run(self) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": self.state}
        try:
            await self._application(scope, self._receive, self._send)
        except (Exception, SystemExit) as error:
            self._take(error)
        finally:
            self._started.set()
            self._ended.set()

    def _take(self, error: BaseException) -> None:
        """What an exception means depends on what the application has said before."""
        if self._failure is not None:
            self._log.debug(f"after its startup had failed the application raised {error!r}")
        elif self._complete:
            self._log.exception("the application failed in its lifespan", error)
        elif self._mode == "auto" and isinstance(error, Exception):
            self._log.debug(f"the application does not support lifespan: {error!r}")
        else:
            text = traceback_text(error.with_traceback(_own(error)))
            self._failure = f"the application failed in its startup:\n{text.rstrip()}"

    async def _receive(self) -> Message:
        self._asked += 1
        if self._asked == 1:
            return {"type": "lifespan.startup"}
        if self._asked == 2 and self._failure is None:
            await self._ending.wait()
            return {"type": "lifespan.shutdown"}
        self._ended.set()
        if not self._idle.done():
            self._idle.set_result(None)
        await asyncio.get_running_loop().create_future()
        raise AssertionError("nobody ends this")

    async def _send(self, message: Message) -> None:
        kind = message["type"]
        if kind in ("lifespan.startup.complete", "lifespan.startup.failed"):
            if self._started.is_set():
                raise RuntimeError(f"{kind} was sent, but the startup is over already")
            self._complete = kind == "lifespan.startup.complete"
            if not self._complete:
                self._failure = _sentence("the application's startup failed", message)
            self._started.set()
        elif kind in ("lifespan.shutdown.complete", "lifespan.shutdown.failed"):
            if not self._ending.is_set() or self._ended.is_set():
                raise RuntimeError(f"{kind} was sent, but nobody has asked")
            if kind == "lifespan.shutdown.failed":
                self._log.error(_sentence("the application's shutdown failed", message))
            self._ended.set()
        else:
            raise RuntimeError(f"{kind!r} is no message of a lifespan")

    async def _leave(self, task: asyncio.Task[None]) -> None:
        """It has said its last word, and will return; unless it is one that always asks for another message."""
        await asyncio.wait({task, self._idle}, timeout=_RETURN_S, return_when=asyncio.FIRST_COMPLETED)
        await self._cancel(task)

    async def _cancel(self, task: asyncio.Task[None]) -> None:
        if not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=_RETURN_S)


def _sentence(what: str, message: Message) -> str:
    reason = str(message.get("message") or "it did not say why").strip()
    return f"{what}:{chr(10) if chr(10) in reason else ' '}{reason}"


def _own(error: BaseException) -> Any:
    """The traceback without our own frame, which begins it."""
    return error.__traceback__.tb_next if error.__traceback__ is not None else None
