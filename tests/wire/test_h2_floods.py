"""Frames by the hundred thousand that cost more than they carry: cut short, at little cost, and nobody else suffers.

CVE-2019-9511 to 9518, CVE-2023-44487 (rapid reset), CVE-2024-27316 (CONTINUATION), CVE-2025-8671 (provoked resets).
"""

from __future__ import annotations

from itertools import chain, repeat
from typing import TYPE_CHECKING

import pytest

from tests.support import frames
from tests.support.flooder import Flooder
from tests.support.frames import BLOCK_GET, END_HEADERS, END_STREAM, PADDED, Code, Kind, frame, head, literal
from tests.support.http2 import Http2Peer
from tests.support.server import launch
from tests.support.vitals import Vitals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tests.support.server import LaunchedServer

pytestmark = pytest.mark.linux

FRAMES = 300_000
GROWN_BYTES_MAX = 12 << 20
SPENT_S_MAX = 3.0
OPEN = head(1, frames.block_of("POST", "/held"), end=False)
GET_HELD = frames.block_of("GET", "/held")
MALFORMED = BLOCK_GET + literal(b"Upper", b"v")
ONE_MORE = frame(Kind.WINDOW_UPDATE, 0, 0, b"\0\0\0\1")


@pytest.fixture(scope="module")
def server() -> Iterator[LaunchedServer]:
    with launch("tests.support.apps.streams:app") as server:
        yield server


@pytest.fixture
def bystander(server: LaunchedServer) -> Iterator[Http2Peer]:
    with Http2Peer.of(server) as peer:
        yield peer


@pytest.fixture
def vitals(server: LaunchedServer, bystander: Http2Peer) -> Vitals:
    bystander.get("/")
    return Vitals(server.worker_pids()[0])


