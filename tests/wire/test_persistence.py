"""How long a connection lives, and many requests on one: keep-alive, pipelining, closing. RFC 9112 section 9."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from tests.support.peer import Peer
from tests.support.server import RunningServer

Serve = Callable[..., RunningServer]
GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def test_http_1_1_goes_on_until_the_peer_is_done(server: RunningServer) -> None:
    with server.peer() as peer:
        for _ in range(5):
            peer.send("GET / HTTP/1.1", "Host: a").expect(200, headers={"Connection": None}, body="hello\n")
        peer.end().expect_closed()


@pytest.mark.parametrize("value", ["close", "Close", "keep-alive, close", "x, close ,y"])
def test_http_1_1_ends_when_asked_to(server: RunningServer, value: str) -> None:
    with server.peer() as peer:
        peer.send("GET / HTTP/1.1", "Host: a", f"Connection: {value}")
        peer.expect(200, headers={"Connection": "close"}, body="hello\n", closed=True)


def test_what_follows_a_close_is_not_answered(server: RunningServer) -> None:
    with server.peer() as peer:
        peer.send_bytes(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + GET)
        peer.expect(200, headers={"Connection": "close"}, closed=True)


def test_http_1_0_ends_after_one_answer(server: RunningServer) -> None:
    with server.peer() as peer:
        peer.send("GET / HTTP/1.0").expect(200, body="hello\n", closed=True)


def test_http_1_0_goes_on_when_asked_to(server: RunningServer) -> None:
    with server.peer() as peer:
        for _ in range(3):
            peer.send("GET / HTTP/1.0", "Connection: Keep-Alive")
            peer.expect(200, headers={"Connection": "keep-alive"}, body="hello\n")
        peer.send("GET / HTTP/1.0").expect(200, closed=True)


def test_http_1_0_is_never_answered_in_chunks(server: RunningServer) -> None:
    with server.peer() as peer:
        peer.send("GET /stream?n=3 HTTP/1.0", "Connection: keep-alive")
        peer.expect(200, headers={"Transfer-Encoding": None}, body="chunk 0\nchunk 1\nchunk 2\n", closed=True)


def test_http_1_1_is_answered_in_chunks_when_no_length_is_known(server: RunningServer) -> None:
    with server.peer() as peer:
        peer.send("GET /stream?n=3 HTTP/1.1", "Host: a")
        chunked = {"Transfer-Encoding": "chunked", "Content-Length": None}
        peer.expect(200, headers=chunked, body="chunk 0\nchunk 1\nchunk 2\n")
        peer.send("GET / HTTP/1.1", "Host: a").expect(200, body="hello\n")


def test_pipelined_requests_are_answered_in_order(server: RunningServer) -> None:
    with server.peer() as peer:
        peer.send_bytes(b"".join(b"GET /environ?%d HTTP/1.1\r\nHost: a\r\n\r\n" % number for number in range(100)))
        for number in range(100):
            assert json.loads(peer.expect(200).body)["QUERY_STRING"] == str(number)


def test_pipelined_requests_with_bodies(server: RunningServer) -> None:
    with server.peer() as peer:
        for number in range(50):
            body = b"body %d" % number
            if number % 2:
                peer.send("POST /echo HTTP/1.1", "Host: a", f"Content-Length: {len(body)}", body=body)
            else:
                chunks = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
                peer.send("POST /echo HTTP/1.1", "Host: a", "Transfer-Encoding: chunked", body=chunks)
        for number in range(50):
            peer.expect(200, body=f"body {number}")


def test_a_bad_request_behind_good_ones_is_refused_in_its_turn(server: RunningServer) -> None:
    with server.peer() as peer:
        peer.send_bytes(GET + GET + b"GET / HTTP/1.1\r\n\r\n" + GET)
        peer.expect(200, body="hello\n")
        peer.expect(200, body="hello\n")
        peer.expect_refusal(400, "missing, repeated or invalid Host")


def test_large_answers_are_pipelined_too(server: RunningServer) -> None:
    with server.peer() as peer:
        peer.send_bytes(b"GET /bytes?n=1000000 HTTP/1.1\r\nHost: a\r\n\r\n" * 8 + GET)
        for _ in range(8):
            assert len(peer.expect(200).body) == 1000000
        peer.expect(200, body="hello\n")


def test_the_end_of_the_peers_side_still_lets_it_be_answered(server: RunningServer) -> None:
    with server.peer() as peer:
        peer.send("POST /echo HTTP/1.1", "Host: a", "Content-Length: 2", body=b"hi").end()
        peer.expect(200, body="hi", closed=True)


def test_pipelined_requests_are_answered_after_the_end_of_the_peers_side(server: RunningServer) -> None:
    with server.peer() as peer:
        peer.send_bytes(GET * 10).end()
        for _ in range(10):
            peer.expect(200, body="hello\n")
        peer.expect_closed()


@pytest.mark.parametrize("part", [b"", b"\r\n", b"G", b"GET / HTTP/1.1\r\n", GET[:-1]])
def test_the_end_before_a_request_is_complete(server: RunningServer, part: bytes) -> None:
    with server.peer() as peer:
        peer.send_bytes(part).end().expect_closed()
    assert server.get().status == 200


def test_an_application_that_is_late_does_not_mix_answers(serve: Serve) -> None:
    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        for part in environ["QUERY_STRING"]:
            yield part.encode() * 10000

    with serve(app).peer() as peer:
        peer.send_bytes(b"".join(b"GET /?%d%d HTTP/1.1\r\nHost: a\r\n\r\n" % (n, n + 1) for n in range(9)))
        for number in range(9):
            peer.expect(200, body=f"{number}" * 10000 + f"{number + 1}" * 10000)


def test_a_peer_that_resets_does_no_harm(server: RunningServer) -> None:
    for request in (b"", b"GET / HT", GET * 50, b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf"):
        server.peer().send_bytes(request).reset()
    assert server.get().status == 200


def test_no_keep_alive_at_all(serve: Serve) -> None:
    with serve(keep_alive=0).peer() as peer:
        peer.send_bytes(GET + GET).expect(200, headers={"Connection": "close"}, closed=True)


def test_many_connections_at_once(server: RunningServer) -> None:
    peers: list[Peer] = [server.peer() for _ in range(200)]
    for peer in peers:
        peer.send_bytes(GET)
    for peer in peers:
        peer.expect(200, body="hello\n")
    for peer in peers:
        peer.send_bytes(GET).expect(200)
        peer.close()
