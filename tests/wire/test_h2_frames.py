"""Every kind of frame as it should not be, and what is to be ignored. RFC 9113 sections 4 and 6."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import frames
from tests.support.frames import (
    ACK,
    BLOCK_GET,
    END_HEADERS,
    END_STREAM,
    PADDED,
    PRIORITIZED,
    Code,
    Kind,
    frame,
    head,
    padded,
)

if TYPE_CHECKING:
    from tests.support.http2 import Http2Peer

PRO, SIZE, COMPRESSION = Code.PROTOCOL_ERROR, Code.FRAME_SIZE_ERROR, Code.COMPRESSION_ERROR
BOTH = END_STREAM | END_HEADERS
OPEN = head(1, frames.block_of("POST", "/echo"), end=False)  # a stream that waits for a body
HALF = head(1, whole=False)  # a block that goes on
MORE = frames.literal(b"a", b"b")

# What ends the connection, and why: name, frames, codes.
BROKEN = [
    # Section 4.2: the size of frames.
    ("HEADERS over the size", frame(Kind.HEADERS, BOTH, 1, bytes(16385)), [SIZE]),
    ("CONTINUATION over the size", HALF + frame(Kind.CONTINUATION, END_HEADERS, 1, bytes(16385)), [SIZE]),
    ("DATA over the size", OPEN + frame(Kind.DATA, 0, 1, bytes(16385)), [SIZE]),
    ("unknown over the size", frame(0xBE, 0, 0, bytes(16385)), [SIZE]),
    ("SETTINGS over the size", frame(Kind.SETTINGS, 0, 0, bytes(16386)), [SIZE]),
    ("a length of 16 MiB, before its bytes", frame(Kind.PING, length=(1 << 24) - 1), [SIZE]),
    # Section 4.3: header blocks.
    ("a block with an index that is none", frame(Kind.HEADERS, BOTH, 1, b"\xff\xff\xff\x0f"), [COMPRESSION]),
    ("a block that ends within a field", frame(Kind.HEADERS, BOTH, 1, BLOCK_GET[:-2]), [COMPRESSION]),
    ("a block in trailers", OPEN + frame(Kind.HEADERS, BOTH, 1, b"\x80"), [COMPRESSION]),
    ("a block on two streams", HALF + frame(Kind.CONTINUATION, END_HEADERS, 3, MORE), [PRO]),
    ("DATA within a block", HALF + frames.data(1), [PRO]),
    ("HEADERS within a block", HALF + head(1), [PRO]),
    ("HEADERS of another stream within a block", HALF + head(3), [PRO]),
    ("PRIORITY within a block", HALF + frame(Kind.PRIORITY, 0, 1, frames.priority()), [PRO]),
    ("RST_STREAM within a block", HALF + frames.rst_stream(1), [PRO]),
    ("SETTINGS within a block", HALF + frames.settings(), [PRO]),
    ("PING within a block", HALF + frames.ping(), [PRO]),
    ("WINDOW_UPDATE within a block", HALF + frames.window_update(0, 1), [PRO]),
    ("GOAWAY within a block", HALF + frames.goaway(), [PRO]),
    ("unknown within a block", HALF + frame(0xBE, 0, 0, b"unknown"), [PRO]),
    # Section 6.1
    ("DATA on the connection", frames.data(0, b"x"), [PRO]),
    ("DATA with more padding than it has", OPEN + frame(Kind.DATA, PADDED, 1, b"\x05abcd"), [PRO]),
    ("DATA all of padding, and one byte too few", OPEN + frame(Kind.DATA, PADDED, 1, b"\x01"), [PRO]),
    ("DATA padded and empty", OPEN + frame(Kind.DATA, PADDED, 1), [PRO, SIZE]),
    # Section 6.2
    ("HEADERS on the connection", head(0), [PRO]),
    ("HEADERS with more padding than it has", frame(Kind.HEADERS, BOTH | PADDED, 1, b"\xff" + BLOCK_GET), [PRO]),
    ("HEADERS padded and empty", frame(Kind.HEADERS, BOTH | PADDED, 1), [PRO, SIZE]),
    ("HEADERS with half a priority", frame(Kind.HEADERS, BOTH | PRIORITIZED, 1, b"\0\0\0"), [PRO, SIZE]),
    # Section 6.3
    ("PRIORITY on the connection", frame(Kind.PRIORITY, 0, 0, frames.priority()), [PRO]),
    ("PRIORITY of four bytes", frame(Kind.PRIORITY, 0, 1, bytes(4)), [SIZE]),
    ("PRIORITY of six bytes", frame(Kind.PRIORITY, 0, 1, bytes(6)), [SIZE]),
    # Section 6.4
    ("RST_STREAM on the connection", frames.rst_stream(0), [PRO]),
    ("RST_STREAM of three bytes", OPEN + frame(Kind.RST_STREAM, 0, 1, bytes(3)), [SIZE]),
    ("RST_STREAM of five bytes", OPEN + frame(Kind.RST_STREAM, 0, 1, bytes(5)), [SIZE]),
    # Section 6.5: SETTINGS. The values: test_h2_settings.py.
    ("SETTINGS on a stream", OPEN + frame(Kind.SETTINGS, 0, 1), [PRO]),
    ("SETTINGS of seven bytes", frame(Kind.SETTINGS, 0, 0, bytes(7)), [SIZE]),
    ("an acknowledgement that says something", frame(Kind.SETTINGS, ACK, 0, bytes(6)), [SIZE]),
    ("an acknowledgement of nothing", frames.settings_ack(), [PRO]),
    # Section 6.6
    ("PUSH_PROMISE", OPEN + frame(Kind.PUSH_PROMISE, END_HEADERS, 1, b"\0\0\0\2" + BLOCK_GET), [PRO]),
    # Section 6.7
    ("PING on a stream", frame(Kind.PING, 0, 1, bytes(8)), [PRO]),
    ("PING of seven bytes", frame(Kind.PING, 0, 0, bytes(7)), [SIZE]),
    ("PING of nine bytes", frame(Kind.PING, 0, 0, bytes(9)), [SIZE]),
    # Section 6.8
    ("GOAWAY on a stream", frame(Kind.GOAWAY, 0, 1, bytes(8)), [PRO]),
    ("GOAWAY of seven bytes", frame(Kind.GOAWAY, 0, 0, bytes(7)), [SIZE]),
    # Section 6.9: WINDOW_UPDATE. The windows: test_h2_flow.py.
    ("WINDOW_UPDATE of three bytes", frame(Kind.WINDOW_UPDATE, 0, 0, bytes(3)), [SIZE]),
    ("WINDOW_UPDATE of five bytes", frame(Kind.WINDOW_UPDATE, 0, 0, bytes(5)), [SIZE]),
    ("WINDOW_UPDATE by nothing", frame(Kind.WINDOW_UPDATE, 0, 0, bytes(4)), [PRO]),
    # Section 6.10
    ("CONTINUATION on the connection", HALF + frame(Kind.CONTINUATION, END_HEADERS, 0, MORE), [PRO]),
    ("CONTINUATION of nothing", frame(Kind.CONTINUATION, END_HEADERS, 1, BLOCK_GET), [PRO]),
    ("CONTINUATION of a block that was whole", OPEN + frame(Kind.CONTINUATION, END_HEADERS, 1, MORE), [PRO]),
    (
        "CONTINUATION of a block that another ended",
        head(1, frames.block_of("POST", "/echo"), end=False, whole=False)
        + frame(Kind.CONTINUATION, END_HEADERS, 1, MORE) * 2,
        [PRO],
    ),
    ("CONTINUATION after DATA", OPEN + frames.data(1, b"x") + frame(Kind.CONTINUATION, END_HEADERS, 1, MORE), [PRO]),
]


@pytest.mark.parametrize(("said", "codes"), [pytest.param(said, codes, id=name) for name, said, codes in BROKEN])
def test_a_frame_ends_the_connection(h2: Http2Peer, said: bytes, codes: list[int]) -> None:
    h2.answer_of(1)
    h2.send(said).expect_goaway(*codes)


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(frame(0xBE, 0xFF, 0, b"whatever"), id="unknown on the connection"),
        pytest.param(frame(0xBE, 0xFF, 77, b""), id="unknown on a stream that is idle"),
        pytest.param(frame(0xBE, 0, 2, bytes(16384)), id="unknown of the greatest size"),
        pytest.param(frame(Kind.PING, 0xFE, 0, bytes(8)) + frame(Kind.PING, ACK, 0, bytes(8)), id="flags of PING"),
        pytest.param(frame(Kind.WINDOW_UPDATE, 0xFF, 0, b"\0\0\0\1"), id="flags of WINDOW_UPDATE"),
        pytest.param(frame(Kind.WINDOW_UPDATE, 0, 1 << 31, b"\0\0\0\1"), id="reserved bit of the stream"),
        pytest.param(frame(Kind.WINDOW_UPDATE, 0, 0, b"\x80\0\0\1"), id="reserved bit of the increment"),
        pytest.param(frame(Kind.PRIORITY, 0, 3, frames.priority(1)), id="PRIORITY of a stream that is idle"),
        pytest.param(frame(Kind.PING, ACK, 0, b"unasked!"), id="an acknowledgement of no PING"),
    ],
)
def test_a_frame_is_ignored(h2: Http2Peer, said: bytes) -> None:
    h2.send(said).get("/")
    h2.expect_alive()


def test_unknown_frames_on_an_open_stream_are_ignored(h2: Http2Peer) -> None:
    stream = h2.ask("/echo", method="POST", end=False)
    h2.send(frame(0xBE, 0xFF, stream, b"x"), frames.data(stream, b"body"), frame(0xEF, 1, stream))
    h2.say(stream, end=True).expect(stream, body=b"body")


def test_frames_of_the_greatest_size(h2: Http2Peer) -> None:
    body = bytes(range(256)) * 64
    assert len(body) == 16384
    h2.expect(h2.ask("/echo", method="POST", body=body), body=body)
    block = BLOCK_GET + frames.literal(b"x", b"v" * 8000) + frames.literal(b"y", b"v" * 8000)
    block += frames.literal(b"z", b"v" * (16384 - len(block) - len(frames.literal(b"z", b"v" * 300)) + 300))
    assert len(block) == 16384
    h2.expect(h2.ask_raw(block), body=b"hello\n")


def test_ping_comes_back_as_it_was(h2: Http2Peer) -> None:
    for opaque in (b"\0" * 8, b"\xff" * 8, b"12345678"):
        h2.send(frames.ping(opaque))
        assert (heard := h2.hear()).payload == opaque
        assert (heard.kind, heard.flags) == (Kind.PING, ACK)


@pytest.mark.parametrize("padding", [0, 1, 100, 255])
def test_padding_is_dropped(h2: Http2Peer, padding: int) -> None:
    stream = h2.new_stream()
    block = h2.block("POST", "/echo")
    h2.send(frame(Kind.HEADERS, END_HEADERS | PADDED, stream, padded(block, padding)))
    h2.send(frame(Kind.DATA, PADDED, stream, padded(b"bo", padding)))
    h2.send(frame(Kind.DATA, PADDED, stream, padded(b"", padding)))
    h2.send(frame(Kind.DATA, PADDED | END_STREAM, stream, padded(b"dy", padding)))
    h2.expect(stream, body=b"body")


def test_padding_and_a_priority_together(h2: Http2Peer) -> None:
    stream = h2.new_stream()
    flags = END_HEADERS | END_STREAM | PADDED | PRIORITIZED
    block = frames.priority(0, 256, exclusive=True) + h2.block("GET", "/")
    h2.send(frame(Kind.HEADERS, flags, stream, padded(block, 7))).expect(stream, body=b"hello\n")


@pytest.mark.parametrize("sizes", [[], [0], [1, 1, 1], [0, 1, 2, 3, 0], [64], [20, 20, 20, 20], [1] * 7])
def test_a_block_in_many_pieces(h2: Http2Peer, sizes: list[int]) -> None:
    """Few enough not to be taken for a flood."""
    block = frames.block_of("GET", "/scope", ("x-one", "1"), ("x-two", "2"))
    stream = h2.new_stream()
    h2.send(frame(Kind.HEADERS, END_STREAM, stream, block[:5]))
    at = 5
    for size in sizes:
        h2.send(frame(Kind.CONTINUATION, 0, stream, block[at : at + size]))
        at += size
    h2.send(frame(Kind.CONTINUATION, END_HEADERS, stream, block[at:]))
    assert b'["x-two", "2"]' in h2.expect(stream).body


def test_the_end_of_the_stream_stands_in_the_first_frame_of_a_block(h2: Http2Peer) -> None:
    """CONTINUATION has no such flag: 0x1 in it means nothing."""
    stream = h2.new_stream()
    block = frames.block_of("POST", "/echo")
    h2.send(frame(Kind.HEADERS, 0, stream, block[:9]), frame(Kind.CONTINUATION, BOTH, stream, block[9:]))
    h2.say(stream, b"body", end=True).expect(stream, body=b"body")


@pytest.mark.parametrize("code", [Code.NO_ERROR, Code.CANCEL, 0x0E, 0xFFFFFFFF])
def test_error_codes_without_a_meaning_do_nothing(h2: Http2Peer, code: int) -> None:
    """Section 7."""
    stream = h2.ask("/wait")
    h2.send(frames.rst_stream(stream, code))
    h2.expect_alive()
    h2.get("/")
