"""A worker in a thread of this process, for Server.running(): opened, run and closed all in that thread."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from ._listen import Listeners
from ._log import Log
from ._tls import CoreTls
from ._worker import access_log, open_worker, run
from .config import Config
from .errors import FreastalError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from . import _core
    from ._asgi import AsgiService

_STOP_S = 5.0
"""How long a worker that was stopped may take to come back from the application."""


class WorkerThread(ABC, threading.Thread):
    """Serves from start() to finish(). A failure before that is raised by wait_until_serving, a later one by finish."""

    def __init__(
        self,
        application: Callable[..., Any],
        config: Config,
        listeners: Listeners,
        log: Log,
        tls: CoreTls | None = None,
    ) -> None:
        super().__init__(name="freastal-worker", daemon=True)
        self._application = application
        self._config = config
        self._listeners = listeners
        self._log = log
        self._tls = tls
        self._began = threading.Event()
        """It is serving, or never will."""
        self._served = False
        self._failure: BaseException | None = None

    def run(self) -> None:
        try:
            with access_log(self._config) as access_fd:
                self._serve(access_fd)
        except BaseException as error:
            self._failure = error
        finally:
            self._began.set()

    def wait_until_serving(self) -> None:
        """The sockets listen already, so once the worker is there a client that connects is served."""
        self._began.wait()
        if not self._served and self._failure is not None:
            raise self._failure

    def finish(self) -> None:
        """Drains, then stops what is left; raises what ended the worker early."""
        if not self._served:
            self.join()
            return
        self._end()
        if self.is_alive():
            raise FreastalError("the application has not returned from a request, so its thread was left behind")
        self._close()
        if self._failure is not None:
            raise self._failure

    def _serving(self) -> None:
        """To be called by _serve once clients are served."""
        self._served = True
        self._began.set()

    @abstractmethod
    def _serve(self, access_fd: int) -> None: ...

    @abstractmethod
    def _end(self) -> None:
        """Has _serve return, or gives up waiting for that."""

    def _close(self) -> None:
        """What is left to be done once the thread has ended."""


class WsgiThread(WorkerThread):
    """The loop is the worker's own."""

    _worker: _core.Worker

    def _serve(self, access_fd: int) -> None:
        binds = self._listeners.core_binds(0)
        more: dict[str, Any] = {"tls": self._tls, "access_fd": access_fd}
        self._worker = open_worker(self._application, "wsgi", self._config, binds, self._log, **more)
        self._serving()
        run(self._worker, self._listeners)

    def _end(self) -> None:
        self._worker.pause()
        self.join(self._config.graceful_timeout)
        self._worker.stop()
        self.join(_STOP_S)

    def _close(self) -> None:
        self._worker.close()


class AsgiThread(WorkerThread):
    """The loop is the one that is configured."""

    _service: AsgiService

    def _serve(self, access_fd: int) -> None:
        from ._loops import new_loop, run_to_end

        self._loop = new_loop(self._config.loop)
        run_to_end(self._loop, self._main(access_fd))

    async def _main(self, access_fd: int) -> None:
        from ._asgi import AsgiService

        parts = self._application, self._config, self._listeners, self._log
        self._service = AsgiService(*parts, self._serving, tls=self._tls, access_fd=access_fd)
        await self._service.run()

    def _end(self) -> None:
        graceful_s = self._config.graceful_timeout
        try:
            self._loop.call_soon_threadsafe(self._service.drain, graceful_s)
        except RuntimeError:
            pass  # The loop is closed: the worker has ended before it was told to.
        self.join(2 * graceful_s + _STOP_S)  # open requests, and then the application's shutdown
