"""Peers that send in pieces, read late, or talk while they are being answered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.peer import Peer
from tests.support.server import RunningServer

Serve = Callable[..., RunningServer]

CONVERSATION = (
    b"\r\nPOST /echo?a=b HTTP/1.1\r\nHost: a.example\r\nX-Long: "
    + b"long " * 20
    + b"\r\nContent-Length: 5\r\n\r\nhello"
    b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\none\r\n3\r\ntwo\r\n0\r\nT: u\r\n\r\n"
    b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
)


def expect_answers(peer: Peer) -> None:
    peer.expect(200, body="hello")
    peer.expect(200, body="onetwo")
    peer.expect(200, body="hello\n", closed=True)


def test_a_conversation_in_one_piece(server: RunningServer) -> None:
    with server.peer() as peer:
        expect_answers(peer.send_bytes(CONVERSATION))


def test_a_conversation_byte_by_byte(server: RunningServer) -> None:
    with server.peer() as peer:
        expect_answers(peer.send_slowly(CONVERSATION))


@pytest.mark.parametrize("size", [2, 3, 7, 16, 64])
def test_a_conversation_in_pieces(server: RunningServer, size: int) -> None:
    with server.peer() as peer:
        for at in range(0, len(CONVERSATION), size):
            peer.send_bytes(CONVERSATION[at : at + size])
        expect_answers(peer)


def test_a_large_head_byte_by_byte(server: RunningServer) -> None:
    with server.peer() as peer:
        fields = [f"X-{number}: {'v' * 200}" for number in range(20)]
        head = "\r\n".join(["GET / HTTP/1.1", "Host: a", *fields, "", ""]).encode()
        peer.send_slowly(head).expect(200, body="hello\n")


def test_many_slow_peers_side_by_side(server: RunningServer) -> None:
    peers = [server.peer() for _ in range(20)]
    for at in range(len(CONVERSATION)):
        for peer in peers:
            peer.send_bytes(CONVERSATION[at : at + 1])
    for peer in peers:
        expect_answers(peer)
        peer.close()


def ignore(_environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    """Answers without reading the body."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"ignored"]


@pytest.mark.parametrize("size", [1, 10000, 3000000])
def test_a_body_that_the_application_does_not_read(serve: Serve, size: int) -> None:
    with serve(ignore).peer() as peer:
        for _ in range(2):
            peer.send("POST / HTTP/1.1", "Host: a", f"Content-Length: {size}", body=b"x" * size)
            peer.expect(200, headers={"Connection": None}, body="ignored")
            chunks = b"%x\r\n%s\r\n0\r\n\r\n" % (size, b"x" * size)
            peer.send("POST / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked", body=chunks)
            peer.expect(200, headers={"Connection": None}, body="ignored")


def test_a_refused_body_is_told_so_while_it_is_still_sent(serve: Serve) -> None:
    """The answer arrives although more was on its way than both kernels hold: no reset overtakes it."""
    with serve(max_body_size=1000).peer() as peer:
        peer.send("POST / HTTP/1.1", "Host: a", "Content-Length: 5000000", body=b"x" * 5000000)
        peer.expect_refusal(413, "request body too large")


def test_the_end_in_the_middle_of_a_body(server: RunningServer) -> None:
    with server.peer() as peer:
        peer.send("POST /echo HTTP/1.1", "Host: a", "Content-Length: 10", body=b"half").end().expect_closed()
    assert server.get().status == 200


def test_a_peer_that_reads_late_gets_everything(serve: Serve) -> None:
    def app(_environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterator[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        for number in range(2000):
            yield b"%07d\n" % number * 1000

    with serve(app).peer() as peer:
        peer.send("GET / HTTP/1.1", "Host: a")
        assert peer.expect(200).body == b"".join(b"%07d\n" % number * 1000 for number in range(2000))


def test_a_large_body_both_ways(server: RunningServer) -> None:
    body = bytes(range(256)) * 8192
    with server.peer() as peer:
        peer.send("POST /echo HTTP/1.1", "Host: a", f"Content-Length: {len(body)}", body=body).expect(200, body=body)
