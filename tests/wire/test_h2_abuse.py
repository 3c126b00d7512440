"""Peers of HTTP/2 that come, misbehave and go as they like, all at once: nobody gets another's answer, nothing stays
behind, and the server serves on.

What each peer does comes from a seeded generator; only how they meet in the server differs from run to run. With
sanitizers (tools/sanitized) this is where re-entrancy and lifetimes of streams are tried out.
"""

from __future__ import annotations

import contextlib
import gc
import os
import random
import socket
import struct
import threading
from typing import TYPE_CHECKING

import pytest

from tests.support import frames
from tests.support.apps.streams import Streams
from tests.support.frames import END_HEADERS, END_STREAM, Kind, frame, head
from tests.support.http2 import Http2Peer
from tests.support.server import serve_here
from tests.support.tunnel import Http2WebSocket
from tests.support.websocket import BINARY, TEXT
from tests.support.websocket import frame as websocket_frame

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.server import RunningServer

PEERS = 6
MISDEEDS = int(os.environ.get("FREASTAL_TEST_MISDEEDS", "25"))
PATHS = ["/", "/echo", "/mirror", "/stream?50000", "/bytes?100000", "/early", "/wait", "/fail", "/fail-midway"]
PATHS += ["/trailers", "/hints", "/empty", "/missing"]


