"""wrk on its own core: requests per second, latencies, errors."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

POST = Path(__file__).with_name("post.lua")
UNITS_MS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60000.0}


@dataclass
class Load:
    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    errors: int

    @property
    def requests_per_s(self) -> float:
        return self.requests / self.seconds


def latency_ms(output: str, percentile: str) -> float:
    found = re.search(rf"{percentile}%\s+([\d.]+)(us|ms|s|m)", output)
    return float(found[1]) * UNITS_MS[found[2]] if found else float("nan")


def run(url: str, *, core: int, connections: int, seconds: float, body_bytes: int = 0) -> Load:
    """Loads `url` for `seconds` over `connections` kept-alive connections from one thread."""
    command = ["taskset", "-c", str(core), "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency"]
    if body_bytes:
        command += ["-s", str(POST)]
    command += [url] + (["--", str(body_bytes)] if body_bytes else [])
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    total = re.search(r"(\d+) requests in ([\d.]+)(ms|s|m)", output)
    if total is None:
        raise RuntimeError(f"wrk said nothing that can be read: {output!r}")
    socket_errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", output)
    bad_answers = re.search(r"Non-2xx or 3xx responses: (\d+)", output)
    errors = sum(map(int, socket_errors.groups())) if socket_errors else 0
    return Load(
        requests=int(total[1]),
        seconds=float(total[2]) * UNITS_MS[total[3]] / 1000,
        p50_ms=latency_ms(output, "50"),
        p99_ms=latency_ms(output, "99"),
        errors=errors + (int(bad_answers[1]) if bad_answers else 0),
    )
