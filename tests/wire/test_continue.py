"""Expect: 100-continue: sent once, when the body is wanted, and never when it is not needed.

RFC 9110 section 10.1.1.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.server import RunningServer

Serve = Callable[..., RunningServer]


@pytest.mark.parametrize("expectation", ["100-continue", "100-Continue"])
def test_continue_comes_once_before_the_body(server: RunningServer, expectation: str) -> None:
    with server.peer() as peer:
        peer.send("POST /echo HTTP/1.1", "Host: a", "Content-Length: 5", f"Expect: {expectation}")
        peer.expect(100, body="")
        peer.send_bytes(b"hello").expect(200, body="hello")
        peer.send("GET / HTTP/1.1", "Host: a").expect(200, body="hello\n")


def test_continue_before_a_chunked_body(server: RunningServer) -> None:
    with server.peer() as peer:
        peer.send("POST /echo HTTP/1.1", "Host: a", "Transfer-Encoding: chunked", "Expect: 100-continue")
        peer.expect(100)
        peer.send_bytes(b"5\r\nhello\r\n0\r\n\r\n").expect(200, body="hello")


def test_no_continue_when_the_body_is_there_already(server: RunningServer) -> None:
    with server.peer() as peer:
        peer.send("POST /echo HTTP/1.1", "Host: a", "Content-Length: 5", "Expect: 100-continue", body=b"hello")
        peer.expect(200, body="hello")


def test_no_continue_without_a_body(server: RunningServer) -> None:
    with server.peer() as peer:
        peer.send("GET / HTTP/1.1", "Host: a", "Expect: 100-continue").expect(200, body="hello\n")
        peer.send("POST /echo HTTP/1.1", "Host: a", "Expect: 100-continue", "Content-Length: 0").expect(200, body="")


def test_no_continue_for_http_1_0(server: RunningServer) -> None:
    with server.peer() as peer:
        peer.send("POST /echo HTTP/1.0", "Content-Length: 5", "Expect: 100-continue")
        peer.send_bytes(b"hello").expect(200, body="hello", closed=True)


def test_a_body_that_is_too_large_is_refused_before_it_is_sent(serve: Serve) -> None:
    with serve(max_body_size=4).peer() as peer:
        peer.send("POST /echo HTTP/1.1", "Host: a", "Content-Length: 5", "Expect: 100-continue")
        peer.expect_refusal(413, "request body too large")
