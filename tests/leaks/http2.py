"""What may be done to a worker over HTTP/2: requests as streams of one connection, or as the first of many."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable

from tests.leaks.scene import BATCH, Round, Scene
from tests.support.frames import (
    BLOCK_GET,
    METHOD_POST,
    PATH_ROOT,
    PREFACE,
    SCHEME_HTTP,
    Setting,
    data,
    head,
    literal,
    rst_stream,
    settings,
    settings_ack,
    window_update,
)
from tests.support.websocket import CLOSE, TEXT, frame

Request = list[Callable[[int], bytes]]
"""Frames, made for the stream that they are of."""

WINDOW = 1 << 24
OPENING = PREFACE + settings({Setting.INITIAL_WINDOW_SIZE: WINDOW}) + window_update(0, WINDOW) + settings_ack()

_FIELDS = b"".join(literal(b"x-%d" % i, b"y" * i, first=0x40, prefix=6) for i in range(20))
_HANDSHAKE = b"".join(
    literal(name, value)
    for name, value in (
        (b":method", b"CONNECT"),
        (b":protocol", b"websocket"),
        (b":scheme", b"http"),
        (b":path", b"/chat"),
        (b":authority", b"test"),
        (b"sec-websocket-version", b"13"),
    )
)

GET: Request = [lambda stream: head(stream, BLOCK_GET + _FIELDS)]
UPLOAD: Request = [
    lambda stream: head(stream, METHOD_POST + SCHEME_HTTP + PATH_ROOT + literal(b":authority", b"test"), end=False),
    lambda stream: data(stream, b"x" * 500),
    lambda stream: data(stream, b"y" * 500, end=True),
]
REFUSED: Request = [lambda stream: head(stream, BLOCK_GET + literal(b"expect", b"nonsense"))]
WEBSOCKET: Request = [
    lambda stream: head(stream, _HANDSHAKE, end=False),
    lambda stream: data(stream, frame(TEXT, b"hello")),
    lambda stream: data(stream, frame(CLOSE, struct.pack("!H", 1000)), end=True),
]


def _frames(request: Request, stream: int) -> bytes:
    return b"".join(make(stream) for make in request)


def streaming(request: Request = GET) -> Round:
    """So many streams of one new connection, some at a time, each answered."""

    def run(scene: Scene, rounds: int) -> None:
        scene.peer.close()
        scene.peer = scene.connect()
        stream, before = 1, OPENING
        for done in range(0, rounds, BATCH):
            batch = min(BATCH, rounds - done)
            requests = b"".join(_frames(request, stream + 2 * i) for i in range(batch))
            before = window_update(0, scene.ask(before + requests, batch))
            stream += 2 * batch
        scene.settle()

    return run


def joining(request: Request = GET, leave: str = "close") -> Round:
    """The first stream of so many connections, which the peer leaves when it has been heard: it closes, resets the
    connection, or cancels the stream before it closes."""

    def run(scene: Scene, rounds: int) -> None:
        for _ in range(rounds):
            received = scene.worker.stats()["bytes_received"]
            with scene.connect() as peer:
                peer.send(OPENING + _frames(request, 1))
                while scene.worker.stats()["bytes_received"] == received:
                    scene.turn(-1)
                if leave == "cancel":
                    peer.send(rst_stream(1))
                    scene.turn(-1)
                if leave == "reset":
                    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            while scene.worker.stats()["connections_open"] > 1:
                scene.turn(-1)
        scene.settle()

    return run
