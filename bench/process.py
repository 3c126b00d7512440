"""A server under measurement: started on one core, asked what it has cost, stopped.

CPU time is the scheduler's own count in nanoseconds (/proc/PID/task/*/schedstat), summed over the process
and its children; memory is what the kernel counts as theirs alone or shared (PSS). Linux only.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

SERVER_CORE = 0
LOAD_CORE = max(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1


def free_port() -> int:
    """A free port below the ephemeral range: asking one of that range before the server listens can connect
    a socket to itself, and take the port away."""
    while True:
        port = random.randrange(12_000, 30_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def client_context() -> ssl.SSLContext:
    """TLS 1.3 with whoever answers."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def request_bytes(method: str, path: str, body: bytes = b"") -> bytes:
    length = f"Content-Length: {len(body)}\r\n" if method == "POST" else ""
    return f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{length}\r\n".encode() + body


def read_answer(peer: socket.socket) -> tuple[int, bytes]:
    """One answer with Content-Length, chunked, or until the peer closes: its status and body bytes."""
    file = peer.makefile("rb")
    status = int(file.readline().split()[1])
    length, chunked = None, False
    while line := file.readline().strip():
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
        if name.lower() == b"transfer-encoding":
            chunked = b"chunked" in value.lower()
    if not chunked:
        return status, file.read() if length is None else file.read(length)
    body = b""
    while size := int(file.readline().split(b";")[0], 16):
        body += file.read(size)
        file.readline()
    file.readline()
    return status, body


class Process:
    """A running server and its children."""

    def __init__(self, command: list[str], port: int, tls: bool = False) -> None:
        self.port = port
        self.tls = client_context() if tls else None
        self.started = time.perf_counter()
        self.popen = subprocess.Popen(
            ["taskset", "-c", str(SERVER_CORE), *command],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env={name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"},
            cwd="/",  # so that no rival imports what lies in the folder of whoever measures
        )

    def ask(self, method: str, path: str, body: bytes = b"", timeout: float = 10.0) -> tuple[int, bytes]:
        with contextlib.ExitStack() as open_ones:
            peer = open_ones.enter_context(socket.create_connection(("127.0.0.1", self.port), timeout=timeout))
            if self.tls is not None:
                peer = open_ones.enter_context(self.tls.wrap_socket(peer))
            peer.sendall(request_bytes(method, path, body))
            return read_answer(peer)

    def wait_for_answer(self, path: str, timeout: float = 15.0) -> float:
        """Asks until the first answer comes; seconds since the start."""
        while True:
            with contextlib.suppress(OSError, IndexError):
                self.ask("GET", path)
                return time.perf_counter() - self.started
            if self.popen.poll() is not None:
                raise RuntimeError(f"ended with exit code {self.popen.returncode} before it answered")
            if time.perf_counter() - self.started > timeout:
                raise RuntimeError(f"no answer in {timeout:.0f} s")
            time.sleep(0.0005)

    def tree(self) -> list[int]:
        found = [self.popen.pid]
        for pid in found:
            for task in Path(f"/proc/{pid}/task").glob("*/children"):
                with contextlib.suppress(OSError):
                    found.extend(int(child) for child in task.read_text().split())
        return found

    def cpu_ns(self) -> int:
        total = 0
        for pid in self.tree():
            for task in Path(f"/proc/{pid}/task").glob("*/schedstat"):
                with contextlib.suppress(OSError):
                    total += int(task.read_text().split()[0])
        return total

    def memory_bytes(self) -> int:
        total = 0
        for pid in self.tree():
            with contextlib.suppress(OSError):
                for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                    if line.startswith("Pss:"):
                        total += int(line.split()[1]) * 1024
        return total

    def stop(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.popen.pid, signal.SIGTERM)
        try:
            self.popen.wait(5)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.popen.pid, signal.SIGKILL)
            self.popen.wait()


@contextlib.contextmanager
def running(command: list[str], port: int, tls: bool = False) -> Iterator[Process]:
    process = Process(command, port, tls)
    try:
        yield process
    finally:
        process.stop()
