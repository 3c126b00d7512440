"""A worker as the guest of a loop that is not ours: asyncio's, uvloop's, anybody's with add_reader and call_later.

A worker has one descriptor that is readable when a turn would find work, and says when the next turn is due without
one. It is turned from callbacks of the loop only, never from inside a task: so a request may begin as a task.
"""

from __future__ import annotations

import asyncio

TYPE_CHECKING = False
if TYPE_CHECKING:
    from . import _core


class Guest:
    """Made before its worker, whose `on_stirred` it is; between attach and detach the loop turns the worker."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._worker: _core.Worker | None = None
        self._fd = -1
        self._alarm: asyncio.TimerHandle | None = None
        self._due_s = 0.0
        """When the alarm rings, if there is one."""
        self._awaited = False
        """A turn is on its way through call_soon."""

    def attach(self, worker: _core.Worker) -> None:
        """The worker has been started; from now on it is turned."""
        self._worker = worker
        self._fd = worker.fileno()
        self._loop.add_reader(self._fd, self._turn)
        self.turn_soon()

    def detach(self) -> None:
        """The worker is turned no more; what is on its way finds nothing to do."""
        if self._worker is not None:
            self._loop.remove_reader(self._fd)
            self._worker = None
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def turn_soon(self) -> None:
        """For a worker with work that no descriptor tells of. However often it is said, one turn follows."""
        if not self._awaited:
            self._awaited = True
            self._loop.call_soon(self._turn_awaited)

    def _turn_awaited(self) -> None:
        self._awaited = False
        self._turn()

    def _turn_due(self) -> None:
        self._alarm = None
        self._turn()

    def _turn(self) -> None:
        worker = self._worker
        if worker is None:
            return
        try:
            worker.turn(0)
        finally:
            # Also after an interrupt, which comes out of the turn: whoever catches it may let the loop go on.
            if self._worker is not None:
                self._set_alarm(worker.timeout_ms())

    def _set_alarm(self, timeout_ms: int) -> None:
        """An alarm that rings too early is left alone: an idle turn is cheaper than moving it each time."""
        if timeout_ms == 0:
            self.turn_soon()
        elif timeout_ms > 0:
            due_s = self._loop.time() + timeout_ms / 1000
            if self._alarm is not None:
                if self._due_s <= due_s:
                    return
                self._alarm.cancel()
            self._due_s = due_s
            self._alarm = self._loop.call_later(timeout_ms / 1000, self._turn_due)
