"""How HTTP/2 begins, by prior knowledge, and how it does not. RFC 9113 section 3."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import frames
from tests.support.frames import PREFACE, Code, Setting
from tests.support.http2 import Http2Peer

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.server import RunningServer

OPENING = PREFACE + frames.settings()
UPGRADE = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__")


def unopened(server: RunningServer) -> Http2Peer:
    peer = Http2Peer(server.connect())
    peer.unacknowledged.append({})
    return peer


def test_both_sides_say_their_settings(h2: Http2Peer) -> None:
    assert h2.settings[Setting.MAX_CONCURRENT_STREAMS] == 100
    assert h2.settings[Setting.MAX_HEADER_LIST_SIZE] == 65536
    assert h2.settings[Setting.ENABLE_CONNECT_PROTOCOL] == 1
    assert h2.settings[Setting.NO_RFC7540_PRIORITIES] == 1
    assert Setting.ENABLE_PUSH not in h2.settings or h2.settings[Setting.ENABLE_PUSH] == 0
    assert h2.settings.get(Setting.MAX_FRAME_SIZE, 16384) == 16384
    h2.get("/")


def test_the_server_does_not_wait_for_an_acknowledgement(h2_server: RunningServer) -> None:
    with unopened(h2_server) as peer:
        peer.send(OPENING)
        stream = peer.ask()
        assert peer.hear().kind == frames.Kind.SETTINGS
        peer.expect(stream, body=b"hello\n")


def test_a_request_comes_with_the_preface(h2_server: RunningServer) -> None:
    with unopened(h2_server) as peer:
        peer.next_stream = 3
        peer.answer_of(1)
        peer.send(OPENING + frames.head(1)).expect(1, body=b"hello\n")
        peer.expect(peer.ask(), body=b"hello\n")


@pytest.mark.parametrize("at", [*range(1, 26), 32, 33, 34, 41, 42, 43])
def test_the_opening_comes_in_two_pieces(h2_server: RunningServer, at: int) -> None:
    with unopened(h2_server) as peer:
        peer.answer_of(1)
        opening = OPENING + frames.head(1)
        peer.send(opening[:at]).send(opening[at:]).expect(1, body=b"hello\n")


def test_the_opening_comes_byte_by_byte(h2_server: RunningServer) -> None:
    with unopened(h2_server) as peer:
        peer.answer_of(1)
        for byte in OPENING + frames.head(1):
            peer.send(bytes([byte]))
        peer.expect(1, body=b"hello\n")


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(frames.ping(), id="PING"),
        pytest.param(frames.head(1), id="HEADERS"),
        pytest.param(frames.window_update(0, 1), id="WINDOW_UPDATE"),
        pytest.param(frames.goaway(), id="GOAWAY"),
        pytest.param(frames.settings_ack(), id="acknowledgement"),
        pytest.param(frames.frame(0xBE, payload=b"unknown"), id="unknown"),
    ],
)
def test_the_first_frame_is_not_settings(h2_server: RunningServer, first: bytes) -> None:
    with unopened(h2_server) as peer:
        peer.send(PREFACE, first).expect_goaway(Code.PROTOCOL_ERROR)


@pytest.mark.parametrize("at", [1, 3, 4, 14, 16, 18, 19, 20, 22, 23])
def test_a_preface_that_is_none(h2_server: RunningServer, at: int) -> None:
    """Whoever does not say it whole speaks HTTP/1.1, and that badly."""
    with h2_server.peer() as peer:
        peer.send_bytes(PREFACE[:at] + b"!" + PREFACE[at + 1 :])
        answer = peer.hear()
        assert answer.status in (400, 501, 505), answer
        assert answer["Connection"] == "close"
        peer.expect_closed()


def test_http_1_1_is_spoken_on_the_same_port(h2_server: RunningServer) -> None:
    for method in ("GET", "POST", "PUT", "PATCH", "PROPFIND"):
        with h2_server.peer() as peer:
            peer.send(f"{method} / HTTP/1.1", "Host: a").expect(200, body="hello\n")


@pytest.mark.parametrize("at", [1, 2, 3])
def test_a_method_that_begins_as_the_preface_does(h2_server: RunningServer, at: int) -> None:
    with h2_server.peer() as peer:
        peer.send_bytes(b"PROPFIND"[:at]).send_bytes(b"PROPFIND / HTTP/1.1\r\nHost: a\r\n\r\n"[at:])
        peer.expect(200, body="hello\n")


def test_the_preface_after_a_request_is_none(h2_server: RunningServer) -> None:
    with h2_server.peer() as peer:
        peer.send("GET / HTTP/1.1", "Host: a").expect(200)
        peer.send_bytes(OPENING)
        assert peer.hear().status in (400, 501, 505)
        peer.expect_closed()


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_an_upgrade_is_politely_ignored(h2_server: RunningServer, method: str) -> None:
    """RFC 9113 section 3.1 has taken it out of use; a server may always stay with HTTP/1.1 (RFC 9110 section 7.8)."""
    with h2_server.peer() as peer:
        peer.send(f"{method} / HTTP/1.1", "Host: a", *UPGRADE, "Content-Length: 4", body=b"body")
        peer.expect(200, headers={"Upgrade": None}, body="hello\n")
        peer.send("GET / HTTP/1.1", "Host: a", *UPGRADE).expect(200, body="hello\n")


@pytest.mark.parametrize("count", [0, 1, 23, 24, 30])
def test_the_end_within_the_opening(h2_server: RunningServer, count: int) -> None:
    with unopened(h2_server) as peer:
        peer.send(OPENING[:count])
        peer.socket.shutdown(1)
        while peer.socket.recv(1000):
            pass
    assert h2_server.get().status == 200


def test_an_opening_that_is_not_completed(serve: Callable[..., RunningServer]) -> None:
    server = serve(head_timeout=0.05, keep_alive=3600)
    for count in (1, 10, 23):
        with server.peer() as peer:
            answer = peer.send_bytes(OPENING[:count]).hear()
            assert answer.status in (408, 505), answer  # by then it is HTTP/1.1, and of what version is known or not
            peer.expect_closed()
    with Http2Peer(server.connect()) as opened:
        opened.send(PREFACE)
        while opened.hear_or_end() is not None:
            pass
