"""Servers for tests: one in this process (serve_here) or the command in its own (launch), and how to reach them.

With a context of ssl a server is reached over TLS by peers and requests; `connect` is the bare socket in any case.

Nothing here waits by sleeping: a server has started when it says so, and its log is waited for line by line.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPMessage
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import urlsplit

import freastal

if TYPE_CHECKING:
    import ssl

    from tests.support.peer import Peer
    from tests.support.tls import TlsSocket

CHECKOUT = Path(__file__).resolve().parents[2]
# Where commands start and what they import from. Not the checkout when another build is tested: tools/sanitized.
ROOT = Path(os.environ.get("FREASTAL_TEST_ROOT") or CHECKOUT)
BASIC = "tests.support.apps.basic:app"
TIMEOUT_S = 20


@dataclass
class Answer:
    """A response, whole."""

    status: int
    headers: HTTPMessage
    body: bytes


class RunningServer:
    """A server that can be reached at `url`: http://host:port, https://host:port or unix:path."""

    def __init__(self, url: str, context: ssl.SSLContext | None = None) -> None:
        self.url = url
        self.context = context
        self.path = url[5:] if url.startswith("unix:") else ""
        parts = urlsplit(url)
        self.host = "" if self.path else parts.hostname or ""
        self.port = 0 if self.path else parts.port or 80

    def connect(self, timeout: float = TIMEOUT_S) -> socket.socket:
        """A connected socket."""
        if not self.path:
            return socket.create_connection((self.host, self.port), timeout)
        connected = socket.socket(socket.AF_UNIX)
        connected.settimeout(timeout)
        connected.connect(self.path)
        return connected

    def tls(
        self,
        context: ssl.SSLContext | None = None,
        *,
        server_name: str | None = "localhost",
        session: ssl.SSLSession | None = None,
    ) -> TlsSocket:
        """A connected socket below a client of TLS that has said nothing yet."""
        from tests.support.tls import TlsSocket

        trusted = context or self.context
        assert trusted, "this server speaks no TLS"
        return TlsSocket(self.connect(), trusted, server_name, session)

    def peer(self) -> Peer:
        """A scripted peer, connected; over TLS if that is what is spoken."""
        from tests.support.peer import Peer

        return Peer(self.tls().handshake() if self.context else self.connect())

    def request(self, method: str, path: str = "/", body: Any = None, headers: dict[str, str] | None = None) -> Answer:
        """One request on a connection of its own."""
        connection = HTTPConnection(self.host or "localhost", self.port, timeout=TIMEOUT_S)
        connection.sock = self.connect()
        if self.context:
            connection.sock = self.context.wrap_socket(connection.sock, server_hostname="localhost")
        try:
            connection.request(method, path, body, {"Connection": "close", **(headers or {})})
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def get(self, path: str = "/", **headers: str) -> Answer:
        return self.request("GET", path, headers=headers)


