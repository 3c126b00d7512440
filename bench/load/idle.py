"""Thousands of idle connections: what one costs the server in user memory."""

from __future__ import annotations

import resource
import socket
import time
from collections.abc import Callable

from process import Process, request_bytes

WARM = 200


def raise_descriptor_limit() -> int:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def keep_alive(port: int, number: int) -> socket.socket:
    """A connection that has had one answer and stays open."""
    peer = socket.socket()
    peer.settimeout(10)
    peer.connect(("127.0.0.1", port))
    peer.sendall(request_bytes("GET", "/500"))
    received = 0
    while received < 500:
        data = peer.recv(4096)
        if not data:
            raise ConnectionError(f"connection {number} was closed before its answer")
        received += len(data)
    return peer


def bytes_per_connection(
    process: Process, connections: int, connect: Callable[[int, int], socket.socket] = keep_alive
) -> float:
    """Opens `connections`, each with one answer behind it; the growth of the server's memory for each but the
    first ones, which find what every server sets aside once."""
    warm = [connect(process.port, number) for number in range(WARM)]
    time.sleep(0.2)
    before = process.memory_bytes()
    peers = [connect(process.port, number) for number in range(WARM, connections)]
    time.sleep(0.2)
    grown = process.memory_bytes() - before
    for peer in peers + warm:
        peer.close()
    return grown / len(peers)
