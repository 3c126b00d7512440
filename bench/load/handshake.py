"""TLS 1.3 handshakes, full ones or resumed ones, each with one request: load in C."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from load import rounds


@dataclass
class Load:
    """A round of load."""

    handshakes: int
    resumed: int
    seconds: float
    p50_ms: float
    p99_ms: float


@contextlib.contextmanager
def generator(port: int, *, core: int, connections: int, resume: bool) -> Iterator[Callable[[float], Load]]:
    """A function that makes a round of load; every slot has a ticket when one is wanted."""
    options = {"port": port, "connections": connections, "resume": int(resume)}
    with rounds.generator("handshake_load", core, options) as run:
        yield lambda seconds: Load(**run(seconds))