class LaunchedServer(RunningServer):
    """The command in a process of its own. What it writes to stderr is its log."""

    def __init__(
        self, arguments: list[str], cwd: Path, environment: dict[str, str], context: ssl.SSLContext | None = None
    ) -> None:
        self.context = context
        self.process = subprocess.Popen(
            [sys.executable, "-m", "freastal", *arguments],
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )
        self._clients: list[socket.socket] = []
        self.lines: list[str] = []
        self.output_lines: list[str] = []
        self._changed = threading.Condition()
        self._reading = 2
        self._readers = [
            threading.Thread(target=self._read, args=(stream, lines), daemon=True)
            for stream, lines in ((self.process.stderr, self.lines), (self.process.stdout, self.output_lines))
        ]
        for reader in self._readers:
            reader.start()

    def connect(self, timeout: float = TIMEOUT_S) -> socket.socket:
        """A connected socket, closed with the server at the latest."""
        client = super().connect(timeout)
        self._clients.append(client)
        return client

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def log(self) -> str:
        """What it has written to stderr so far."""
        return "".join(self.lines)

    def wait_until_serving(self) -> None:
        """Until the start-up line; an AssertionError with the log when there will be none."""
        line = self.wait_for_log(r"serving \S+ at (\S+?),? .*\((\d+) workers?, \w+, pid \d+\)")
        super().__init__(line[1], self.context)

    def wait_for_log(self, pattern: str, *, since: int = 0, timeout: float = TIMEOUT_S) -> re.Match[str]:
        """The first line on stderr, from number `since` on, that matches."""
        return self._wait_for(self.lines, pattern, since, timeout)

    def wait_for_output(self, pattern: str, *, since: int = 0, timeout: float = TIMEOUT_S) -> re.Match[str]:
        """The same on stdout."""
        return self._wait_for(self.output_lines, pattern, since, timeout)

    def worker_pids(self) -> list[int]:
        """The processes of the workers that live now, as the kernel sees them."""
        command = ["pgrep", "-P", str(self.pid)]
        found = subprocess.run(command, env=tool_environment(), capture_output=True, text=True, check=False)
        return sorted(int(pid) for pid in found.stdout.split())

    def send(self, number: int) -> None:
        os.kill(self.pid, number)

    def wait(self, timeout: float = TIMEOUT_S) -> int:
        """The exit code, once it has ended and its log is complete."""
        code = self.process.wait(timeout)
        for reader in self._readers:
            reader.join(timeout)
        return code

    def stop(self, number: int = signal.SIGTERM, timeout: float = TIMEOUT_S) -> int:
        if self.process.poll() is None:
            self.send(number)
        return self.wait(timeout)

    def close(self) -> None:
        """Ends it in any case: a second interrupt kills the workers too."""
        for _ in range(2):
            if self.process.poll() is None:
                self.send(signal.SIGINT)
        try:
            self.wait()
        finally:
            self.process.kill()
            self.process.wait()
            for client in self._clients:
                client.close()

    def _wait_for(self, lines: list[str], pattern: str, since: int, timeout: float) -> re.Match[str]:
        expression = re.compile(pattern)

        def search() -> re.Match[str] | None:
            return next((found for line in lines[since:] if (found := expression.search(line))), None)

        with self._changed:
            self._changed.wait_for(lambda: search() or not self._reading, timeout)
            found = search()
        assert found, f"no line matches {pattern!r} in the log:\n{self.log}"
        return found

    def _read(self, stream: IO[str], lines: list[str]) -> None:
        with stream:
            for line in stream:
                with self._changed:
                    lines.append(line)
                    self._changed.notify_all()
        with self._changed:
            self._reading -= 1
            self._changed.notify_all()


def command_environment(**more: str) -> dict[str, str]:
    """The environment of a command: its output unbuffered, and the tests importable."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    return {**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1", **more}


def tool_environment() -> dict[str, str]:
    """The environment of programs that are not ours: a preloaded sanitizer is meant for freastal, and hangs them."""
    return {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}


@contextmanager
def launch(
    application: str = BASIC,
    *arguments: str,
    bind: str | None = "127.0.0.1:0",
    cwd: Path = ROOT,
    environment: dict[str, str] | None = None,
    context: ssl.SSLContext | None = None,
    wait: bool = True,
) -> Iterator[LaunchedServer]:
    """The command `freastal application arguments...`, serving unless `wait` is false; ended if it still runs."""
    binding = ["--bind", bind] if bind else []
    variables = command_environment(**(environment or {}))
    server = LaunchedServer([application, *binding, *arguments], cwd, variables, context)
    try:
        if wait:
            server.wait_until_serving()
        yield server
    finally:
        server.close()


def run_command(
    *arguments: str, cwd: Path = ROOT, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """The command `freastal arguments...` that ends by itself."""
    return subprocess.run(
        [sys.executable, "-m", "freastal", *arguments],
        cwd=cwd,
        env=command_environment(**(environment or {})),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


@contextmanager
def serve_here(
    application: object = BASIC, context: ssl.SSLContext | None = None, **options: Any
) -> Iterator[RunningServer]:
    """A server in a thread of this process, on a free port unless `bind` says otherwise."""
    if "bind" not in options:
        options.setdefault("port", 0)
    with freastal.Server(application, **options).running() as url:
        yield RunningServer(url, context)
