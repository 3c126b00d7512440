"""Streams: every frame in every state, their numbers, how many there may be. RFC 9113 section 5."""

from __future__ import annotations

import dataclasses
import socket
from typing import TYPE_CHECKING

import pytest

from tests.support import frames
from tests.support.frames import END_HEADERS, Code, Kind, frame, head

if TYPE_CHECKING:
    from tests.support.apps.streams import Streams
    from tests.support.http2 import Http2Peer

CONTINUATION = frame(Kind.CONTINUATION, END_HEADERS, 1, frames.literal(b"a", b"b"))
TRAILERS = head(1, frames.literal(b"a", b"b"))
NUMBERS_MAX = (1 << 31) - 1


# ---- 5.1: states ----


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(frames.data(1, b"x"), id="DATA"),
        pytest.param(frames.data(1), id="DATA, empty"),
        pytest.param(frames.rst_stream(1), id="RST_STREAM"),
        pytest.param(frames.window_update(1, 1), id="WINDOW_UPDATE"),
        pytest.param(CONTINUATION, id="CONTINUATION"),
        pytest.param(frames.data(2, b"x"), id="DATA on a stream that would be the server's"),
        pytest.param(frames.window_update(2, 1), id="WINDOW_UPDATE of a stream that would be the server's"),
        pytest.param(frames.rst_stream(2), id="RST_STREAM of a stream that would be the server's"),
        pytest.param(frames.data(NUMBERS_MAX, b"x"), id="DATA on the last stream of all"),
    ],
)
def test_an_idle_stream(h2: Http2Peer, said: bytes) -> None:
    h2.send(said).expect_goaway(Code.PROTOCOL_ERROR)


@pytest.mark.parametrize(
    "said",
    [pytest.param(frames.data(1, b"x"), id="DATA"), pytest.param(frames.data(1), id="DATA, empty"),
     pytest.param(frames.data(1, end=True), id="the end"), pytest.param(TRAILERS, id="HEADERS")],
)  # fmt: skip
def test_more_after_the_end_of_a_request(h2: Http2Peer, said: bytes) -> None:
    """Half-closed by the client, and the answer is still to come."""
    stream = h2.ask("/wait")
    h2.send(said).expect_error(stream, Code.STREAM_CLOSED)


def test_a_continuation_after_the_end_of_a_request(h2: Http2Peer) -> None:
    h2.ask("/wait")
    h2.send(CONTINUATION).expect_goaway(Code.PROTOCOL_ERROR, Code.STREAM_CLOSED)


def test_what_may_come_after_the_end_of_a_request(h2: Http2Peer, streams: Streams) -> None:
    stream = h2.ask("/held")
    h2.send(frame(Kind.PRIORITY, 0, stream, frames.priority()))
    h2.give(stream, 1000)
    h2.expect_alive()
    streams.release()
    h2.expect(stream, body=b"released\n")


def test_a_reset_ends_the_application(h2: Http2Peer, streams: Streams) -> None:
    stream = h2.ask("/wait")
    h2.send(frames.rst_stream(stream))
    streams.wait_until_left("/wait")
    h2.expect_alive()


# What comes for a stream that is closed may have crossed its end, and is processed as little as possible (section 5.1,
# "closed"): it is never answered, costs no window for good, and keeps the tables in step. A server may also complain.
LATE = [("DATA", frames.data(1, b"x" * 16000)), ("HEADERS", TRAILERS), ("the end", frames.data(1, end=True))]


def expect_ignored(peer: Http2Peer, said: bytes) -> None:
    answered = dataclasses.replace(peer.answers[1])
    for _ in range(10):  # as often as would use the window of the connection up
        peer.send(said, frames.ping(b"the last"))
        while (heard := peer.hear_or_end()) is not None and heard.payload != b"the last":
            assert heard.kind in (Kind.RST_STREAM, Kind.GOAWAY, Kind.WINDOW_UPDATE), heard
        if heard is None:
            assert peer.goaways[-1].code == Code.STREAM_CLOSED
            return
    assert peer.answers[1].body == answered.body
    peer.expect(peer.ask("/echo", method="POST", body=b"after"), body=b"after")


