"""A framework's whole stack, some thousand times over: what the process holds does not grow."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING

import pytest
from websockets.sync.client import connect

from tests.applications import SITES
from tests.applications.asgi_hosts import LOOPS
from tests.support.server import LaunchedServer, launch

if TYPE_CHECKING:
    from pathlib import Path

BATCH = 50
BATCHES = 20
OBJECTS_GROWTH_MAX = 60
BLOCKS_GROWTH_MAX = 600
"""Caches of the framework, of the interpreter and of ours fill late."""

HEAD = b" HTTP/1.1\r\nHost: a\r\n"
JSON = b'{"a": [1, 2]}'
REQUESTS = [
    b"GET /items/x?n=7" + HEAD + b"\r\n",
    b"POST /json" + HEAD + b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(JSON) + JSON,
    b"POST /take" + HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n",
    b"GET /count?to=10" + HEAD + b"\r\n",
    b"GET /seen" + HEAD + b"\r\n",
    b"GET /nowhere" + HEAD + b"\r\n",
]


def ask_all(server: LaunchedServer) -> None:
    with server.peer() as peer:
        for request in REQUESTS:
            peer.send_bytes(request * BATCH)
            for _ in range(BATCH):
                peer.hear()


def talk(server: LaunchedServer) -> None:
    with connect(server.url.replace("http", "ws", 1) + "/ws/echo") as client:
        for message in ("text", b"bytes", "x" * 5000):
            client.send(message)
            assert client.recv(30) == message


def leave(server: LaunchedServer) -> None:
    with server.connect() as peer:
        peer.sendall(b"POST /take" + HEAD + b"Content-Length: 100\r\n\r\n" + b"x" * 50)
    with server.connect() as peer:
        peer.sendall(b"GET /count?to=100000" + HEAD + b"\r\n")
        peer.recv(100)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)


def live(server: LaunchedServer, batches: int) -> dict[str, int]:
    """A while of everything; then what the process holds, once those who left are no longer counted."""
    for _ in range(batches):
        ask_all(server)
        talk(server)
        leave(server)
    holdings: dict[str, int] = {}
    for _ in range(50):
        before, holdings = holdings, json.loads(server.get("/holdings").body)
        if holdings == before:
            break
    return holdings


@pytest.mark.parametrize("loop", LOOPS)
def test_nothing_grows(loop: str, tmp_path: Path) -> None:
    arguments = ["--app-dir", str(SITES), "--loop", loop]
    environment = {"FREASTAL_TEST_DATA": str(tmp_path)}
    with launch("growing_site:app", *arguments, environment=environment) as server:
        before = live(server, BATCHES)
        after = live(server, BATCHES)
    growth = {key: after[key] - before[key] for key in before}
    assert growth["tasks"] == 0, growth
    assert growth["descriptors"] == 0, growth
    assert growth["objects"] <= OBJECTS_GROWTH_MAX, growth
    assert growth["blocks"] <= BLOCKS_GROWTH_MAX, growth
