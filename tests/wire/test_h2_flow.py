"""Windows, of streams and of the connection, in both directions. RFC 9113 sections 5.2 and 6.9.

That the server never sends more than it may is looked after by the peer, in every conversation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import frames
from tests.support.frames import Code, Kind, frame

if TYPE_CHECKING:
    from tests.support.apps.streams import Streams
    from tests.support.http2 import Http2Peer

WINDOW_MAX = (1 << 31) - 1


def settled(peer: Http2Peer, stream: int) -> int:
    """How many bytes of the answer have come when the server has nothing more to send."""
    peer.expect_alive()
    peer.expect_alive()
    return len(peer.answers[stream].body)


# ---- What the server sends ----


def test_a_window_of_nothing(h2: Http2Peer) -> None:
    h2.generous = False
    h2.change(initial_window_size=0)
    stream = h2.ask("/bytes?10")
    h2.hear_until_status(stream)
    assert settled(h2, stream) == 0
    for given in range(1, 10):
        h2.give(stream, 1)
        assert settled(h2, stream) == given
    h2.give(stream, 1)
    h2.expect(stream, body=b"b" * 10)


def test_an_answer_without_a_body_needs_no_window(h2: Http2Peer) -> None:
    h2.generous = False
    h2.change(initial_window_size=0)
    h2.expect(h2.ask("/empty"), 204, body=b"")
    h2.expect(h2.ask("/bytes?0"), body=b"")
    h2.expect(h2.ask("/bytes?100", method="HEAD"), body=b"")


def test_the_window_of_a_stream(h2: Http2Peer) -> None:
    h2.generous = False
    h2.give(0, 1 << 20)
    stream = h2.ask("/bytes?200000")
    h2.hear_until_status(stream)
    assert settled(h2, stream) == 65535
    h2.get("/")
    h2.give(stream, 100_000)
    assert settled(h2, stream) == 165535
    h2.give(stream, 100_000)
    h2.expect(stream, body=b"b" * 200_000)


def test_the_window_of_the_connection(h2: Http2Peer) -> None:
    h2.generous = False
    h2.change(initial_window_size=1 << 20)
    first, second = h2.ask("/bytes?100000"), h2.ask("/bytes?100000")
    h2.hear_until_status(second)
    assert settled(h2, first) + len(h2.answers[second].body) == 65535
    h2.give(0, 34465)
    assert settled(h2, first) + len(h2.answers[second].body) == 100_000
    h2.give(0, 100_000)
    h2.expect(first, body=b"b" * 100_000)
    h2.expect(second, body=b"b" * 100_000)


def test_heads_pass_a_closed_window_of_the_connection(h2: Http2Peer) -> None:
    h2.generous = False
    stream = h2.ask("/bytes?65535")
    h2.expect(stream)
    assert h2.window == 0
    h2.expect(h2.ask("/empty"), 204)
    waiting = h2.ask("/")
    assert h2.hear_until_status(waiting).status == 200
    assert settled(h2, waiting) == 0
    h2.give(0, 6)
    h2.expect(waiting, body=b"hello\n")


def test_a_greater_initial_window_opens_those_that_wait(h2: Http2Peer) -> None:
    h2.generous = False
    h2.change(initial_window_size=10)
    stream = h2.ask("/bytes?100")
    h2.hear_until_status(stream)
    assert settled(h2, stream) == 10
    h2.change(initial_window_size=70)
    assert settled(h2, stream) == 70
    h2.change(initial_window_size=100)
    h2.expect(stream, body=b"b" * 100)


def test_a_window_may_become_negative(h2: Http2Peer) -> None:
    """Section 6.9.2: what was sent counts against the smaller window, and is waited for."""
    h2.generous = False
    h2.change(initial_window_size=100)
    stream = h2.ask("/bytes?1000")
    h2.hear_until_status(stream)
    assert settled(h2, stream) == 100
    h2.change(initial_window_size=20)
    assert settled(h2, stream) == 100
    h2.give(stream, 80)
    assert settled(h2, stream) == 100
    h2.give(stream, 7)
    assert settled(h2, stream) == 107
    h2.change(initial_window_size=1000)
    h2.expect(stream, body=b"b" * 1000)


def test_a_smaller_initial_window_holds_for_streams_to_come(h2: Http2Peer) -> None:
    h2.generous = False
    h2.change(initial_window_size=3)
    stream = h2.ask("/")
    h2.hear_until_status(stream)
    assert settled(h2, stream) == 3
    h2.give(stream, 3)
    h2.expect(stream, body=b"hello\n")


def test_who_waits_for_a_window_holds_back_the_application(h2: Http2Peer, streams: Streams) -> None:
    """A hundred MiB are not produced for a window of 64 KiB."""
    h2.generous = False
    before = streams.produced
    stream = h2.ask("/stream?100000000")
    h2.hear_until_status(stream)
    settled(h2, stream)
    assert streams.produced - before < 400_000
    h2.send(frames.rst_stream(stream))
    streams.wait_until_left("/stream")


def test_a_stream_that_waits_does_not_stop_the_others(h2: Http2Peer) -> None:
    h2.generous = False
    h2.give(0, 1 << 24)
    waiting = [h2.ask("/bytes?200000") for _ in range(20)]
    h2.hear_until_status(waiting[-1])
    h2.generous = True
    h2.expect(h2.ask("/bytes?500000"), body=b"b" * 500_000)
    for stream in waiting:
        h2.give(stream, 200_000)
        h2.expect(stream, body=b"b" * 200_000)


def test_windows_in_small_steps(h2: Http2Peer) -> None:
    h2.generous = False
    h2.change(initial_window_size=0)
    stream = h2.ask("/stream?20000")
    while not h2.answers[stream].ended:
        if h2.hear().kind in (Kind.DATA, Kind.HEADERS) and not h2.answers[stream].ended:
            h2.give(stream, 997)
            h2.give(0, 997)
    h2.expect(stream, body=b"s" * 20000)


# ---- WINDOW_UPDATE that is wrong ----


def test_an_update_of_a_stream_by_nothing(h2: Http2Peer) -> None:
    stream = h2.ask("/wait")
    h2.send(frame(Kind.WINDOW_UPDATE, 0, stream, bytes(4))).expect_error(stream, Code.PROTOCOL_ERROR)


def test_a_window_of_the_connection_over_the_greatest(h2: Http2Peer) -> None:
    h2.send(frames.window_update(0, WINDOW_MAX)).expect_goaway(Code.FLOW_CONTROL_ERROR)


def test_a_window_of_a_stream_over_the_greatest(h2: Http2Peer) -> None:
    stream = h2.ask("/wait")
    h2.send(frames.window_update(stream, WINDOW_MAX))
    h2.expect_reset(stream, Code.FLOW_CONTROL_ERROR)
    h2.get("/")


def test_the_greatest_windows_are_taken(h2: Http2Peer) -> None:
    h2.generous = False
    h2.give(0, WINDOW_MAX - 65535)
    stream = h2.ask("/echo", method="POST", end=False)
    h2.give(stream, WINDOW_MAX - 65535)
    h2.say(stream, b"body", end=True)
    h2.expect(stream, body=b"body")


def test_settings_that_take_a_window_over_the_greatest(h2: Http2Peer) -> None:
    stream = h2.ask("/wait")
    h2.give(stream, WINDOW_MAX - 65535)
    h2.expect_alive()
    h2.change(initial_window_size=65536)
    h2.expect_error(stream, Code.FLOW_CONTROL_ERROR)


# ---- What the server takes ----


def test_a_body_that_nobody_reads_stays_within_its_window(h2: Http2Peer, streams: Streams) -> None:
    stream = h2.ask("/held", method="POST", end=False)
    while room := h2.room(stream):
        h2.say(stream, bytes(min(16384, room)))
    h2.expect_alive()
    assert h2.room(stream) == h2.given[stream] == 0
    h2.say(stream, b"over").expect_error(stream, Code.FLOW_CONTROL_ERROR)
    streams.release()


def test_bytes_over_the_window_of_the_connection(h2: Http2Peer, streams: Streams) -> None:
    """What nobody reads is bounded for all streams together; or the connection's window follows, and each is."""
    asked = [h2.ask("/held", method="POST", end=False) for _ in range(98)]
    for stream in asked:
        while room := h2.room(stream):
            h2.say(stream, bytes(min(16384, room)))
        h2.expect_alive()
        if not h2.room(asked[-1]):
            break
    assert h2.said[0] <= 98 * 65535
    over = h2.ask("/held", method="POST", end=False)
    if h2.room(over) == 0:
        h2.say(over, b"over").expect_goaway(Code.FLOW_CONTROL_ERROR)
    streams.release()


