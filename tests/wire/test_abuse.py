"""Peers that misbehave all at once: nobody gets another's answer, nothing stays open, and the server serves on.

What each peer does comes from a seeded generator; only how they meet in the server differs from run to run. With
sanitizers (tools/sanitized) this is where re-entrancy and lifetimes are tried out.
"""

from __future__ import annotations

import gc
import os
import random
import socket
import struct
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.peer import Peer
from tests.support.server import RunningServer, serve_here

PEERS = 8
MISDEEDS = 40
CUT = ["/fail-midway", "/short"]
FAILING = ["/fail", "/none"]
PATHS = ["/echo"] * 6 + ["/stream", "/write", "/file"] + CUT + FAILING


def app(environ: dict[str, Any], start_response: Any) -> Any:
    """Says who asked in X-Id, and ends in as many ways as there are paths."""
    path, name = environ["PATH_INFO"], environ.get("HTTP_X_ID", "")
    body = environ["wsgi.input"].read()
    headers = [("X-Id", name)] + ([("Content-Length", "100000")] if path == "/short" else [])
    if path == "/none":
        return None
    if path == "/fail":
        raise LookupError(name)
    write = start_response("200 OK", headers)
    if path in ("/stream", "/fail-midway"):
        return _stream(path == "/fail-midway")
    if path == "/file":
        return environ["wsgi.file_wrapper"](open(__file__, "rb"))
    if path == "/write":
        for _ in range(20):
            write(b"w" * 5000)
    return [name.encode(), b":", body]


def _stream(fails: bool) -> Iterator[bytes]:
    for number in range(30):
        if fails and number == 15:
            raise LookupError("midway")
        yield b"s" * 7000


class Abuser(threading.Thread):
    """One peer after another, each with its own way to go."""

    def __init__(self, server: RunningServer, seed: int) -> None:
        super().__init__()
        self.random = random.Random(seed)
        self.server = server
        self.seed = seed
        self.answered = 0
        self.mistaken: list[str] = []

    def run(self) -> None:
        for number in range(MISDEEDS):
            with self.server.connect() as peer:
                try:
                    self.random.choice([self.talk, self.talk, self.cut, self.hurry, self.babble])(peer, number)
                except OSError:
                    pass  # The other side of its own misdeed.

    def requests(self, number: int, count: int) -> list[tuple[str, str, bytes, bytes]]:
        made = []
        for index in range(count):
            name, path = f"{self.seed}-{number}-{index}", self.random.choice(PATHS)
            body = name.encode() * self.random.choice([0, 1, 1000, 20000])
            framing = f"Content-Length: {len(body)}\r\n\r\n".encode() + body
            if self.random.random() < 0.5:
                chunks = [body[at : at + 9000] for at in range(0, len(body), 9000)]
                framed = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
                framing = b"Transfer-Encoding: chunked\r\n\r\n" + framed + b"0\r\n\r\n"
            head = f"POST {path} HTTP/1.1\r\nHost: a\r\nX-Id: {name}\r\n".encode()
            made.append((name, path, body, head + framing))
        return made

    def talk(self, connected: socket.socket, number: int) -> None:
        """Pipelines, and checks each answer up to one that cannot be whole."""
        requests = self.requests(number, self.random.randint(1, 8))
        sender = threading.Thread(target=_send, args=(connected, b"".join(request[3] for request in requests)))
        sender.start()
        try:
            with Peer(connected) as peer:
                for name, path, body, _ in requests:
                    if path in CUT:
                        return
                    answer = peer.hear("POST")
                    self.answered += 1
                    assert answer["X-Id"] == (None if path in FAILING else name)
                    assert path != "/echo" or answer.body == name.encode() + b":" + body
        except (AssertionError, OSError) as error:
            self.mistaken.append(f"{name}: {error!r}")
        finally:
            sender.join()

    def cut(self, peer: socket.socket, number: int) -> None:
        """Stops anywhere, and leaves by a reset, an end or without a word."""
        data = b"".join(request[3] for request in self.requests(number, 4))
        peer.settimeout(0.05)
        _send(peer, data[: self.random.randrange(len(data))])
        way = self.random.randrange(3)
        if way == 0:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif way == 1:
            peer.shutdown(socket.SHUT_WR)
            peer.recv(self.random.choice([1, 1000, 100000]))

    def hurry(self, peer: socket.socket, number: int) -> None:
        """Takes a few bytes of a long answer and resets."""
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        peer.sendall(b"GET /stream HTTP/1.1\r\nHost: a\r\n\r\n" * 3)
        peer.recv(self.random.randint(1, 9000))
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def babble(self, peer: socket.socket, number: int) -> None:
        """Says what is no HTTP."""
        head = b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        peer.sendall(
            self.random.choice(
                [self.random.randbytes(300) + b"\r\n", head + b"5\r\nabcdeX", head + b"g\r\n", b"G" * 9000]
            )
        )
        while peer.recv(1000):
            pass


def _send(peer: socket.socket, data: bytes) -> None:
    try:
        peer.sendall(data)
    except OSError:
        pass  # Refused, or closed by the thread that reads.


@pytest.mark.linux
def test_abuse() -> None:
    with serve_here(app):
        pass  # libuv keeps a pipe from the first loop of a process on
    gc.collect()
    before = len(os.listdir("/proc/self/fd"))
    with serve_here(app, log_level="critical", max_body_memory=10000) as server:
        abusers = [Abuser(server, seed) for seed in range(PEERS)]
        for abuser in abusers:
            abuser.start()
        for abuser in abusers:
            abuser.join()
        assert server.get("/echo").status == 200
    assert [abuser.mistaken for abuser in abusers] == [[]] * PEERS
    assert sum(abuser.answered for abuser in abusers) > 200
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) == before
