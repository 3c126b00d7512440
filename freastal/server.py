"""Server: a worker in this process, for tests, notebooks and embedding. serve: a server of processes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ._listen import Listeners
from ._load import load
from ._log import Log
from ._tls import open_tls
from ._worker import access_log
from .config import Config, config_from
from .errors import FreastalError, LoadError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio

    from ._asgi import AsgiService


class Server:
    """Serves an application from this process: serve() inside a running event loop, running() from a thread.

    `application` is the object itself or "module:attribute". Options of Config may be given by name, over `config`;
    those about processes (workers, preload, pid, chdir) mean nothing here, and `loop` nothing to serve().
    """

    def __init__(self, application: object, config: Config | None = None, **options: Any) -> None:
        self.application = application
        self.config = config_from(config, options)
        self.started = False
        """Whether serve() accepts requests at this moment."""
        self.urls: list[str] = []
        """Where, as long as it does."""
        self._service: AsgiService | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: list[asyncio.Future[str]] = []
        self._should_exit = False

    @property
    def should_exit(self) -> bool:
        """Set it, from any thread or signal handler, to have serve() finish what is open and return."""
        return self._should_exit

    @should_exit.setter
    def should_exit(self, wanted: bool) -> None:
        self._should_exit = wanted
        if wanted and self._service is not None and self._loop is not None:
            self._loop.call_soon_threadsafe(self._service.drain, self.config.graceful_timeout)

    async def serve(self) -> None:
        """Serves an ASGI application in the running loop until it is cancelled, or should_exit is set.

        Either way open requests are finished within graceful_timeout, and then the application's shutdown is run;
        to cancel it a second time ends the wait. No signal handlers are installed: signals are the loop's owner's.
        Raises a FreastalError when it cannot begin.
        """
        from asyncio import get_running_loop

        from ._asgi import AsgiService

        if self._loop is not None:
            raise RuntimeError("this server is serving already")
        self._loop = get_running_loop()
        log = None
        try:
            log = Log(self.config.log_level, self.config.error_logfile)
            application, interface = load(self.application, self.config)
            if interface != "asgi":
                raise LoadError("an event loop can serve ASGI only; for WSGI use Server(application).running()")
            tls = open_tls(self.config, log)
            with access_log(self.config) as access_fd, Listeners(self.config, slots=1) as listeners:
                parts = application, self.config, listeners, log, lambda: self._begin(listeners.urls)
                self._service = AsgiService(*parts, tls=tls, access_fd=access_fd)
                if self._should_exit:
                    self._service.drain(self.config.graceful_timeout)
                await self._service.run()
        except Exception as error:
            self._tell(error)
            raise
        finally:
            self.started, self.urls = False, []
            self._service, self._loop, self._should_exit = None, None, False
            self._tell(FreastalError("the server was told to stop before it had started"))
            if log is not None:
                log.close()

    async def wait_started(self) -> str:
        """Waits until serve(), which runs as another task, accepts requests; the URL to reach it at.

        Raises what keeps it from that.
        """
        from asyncio import get_running_loop

        if self.started:
            return self.urls[0]
        self._waiting.append(get_running_loop().create_future())
        return await self._waiting[-1]

    def _begin(self, urls: list[str]) -> None:
        self.started, self.urls = True, urls
        self._tell(None)

    def _tell(self, error: Exception | None) -> None:
        """Answers those in wait_started."""
        for future in self._waiting:
            if future.done():
                continue
            if error is None:
                future.set_result(self.urls[0])
            else:
                future.set_exception(error)
        self._waiting.clear()

    @contextmanager
    def running(self) -> Iterator[str]:
        """Serves from a thread until the block ends, and gives the URL to reach it at.

        Open requests are finished at the end, within graceful_timeout; then everything is closed. The application
        is called in that thread, so it must not install signal handlers. For ASGI the thread runs a loop of its own.
        """
        from ._threads import AsgiThread, WsgiThread

        log = Log(self.config.log_level, self.config.error_logfile)
        try:
            application, interface = load(self.application, self.config)
            tls = open_tls(self.config, log)
            with Listeners(self.config, slots=1) as listeners:
                kind = AsgiThread if interface == "asgi" else WsgiThread
                thread = kind(application, self.config, listeners, log, tls)
                thread.start()
                try:
                    thread.wait_until_serving()
                    yield listeners.urls[0]
                finally:
                    thread.finish()
        finally:
            log.close()


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


def serve_asgi(
    application: object,
    host: str | None = None,
    port: int | None = None,
    workers: int | None = None,
    config: Config | None = None,
    **options: Any,
) -> None:
    """The same for an application that is ASGI, though it may not look like it."""
    serve(application, host, port, workers, config, **{**options, "interface": "asgi"})
