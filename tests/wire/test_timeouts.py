"""Peers that stop in the middle: each timeout, short, and what is said when it passes."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from tests.support.server import RunningServer

Serve = Callable[..., RunningServer]

SOON_S = 0.05
LONG_S = 3600


def test_a_head_that_is_not_completed(serve: Serve) -> None:
    with serve(head_timeout=SOON_S).peer() as peer:
        peer.send_bytes(b"GET / HTTP/1.1\r\nHost: a\r\n")
        peer.expect_refusal(408, "the request head did not arrive in time")


def test_a_head_that_trickles_is_not_given_more_time(serve: Serve) -> None:
    """The time runs from the first byte: a peer that sends a byte now and then does not keep a connection."""
    with serve(head_timeout=4 * SOON_S).peer() as peer:
        peer.send_bytes(b"GET / HTTP/1.1\r\n")
        started = time.monotonic()
        peer.socket.settimeout(SOON_S / 2)
        for _ in range(200):
            try:
                peer.expect(408)
            except TimeoutError:
                peer.send_bytes(b"a")
            else:
                break
        assert time.monotonic() - started < 10


def test_nothing_at_all(serve: Serve) -> None:
    with serve(head_timeout=SOON_S, keep_alive=LONG_S).peer() as peer:
        peer.expect_closed()


def test_idle_between_requests(serve: Serve) -> None:
    with serve(keep_alive=SOON_S).peer() as peer:
        peer.send("GET / HTTP/1.1", "Host: a").expect(200, closed=True)


def test_a_second_head_that_is_not_completed(serve: Serve) -> None:
    with serve(head_timeout=SOON_S, keep_alive=LONG_S).peer() as peer:
        peer.send("GET / HTTP/1.1", "Host: a").expect(200)
        peer.send_bytes(b"GET / HTT").expect_refusal(408, "the request head did not arrive in time")


def test_a_body_that_stops(serve: Serve) -> None:
    with serve(body_timeout=SOON_S).peer() as peer:
        peer.send("POST /echo HTTP/1.1", "Host: a", "Content-Length: 10", body=b"half")
        peer.expect_refusal(408, "the request body made no progress in time")


def test_a_chunked_body_that_stops(serve: Serve) -> None:
    with serve(body_timeout=SOON_S).peer() as peer:
        peer.send("POST /echo HTTP/1.1", "Host: a", "Transfer-Encoding: chunked", body=b"5\r\nhe")
        peer.expect_refusal(408, "the request body made no progress in time")


def test_a_body_that_was_promised_after_continue(serve: Serve) -> None:
    with serve(body_timeout=SOON_S).peer() as peer:
        peer.send("POST /echo HTTP/1.1", "Host: a", "Content-Length: 10", "Expect: 100-continue")
        peer.expect(100)
        peer.expect_refusal(408, "the request body made no progress in time")


def test_the_time_that_an_application_takes_is_not_the_peer_s(serve: Serve) -> None:
    """It works for longer than every timeout; what they count begins when it is done."""

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        start_response("200 OK", [])
        if environ["PATH_INFO"] == "/":
            threading.Event().wait(0.6)
        return [b"x" * (1 << 16)] * (1 << 8)  # more than both kernels hold

    with serve(app, write_timeout=0.5, keep_alive=0.5).peer() as peer:
        for path in ("/", "/again"):
            peer.send(f"GET {path} HTTP/1.1", "Host: a")
            assert len(peer.expect(200).body) == 1 << 24


def test_a_peer_that_does_not_read_its_answer(serve: Serve) -> None:
    """More than both kernels hold is on its way: the application is told to stop, and the answer stays cut."""
    closed = threading.Event()

    def app(_environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterator[bytes]:
        start_response("200 OK", [("Content-Length", str(1 << 30))])
        try:
            for _ in range(1 << 10):
                yield b"x" * (1 << 20)
        finally:
            closed.set()

    with serve(app, write_timeout=SOON_S).peer() as peer:
        peer.send("GET / HTTP/1.1", "Host: a")
        assert closed.wait(20)
        received = 0
        with contextlib.suppress(ConnectionResetError):
            while data := peer.socket.recv(1 << 20):
                received += len(data)
        assert 0 < received < 1 << 30
