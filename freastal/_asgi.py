"""One ASGI worker inside a running loop, from the startup of the application to its shutdown.

The order of the end: who waits in the kernel's queue is accepted, the sockets are closed, open requests are finished;
when their time is over they are cut off and their tasks cancelled; the application's shutdown comes last, in any case.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from . import _core
from ._guest import Guest
from ._lifespan import Lifespan
from ._listen import Listeners
from ._log import Log
from ._loops import is_ours
from ._tls import renew
from ._worker import last_turns, open_worker
from .config import Config

_CANCEL_S = 1.0
"""How long tasks that were cancelled may take to end."""


class AsgiService:
    """Belongs to the loop that is running when it is made; drain and stop may be called there at any time.

    `on_serving` is called once requests are accepted. The options in `more` are those of open_worker.
    """

    def __init__(
        self,
        application: Callable[..., Any],
        config: Config,
        listeners: Listeners,
        log: Log,
        on_serving: Callable[[], None],
        *,
        slot: int = 0,
        **more: Any,
    ) -> None:
        self._application = application
        self._config = config
        self._listeners = listeners
        self._log = log
        self._on_serving = on_serving
        self._slot = slot
        self._more = more
        self._loop = asyncio.get_running_loop()
        self._lifespan = Lifespan(application, config.lifespan, log)
        self._worker: _core.Worker | None = None
        self._guest: Guest | None = None
        self._drain_wanted: asyncio.Future[None] = self._loop.create_future()
        self._stop_wanted: asyncio.Future[None] = self._loop.create_future()
        self._stopped: asyncio.Future[None] = self._loop.create_future()
        self._alarm: asyncio.TimerHandle | None = None
        self._shutdown: asyncio.Task[None] | None = None
        self._cancelled = 0

    def drain(self, within_s: float | None = None) -> None:
        """Finishes what is open and ends; after `within_s`, unless that is somebody else's to say, like stop."""
        _settle(self._drain_wanted)
        if within_s is not None and self._alarm is None:
            self._alarm = self._loop.call_later(within_s, self._on_late)

    def stop(self) -> None:
        """Ends now. What it finds in its shutdown already it cancels."""
        _settle(self._drain_wanted)
        _settle(self._stop_wanted)
        if self._shutdown is not None:
            self._shutdown.cancel()

    def renew(self) -> None:
        """Has the worker read its certificates again, if there is one by now."""
        if self._worker is not None:
            renew(self._worker, self._log)

    async def run(self) -> None:
        """Serves until told to end. To cancel it is to ask for a drain, and the second time for a stop.

        A BootError when the application refuses to start.
        """
        try:
            if await self._start_up():
                try:
                    if not self._drain_wanted.done():
                        await self._serve()
                finally:
                    await self._shut_down()
        finally:
            if self._alarm is not None:
                self._alarm.cancel()
        if self._cancelled:
            raise asyncio.CancelledError

    async def _start_up(self) -> bool:
        """False when there was a reason to stop before the application had started."""
        startup = self._loop.create_task(self._lifespan.startup())
        await self._until(startup, self._stop_wanted)
        if not startup.done():
            startup.cancel()
            await self._until(startup)
        if startup.cancelled():
            return False
        startup.result()
        return True

    async def _serve(self) -> None:
        worker = self._worker = self._open()
        worker.start()
        if self._guest is not None:
            self._guest.attach(worker)
        try:
            self._on_serving()
            await self._until(self._drain_wanted)
        except BaseException:
            self.stop()
            raise
        finally:
            await self._end(worker)
            if self._guest is not None:
                self._guest.detach()
            self._worker = None
            worker.close()

    async def _shut_down(self) -> None:
        self._shutdown = self._loop.create_task(self._lifespan.shutdown(self._config.graceful_timeout))
        await self._until(self._shutdown)
        if not self._shutdown.cancelled():
            self._shutdown.result()

    def _open(self) -> _core.Worker:
        self._guest = None if is_ours(self._loop) else Guest(self._loop)
        return open_worker(
            self._application,
            "asgi",
            self._config,
            self._listeners.core_binds(self._slot),
            self._log,
            loop=self._loop,
            lifespan_state=self._lifespan.state,
            on_stopped=self._on_stopped,
            on_stirred=self._guest.turn_soon if self._guest is not None else None,
            **self._more,
        )

    async def _end(self, worker: _core.Worker) -> None:
        if not self._stop_wanted.done():
            for _ in last_turns(worker):
                if self._stop_wanted.done():
                    break
                await self._turn()
            worker.drain()
            while worker.state == "serving":
                await self._turn()
            self._listeners.close()
            await self._until(self._stopped, self._stop_wanted)
        if not self._stopped.done():
            worker.stop()
            alarm = self._loop.call_later(_CANCEL_S, _settle, late := self._loop.create_future())
            await self._until(self._stopped, late)
            alarm.cancel()
            if not self._stopped.done():
                self._log.error("the application goes on although its tasks were cancelled; it is not waited for")

    async def _turn(self) -> None:
        """Until the loop, and so the worker, has made a turn."""
        if self._guest is not None:
            self._guest.turn_soon()
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            self._on_cancelled()

    async def _until(self, *waited: asyncio.Future[None]) -> None:
        """Until one of these is done, however often it is cancelled meanwhile."""
        while not any(each.done() for each in waited):
            try:
                await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            except asyncio.CancelledError:
                self._on_cancelled()

    def _on_cancelled(self) -> None:
        self._cancelled += 1
        if self._cancelled == 1:
            self.drain(self._config.graceful_timeout)
        else:
            self.stop()

    def _on_stopped(self) -> None:
        _settle(self._stopped)

    def _on_late(self) -> None:
        if not self._stopped.done():
            self._log.warning("open requests were not finished in time; they are cut off")
            self.stop()


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
