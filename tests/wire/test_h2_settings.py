"""Settings: their values, and what changes with them. RFC 9113 section 6.5."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from tests.support import frames
from tests.support.frames import ACK, Code, Kind, Setting

if TYPE_CHECKING:
    from tests.support.http2 import Http2Peer

REFUSED = [
    (Setting.ENABLE_PUSH, 2, Code.PROTOCOL_ERROR),
    (Setting.ENABLE_PUSH, 0xFFFFFFFF, Code.PROTOCOL_ERROR),
    (Setting.INITIAL_WINDOW_SIZE, 1 << 31, Code.FLOW_CONTROL_ERROR),
    (Setting.INITIAL_WINDOW_SIZE, 0xFFFFFFFF, Code.FLOW_CONTROL_ERROR),
    (Setting.MAX_FRAME_SIZE, 0, Code.PROTOCOL_ERROR),
    (Setting.MAX_FRAME_SIZE, 16383, Code.PROTOCOL_ERROR),
    (Setting.MAX_FRAME_SIZE, 1 << 24, Code.PROTOCOL_ERROR),
    (Setting.ENABLE_CONNECT_PROTOCOL, 2, Code.PROTOCOL_ERROR),
    (Setting.NO_RFC7540_PRIORITIES, 2, Code.PROTOCOL_ERROR),
]


@pytest.mark.parametrize(("name", "value", "code"), REFUSED)
def test_a_value_ends_the_connection(h2: Http2Peer, name: int, value: int, code: int) -> None:
    h2.send(frames.settings({name: value})).expect_goaway(code)


@pytest.mark.parametrize(
    "values",
    [
        {"header_table_size": 0},
        {"header_table_size": 0xFFFFFFFF},
        {"enable_push": 0},
        {"enable_push": 1},
        {"max_concurrent_streams": 0},
        {"initial_window_size": (1 << 31) - 1},
        {"max_frame_size": 16384},
        {"max_frame_size": (1 << 24) - 1},
        {"max_header_list_size": 0xFFFFFFFF},
    ],
    ids=str,
)
def test_a_value_is_taken(h2: Http2Peer, values: dict[str, int]) -> None:
    h2.change(**values)
    assert (heard := h2.hear()).kind == Kind.SETTINGS
    assert heard.flags & ACK
    for _ in range(3):
        h2.get("/")
        assert h2.get("/scope").status == 200


def test_unknown_settings_are_ignored(h2: Http2Peer) -> None:
    h2.unacknowledged.append({})
    h2.send(frames.settings({0xFF: 1, 0: 2, 0xFFFF: 0xFFFFFFFF, 0x1A1A: 0})).get("/")
    assert not h2.unacknowledged


def test_each_is_acknowledged_in_its_turn(h2: Http2Peer) -> None:
    """At once, and before what comes behind it is answered."""
    for _ in range(5):
        h2.change(max_frame_size=20000)
    h2.send(frames.ping(b"behind 5"))
    heard = [h2.hear().kind for _ in range(6)]
    assert heard == [Kind.SETTINGS] * 5 + [Kind.PING]
    h2.change()
    h2.get("/")
    assert not h2.unacknowledged


def test_the_last_value_counts(h2: Http2Peer) -> None:
    """Section 6.5.3: they are processed in the order in which they appear."""
    payload = b"".join(struct.pack("!HI", Setting.INITIAL_WINDOW_SIZE, value) for value in (100, 1, 50))
    h2.unacknowledged.append({Setting.INITIAL_WINDOW_SIZE: 50})
    h2.send(frames.frame(Kind.SETTINGS, payload=payload))
    h2.hear()
    h2.generous = False
    stream = h2.ask("/bytes?1000")
    h2.hear_until_status(stream)
    h2.expect_alive()
    assert len(h2.answers[stream].body) == 50


def test_the_greatest_frame_of_the_client_is_respected(h2: Http2Peer) -> None:
    h2.change(max_frame_size=100_000, initial_window_size=1 << 20)
    h2.give(0, 1 << 20)
    h2.expect(h2.ask("/bytes?300000"), body=b"b" * 300_000)
    h2.change(max_frame_size=16384)
    h2.expect(h2.ask("/bytes?300000"), body=b"b" * 300_000)


@pytest.mark.parametrize("size", [0, 1, 33, 100, 4096, 65536])
def test_the_table_of_the_client_is_respected(h2: Http2Peer, size: int) -> None:
    """The decoder of the peer complains of an encoder that goes over what it was allowed."""
    h2.get("/scope")
    h2.change(header_table_size=size)
    for number in range(20):
        assert h2.get("/fields", ("x-number", str(number))).status == 200


def test_the_table_shrinks_and_grows(h2: Http2Peer) -> None:
    """RFC 7541 section 4.2: the smallest size in between is told too."""
    for size in (4096, 0, 4096, 100, 0, 50, 4096):
        h2.change(header_table_size=size)
    h2.get("/fields")
    for size in (0, 4096):
        h2.change(header_table_size=size)
        h2.get("/fields")
