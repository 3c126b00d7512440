"""Server: a worker in a thread of this process, for tests, notebooks and embedding. serve: a server of processes."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ._listen import Listeners
from ._load import load
from ._log import Log
from ._worker import open_access_log, open_worker, run
from .config import Config, config_from
from .errors import FreastalError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from . import _core

_STOP_S = 5.0
"""How long a worker that was stopped may take to come back from the application."""


class Server:
    """Serves an application from this process.

    `application` is the object itself or "module:attribute". Options of Config may be given by name, over `config`;
    those about processes (workers, preload, pid, chdir) mean nothing here.
    """

    def __init__(self, application: object, config: Config | None = None, **options: Any) -> None:
        self.application = application
        self.config = config_from(config, options)

    @contextmanager
    def running(self) -> Iterator[str]:
        """Serves from a thread until the block ends, and gives the URL to reach it at.

        Open requests are finished at the end, within graceful_timeout; then everything is closed. The application
        is called in that thread, so it must not install signal handlers.
        """
        log = Log(self.config.log_level, self.config.error_logfile)
        try:
            application, interface = load(self.application, self.config)
            listeners = Listeners(self.config, slots=1)
            try:
                thread = _WorkerThread(application, interface, self.config, listeners, log)
                thread.start()
                try:
                    thread.wait_until_serving()
                    yield listeners.urls[0]
                finally:
                    thread.finish(self.config.graceful_timeout)
            finally:
                listeners.close()
        finally:
            log.close()


class _WorkerThread(threading.Thread):
    """Opens, runs and closes a worker, all in one thread: a worker belongs to the thread that runs it."""

    def __init__(
        self, application: Callable[..., Any], interface: str, config: Config, listeners: Listeners, log: Log
    ) -> None:
        super().__init__(name="freastal-worker", daemon=True)
        self._making = (application, interface, config, listeners, log)
        self._opened = threading.Event()
        self._worker: _core.Worker | None = None
        self._failure: BaseException | None = None

    def run(self) -> None:
        application, interface, config, listeners, log = self._making
        access_fd = -1
        try:
            access_fd = open_access_log(config)
            binds = listeners.core_binds(0)
            self._worker = open_worker(application, interface, config, binds, log, access_fd=access_fd)
            self._opened.set()
            run(self._worker, listeners)
        except BaseException as error:
            self._failure = error
        finally:
            self._opened.set()
            if access_fd > 2:
                os.close(access_fd)

    def wait_until_serving(self) -> None:
        """The sockets listen already, so once the worker is there a client that connects is served."""
        self._opened.wait()
        if self._worker is None and self._failure is not None:
            raise self._failure

    def finish(self, graceful_s: float) -> None:
        """Drains, then stops what is left; raises what ended the worker early."""
        if self._worker is None:
            self.join()
            return
        self._worker.pause()
        self.join(graceful_s)
        self._worker.stop()
        self.join(_STOP_S)
        if self.is_alive():
            raise FreastalError("the application has not returned from a request, so its thread was left behind")
        self._worker.close()
        if self._failure is not None:
            raise self._failure


def serve(
    application: object,
    host: str | None = None,
    port: int | None = None,
    workers: int | None = None,
    config: Config | None = None,
    **options: Any,
) -> None:
    """Serves until told to stop by a signal, from worker processes that are kept alive.

    The workers are forked from this process, so call it from the main thread, before other threads are started.
    Raises a FreastalError when the server cannot run.
    """
    from ._supervisor import supervise

    given = {"host": host, "port": port, "workers": workers}
    options.update((name, value) for name, value in given.items() if value is not None)
    supervise(application, config_from(config, options))
