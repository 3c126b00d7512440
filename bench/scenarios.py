"""What is measured: one row of the table each."""

from __future__ import annotations

from dataclasses import dataclass

# Suites in which every server but the one that is there for comparison speaks TLS.
ENCRYPTED = ("tls", "h2")


@dataclass(frozen=True)
class Scenario:
    """One kind of load: a request or a message, and over how many connections it is repeated."""

    name: str
    title: str
    path: str = "/"
    method: str = "GET"
    body_bytes: int = 0
    connections: int = 40
    suite: str = "wsgi"  # which servers take part, and with which application; see servers.py
    ceiling_bytes: int | None = None  # the size a bare C server answers with; None: it cannot play
    expected: bytes | int = 0  # the answer's body, or its length
    message_bytes: int = 0  # of a WebSocket message that is to be echoed; 0: this is HTTP
    streams: int = 0  # at once on each connection of HTTP/2; 0: this is HTTP/1.1
    handshakes: str = ""  # "full" or "resumed": it is these that are counted, each with one request
    ceiling: str = "epoll"  # the server to whose processor time all others are compared

    @property
    def tls(self) -> bool:
        return self.suite in ENCRYPTED

    @property
    def unit(self) -> str:
        return "message" if self.message_bytes else "handshake" if self.handshakes else "request"


ITEM = b'{"id":42,"name":"Item 42","price":9.99,"tags":["new","offer"],"in_stock":true}'

SCENARIOS = [
    Scenario("500", "GET, 500 B", "/500", ceiling_bytes=500, expected=500),
    Scenario("12k", "GET, 12 KiB", "/12k", ceiling_bytes=12288, expected=12288),
    Scenario("post-64k", "POST 64 KiB", "/upload", "POST", 64 * 1024, expected=b"65536"),
    Scenario("post-10m", "POST 10 MiB", "/upload", "POST", 10 * 1024 * 1024, connections=2, expected=b"10485760"),
    Scenario("stream", "1000 chunks of 1 KiB", "/stream", connections=4, expected=1000 * 1024),
    Scenario("asgi-500", "ASGI: GET, 500 B", "/500", suite="asgi", ceiling_bytes=500, expected=500),
    Scenario("asgi-12k", "ASGI: GET, 12 KiB", "/12k", suite="asgi", ceiling_bytes=12288, expected=12288),
    Scenario("asgi-post-64k", "ASGI: POST 64 KiB", "/upload", "POST", 64 * 1024, suite="asgi", expected=b"65536"),
    Scenario("asgi-stream", "ASGI: 1000 chunks of 1 KiB", "/stream", suite="asgi", connections=4, expected=1000 * 1024),
    Scenario("fastapi", "FastAPI: a model as JSON", "/items/42", suite="fastapi", ceiling_bytes=78, expected=ITEM),
    Scenario(
        "ws-64", "WebSocket echo, 64 B", suite="websocket", connections=50, message_bytes=64, ceiling="epoll-websocket"
    ),
    Scenario(
        "ws-4k",
        "WebSocket echo, 4 KiB",
        suite="websocket",
        connections=50,
        message_bytes=4096,
        ceiling="epoll-websocket",
    ),
    Scenario(
        "tls-500", "TLS 1.3: GET, 500 B", "/500", suite="tls", ceiling_bytes=500, expected=500, ceiling="freastal-plain"
    ),
    Scenario(
        "tls-full",
        "TLS 1.3: full handshakes",
        "/500",
        suite="tls",
        connections=8,
        ceiling_bytes=500,
        expected=500,
        handshakes="full",
        ceiling="nginx",
    ),
    Scenario(
        "tls-resumed",
        "TLS 1.3: resumed handshakes",
        "/500",
        suite="tls",
        connections=8,
        ceiling_bytes=500,
        expected=500,
        handshakes="resumed",
        ceiling="nginx",
    ),
    Scenario(
        "h2-500",
        "HTTP/2 over TLS: GET, 500 B",
        "/500",
        suite="h2",
        connections=10,
        streams=10,
        ceiling_bytes=500,
        expected=500,
        ceiling="nginx",
    ),
]

BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}