@pytest.mark.parametrize("said", [pytest.param(said, id=name) for name, said in LATE])
def test_more_after_the_reset_of_the_client(h2: Http2Peer, said: bytes) -> None:
    stream = h2.ask("/wait", method="POST", end=False)
    h2.send(frames.rst_stream(stream))
    expect_ignored(h2, said)


@pytest.mark.parametrize("said", [pytest.param(said, id=name) for name, said in LATE])
def test_more_after_both_ends(h2: Http2Peer, said: bytes) -> None:
    h2.get("/")
    expect_ignored(h2, said)


def test_a_continuation_after_both_ends(h2: Http2Peer) -> None:
    h2.get("/")
    h2.send(CONTINUATION).expect_goaway(Code.PROTOCOL_ERROR, Code.STREAM_CLOSED)


def test_what_may_come_after_both_ends(h2: Http2Peer) -> None:
    """It may have crossed the end of the answer."""
    h2.get("/")
    h2.send(frames.window_update(1, 10), frames.rst_stream(1), frame(Kind.PRIORITY, 0, 1, frames.priority()))
    h2.get("/")
    h2.expect_alive()


def test_data_after_an_answer_that_did_not_wait_for_it(h2: Http2Peer) -> None:
    """The body was on its way when the answer was complete: it is dropped, and its windows given back."""
    for _ in range(10):
        stream = h2.ask("/early", method="POST", end=False)
        h2.expect(stream, body=b"early\n")
        h2.say(stream, bytes(16000)).say(stream, end=True)
    h2.expect(h2.ask("/echo", method="POST", body=b"whole"), body=b"whole")
    h2.expect_alive()


# ---- 5.1.1: numbers ----


@pytest.mark.parametrize("stream", [2, 4, NUMBERS_MAX - 1])
def test_an_even_number(h2: Http2Peer, stream: int) -> None:
    h2.send(head(stream)).expect_goaway(Code.PROTOCOL_ERROR)


def test_a_number_that_is_lower_than_one_before(h2: Http2Peer, streams: Streams) -> None:
    """It is closed, though it never was used; whoever remembers that complains. Nobody answers."""
    h2.expect(h2.ask_raw(stream=5), body=b"hello\n")
    h2.ask_raw(frames.block_of("GET", "/lower"), stream=3)
    h2.send(frames.ping(b"the last"))
    while (heard := h2.hear_or_end()) is not None and heard.payload != b"the last":
        assert heard.kind in (Kind.RST_STREAM, Kind.GOAWAY), heard
    assert {goaway.code for goaway in h2.goaways} <= {Code.PROTOCOL_ERROR, Code.STREAM_CLOSED}
    assert "/lower" not in streams.seen


def test_numbers_may_be_left_out(h2: Http2Peer) -> None:
    for stream in (7, 101, (1 << 20) + 1, NUMBERS_MAX):
        h2.expect(h2.ask_raw(stream=stream), body=b"hello\n")


def test_a_number_used_twice(h2: Http2Peer) -> None:
    stream = h2.ask("/wait")
    h2.send(head(stream)).expect_error(stream, Code.STREAM_CLOSED)


# ---- 5.1.2: how many ----


def test_as_many_as_the_settings_say(h2: Http2Peer, streams: Streams) -> None:
    held = [h2.ask("/held") for _ in range(100)]
    h2.expect_alive()
    one_more = h2.ask("/too-many")
    h2.expect_reset(one_more, Code.REFUSED_STREAM)
    streams.release()
    for stream in held:
        h2.expect(stream, body=b"released\n")
    h2.get("/")
    assert "/too-many" not in streams.seen


