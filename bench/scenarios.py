"""What is measured: one row of the table each."""

from __future__ import annotations

from dataclasses import dataclass


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

    @property
    def ceiling(self) -> str:
        """The server to whose processor time all others are compared."""
        return "epoll-websocket" if self.message_bytes else "epoll"

    @property
    def unit(self) -> str:
        return "message" if self.message_bytes else "request"


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
    Scenario("ws-64", "WebSocket echo, 64 B", suite="websocket", connections=50, message_bytes=64),
    Scenario("ws-4k", "WebSocket echo, 4 KiB", suite="websocket", connections=50, message_bytes=4096),
]

BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}
