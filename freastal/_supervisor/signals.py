"""Signals -> intentions: what arrived is noted, and the supervisor's loop reads it when it wakes."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable
from typing import Any

from ..errors import FreastalError


class Signals:
    """While entered, catches `numbers`; readable at fileno() when one has arrived."""

    def __init__(self, numbers: Iterable[int]) -> None:
        self._numbers = tuple(numbers)
        self._arrived: list[int] = []
        self._previous: dict[int, Any] = {}
        self._previous_wakeup = -1
        self._read_fd = self._write_fd = -1

    def __enter__(self) -> Signals:
        self._read_fd, self._write_fd = os.pipe()
        os.set_blocking(self._read_fd, False)
        os.set_blocking(self._write_fd, False)
        try:
            self._previous_wakeup = signal.set_wakeup_fd(self._write_fd, warn_on_full_buffer=False)
        except ValueError:
            self._close()
            raise FreastalError(
                "serve must be called from the main thread; in another use Server(application).running()"
            ) from None
        for number in self._numbers:
            self._previous[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            # None: set by C code, which Python can neither show nor restore.
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
        signal.set_wakeup_fd(self._previous_wakeup)
        self._close()

    def fileno(self) -> int:
        return self._read_fd

    def take(self) -> list[int]:
        """What arrived since the last time, in order."""
        try:
            while os.read(self._read_fd, 512):
                pass
        except BlockingIOError:
            pass
        arrived, self._arrived = self._arrived, []
        return arrived

    def forget(self) -> None:
        """In a forked worker: the default again for all of them; the worker sets its own."""
        for number in self._numbers:
            signal.signal(number, signal.SIG_DFL)
        signal.set_wakeup_fd(-1)
        self._close()

    def _note(self, number: int, _frame: object) -> None:
        self._arrived.append(number)

    def _close(self) -> None:
        os.close(self._read_fd)
        os.close(self._write_fd)


def name_of(number: int) -> str:
    """SIGTERM for 15."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
