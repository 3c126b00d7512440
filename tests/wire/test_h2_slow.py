"""Peers that stop in the middle, or read slowly or not at all: what each costs, and how it ends."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import frames
from tests.support.apps.streams import Streams
from tests.support.frames import Code, Kind, frame, head
from tests.support.http2 import Http2Peer
from tests.support.server import launch
from tests.support.vitals import Vitals

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.server import RunningServer

Serve = Any
SOON_S = 0.1
LONG_S = 3600


@pytest.fixture
def slow(serve: Callable[..., RunningServer]) -> Callable[..., tuple[Streams, RunningServer]]:
    """slow(**timeouts): an application and its server, quiet."""

    def slow(**options: Any) -> tuple[Streams, RunningServer]:
        application = Streams()
        return application, serve(application, log_level="critical", **options)

    return slow


def test_an_idle_connection_is_told_goodbye(slow: Serve) -> None:
    with Http2Peer.of(slow(keep_alive=SOON_S)[1]) as peer:
        peer.get("/")
        peer.get("/")
        goaway = peer.expect_goaway(Code.NO_ERROR)
        assert goaway.last == 3


def test_pings_do_not_keep_an_idle_connection(slow: Serve) -> None:
    """They show that the peer is there, not that it wants something."""
    with Http2Peer.of(slow(keep_alive=4 * SOON_S)[1]) as peer:
        peer.get("/")
        peer.socket.settimeout(SOON_S)
        started = time.monotonic()
        while not peer.goaways and time.monotonic() - started < 10:
            try:
                peer.hear_or_end()
            except TimeoutError:
                peer.send(frames.ping())
        assert peer.goaways[-1].code == Code.NO_ERROR
        assert time.monotonic() - started < 5


def test_a_connection_that_asks_nothing(slow: Serve) -> None:
    """As on HTTP/1.1 it is the head that is waited for."""
    with Http2Peer.of(slow(keep_alive=LONG_S, head_timeout=SOON_S)[1]) as peer:
        peer.expect_goaway(Code.NO_ERROR)


def test_a_stream_that_is_open_keeps_the_connection(slow: Serve) -> None:
    application, server = slow(keep_alive=SOON_S, head_timeout=SOON_S)
    with Http2Peer.of(server) as peer:
        held = peer.ask("/held")
        peer.expect_silence(4 * SOON_S)
        application.release()
        peer.expect(held, body=b"released\n")


@pytest.mark.parametrize("begun", [b"", frame(Kind.CONTINUATION, 0, 1, frames.literal(b"a", b"b"))])
def test_a_header_block_that_is_not_completed(slow: Serve, begun: bytes) -> None:
    with Http2Peer.of(slow(head_timeout=SOON_S, keep_alive=LONG_S)[1]) as peer:
        peer.answer_of(1)
        peer.send(head(1, whole=False), begun)
        peer.expect_goaway(Code.NO_ERROR, Code.PROTOCOL_ERROR, Code.ENHANCE_YOUR_CALM)


def test_a_header_block_that_trickles_is_not_given_more_time(slow: Serve) -> None:
    with Http2Peer.of(slow(head_timeout=4 * SOON_S, keep_alive=LONG_S)[1]) as peer:
        peer.answer_of(1)
        peer.send(head(1, whole=False))
        peer.socket.settimeout(SOON_S)
        started = time.monotonic()
        heard: Any = None
        while time.monotonic() - started < 10 and not peer.goaways:
            try:
                heard = peer.hear_or_end()
            except TimeoutError:
                peer.send(frame(Kind.CONTINUATION, 0, 1, b"\x82"))
        assert peer.goaways, heard
        assert time.monotonic() - started < 5


def test_a_frame_that_is_not_completed(slow: Serve) -> None:
    with Http2Peer.of(slow(head_timeout=SOON_S, keep_alive=SOON_S)[1]) as peer:
        peer.get("/")
        peer.send(head(3)[:20])
        while peer.hear_or_end() is not None:
            pass


def test_a_body_that_stops(slow: Serve) -> None:
    """408 on its stream; the others go on."""
    application, server = slow(body_timeout=SOON_S)
    with Http2Peer.of(server) as peer:
        held = peer.ask("/held")
        stopped = peer.ask("/echo", ("content-length", "10"), method="POST", end=False)
        peer.say(stopped, b"half").expect(stopped, 408)
        peer.expect_reset(stopped, Code.NO_ERROR)
        peer.get("/")
        application.release()
        peer.expect(held, body=b"released\n")
    application.wait_until_left("/echo")


def test_a_body_that_nobody_waits_for_may_take_its_time(slow: Serve) -> None:
    application, server = slow(body_timeout=SOON_S)
    with Http2Peer.of(server) as peer:
        stream = peer.ask("/held", method="POST", end=False)
        peer.expect_silence(4 * SOON_S)
        application.release()
        peer.expect(stream, body=b"released\n")


def test_an_answer_whose_window_stays_closed(slow: Serve) -> None:
    """It is reset; the connection, which is read, goes on."""
    application, server = slow(write_timeout=2 * SOON_S)
    with Http2Peer.of(server, initial_window_size=10) as peer:
        peer.generous = False
        stream = peer.ask("/stream?1000000")
        peer.expect_reset(stream, Code.CANCEL, Code.INTERNAL_ERROR, Code.ENHANCE_YOUR_CALM, Code.FLOW_CONTROL_ERROR)
        application.wait_until_left("/stream")
        peer.generous = True
        peer.expect(peer.ask("/bytes?9"), body=b"b" * 9)


def test_the_time_that_an_application_takes_is_not_the_peer_s(serve: Callable[..., RunningServer]) -> None:
    """It works for longer than the peer may take to open a window, and then the peer has as long as ever."""

    def app(_environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        threading.Event().wait(0.6)
        start_response("200 OK", [])
        return [b"b" * 100]

    with Http2Peer.of(serve(app, write_timeout=0.5), initial_window_size=10) as peer:
        peer.generous = False
        stream = peer.ask("/")
        peer.hear_until_status(stream)
        assert peer.hear().payload == b"b" * 10
        peer.expect_silence(SOON_S)
        peer.give(stream, 90)
        peer.expect(stream, body=b"b" * 100)


def test_a_window_that_opens_by_little_is_no_progress_for_ever(slow: Serve) -> None:
    """Each byte given is a little progress: as long as bytes leave, the answer goes on."""
    _, server = slow(write_timeout=4 * SOON_S)
    with Http2Peer.of(server, initial_window_size=0) as peer:
        peer.generous = False
        stream = peer.ask("/bytes?12")
        peer.hear_until_status(stream)
        for _ in range(12):
            peer.expect_silence(SOON_S)
            peer.give(stream, 1)
            peer.hear()
        peer.expect(stream, body=b"b" * 12)


def test_a_peer_that_reads_nothing(slow: Serve) -> None:
    application, server = slow(write_timeout=2 * SOON_S)
    with Http2Peer.of(server, initial_window_size=(1 << 31) - 1) as peer:
        peer.give(0, 1 << 30)
        peer.ask("/stream?500000000")
        application.wait_until_left("/stream")
        assert application.produced < 100_000_000


@pytest.mark.linux
@pytest.mark.parametrize("window", [0, 1, (1 << 31) - 1])
def test_a_hundred_answers_that_nobody_reads(window: int) -> None:
    """A hundred MiB each: what is produced of them is bounded, and the others are served."""
    with launch("tests.support.apps.streams:app") as server, Http2Peer.of(server) as other:
        other.get("/")
        vitals = Vitals(server.worker_pids()[0])
        with Http2Peer.of(server, initial_window_size=window) as peer:
            peer.send(*(head(stream, frames.block_of("GET", "/stream?100000000")) for stream in range(1, 200, 2)))
            for _ in range(20):
                other.get("/")
            assert vitals.grown_bytes() < 24 << 20
        assert vitals.spent_s() < 3
        other.expect_alive()


@pytest.mark.linux
def test_a_hundred_bodies_that_nobody_reads() -> None:
    with launch("tests.support.apps.streams:app") as server, Http2Peer.of(server) as other:
        other.get("/")
        vitals = Vitals(server.worker_pids()[0])
        with Http2Peer.of(server) as peer:
            asked = [peer.ask("/held", method="POST", end=False) for _ in range(100)]
            for stream in asked:
                while room := peer.room(stream):
                    peer.say(stream, bytes(min(room, 16384)))
                other.get("/")
                peer.expect_alive()
            assert vitals.grown_bytes() < 24 << 20
        other.expect_alive()
