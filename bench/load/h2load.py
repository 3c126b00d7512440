"""h2load on its own core: HTTP/2 over TLS, so many streams on each connection."""

from __future__ import annotations

import re
import subprocess
import tempfile
from dataclasses import dataclass


@dataclass
class Load:
    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    errors: int


def percentile_ms(sorted_us: list[int], share: float) -> float:
    return sorted_us[int(len(sorted_us) * share)] / 1000 if sorted_us else float("nan")


def number(pattern: str, output: str) -> int:
    found = re.search(pattern, output)
    if found is None:
        raise RuntimeError(f"h2load said nothing that can be read: {output!r}")
    return int(found[1])


def run(url: str, *, core: int, connections: int, streams: int, seconds: float, body_bytes: int) -> Load:
    """Loads `url` for `seconds`, and looks whether it was HTTP/2 and every answer had so many bytes."""
    with tempfile.NamedTemporaryFile("r") as log:
        command = ["taskset", "-c", str(core), "h2load", "-t1", f"-c{connections}", f"-m{streams}", f"-D{seconds}",
                   f"--log-file={log.name}", url]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"h2load: {(done.stderr or done.stdout).strip()}")
        taken_us = sorted(int(line.rsplit("\t", 1)[1]) for line in log)
    output = done.stdout
    requests = number(r"requests: .* (\d+) done", output)
    succeeded = number(r"(\d+) succeeded", output)
    if "Application protocol: h2\n" not in output:
        raise RuntimeError("not HTTP/2")
    if number(r"\((\d+)\) data", output) < succeeded * body_bytes:
        raise RuntimeError("wrong answers: not as many bytes as there should be")
    return Load(
        requests=requests,
        seconds=float(seconds),
        p50_ms=percentile_ms(taken_us, 0.5),
        p99_ms=percentile_ms(taken_us, 0.99),
        errors=sum(number(rf"(\d+) {kind}", output) for kind in ("failed", "3xx", "4xx", "5xx")),
    )
