"""Much, over TLS, with slow readers on either side: all of it arrives, and little of it is held in memory."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.peer import Peer
from tests.support.server import TIMEOUT_S, RunningServer
from tests.support.tls import RECORD_BYTES_MAX, TlsSocket, records_of

ServeTls = Callable[..., RunningServer]

MANY = 10 << 20
PIECE = bytes(range(256)) * 256
HELD_BYTES_MAX = 2 << 20
"""What may be on its way to one slow reader before the application has to wait: kernel buffers included."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(os.urandom(3_000_000))
    return path


def expect_hash(peer: Peer, wanted: bytes) -> None:
    assert hashlib.sha256(peer.expect(200).body).digest() == hashlib.sha256(wanted).digest()


def test_ten_megabytes_up(serve_tls: ServeTls) -> None:
    body = os.urandom(MANY)
    with serve_tls().peer() as peer:
        for size in (RECORD_BYTES_MAX, 1000):
            head = f"POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: {MANY}\r\n\r\n"
            peer.socket.raw.sendall(peer.socket.seal(head.encode() + body, size))
            peer.expect(200, body=str(MANY))


def test_there_and_back(serve_tls: ServeTls) -> None:
    body = os.urandom(3 << 20)
    with serve_tls().peer() as peer:
        peer.send("POST /echo HTTP/1.1", "Host: a", f"Content-Length: {len(body)}", body=body)
        expect_hash(peer, body)


def test_ten_megabytes_down(serve_tls: ServeTls) -> None:
    with serve_tls().peer() as peer:
        for _ in range(2):
            peer.send(f"GET /bytes?n={MANY} HTTP/1.1", "Host: a").expect(200, body=b"x" * MANY)


class Produced:
    """An application that counts what it was asked to produce, by any interface."""

    def __init__(self, pieces: int) -> None:
        self.pieces = pieces
        self.produced = 0
        self.stalled = threading.Event()

    def wsgi(self, _environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterator[bytes]:
        start_response("200 OK", [("Content-Length", str(self.pieces * len(PIECE)))])
        for _ in range(self.pieces):
            self.produced += len(PIECE)
            yield PIECE

    async def asgi(self, _scope: Any, _receive: Any, send: Any) -> None:
        length = str(self.pieces * len(PIECE)).encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
        for _ in range(self.pieces):
            self.produced += len(PIECE)
            await send({"type": "http.response.body", "body": PIECE, "more_body": True})
        await send({"type": "http.response.body"})


@pytest.mark.parametrize("interface", ["wsgi", "asgi"])
def test_a_slow_reader_holds_the_application_back(serve_tls: ServeTls, interface: str) -> None:
    """A reader that stands still: another is served meanwhile, and no more is produced than fits on the way.

    How much that is, is what the one in front of it has not read: the application is never further ahead.
    """
    produced = Produced(pieces=256)
    server = serve_tls(getattr(produced, interface), interface=interface, lifespan="off")
    with server.peer() as peer:
        peer.socket.raw.settimeout(TIMEOUT_S)
        peer.send("GET / HTTP/1.1", "Host: a")
        received = 0
        ahead = 0
        client: TlsSocket = peer.socket
        while received < produced.pieces * len(PIECE):
            received += len(client.recv(1 << 16))
            ahead = max(ahead, produced.produced - received)
        assert ahead <= kernel_bytes(client) + HELD_BYTES_MAX


def kernel_bytes(client: TlsSocket) -> int:
    """What both kernels may hold of a connection on this machine."""
    kept = 0
    for name in ("tcp_rmem", "tcp_wmem"):
        path = Path("/proc/sys/net/ipv4") / name
        kept += int(path.read_text().split()[2]) if path.exists() else 8 << 20
    return kept


def test_files_by_the_wsgi_wrapper(serve_tls: ServeTls, file: Path) -> None:
    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        start_response("200 OK", [("Content-Length", str(file.stat().st_size))])
        return environ["wsgi.file_wrapper"](file.open("rb"))

    with serve_tls(app).peer() as peer:
        for _ in range(2):
            peer.send("GET / HTTP/1.1", "Host: a")
            expect_hash(peer, file.read_bytes())


def test_files_by_pathsend(serve_tls: ServeTls, file: Path) -> None:
    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.pathsend", "path": str(file)})

    with serve_tls(app, interface="asgi", lifespan="off").peer() as peer:
        for _ in range(2):
            peer.send("GET / HTTP/1.1", "Host: a")
            expect_hash(peer, file.read_bytes())


def test_the_first_bytes_of_an_answer_come_in_small_records(serve_tls: ServeTls) -> None:
    """So that a browser can begin with them; what follows comes in full ones."""
    with serve_tls().peer() as peer:
        client: TlsSocket = peer.socket
        client.sendall(b"GET /bytes?n=1000000 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        received = b""
        while piece := client.raw.recv(1 << 16):
            received += piece
        sizes = [len(payload) for _, payload in records_of(received)]
    sizes = [size for size in sizes if size > 300]  # without tickets and alerts
    assert sizes[0] < 5000, sizes[:20]
    assert max(sizes) > RECORD_BYTES_MAX, sizes
    assert max(sizes) <= RECORD_BYTES_MAX + 256
    assert len(sizes) < 130, len(sizes)


def test_pipelined_requests_with_large_answers_and_a_reader_that_waits(serve_tls: ServeTls) -> None:
    with serve_tls().peer() as peer:
        for _ in range(20):
            peer.send("GET /bytes?n=300000 HTTP/1.1", "Host: a")
        for _ in range(20):
            peer.expect(200, body=b"x" * 300_000)


def test_pieces_of_a_stream_are_not_held_back(serve_tls: ServeTls) -> None:
    """What was sent arrives although nothing follows it yet."""
    go_on = threading.Event()

    def app(_environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterator[bytes]:
        start_response("200 OK", [("Content-Length", "10")])
        yield b"first"
        assert go_on.wait(TIMEOUT_S)
        yield b"later"

    with serve_tls(app).peer() as peer:
        peer.send("GET / HTTP/1.1", "Host: a")
        peer._read_head()
        assert peer.expect_bytes(5) == b"first"
        go_on.set()
        assert peer.expect_bytes(5) == b"later"