class Abuser(threading.Thread):
    """One peer after another, each with its own way to go."""

    def __init__(self, server: RunningServer, seed: int) -> None:
        super().__init__()
        self.server = server
        self.seed = seed
        self.random = random.Random(seed)
        self.answered = 0
        self.mistaken: list[str] = []

    def run(self) -> None:
        ways: list[Callable[[Http2Peer], None]] = [
            self.talk,
            self.talk,
            self.leave,
            self.starve,
            self.tunnel,
            self.babble,
        ]
        for number in range(MISDEEDS):
            way = self.random.choice(ways)
            try:
                with Http2Peer.of(self.server) as peer:
                    if way != self.talk:
                        peer.socket.settimeout(0.05)  # it need not hear all that it could
                    way(peer)
                    self.go(peer.socket)
            except OSError:
                pass  # The other side of its own misdeed.
            except AssertionError as error:
                if way == self.talk:
                    self.mistaken.append(f"{self.seed}-{number}: {error!r}")

    def go(self, connected: socket.socket) -> None:
        way = self.random.randrange(4)
        if way == 0:
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif way == 1:
            connected.shutdown(socket.SHUT_WR)
        elif way == 2:
            connected.sendall(frames.goaway())

    def talk(self, peer: Http2Peer) -> None:
        """Behaves, with many streams at once, and checks each answer."""
        bodies = {}
        for _ in range(self.random.randint(1, 30)):
            path, body = (
                self.random.choice(["/echo", "/mirror"]),
                self.random.randbytes(self.random.choice([0, 9, 2000])),
            )
            bodies[peer.ask(path, method="POST", body=body)] = body
            if self.random.random() < 0.2:
                peer.send(frames.rst_stream(peer.ask(self.random.choice(PATHS))))
        for stream, body in bodies.items():
            peer.expect(stream, body=body)
            self.answered += 1

    def leave(self, peer: Http2Peer) -> None:
        """Asks for much, takes some of it, takes some of the rest back, and does not wait for the end."""
        asked = [
            peer.ask(
                self.random.choice(PATHS), method=self.random.choice(["GET", "POST"]), end=self.random.random() < 0.7
            )
            for _ in range(self.random.randint(1, 40))
        ]
        for stream in self.random.sample(asked, len(asked) // 2):
            peer.send(self.random.choice([frames.rst_stream(stream), frames.data(stream, b"x" * 999), frames.ping()]))
        for _ in range(self.random.randint(0, 30)):
            if peer.hear_or_end() is None:
                return

    def starve(self, peer: Http2Peer) -> None:
        """Gives windows that are too small, and changes its mind about them."""
        peer.generous = False
        peer.change(initial_window_size=self.random.choice([0, 1, 1000]))
        asked = [peer.ask(self.random.choice(PATHS)) for _ in range(self.random.randint(1, 30))]
        for stream in asked[::2]:
            peer.send(frames.window_update(stream, self.random.choice([1, 500, 100_000])))
        peer.change(
            initial_window_size=self.random.choice([0, 70_000]), header_table_size=self.random.choice([0, 4096])
        )
        for _ in range(self.random.randint(0, 20)):
            if peer.hear_or_end() is None:
                return

    def tunnel(self, peer: Http2Peer) -> None:
        sockets = [Http2WebSocket(peer).opened() for _ in range(self.random.randint(1, 5))]
        for websocket in sockets:
            data = websocket_frame(self.random.choice([TEXT, BINARY]), b"m" * self.random.choice([0, 200, 30_000]))
            websocket.send_bytes(data[: self.random.randrange(1, len(data) + 1)])
        peer.send(frames.rst_stream(sockets[0].stream))

    def babble(self, peer: Http2Peer) -> None:
        """Frames that are well-formed one by one, with streams and flags as they come, until the server is tired."""
        chance = self.random
        for _ in range(200):
            kind, stream = chance.choice([*Kind, 0xBE]), chance.choice([0, 1, 1, 3, 3, 5, 7, 9, 2])
            payload = {
                Kind.HEADERS: frames.block_of("POST", chance.choice(PATHS)),
                Kind.CONTINUATION: frames.literal(b"a", b"b"),
                Kind.PRIORITY: frames.priority(),
                Kind.RST_STREAM: bytes(4),
                Kind.SETTINGS: struct.pack("!HI", chance.randrange(10), chance.choice([0, 1, 70_000])),
                Kind.PING: bytes(8),
                Kind.GOAWAY: bytes(8),
                Kind.WINDOW_UPDATE: struct.pack("!I", chance.choice([1, 10, 1 << 20])),
                Kind.PRIORITY_UPDATE: struct.pack("!I", 1) + b"u=1",
            }.get(Kind(kind) if kind in list(Kind) else Kind.DATA, chance.randbytes(chance.choice([0, 1, 3000])))
            peer.send(
                frame(kind, chance.choice([0, END_STREAM, END_HEADERS, END_STREAM | END_HEADERS]), stream, payload)
            )


@pytest.mark.linux
def test_abuse(loop: str) -> None:
    with serve_here(Streams(), loop=loop):
        pass  # what a first loop of a process opens for good is open
    gc.collect()
    before = len(os.listdir("/proc/self/fd"))
    application = Streams()
    with serve_here(application, loop=loop, log_level="critical", write_timeout=5) as server:
        abusers = [Abuser(server, seed) for seed in range(PEERS)]
        for abuser in abusers:
            abuser.start()
        for abuser in abusers:
            abuser.join()
        assert [abuser.mistaken for abuser in abusers] == [[]] * PEERS
        with Http2Peer.of(server) as peer:
            peer.get("/")
        application.wait_until_empty()
    assert sum(abuser.answered for abuser in abusers) > 100
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("seed", range(4))
def test_cut_at_any_point(seed: int) -> None:
    """The same requests, and the connection gone after ever so many bytes of them."""
    chance = random.Random(seed)
    said = frames.PREFACE + frames.settings({3: 50}) + frames.settings_ack()
    said += head(1, frames.block_of("POST", "/echo"), end=False) + frames.data(1, b"body" * 50) + head(3)
    said += head(5, frames.block_of("GET", "/stream?300000")) + frames.data(1, end=True)
    application = Streams()
    with serve_here(application, log_level="critical") as server:
        for _ in range(60):
            with server.connect() as connected, contextlib.suppress(OSError):
                connected.sendall(said[: chance.randrange(len(said))])
                connected.settimeout(0.05)
                if chance.random() < 0.5:
                    connected.recv(chance.choice([1, 100, 10_000]))
                if chance.random() < 0.5:
                    connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        application.wait_until_empty()