@pytest.mark.parametrize("path", ["/echo", "/mirror"])
def test_a_long_body_as_fast_as_the_windows_let(h2: Http2Peer, path: str) -> None:
    body = bytes(range(256)) * 8000
    assert h2.upload(h2.ask(path, method="POST", end=False), body).body == body


def test_padding_counts(h2: Http2Peer) -> None:
    """Section 6.1: a body of nothing but padding uses the windows up, and they are opened again."""
    stream = h2.ask("/echo", method="POST", end=False)
    piece = frame(Kind.DATA, frames.PADDED, stream, frames.padded(b"", 255))
    for _ in range(4):
        h2.send(piece * 60, frames.data(stream, b"body"))
        h2.expect_alive()
    assert h2.given[0] > 0
    h2.say(stream, end=True).expect(stream, body=b"body" * 4)


def test_what_is_dropped_gives_the_window_of_the_connection_back(h2: Http2Peer) -> None:
    """Bodies of refused and reset streams: a hundred times what the window has room for."""
    for _ in range(100):
        stream = h2.ask("/early", method="POST", end=False)
        h2.say(stream, bytes(16384)).say(stream, bytes(16384))
        h2.send(frames.rst_stream(stream))
        h2.expect_alive()
    h2.expect(h2.ask("/echo", method="POST", body=bytes(60000)), body=bytes(60000))
