"""WebSockets on streams. RFC 8441."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.frames import Code, literal, rst_stream
from tests.support.tunnel import Http2WebSocket
from tests.support.websocket import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, frame

if TYPE_CHECKING:
    from tests.support.apps.streams import Streams
    from tests.support.http2 import Http2Peer


def test_messages_both_ways(h2: Http2Peer) -> None:
    peer = Http2WebSocket(h2).opened()
    peer.say("text").expect_message("text")
    peer.say(b"bytes").expect_message(b"bytes")
    peer.say("bye").expect_close(4000, "as asked")
    peer.say_close(4000).expect_closed()
    assert h2.answers[peer.stream].ended
    h2.get("/")


def test_a_long_message(h2: Http2Peer) -> None:
    """Longer than the windows of either side."""
    peer = Http2WebSocket(h2).opened()
    message = bytes(range(256)) * 2000
    framed = frame(BINARY, message)
    at = 0
    while at < len(framed):
        if size := min(h2.room(peer.stream), 16384, len(framed) - at):
            peer.send_bytes(framed[at : at + size])
            at += size
        else:
            h2.hear()
    peer.expect_message(message)


def test_a_frame_in_many_pieces(h2: Http2Peer) -> None:
    peer = Http2WebSocket(h2).opened()
    peer.send_slowly(frame(TEXT, b"byte by byte")).send_bytes(frame(PING, b"p"))
    peer.expect_message("byte by byte")
    assert peer.hear_frame().opcode == PONG


def test_fragments_in_one_piece(h2: Http2Peer) -> None:
    peer = Http2WebSocket(h2).opened()
    peer.send_bytes(frame(TEXT, b"one ", last=False) + frame(CONTINUATION, b"two") + frame(TEXT, b"three"))
    peer.expect_message("one two").expect_message("three")


def test_a_subprotocol_is_chosen(h2: Http2Peer) -> None:
    peer = Http2WebSocket(h2, "/ws", ("sec-websocket-protocol", "chat, other")).opened()
    assert h2.answers[peer.stream]["sec-websocket-protocol"] == "chat"


def test_the_client_closes(h2: Http2Peer, streams: Streams) -> None:
    before = streams.left.count("/closes")
    Http2WebSocket(h2, "/closes").opened().leave()
    streams.wait_until_left("/closes", before + 1)


def test_one_is_denied(h2: Http2Peer) -> None:
    peer = Http2WebSocket(h2, "/deny")
    assert h2.hear_until_over(peer.stream).status == 403
    h2.get("/")


@pytest.mark.parametrize("version", ["12", "", "thirteen"])
def test_a_version_that_is_not_spoken(h2: Http2Peer, streams: Streams, version: str) -> None:
    """RFC 6455 section 4.4: 426, or 400, and which one is spoken."""
    answer = h2.hear_until_over(Http2WebSocket(h2, "/never", version=version).stream)
    assert answer.status in (400, 426)
    assert answer["sec-websocket-version"] == "13"
    assert "/never" not in streams.seen


@pytest.mark.parametrize("wrong", [b"\xff\xff\xff", b"\x81\x01a", frame(TEXT, b"\xff\xfe"), frame(CONTINUATION)])
def test_what_breaks_a_websocket_leaves_the_connection(h2: Http2Peer, wrong: bytes) -> None:
    peer = Http2WebSocket(h2).opened()
    peer.send_bytes(wrong)
    assert peer.hear_frame().opcode == CLOSE
    h2.hear_until_over(peer.stream)
    h2.get("/")


def test_a_reset_ends_the_application(h2: Http2Peer, streams: Streams) -> None:
    before = streams.left.count("/reset")
    peer = Http2WebSocket(h2, "/reset").opened()
    h2.send(rst_stream(peer.stream, Code.CANCEL))
    streams.wait_until_left("/reset", before + 1)
    h2.get("/")


def test_the_end_of_the_stream_ends_the_application(h2: Http2Peer, streams: Streams) -> None:
    """END_STREAM is what the end of TCP would be: section 5.1."""
    before = streams.left.count("/ended")
    peer = Http2WebSocket(h2, "/ended").opened()
    peer.end()
    streams.wait_until_left("/ended", before + 1)
    h2.hear_until_over(peer.stream)
    h2.get("/")


def test_many_on_one_connection_and_requests_between_them(h2: Http2Peer) -> None:
    peers = [Http2WebSocket(h2).opened() for _ in range(20)]
    for number, peer in enumerate(peers):
        peer.say(f"to {number}")
        h2.get("/")
    for number, peer in enumerate(peers):
        peer.expect_message(f"to {number}")
    for peer in peers:
        peer.leave()


def test_another_protocol_is_not_spoken(h2: Http2Peer, streams: Streams) -> None:
    pairs = ((":method", "CONNECT"), (":protocol", "tunnel"), (":scheme", "http"), (":path", "/never"))
    block = b"".join(literal(name.encode(), value.encode()) for name, value in (*pairs, (":authority", "test")))
    answer = h2.hear_until_over(h2.ask_raw(block, end=False))
    assert answer.status in (400, 404, 405, 501) or answer.reset == Code.PROTOCOL_ERROR
    assert "/never" not in streams.seen
    h2.expect_alive()
