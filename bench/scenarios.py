"""What is measured: one row of the table each."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Scenario:
    """One kind of load: a request, and over how many connections it is repeated."""

    name: str
    title: str
    path: str
    method: str = "GET"
    body_bytes: int = 0
    connections: int = 40
    ceiling_bytes: int | None = None  # the size a bare C server answers with; None: it cannot play
    expected: bytes | int = 0  # the answer's body, or its length


SCENARIOS = [
    Scenario("500", "GET, 500 B", "/500", ceiling_bytes=500, expected=500),
    Scenario("12k", "GET, 12 KiB", "/12k", ceiling_bytes=12288, expected=12288),
    Scenario("post-64k", "POST 64 KiB", "/upload", "POST", 64 * 1024, expected=b"65536"),
    Scenario("post-10m", "POST 10 MiB", "/upload", "POST", 10 * 1024 * 1024, connections=2, expected=b"10485760"),
    Scenario("stream", "1000 chunks of 1 KiB", "/stream", connections=4, expected=1000 * 1024),
]

BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}
