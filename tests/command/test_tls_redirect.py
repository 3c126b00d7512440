"""--redirect-http: a plain listener beside TLS, whose every request is sent there."""

from __future__ import annotations

import re
import socket
from http.client import HTTPConnection

import pytest

from tests.support.peer import Peer
from tests.support.server import BASIC, TIMEOUT_S


@pytest.fixture
def redirecting(launch_tls, free_port):
    server = launch_tls(BASIC, "--redirect-http", f"127.0.0.1:{free_port}")
    return server, free_port


@pytest.fixture
def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def plain(port: int) -> Peer:
    return Peer(socket.create_connection(("127.0.0.1", port), TIMEOUT_S))


def test_every_request_is_sent_to_https(redirecting):
    server, port = redirecting
    base = f"https://localhost:{server.port}"
    with plain(port) as peer:
        for method, target in (
            ("GET", "/"),
            ("GET", "/a/b?c=d&e=%20"),
            ("HEAD", "/x"),
            ("DELETE", "/y"),
            ("GET", "//z"),
        ):
            peer.send(f"{method} {target} HTTP/1.1", f"Host: localhost:{port}")
            answer = peer.expect(308, to=method)
            assert answer["Location"] == base + target


def test_a_body_is_sent_again_by_the_client(redirecting):
    """308 keeps method and body; what arrives here is not read by anybody."""
    server, port = redirecting
    with plain(port) as peer:
        peer.send("POST /echo HTTP/1.1", "Host: localhost", "Content-Length: 5", body=b"hello")
        assert peer.expect(308)["Location"] == f"https://localhost:{server.port}/echo"


@pytest.mark.parametrize("host", ["localhost", "localhost:1", "[::1]", "[::1]:80", "127.0.0.1:8080", "EXAMPLE.test"])
def test_the_host_that_was_asked(redirecting, host):
    server, port = redirecting
    with plain(port) as peer:
        location = peer.send("GET /p HTTP/1.1", f"Host: {host}").expect(308)["Location"]
    name = re.sub(r":\d+$", "", host)
    assert location.lower() == f"https://{name}:{server.port}/p".lower()


@pytest.mark.parametrize("host", ["a b", "a/b", "a@b", "a\\b", "evil.test#", "a?b", ""])
def test_a_host_that_is_none(redirecting, host):
    """Nobody is sent to a place made of what a client wrote."""
    _, port = redirecting
    with plain(port) as peer:
        peer.send("GET / HTTP/1.1", f"Host: {host}").expect(400)


def test_it_ends_where_it_says(redirecting, certificates):
    """Followed, it is answered there."""
    server, port = redirecting
    connection = HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
    connection.request("GET", "/pid", headers={"Connection": "close"})
    location = connection.getresponse().headers["Location"]
    connection.close()
    assert location == f"https://127.0.0.1:{server.port}/pid"
    assert server.get("/pid").status == 200


def test_no_secret_goes_over_it(redirecting):
    """What the application would answer is never on the plain wire."""
    _, port = redirecting
    with plain(port) as peer:
        answer = peer.send("GET /environ HTTP/1.1", "Host: a").expect(308)
    assert b"wsgi" not in answer.body


def test_several_workers_redirect(launch_tls, free_port):
    server = launch_tls(BASIC, "-w", "2", "--redirect-http", f"127.0.0.1:{free_port}")
    for _ in range(10):
        with plain(free_port) as peer:
            peer.send("GET / HTTP/1.1", "Host: a").expect(308)
    assert server.stop() == 0
