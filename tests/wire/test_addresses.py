"""Where a server can be reached: IPv4, IPv6, unix sockets, inherited descriptors, several at once."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.peer import Peer
from tests.support.server import LaunchedServer, RunningServer

Serve = Callable[..., RunningServer]
Launch = Callable[..., LaunchedServer]


def has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


def ask(server: RunningServer) -> dict[str, str]:
    with server.peer() as peer:
        found: dict[str, str] = json.loads(peer.send("GET /environ HTTP/1.1", "Host: a").expect(200).body)
        return found


def test_ipv4(serve: Serve) -> None:
    server = serve()
    environ = ask(server)
    assert environ["REMOTE_ADDR"] == "127.0.0.1"
    assert environ["SERVER_NAME"] == "127.0.0.1"
    assert environ["SERVER_PORT"] == str(server.port)


def test_the_port_of_the_peer(server: RunningServer) -> None:
    with server.peer() as peer:
        port = peer.socket.getsockname()[1]
        assert json.loads(peer.send("GET /environ HTTP/1.1", "Host: a").expect(200).body)["REMOTE_PORT"] == str(port)


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_ipv6(serve: Serve) -> None:
    environ = ask(serve(bind="[::1]:0"))
    assert environ["REMOTE_ADDR"] == "::1"


def test_a_unix_socket(serve: Serve, tmp_path: Path) -> None:
    path = tmp_path / "server.sock"
    server = serve(bind=f"unix:{path}")
    ask(server)
    with server.peer() as peer:
        peer.send_bytes(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 3)
        for _ in range(3):
            peer.expect(200, body="hello\n")
        peer.send("GET / HTTP/1.1").expect_refusal(400, "missing, repeated or invalid Host")


def test_an_inherited_descriptor(serve: Serve) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        serve(bind=f"fd://{listener.fileno()}")
        with Peer(socket.create_connection(("127.0.0.1", port), 20)) as peer:
            peer.send("GET / HTTP/1.1", "Host: a").expect(200, body="hello\n")


def test_several_at_once(serve: Serve, tmp_path: Path) -> None:
    path = tmp_path / "server.sock"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        serve(bind=(f"unix:{path}", f"fd://{listener.fileno()}", "127.0.0.1:0"))
        unix = socket.socket(socket.AF_UNIX)
        unix.connect(str(path))
        for connected in (unix, socket.create_connection(("127.0.0.1", port), 20)):
            with Peer(connected) as peer:
                peer.send("GET / HTTP/1.1", "Host: a").expect(200, body="hello\n")
