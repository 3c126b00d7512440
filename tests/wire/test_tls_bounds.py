"""What handshakes may cost: each has its time, all together their number; and who comes when the worker is full."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from tests.support.peer import Peer
from tests.support.server import RunningServer
from tests.support.tls import TlsSocket

ServeTls = Callable[..., RunningServer]

SOON_S = 0.05
LONG_S = 3600


def expect_gone(client: TlsSocket) -> None:
    """The stream has ended, with or without an alert before it."""
    try:
        while client.raw.recv(1 << 16):
            pass
    except ConnectionResetError:
        pass


@pytest.mark.parametrize("said", ["nothing", "half a hello", "a hello"])
def test_a_handshake_has_its_time(serve_tls: ServeTls, said: str) -> None:
    server = serve_tls(handshake_timeout=SOON_S, head_timeout=LONG_S, keep_alive=LONG_S)
    with server.tls() as client:
        hello = client.say_hello()
        client.raw.sendall({"nothing": b"", "half a hello": hello[:100], "a hello": hello}[said])
        expect_gone(client)
    assert server.get().status == 200


def test_a_handshake_that_trickles_is_not_given_more_time(serve_tls: ServeTls) -> None:
    server = serve_tls(handshake_timeout=4 * SOON_S, head_timeout=LONG_S)
    with server.tls() as client:
        started = time.monotonic()
        client.raw.settimeout(SOON_S / 2)
        for byte in client.say_hello():
            try:
                if not client.raw.recv(1):
                    break
            except TimeoutError:
                try:
                    client.raw.sendall(bytes([byte]))
                except (BrokenPipeError, ConnectionResetError):
                    break
            except ConnectionResetError:
                break
        else:
            raise AssertionError("every byte was waited for")
        assert time.monotonic() - started < 10


def test_the_time_of_a_handshake_ends_with_it(serve_tls: ServeTls) -> None:
    """Afterwards the connection has the time of any other."""
    server = serve_tls(handshake_timeout=4 * SOON_S, head_timeout=LONG_S, keep_alive=LONG_S)
    with server.tls() as other, server.peer() as peer:
        other.raw.sendall(b"\x16")
        expect_gone(other)  # later than the peer's handshake would have been over time
        peer.send("GET / HTTP/1.1", "Host: a").expect(200)


def test_the_oldest_handshake_gives_way(serve_tls: ServeTls) -> None:
    server = serve_tls(limit_handshakes=3, handshake_timeout=LONG_S, head_timeout=LONG_S)
    with ExitStack() as stack:
        begun = []
        for _ in range(3):
            client = stack.enter_context(server.tls())
            client.raw.sendall(client.say_hello())
            client.feed()  # it has been accepted, in this order
            begun.append(client)
        with server.peer() as peer:
            peer.send("GET / HTTP/1.1", "Host: a").expect(200)
            expect_gone(begun[0])
            for client in begun[1:]:
                Peer(client.handshake()).send("GET / HTTP/1.1", "Host: a").expect(200)
            peer.send("GET / HTTP/1.1", "Host: a").expect(200)


def test_a_crowd_of_handshakes_that_never_end(serve_tls: ServeTls) -> None:
    """Many times the bound, and a real client is served all the while."""
    server = serve_tls(limit_handshakes=8, handshake_timeout=LONG_S)
    with ExitStack() as stack:
        for number in range(200):
            stack.enter_context(server.connect()).sendall(b"\x16\x03\x01")
            if number % 20 == 0:
                assert server.get().status == 200


def test_finished_handshakes_do_not_count(serve_tls: ServeTls) -> None:
    server = serve_tls(limit_handshakes=1)
    with ExitStack() as stack:
        peers = [stack.enter_context(server.peer()) for _ in range(5)]
        for peer in peers:
            peer.send("GET / HTTP/1.1", "Host: a").expect(200)


def test_a_worker_that_is_full_says_so(serve_tls: ServeTls) -> None:
    """Over TLS too: who comes gets an answer, not a riddle."""
    server = serve_tls(limit_concurrency=2)
    with server.peer() as first, server.peer() as second:
        for peer in (first, second):
            peer.send("GET / HTTP/1.1", "Host: a").expect(200)
        with server.peer() as third:
            third.send("GET / HTTP/1.1", "Host: a")
            third.expect(503, headers={"Retry-After": "1", "Connection": "close"}, closed=True)
        first.send("GET / HTTP/1.1", "Host: a", "Connection: close").expect(200, closed=True)
        with server.peer() as fourth:
            fourth.send("GET / HTTP/1.1", "Host: a").expect(200)
