"""What one worker does, from load to exit code."""

from __future__ import annotations

import atexit
import os
import resource
import signal
import sys
from collections.abc import Callable
from typing import Any

from .. import _core
from .._listen import Listeners
from .._load import describe, load
from .._log import Log
from .._tls import CoreTls, Renewal
from .._worker import open_worker, run
from ..config import Config
from ..errors import BootError, FreastalError
from .lifeline import Lifeline

_OTHER_DESCRIPTORS = 256
"""What an application may have open beside its connections."""


class Job:
    """What all workers of a server have in common. `run` is what a forked one does."""

    def __init__(self, target: object, config: Config, listeners: Listeners, log: Log) -> None:
        self.target = target
        self.name = target if isinstance(target, str) else describe(target)
        self.config = config
        self.listeners = listeners
        self.log = log
        self.access_fd = -1
        self.loaded: tuple[Callable[..., Any], str] | None = None
        """The application and its interface when it was loaded before the fork."""
        self.tls: CoreTls | None = None
        """Of all workers, with memory that they share; None: plain."""
        self.stats: Any = None
        """A writable buffer with a slot of counters for each worker."""

    def run(self, slot: int, lifeline: Lifeline) -> int:
        """Serves until drained or stopped; the exit code of the process."""
        self.listeners.keep_only(slot)
        if self.config.umask is not None:
            os.umask(self.config.umask)
        allow_descriptors(self.config.limit_concurrency + _OTHER_DESCRIPTORS)
        try:
            application, interface = self.loaded or load(self.target, self.config)
            if interface == "asgi":
                return self._serve_asgi(slot, lifeline, application)
            worker = self._open(slot, application)
        except FreastalError as error:
            lifeline.report_failure(error.exit_code, str(error))
            return error.exit_code
        except (OSError, ValueError) as error:
            if lifeline.reported:
                raise
            lifeline.report_failure(BootError.exit_code, f"a worker could not be set up: {error}")
            return BootError.exit_code
        signal.set_wakeup_fd(worker.wakeup_fd, warn_on_full_buffer=False)
        renewal = Renewal(worker, self.log)
        obey_signals(lifeline, renewal.end, worker.stop, renewal.ask, self.config.graceful_timeout)
        lifeline.report_ready(interface)
        run(worker, self.listeners, renewal)
        signal.set_wakeup_fd(-1)  # The descriptor goes with the worker; its number may be a file's then.
        worker.close()
        return 0

    def _serve_asgi(self, slot: int, lifeline: Lifeline, application: Callable[..., Any]) -> int:
        from .asgi_worker import serve

        more: dict[str, Any] = {
            "slot": slot,
            "tls": self.tls,
            "access_fd": self.access_fd,
            "stats": self._stats_of(slot),
        }
        serve(application, self.config, self.listeners, self.log, lifeline, **more)
        return 0

    def _open(self, slot: int, application: Callable[..., Any]) -> _core.Worker:
        more: dict[str, Any] = {"tls": self.tls, "access_fd": self.access_fd, "stats": self._stats_of(slot)}
        return open_worker(application, "wsgi", self.config, self.listeners.core_binds(slot), self.log, **more)

    def _stats_of(self, slot: int) -> memoryview | None:
        if self.stats is None:
            return None
        return memoryview(self.stats)[slot * _core.STATS_BYTES : (slot + 1) * _core.STATS_BYTES]


def obey_signals(
    lifeline: Lifeline,
    drain: Callable[[], None],
    stop: Callable[[], None],
    renew: Callable[[], None],
    graceful_s: float,
) -> None:
    """TERM drains, QUIT stops now. INT and HUP are for the server alone, though a terminal sends them to all.

    A worker whose server is gone drains as well, and has nobody but its own alarm to stop it in the end.
    """

    def on_term(*_: object) -> None:
        drain()

    def on_quit(*_: object) -> None:
        stop()

    def on_lost() -> None:
        signal.signal(signal.SIGALRM, on_quit)
        signal.setitimer(signal.ITIMER_REAL, max(graceful_s, 0.001))
        drain()

    signal.signal(signal.SIGTERM, on_term)
    signal.signal(signal.SIGQUIT, on_quit)
    lifeline.watch(on_lost, renew)


def allow_descriptors(wanted: int) -> None:
    """Raises the soft limit of open files as far as is wanted and allowed: it is 1024 by tradition."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def leave(code: int) -> None:
    """Ends a forked worker as the interpreter would end, but without unwinding the frames of the server below it."""
    try:
        if "threading" in sys.modules:
            # Joins the threads that are not daemons, as the interpreter does; typeshed does not know it.
            shutdown: Callable[[], None] = getattr(sys.modules["threading"], "_shutdown")  # noqa: B009
            shutdown()
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    finally:
        os._exit(code)
