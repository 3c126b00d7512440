"""What ties a worker to the server: its reports go up, and the end of it tells the worker that the server is gone.

A pair of sockets for each worker. That the server's end is closed, however the server went, the kernel signals to the
worker (SIGIO): no thread waits for it, and the worker's loop need not know. PR_SET_PDEATHSIG would be Linux only.

A report is "ready INTERFACE" on a line, or "failed CODE" on a line with the reason after it. What comes down is a byte,
any, which asks for certificates to be read again: a signal that says so would also reach the worker from a terminal.
"""

from __future__ import annotations

import fcntl
import os
import signal
import socket
from collections.abc import Callable


class Lifeline:
    """Made before the fork. Each process keeps its own end by calling keep_upper (server) or keep_lower (worker)."""

    def __init__(self) -> None:
        self._upper, self._lower = socket.socketpair()
        self._received = b""
        self.reported = False
        """In the worker: whether it has said anything yet. Only the first report counts."""

    def keep_upper(self) -> None:
        self._lower.close()
        self._upper.setblocking(False)

    def keep_lower(self) -> None:
        self._upper.close()

    def close(self) -> None:
        self._upper.close()
        self._lower.close()

    # In the server.

    def fileno(self) -> int:
        return self._upper.fileno()

    def receive(self) -> bool:
        """Takes what has come; False at the end."""
        try:
            while piece := self._upper.recv(65536):
                self._received += piece
        except BlockingIOError:
            return True
        except ConnectionError:
            return False
        return False

    @property
    def interface(self) -> str:
        """What the worker serves; empty as long as it has not said that it is ready."""
        line, end, _ = self._received.partition(b"\n")
        return line[6:].decode() if end and line.startswith(b"ready ") else ""

    @property
    def failure(self) -> tuple[int, str] | None:
        """The exit code and the reason of a worker that said why it could not begin."""
        line, _, reason = self._received.partition(b"\n")
        return (int(line[7:]), reason.decode("utf-8", "replace")) if line.startswith(b"failed ") else None

    def ask_to_renew(self) -> None:
        """Has the worker do what it was told to do then, once or more, also when it is only about to watch."""
        try:
            self._upper.send(b"\n")
        except OSError:
            return  # It has not read what was said before, or is gone.

    # In the worker.

    def report_ready(self, interface: str) -> None:
        self._send(f"ready {interface}\n")

    def report_failure(self, code: int, reason: str) -> None:
        self._send(f"failed {code}\n{reason}")

    def watch(self, on_lost: Callable[[], None], on_renew: Callable[[], None]) -> None:
        """`on_lost` is called, from a signal handler, when the server has ended; `on_renew` when it asks for that."""
        self._lower.setblocking(False)

        def check(*_: object) -> None:
            word = b"renew"
            while word:
                try:
                    word = self._lower.recv(4096)
                except BlockingIOError:
                    return
                except ConnectionError:
                    word = b""
                (on_renew if word else on_lost)()

        signal.signal(signal.SIGIO, check)
        fd = self._lower.fileno()
        fcntl.fcntl(fd, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) | os.O_ASYNC)
        check()

    def _send(self, report: str) -> None:
        self.reported = True
        try:
            self._lower.sendall(report.encode("utf-8", "backslashreplace"))
        except ConnectionError:
            return  # Nobody is left to tell; watch finds out as well.
