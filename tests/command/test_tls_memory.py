"""What a worker holds for clients that do not read, or never finish their handshake: little, and all told."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.tls import RECORD_BYTES_MAX

pytestmark = pytest.mark.linux

ASGI = "tests.support.apps.asgi:app"
CLIENTS = 50
HELD_BYTES_MAX = 400_000
"""For each: plaintext and records up to their marks, OpenSSL's buffers, a little of the application's."""
SANITIZED = "asan" in os.environ.get("LD_PRELOAD", "")


def resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def growth(server, before: int) -> int:
    """Once the worker has had its turns: it has answered another client many times."""
    for _ in range(20):
        assert server.get().status == 200
    (pid,) = server.worker_pids()
    return resident_bytes(pid) - before


@pytest.fixture
def server(launch_tls):
    server = launch_tls(
        ASGI, "--limit-handshakes", str(CLIENTS), "--handshake-timeout", "3600", "--max-body-size", "1g"
    )
    for _ in range(20):
        assert server.get().status == 200
    return server


def test_slow_readers(server):
    (pid,) = server.worker_pids()
    before = resident_bytes(pid)
    peers = [server.peer() for _ in range(CLIENTS)]
    for peer in peers:
        peer.send("GET /endless HTTP/1.1", "Host: a")
        assert peer.expect_bytes(1)
    assert growth(server, before) < CLIENTS * HELD_BYTES_MAX or SANITIZED
    for peer in peers:
        peer.reset()


def test_uploads_that_nobody_reads(server, gate):
    """The application waits at a gate; what a client sends on is not taken from it."""
    (pid,) = server.worker_pids()
    before = resident_bytes(pid)
    peers = [server.peer() for _ in range(CLIENTS)]
    for peer in peers:
        peer.send(f"POST /hold{gate.query[1:]} HTTP/1.1", "Host: a", "Content-Length: 1000000000")
        gate.arrived()
        peer.socket.settimeout(0)
        try:
            while True:
                peer.socket.raw.sendall(peer.socket.seal(b"x" * RECORD_BYTES_MAX * 8))
        except BlockingIOError:
            continue
    assert growth(server, before) < CLIENTS * HELD_BYTES_MAX or SANITIZED
    for peer in peers:
        peer.reset()


def test_handshakes_that_never_end(server):
    """Ten times as many as the bound: the oldest have gone, and their memory with them."""
    (pid,) = server.worker_pids()
    before = resident_bytes(pid)
    clients = []
    for _ in range(CLIENTS * 10):
        client = server.tls()
        client.raw.sendall(client.say_hello())
        client.feed()
        clients.append(client)
    assert growth(server, before) < CLIENTS * HELD_BYTES_MAX or SANITIZED
    for client in clients:
        client.close()