def same(piece: bytes, first: bytes = b"") -> Iterable[bytes]:
    """Many of one frame, some hundred in each piece."""
    per_piece = max(1, 16384 // len(piece))
    return chain([first], repeat(piece * per_piece, FRAMES // per_piece))


def on_streams(make: Callable[[int], bytes]) -> Iterable[bytes]:
    """What is made for each stream in turn, a hundred in each piece."""
    for number in range(FRAMES // 100):
        yield b"".join(make(stream) for stream in range(1 + number * 200, 201 + number * 200, 2))


FLOODS: dict[str, Callable[[], Iterable[bytes]]] = {
    "requests that are taken back": lambda: on_streams(lambda stream: head(stream) + frames.rst_stream(stream)),
    "bodies that are taken back": lambda: on_streams(
        lambda stream: head(stream, end=False) + frames.data(stream, b"x") + frames.rst_stream(stream)
    ),
    "requests that are malformed": lambda: on_streams(lambda stream: head(stream, MALFORMED)),
    "requests of nothing": lambda: on_streams(lambda stream: head(stream, b"")),
    "fields of nothing": lambda: on_streams(lambda stream: head(stream, BLOCK_GET + b"\0\0\0" * 20)),
    "resets provoked by windows": lambda: on_streams(
        lambda stream: head(stream, GET_HELD) + frames.window_update(stream, (1 << 31) - 1)
    ),
    "resets provoked by updates of nothing": lambda: on_streams(
        lambda stream: head(stream, GET_HELD) + frame(Kind.WINDOW_UPDATE, 0, stream, bytes(4))
    ),
    "resets provoked by lengths": lambda: on_streams(
        lambda stream: (
            head(stream, frames.block_of("POST", "/held", ("content-length", "1")), end=False)
            + frames.data(stream, b"xx", end=True)
        )
    ),
    "streams over the limit": lambda: on_streams(lambda stream: head(stream, GET_HELD)),
    "CONTINUATION of nothing": lambda: same(frame(Kind.CONTINUATION, 0, 1), head(1, whole=False)),
    "CONTINUATION of a byte": lambda: same(frame(Kind.CONTINUATION, 0, 1, b"\x82"), head(1, b"", whole=False)),
    "CONTINUATION without end": lambda: same(
        frame(Kind.CONTINUATION, 0, 1, literal(b"x", b"v" * 16000)), head(1, whole=False)
    ),
    "SETTINGS": lambda: same(frames.settings()),
    "SETTINGS that say something": lambda: same(frames.settings({4: 65535, 5: 16384, 1: 4096})),
    "tables that shrink and grow": lambda: same(frames.settings({1: 0}) + frames.settings({1: 4096})),
    "PING": lambda: same(frames.ping()),
    "PING that is an answer": lambda: same(frames.ping(ack=True)),
    "PRIORITY": lambda: same(frame(Kind.PRIORITY, 0, 1, frames.priority())),
    "PRIORITY of ever new streams": lambda: on_streams(
        lambda stream: frame(Kind.PRIORITY, 0, stream, frames.priority(stream + 2))
    ),
    "PRIORITY_UPDATE": lambda: same(frames.priority_update(1, b"u=1"), OPEN),
    "PRIORITY_UPDATE of ever new streams": lambda: on_streams(lambda stream: frames.priority_update(stream, b"u=1")),
    "WINDOW_UPDATE of the connection": lambda: same(ONE_MORE),
    "WINDOW_UPDATE of a stream": lambda: same(frame(Kind.WINDOW_UPDATE, 0, 1, b"\0\0\0\1"), OPEN),
    "DATA of nothing": lambda: same(frames.data(1), OPEN),
    "DATA of nothing but padding": lambda: same(frame(Kind.DATA, PADDED, 1, b"\0"), OPEN),
    "trailers of nothing": lambda: same(frame(Kind.HEADERS, END_HEADERS, 1), OPEN),
    "HEADERS for a stream that is over": lambda: same(
        frame(Kind.HEADERS, END_HEADERS | END_STREAM, 1, literal(b"x", b"y")), head(1)
    ),
    "RST_STREAM for a stream that is over": lambda: same(frames.rst_stream(1), head(1)),
    "unknown frames": lambda: same(frame(0xBE)),
    "unknown frames that carry something": lambda: same(frame(0xBE, 0, 1, b"x" * 100)),
    "GOAWAY": lambda: same(frames.goaway()),
}

# What may end otherwise: the first frames of these are mistakes enough.
MISTAKES = {
    "trailers of nothing": {Code.PROTOCOL_ERROR},
    "resets provoked by updates of nothing": {Code.PROTOCOL_ERROR},
    "GOAWAY": {Code.NO_ERROR},
    "HEADERS for a stream that is over": {Code.STREAM_CLOSED, Code.PROTOCOL_ERROR},
}
# What is not read by the peer either: the answers of the server wait for it.
UNREAD = ["SETTINGS", "PING", "requests that are malformed", "streams over the limit", "requests that are taken back"]


@pytest.mark.parametrize(("name", "reads"), [(name, True) for name in FLOODS] + [(name, False) for name in UNREAD])
def test_a_flood(server: LaunchedServer, bystander: Http2Peer, vitals: Vitals, name: str, reads: bool) -> None:
    flooder = Flooder(server.connect(), reads=reads)
    flooder.flood(FLOODS[name](), lambda: bystander.get("/"))
    assert vitals.spent_s() < SPENT_S_MAX
    assert vitals.grown_bytes() < GROWN_BYTES_MAX
    allowed = {Code.ENHANCE_YOUR_CALM} | MISTAKES.get(name, set())
    if flooder.goaway is None:
        assert not reads, f"ended without a GOAWAY after {flooder.sent_bytes} bytes, heard {flooder.heard}"
    else:
        assert flooder.goaway in allowed, Code(flooder.goaway)
    flooder.socket.close()
    bystander.expect_alive()


def bomb(table: bytes, uses: int) -> bytes:
    """A large field is put into the table once, and then named by a byte, again and again."""
    return BLOCK_GET + literal(b"x", table, first=0x40, prefix=6) + frames.indexed(62) * uses


@pytest.mark.parametrize("kept", [4000, 1000, 30])
def test_a_header_bomb(server: LaunchedServer, bystander: Http2Peer, vitals: Vitals, kept: int) -> None:
    """Ten KiB that mean up to 40 MiB of fields: each is answered with 431, or is too much for the connection."""
    with Http2Peer.of(server) as peer:
        for _ in range(50):
            stream = peer.ask_raw(bomb(b"v" * kept, 10_000))
            while not peer.answers[stream].over and peer.hear_or_end() is not None:
                pass
            bystander.get("/")
            if peer.goaways:
                assert peer.goaways[-1].code in (Code.ENHANCE_YOUR_CALM, Code.COMPRESSION_ERROR)
                break
            assert peer.answers[stream].status in (0, 431)
    assert vitals.spent_s() < SPENT_S_MAX
    assert vitals.grown_bytes() < GROWN_BYTES_MAX


def test_what_is_no_flood(server: LaunchedServer, bystander: Http2Peer) -> None:
    """What browsers, proxies and load generators do all day long is left alone."""
    for _ in range(30):
        asked = [bystander.ask("/echo", method="POST", end=False) for _ in range(90)]
        bystander.send(frames.ping(), frame(Kind.PRIORITY, 0, asked[0], frames.priority()))
        for stream in asked:
            bystander.say(stream, b"body").say(stream, end=True)
        bystander.send(*(frames.rst_stream(stream) for stream in asked[80:]))
        for stream in asked[:80]:
            bystander.expect(stream, body=b"body")
    bystander.expect_alive()
