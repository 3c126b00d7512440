"""A worker of the core in a thread, without the freastal package around it: what it logs is at hand."""

from __future__ import annotations

import queue
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from freastal import _core
from tests.support.http2_client import Http2Client
from tests.support.http2_websocket import Http2WebSocketPeer
from tests.support.server import TIMEOUT_S, Answer, RunningServer
from tests.support.websocket import WebSocketPeer

Failure = tuple[str, BaseException]


def listen(family: int = socket.AF_INET, address: Any = ("127.0.0.1", 0)) -> socket.socket:
    listener = socket.socket(family)
    listener.bind(address)
    listener.listen(64)
    listener.setblocking(False)
    return listener


def bind_of(listener: socket.socket) -> tuple[int, str, int, bool]:
    """A bind as Worker takes it."""
    if listener.family == socket.AF_UNIX:
        return listener.fileno(), listener.getsockname(), 0, True
    host, port = listener.getsockname()[:2]
    return listener.fileno(), host, port, False


class Gateway(RunningServer):
    """Serves an application; `failures` gets (sentence, exception) for each failure that was reported."""

    http = "1"
    """The version in which request() and websocket() ask."""

    def __init__(self, application: Any, listener: socket.socket | None = None, **options: Any) -> None:
        self.listener = listener or listen()
        self.failures: queue.SimpleQueue[Failure] = queue.SimpleQueue()
        self.raws: list[Raw] = []
        self.lines: queue.SimpleQueue[tuple[int, str]] = queue.SimpleQueue()
        settings: dict[str, Any] = {
            "interface": "wsgi",
            "binds": [bind_of(self.listener)],
            "limits": {},
            "log": lambda level, line: self.lines.put((level, line)),
            "log_exception": lambda sentence, error: self.failures.put((sentence, error)),
        }
        self.worker = _core.Worker(application, **{**settings, **options})
        self.ended: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        _, host, port, unix = bind_of(self.listener)
        host = f"[{host}]" if ":" in host else host
        super().__init__(f"unix:{host}" if unix else f"http://{host}:{port}")

    def _run(self) -> None:
        try:
            self.worker.run()
        except BaseException as error:
            self.ended.put(error)
        else:
            self.ended.put(None)

    def failure(self) -> Failure:
        """The next failure, waited for."""
        return self.failures.get(timeout=TIMEOUT_S)

    def expect_no_failure(self) -> None:
        """Nothing was reported up to now; an answered request comes in between, so that it would have been."""
        assert self.failures.empty(), self.failures.get()

    def request(self, method: str, path: str = "/", body: Any = None, headers: dict[str, str] | None = None) -> Answer:
        if self.http == "1":
            return super().request(method, path, body, headers)
        with self.client() as client:
            return client.request(method, path, body, headers)

    def client(self, **settings: int) -> Http2Client:
        """A client of HTTP/2, connected."""
        return Http2Client(self.connect()).open(**settings)

    def websocket(self) -> WebSocketPeer:
        """A connection for a WebSocket, which is not asked for yet."""
        return (WebSocketPeer if self.http == "1" else Http2WebSocketPeer)(self.connect())

    def send(self, text: str | bytes) -> Raw:
        """A connection on which this was sent."""
        self.raws.append(Raw(self.connect(), text))
        return self.raws[-1]

    def close(self) -> None:
        for raw in self.raws:
            raw.close()
        self.worker.stop()
        self.thread.join(TIMEOUT_S)
        assert not self.thread.is_alive()
        self.worker.close()
        self.listener.close()


class Raw:
    """A socket that is written to and read from byte by byte."""

    def __init__(self, connection: socket.socket, text: str | bytes = b"") -> None:
        self.connection = connection
        self.buffer = b""
        self.send(text)

    def send(self, text: str | bytes) -> None:
        self.connection.sendall(text.encode("latin-1") if isinstance(text, str) else text)

    def read_until(self, end: bytes) -> bytes:
        """What comes up to and including `end`."""
        while end not in self.buffer:
            more = self.connection.recv(65536)
            assert more, f"closed before {end!r}: {self.buffer!r}"
            self.buffer += more
        found, self.buffer = (
            self.buffer[: self.buffer.index(end) + len(end)],
            self.buffer[self.buffer.index(end) + len(end) :],
        )
        return found

    def read_to_end(self) -> bytes:
        """All that comes until the server closes; a reset counts as a close."""
        try:
            while more := self.connection.recv(65536):
                self.buffer += more
        except ConnectionResetError:
            pass
        found, self.buffer = self.buffer, b""
        return found

    def read_head(self) -> str:
        return self.read_until(b"\r\n\r\n").decode("latin-1")

    def close(self) -> None:
        self.connection.close()

    def reset(self) -> None:
        """Closes so that the server sees a reset."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.connection.close()


@contextmanager
def serving(application: Any, **options: Any) -> Iterator[Gateway]:
    gateway = Gateway(application, **options)
    try:
        yield gateway
    finally:
        gateway.close()


@contextmanager
def driven(application: Any, **options: Any) -> Iterator[tuple[Any, Callable[[], socket.socket]]]:
    """(worker, connect): a worker that accepts, and that only the caller turns."""
    listener = listen()
    worker = _core.Worker(application, **{"interface": "wsgi", "binds": [bind_of(listener)], "limits": {}, **options})
    worker.start()
    try:
        yield worker, lambda: socket.create_connection(listener.getsockname(), TIMEOUT_S)
    finally:
        worker.close()
        listener.close()


def plain(*body: bytes, status: str = "200 OK", headers: list[tuple[str, str]] | None = None) -> Callable[..., Any]:
    """An application that always answers with this list."""

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        start_response(status, list(headers or []))
        return list(body)

    return application


class Recorder:
    """An application that keeps its environs and answers 200."""

    def __init__(self) -> None:
        self.environs: list[dict[str, Any]] = []

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        self.environs.append(environ)
        start_response("200 OK", [])
        return [b"ok"]

    def seen(self, gateway: Gateway, path: str = "/", method: str = "GET", **more: Any) -> dict[str, Any]:
        """The environ of this request."""
        assert gateway.request(method, path, **more).status == 200
        return self.environs[-1]

    def seen_raw(self, gateway: Gateway, text: str | bytes) -> dict[str, Any]:
        """The environ of this head, as it stands."""
        raw = gateway.send(text)
        assert raw.read_head().startswith("HTTP/1.")
        raw.close()
        return self.environs[-1]


__all__ = [
    "Answer",
    "Failure",
    "Gateway",
    "Raw",
    "Recorder",
    "bind_of",
    "driven",
    "listen",
    "plain",
    "serving",
]