def test_a_reset_makes_room(h2: Http2Peer, streams: Streams) -> None:
    held = [h2.ask("/held") for _ in range(100)]
    h2.expect_alive()
    h2.expect(h2.send(frames.rst_stream(held[50])).ask("/"))
    together = h2.new_stream()
    h2.send(frames.rst_stream(held[51]) + head(together)).expect(together, body=b"hello\n")
    streams.release()
    for stream in held[:50] + held[52:]:
        h2.expect(stream, body=b"released\n")


def test_a_refused_request_keeps_the_tables_in_step(h2: Http2Peer, streams: Streams) -> None:
    """RFC 9113 section 4.3: a block is decoded, whatever becomes of it."""
    for _ in range(100):
        h2.ask("/held")
    refused = h2.ask("/", ("x-kept-in-the-table", "by the refused"))
    h2.expect_reset(refused, Code.REFUSED_STREAM)
    streams.release()
    h2.expect(1)
    answer = h2.get("/scope", ("x-kept-in-the-table", "by the refused"))
    assert b'["x-kept-in-the-table", "by the refused"]' in answer.body


# ---- Many at once ----


def test_answers_do_not_wait_for_each_other(h2: Http2Peer, streams: Streams) -> None:
    held = h2.ask("/held")
    waiting = h2.ask("/echo", method="POST", end=False)
    for _ in range(20):
        h2.get("/")
    h2.say(waiting, b"body", end=True).expect(waiting, body=b"body")
    streams.release()
    h2.expect(held, body=b"released\n")


def test_bodies_that_come_in_turns(h2: Http2Peer) -> None:
    asked = [h2.ask("/echo", method="POST", end=False) for _ in range(20)]
    for piece in range(30):
        h2.send(*(frames.data(stream, f"{stream}:{piece},".encode()) for stream in asked))
    h2.send(*(frames.data(stream, end=True) for stream in asked))
    for stream in reversed(asked):
        h2.expect(stream, body=b"".join(f"{stream}:{piece},".encode() for piece in range(30)))


def test_many_requests_in_one_piece(h2: Http2Peer) -> None:
    asked = [h2.new_stream() for _ in range(90)]
    h2.send(*(head(stream) for stream in asked))
    for stream in asked:
        h2.expect(stream, body=b"hello\n")


def test_a_thousand_requests_one_after_the_other(h2: Http2Peer) -> None:
    for _ in range(1000):
        h2.get("/")


# ---- 5.4: errors ----


def test_an_error_of_one_stream_leaves_the_others(h2: Http2Peer, streams: Streams) -> None:
    held = h2.ask("/held")
    bad = h2.ask("/", ("connection", "close"))
    h2.expect_malformed(bad)
    streams.release()
    h2.expect(held, body=b"released\n")


def test_the_last_stream_of_a_goaway_is_one_that_was_seen(h2: Http2Peer, streams: Streams) -> None:
    h2.get("/")
    h2.ask("/wait")
    h2.expect_alive()
    goaway = h2.send(frame(Kind.PING, 0, 0, b"short")).expect_goaway(Code.FRAME_SIZE_ERROR)
    assert goaway.last == 3
    streams.wait_until_left("/wait")


# ---- The client's GOAWAY, and its end ----


def test_a_goaway_of_the_client_lets_it_be_answered(h2: Http2Peer, streams: Streams) -> None:
    held = h2.ask("/held")
    h2.send(frames.goaway())
    while_held = [heard.kind for heard in h2.expect_alive()]
    assert Kind.RST_STREAM not in while_held
    streams.release()
    h2.expect(held, body=b"released\n")
    h2.expect_closed()


def test_a_goaway_of_an_idle_client(h2: Http2Peer) -> None:
    h2.get("/")
    h2.send(frames.goaway(debug=b"that was all")).expect_closed()


def test_the_end_of_the_clients_side_still_lets_it_be_answered(h2: Http2Peer) -> None:
    asked = [h2.ask("/") for _ in range(10)]
    h2.socket.shutdown(socket.SHUT_WR)
    h2.generous = False
    for stream in asked:
        h2.expect(stream, body=b"hello\n")
