"""What an ASGI worker does in its process: a loop of the configured kind, and signals that reach it there."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .._asgi import AsgiService
from .._listen import Listeners
from .._log import Log
from .._loops import new_loop, run_to_end
from ..config import Config
from .lifeline import Lifeline
from .worker import obey_signals


def serve(
    application: Callable[..., Any], config: Config, listeners: Listeners, log: Log, lifeline: Lifeline, **more: Any
) -> None:
    """Serves until drained or stopped. A FreastalError, OSError or ValueError when it cannot begin."""

    async def main() -> None:
        def report_ready() -> None:
            lifeline.report_ready("asgi")

        loop = asyncio.get_running_loop()
        service = AsgiService(application, config, listeners, log, report_ready, **more)
        with _woken_by_signals(loop):
            drain, stop, renew = _in(loop, service.drain), _in(loop, service.stop), _in(loop, service.renew)
            obey_signals(lifeline, drain, stop, renew, config.graceful_timeout)
            await service.run()

    run_to_end(new_loop(config.loop), main())


def _in(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> Callable[[], None]:
    """`call` by the loop, for a signal handler; after the end nobody needs to be told to end."""

    def soon() -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(call)

    return soon


@contextmanager
def _woken_by_signals(loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """A signal ends the loop's sleep, also one that comes in the moment before it; where the loop does not see to it.

    asyncio's does only once it was given a signal handler, and handlers of ours must outlive the loop.
    """
    reader, writer = socket.socketpair()
    with reader, writer:
        reader.setblocking(False)
        writer.setblocking(False)
        theirs = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        if theirs != -1:
            signal.set_wakeup_fd(theirs, warn_on_full_buffer=False)
        loop.add_reader(reader, reader.recv, 4096)
        try:
            yield
        finally:
            loop.remove_reader(reader)
            last = signal.set_wakeup_fd(-1)
            if last != writer.fileno():
                signal.set_wakeup_fd(last, warn_on_full_buffer=False)
