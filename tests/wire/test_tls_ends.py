"""How a TLS connection ends: close_notify both ways, cuts, and what they mean for requests and answers."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.certs import Certificates
from tests.support.peer import Peer
from tests.support.server import TIMEOUT_S, RunningServer
from tests.support.tls import TlsSocket

ServeTls = Callable[..., RunningServer]

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]
SOON_S = 0.05
LONG_S = 3600


@pytest.fixture(params=VERSIONS, ids=["1.2", "1.3"])
def meet(request: pytest.FixtureRequest, certificates: Certificates) -> Callable[[RunningServer], Peer]:
    """A peer of each version; its `expect_closed` wants close_notify, not merely the end of the stream."""

    def meet(server: RunningServer) -> Peer:
        return Peer(server.tls(certificates.context(version=request.param)).handshake())

    return meet


def test_the_server_closes_after_the_last_answer(serve_tls: ServeTls, meet: Any) -> None:
    with meet(serve_tls()) as peer:
        peer.send("GET / HTTP/1.1", "Host: a", "Connection: close").expect(200, closed=True)
        assert peer.socket.raw.recv(1) == b""


def test_an_answer_that_ends_with_the_connection_is_known_to_be_whole(serve_tls: ServeTls, meet: Any) -> None:
    with meet(serve_tls()) as peer:
        answer = peer.send("GET /stream?n=100 HTTP/1.0").expect(200, closed=True)
        assert answer["Content-Length"] is None
        assert answer.body.endswith(b"chunk 99\n")


def test_an_answer_that_fails_midway_is_known_to_be_cut(serve_tls: ServeTls, meet: Any) -> None:
    """No close_notify and, on HTTP/1.1, no last chunk: nobody takes it for whole."""

    def app(_environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterator[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        yield b"first"
        raise RuntimeError("asked to fail")

    server = serve_tls(app)
    with meet(server) as peer, pytest.raises(ConnectionResetError):
        peer.send("GET / HTTP/1.0").hear()
    with meet(server) as peer, pytest.raises((ConnectionResetError, AssertionError)):
        peer.send("GET / HTTP/1.1", "Host: a").hear()


def test_the_client_closes_an_idle_connection(serve_tls: ServeTls, meet: Any) -> None:
    """close_notify is answered by close_notify, although the stream goes on."""
    with meet(serve_tls(keep_alive=LONG_S)) as peer:
        peer.send("GET / HTTP/1.1", "Host: a").expect(200)
        peer.socket.say_close()
        peer.expect_closed()


def test_the_client_closes_before_its_first_request(serve_tls: ServeTls, meet: Any) -> None:
    with meet(serve_tls(keep_alive=LONG_S, head_timeout=LONG_S)) as peer:
        peer.socket.say_close()
        peer.expect_closed()


def test_a_client_that_will_send_no_more_gets_its_answers(serve_tls: ServeTls, meet: Any) -> None:
    with meet(serve_tls()) as peer:
        peer.send("GET / HTTP/1.1", "Host: a").send("GET /bytes?n=100000 HTTP/1.1", "Host: a").end()
        peer.expect(200, body="hello\n")
        peer.expect(200, body=b"x" * 100_000)
        peer.expect_closed()


def test_a_client_that_ends_without_close_notify_gets_its_answer(serve_tls: ServeTls, meet: Any) -> None:
    """Many do; what was asked for had arrived whole."""
    with meet(serve_tls()) as peer:
        peer.send("GET /bytes?n=100000 HTTP/1.1", "Host: a")
        peer.socket.raw.shutdown(socket.SHUT_WR)
        peer.expect(200, body=b"x" * 100_000)


@pytest.mark.parametrize("how", ["close_notify", "cut", "reset"])
@pytest.mark.parametrize("framing", ["Content-Length: 100", "Transfer-Encoding: chunked"])
def test_a_body_that_is_cut_is_never_taken_for_whole(serve_tls: ServeTls, meet: Any, how: str, framing: str) -> None:
    taken: list[bytes] = []
    begun, left = threading.Event(), threading.Event()

    async def app(scope: dict[str, Any], receive: Any, _send: Any) -> None:
        if scope["type"] == "lifespan":
            return
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                left.set()
                return
            taken.append(message["body"])
            begun.set()
            more = message["more_body"]
        taken.append(b"whole")

    with meet(serve_tls(app, interface="asgi", lifespan="off")) as peer:
        peer.send("POST / HTTP/1.1", "Host: a", framing, body=b"5\r\nhello\r\n")
        client: TlsSocket = peer.socket
        assert begun.wait(TIMEOUT_S)
        if how == "close_notify":
            peer.end()
        elif how == "cut":
            client.raw.shutdown(socket.SHUT_WR)
        else:
            peer.reset()
        assert left.wait(TIMEOUT_S)
    assert b"whole" not in taken


def test_a_client_that_says_more_after_close_notify(serve_tls: ServeTls, meet: Any) -> None:
    """It is not listened to any more (RFC 8446 section 6.1)."""
    with meet(serve_tls()) as peer:
        client = peer.socket
        later = client.seal(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        client.say_close()
        client.raw.sendall(later)
        try:
            assert client.recv(1 << 16) == b""
        except (ConnectionResetError, ssl.SSLError):
            return


# By time.


def test_idle_between_requests(serve_tls: ServeTls, meet: Any) -> None:
    with meet(serve_tls(keep_alive=SOON_S)) as peer:
        peer.send("GET / HTTP/1.1", "Host: a").expect(200, closed=True)


def test_nothing_after_the_handshake(serve_tls: ServeTls, meet: Any) -> None:
    with meet(serve_tls(head_timeout=SOON_S, keep_alive=LONG_S)) as peer:
        peer.expect_closed()


def test_a_head_that_is_not_completed(serve_tls: ServeTls, meet: Any) -> None:
    with meet(serve_tls(head_timeout=SOON_S)) as peer:
        peer.send_bytes(b"GET / HTTP/1.1\r\nHost: a\r\n")
        peer.expect_refusal(408, "the request head did not arrive in time")


def test_half_a_record(serve_tls: ServeTls, meet: Any) -> None:
    """Bytes that become no plaintext do not count as a request: the time is that of an idle connection."""
    with meet(serve_tls(keep_alive=4 * SOON_S, head_timeout=4 * SOON_S)) as peer:
        peer.send("GET / HTTP/1.1", "Host: a").expect(200)
        peer.socket.raw.sendall(peer.socket.seal(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")[:-1])
        peer.expect_closed()


def test_a_peer_that_does_not_read_its_answer(serve_tls: ServeTls, meet: Any) -> None:
    closed = threading.Event()

    def app(_environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterator[bytes]:
        start_response("200 OK", [("Content-Length", str(1 << 30))])
        try:
            for _ in range(1 << 10):
                yield b"x" * (1 << 20)
        finally:
            closed.set()

    with meet(serve_tls(app, write_timeout=SOON_S)) as peer:
        peer.send("GET / HTTP/1.1", "Host: a")
        assert closed.wait(TIMEOUT_S)
        with pytest.raises(ConnectionResetError):
            peer.socket.recv_all()
