"""A worker that is turned step by step, with its peers in the same thread; and what may be done to it."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable
from typing import Any

import freastal
from freastal import _core

BATCH = 50
"""Requests sent at once."""
QUIET_TURNS = 10
"""After which nothing more is to be expected."""
CLIENTS = 256
"""How many clients the scopes of ASGI remember, by the last bits of their port."""
PORT_MIN = 1 << 14

GET = b"GET /some/path?query=string HTTP/1.1\r\nHost: localhost\r\nX-Other: value\r\n\r\n"
LAST_GET = GET[:-2] + b"Connection: close\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n" + b"x" * 1000
CHUNKED = b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
CHUNKED += b"3e8\r\n" + b"x" * 1000 + b"\r\n0\r\n\r\n"
FIELDS = GET[:-2] + b"".join(b"X-%d: y\r\nCookie: c\r\nA_%d: b\r\n" % (i, i) for i in range(25)) + b"\r\n"


def bind_to_remainder(peer: socket.socket, remainder: int) -> None:
    """Takes a free port that has this remainder by CLIENTS."""
    for port in range(PORT_MIN + remainder, 1 << 16, CLIENTS):
        try:
            return peer.bind(("127.0.0.1", port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
    raise AssertionError("all ports are in use")


class Scene:
    """A worker that is turned here, and what the scenario asks of it.

    The first connections come from a port of each remainder, so that after them the scopes remember as many clients
    as they ever will.
    """

    def __init__(self, application: Any, **options: Any) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.listener.setblocking(False)
        bind = (self.listener.fileno(), "127.0.0.1", self.listener.getsockname()[1], False)
        settings = {"interface": "wsgi", "limits": {}, "log_exception": self.on_failure, **options}
        new_loop = settings.pop("new_loop", None)
        self.loop: asyncio.AbstractEventLoop | None = new_loop() if new_loop else None
        if self.loop is not None:
            settings["loop"] = self.loop
        self.worker = _core.Worker(application, binds=[bind], **settings)
        self.worker.start()
        self.failures = 0
        self.remainders = list(range(CLIENTS))
        self.peer = self.connect()

    def on_failure(self, sentence: str, error: BaseException) -> None:
        self.failures += 1

    def connect(self) -> socket.socket:
        peer = socket.socket()
        if self.remainders:
            bind_to_remainder(peer, self.remainders.pop())
        peer.connect(self.listener.getsockname())
        peer.setblocking(False)
        return peer

    def turn(self, timeout_ms: int = 0) -> None:
        """Of the worker, or of the loop that it lives in or is a guest of."""
        if self.loop is None or not isinstance(self.loop, freastal.EventLoop):
            self.worker.turn(timeout_ms if self.loop is None else 0)
        if self.loop is not None:
            self.loop.call_soon(self.loop.stop)
            self.loop.run_forever()

    def answer(self, request: bytes, rounds: int, requests_each: int = 1) -> None:
        """Sends the request so often on one connection, and reads the answers."""
        for done in range(0, rounds, BATCH):
            batch = min(BATCH, rounds - done)
            self.ask(request * batch, batch * requests_each)
        self.settle()

    def ask(self, requests: bytes, count: int) -> int:
        """Sends so many requests, and reads the answers; how much came of them."""
        wanted, heard = self.worker.stats()["requests_begun"] + count, 0
        left = memoryview(requests)
        while left or self.worker.stats()["requests_begun"] < wanted or self.worker.stats()["requests_open"]:
            try:
                left = left[self.peer.send(left) :]
            except BlockingIOError:
                pass
            self.turn()
            heard += self.read()
        return heard

    def settle(self) -> None:
        """Until all that was answered is on its way, and what goes on after an answer has ended."""
        quiet = 0
        while quiet < QUIET_TURNS:
            sent = self.worker.stats()["bytes_sent"]
            self.turn(1)
            self.read()
            tasks = self.loop is not None and asyncio.all_tasks(self.loop)
            quiet = 0 if tasks or self.worker.stats()["bytes_sent"] != sent else quiet + 1

    def read(self) -> int:
        heard = 0
        try:
            while more := len(self.peer.recv(1 << 20)):
                heard += more
        except BlockingIOError:
            pass
        return heard

    def on_new_connections(self, request: bytes, rounds: int, reset: bool = False) -> None:
        """Each request on a connection of its own, which the peer leaves when it has been begun."""
        for _ in range(rounds):
            received = self.worker.stats()["bytes_received"]
            with self.connect() as peer:
                peer.send(request)
                while self.worker.stats()["bytes_received"] == received:
                    self.turn(-1)
                if reset:
                    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            while self.worker.stats()["connections_open"] > 1:
                self.turn(-1)
        self.settle()

    def close(self) -> None:
        self.peer.close()
        self.worker.close()
        self.listener.close()
        if self.loop is not None:
            self.loop.close()


Round = Callable[[Scene, int], None]


def repeating(request: bytes) -> Round:
    return lambda scene, rounds: scene.answer(request, rounds)


def connecting(request: bytes, reset: bool = False) -> Round:
    return lambda scene, rounds: scene.on_new_connections(request, rounds, reset)
