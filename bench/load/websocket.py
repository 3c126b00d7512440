"""WebSockets that echo: one to look whether the echo is right, thousands that idle, and load in C."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from load import rounds

UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
PATIENCE_S = 10


def text_frame(payload: bytes, mask: bytes) -> bytes:
    """A text frame with a payload below 64 KiB; masked unless `mask` is empty."""
    bit = 0x80 if mask else 0
    short = len(payload) < 126
    head = bytes([0x81, bit | len(payload)]) if short else bytes([0x81, bit | 126]) + len(payload).to_bytes(2, "big")
    if mask:
        payload = bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))
    return head + mask + payload


def receive_exactly(peer: socket.socket, count: int) -> bytes:
    received = b""
    while len(received) < count:
        data = peer.recv(count - len(received))
        if not data:
            raise ConnectionError("closed before the echo was complete")
        received += data
    return received


def connect(port: int, number: int = 0, message_bytes: int = 64) -> socket.socket:
    """An open WebSocket over which one message has been echoed."""
    peer = socket.create_connection(("127.0.0.1", port), PATIENCE_S)
    peer.sendall(UPGRADE)
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += receive_exactly(peer, 1)
    if not head.startswith(b"HTTP/1.1 101"):
        raise ConnectionError(f"handshake {number} was answered with {head.splitlines()[0].decode()}")
    message = os.urandom(message_bytes // 2).hex().encode()
    peer.sendall(text_frame(message, os.urandom(4)))
    wanted = text_frame(message, b"")
    if receive_exactly(peer, len(wanted)) != wanted:
        raise ConnectionError(f"echo {number} is not what was sent")
    return peer


@dataclass
class Load:
    """A round of load."""

    messages: int
    seconds: float
    p50_ms: float
    p99_ms: float


@contextlib.contextmanager
def generator(port: int, *, core: int, connections: int, message_bytes: int) -> Iterator[Callable[[float], Load]]:
    """A function that makes a round of load, over connections that are open."""
    options = {"port": port, "connections": connections, "bytes": message_bytes}
    with rounds.generator("websocket_load", core, options) as run:
        yield lambda seconds: Load(**run(seconds))
