"""Which answer goes first when there is not room for all. RFC 9218.

The window of the connection is the bottleneck: it is used up, answers wait behind it, and it is opened by so much that
only some of them fit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import frames
from tests.support.frames import Code, Kind, frame

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.http2 import Http2Peer

SIZE = 40_000


def bottleneck(peer: Http2Peer) -> None:
    """The window of the connection is 0 from here on."""
    peer.generous = False
    peer.expect(peer.ask("/bytes?65535"))
    assert peer.window == 0


def waiting(peer: Http2Peer, *priorities: str | None) -> list[int]:
    """Answers of SIZE bytes that wait, one for each priority."""
    asked = [peer.ask(f"/bytes?{SIZE}", *([("priority", priority)] if priority else [])) for priority in priorities]
    for stream in asked:
        peer.hear_until_status(stream)
    peer.expect_alive()
    return asked


def come(peer: Http2Peer, asked: list[int], room: int) -> list[int]:
    """How much of each comes when there is room for so many bytes."""
    before = [len(peer.answers[stream].body) for stream in asked]
    peer.give(0, room)
    while peer.window:
        peer.hear()
    return [len(peer.answers[stream].body) - had for stream, had in zip(asked, before, strict=True)]


@pytest.mark.parametrize(
    ("priorities", "first"),
    [
        (["u=7", "u=0"], 1),
        (["u=0", "u=7"], 0),
        (["u=5", "u=2", "u=4"], 1),
        ([None, "u=2"], 1),
        (["u=4", None], 1),
        (["u=3", "u=1, i"], 1),
        (["u=4;x=y, z=?0", "u=3"], 1),
    ],
)
def test_the_urgent_go_first(h2: Http2Peer, priorities: list[str | None], first: int) -> None:
    bottleneck(h2)
    asked = waiting(h2, *priorities)
    assert come(h2, asked, SIZE) == [SIZE if number == first else 0 for number in range(len(asked))]
    h2.give(0, SIZE * len(asked))
    for stream in asked:
        h2.expect(stream, body=b"b" * SIZE)


def test_the_others_go_one_after_the_other(h2: Http2Peer) -> None:
    """Section 10: answers that are not incremental are of no use before they are whole."""
    bottleneck(h2)
    asked = waiting(h2, "u=3", None, None)
    assert come(h2, asked, SIZE) == [SIZE, 0, 0]
    assert come(h2, asked, SIZE) == [0, SIZE, 0]
    assert come(h2, asked, SIZE) == [0, 0, SIZE]


def test_the_incremental_share(h2: Http2Peer) -> None:
    bottleneck(h2)
    asked = waiting(h2, "i", "i", "i")
    shares = come(h2, asked, 60_000)
    assert min(shares) > 0
    assert max(shares) - min(shares) <= 16384


def test_those_of_a_client_without_priorities_share(h2: Http2Peer) -> None:
    """Most clients know nothing of them, and an answer without end must not keep the others from coming."""
    bottleneck(h2)
    shares = come(h2, waiting(h2, None, None, None), 60_000)
    assert min(shares) > 0
    assert max(shares) - min(shares) <= 16384


@pytest.mark.parametrize("value", ["u=9", "u=-1", "u=x", "garbage;;;", "u", "i=2", "", "u=1.5", '"u=1"'])
def test_what_makes_no_sense_is_ignored(h2: Http2Peer, value: str) -> None:
    """Section 4: parameters out of range, or of another type, are as if they were not there."""
    bottleneck(h2)
    asked = waiting(h2, "u=4", value, "u=2")
    assert come(h2, asked, 2 * SIZE) == [0, SIZE, SIZE]


@pytest.mark.parametrize(
    "say",
    [
        pytest.param(lambda peer, stream: peer.send(frames.priority_update(stream, b"u=1")), id="while it waits"),
        pytest.param(
            lambda peer, stream: peer.send(
                frames.priority_update(stream, b"u=6"), frames.priority_update(stream, b"u=1")
            ),
            id="twice",
        ),
    ],
)
def test_an_update_changes_the_order(h2: Http2Peer, say: Callable[[Http2Peer, int], None]) -> None:
    bottleneck(h2)
    asked = waiting(h2, "u=2", "u=5")
    say(h2, asked[1])
    h2.expect_alive()
    assert come(h2, asked, SIZE) == [0, SIZE]


def test_an_update_before_its_stream(h2: Http2Peer) -> None:
    """Section 7.1: it is kept until the stream is opened."""
    bottleneck(h2)
    h2.send(frames.priority_update(h2.next_stream + 2, b"u=0"))
    asked = waiting(h2, "u=2", None)
    assert come(h2, asked, SIZE) == [0, SIZE]


@pytest.mark.parametrize(
    ("said", "codes"),
    [
        pytest.param(frames.priority_update(1, b"u=1", on=1), [Code.PROTOCOL_ERROR], id="on a stream"),
        pytest.param(frames.priority_update(0, b"u=1"), [Code.PROTOCOL_ERROR], id="of no stream"),
        pytest.param(frame(Kind.PRIORITY_UPDATE, payload=b"\0\0"), [Code.FRAME_SIZE_ERROR], id="cut"),
    ],
)
def test_an_update_ends_the_connection(h2: Http2Peer, said: bytes, codes: list[int]) -> None:
    h2.send(said).expect_goaway(*codes)


def test_an_update_of_a_stream_that_is_over_is_ignored(h2: Http2Peer) -> None:
    h2.get("/")
    h2.send(frames.priority_update(1, b"u=1"), frames.priority_update(1, b"garbage\xff")).get("/")
    h2.expect_alive()


def test_the_priorities_of_rfc_7540_change_nothing(h2: Http2Peer) -> None:
    """RFC 9113 section 5.3: they are out of use. A stream may even depend on itself."""
    bottleneck(h2)
    asked = waiting(h2, "u=3", "u=3")
    h2.send(frame(Kind.PRIORITY, 0, asked[1], frames.priority(0, 256, exclusive=True)))
    h2.send(frame(Kind.PRIORITY, 0, asked[0], frames.priority(asked[1], 1)))
    assert come(h2, asked, SIZE) == [SIZE, 0]
