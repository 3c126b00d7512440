"""Nothing grows: not over 100 000 requests, not over errors, uploads and peers that leave."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.leaks.scenarios import SCENARIOS
from tests.support.server import ROOT, command_environment

SANITIZED = "asan" in os.environ.get("LD_PRELOAD", "")
"""Then freed memory is kept for a while, and everything is slower."""

REQUESTS = 100_000
CONNECTIONS = 5_000
HANDSHAKES = 400
RELOADS = 100
OTHERS = 20_000

ROUNDS = {"list": REQUESTS, "asgi_small": REQUESTS, "generator": REQUESTS, "mistakes": REQUESTS, "upload": REQUESTS}
BY_CONNECTION = ("connections", "failing_late", "too_short", "refused", "left_")

RESIDENT_GROWTH_MAX = 1 << 20
BLOCKS_GROWTH_MAX = 200
ROUNDS_PER_BLOCK = 25
"""Blocks of Python's allocator: some hundred come and go, however many rounds there are (caches, free lists, the date);
what grows with the rounds is a leak."""


def rounds_of(name: str) -> int:
    what = name.removeprefix("asgi_").removeprefix("guest_").removeprefix("h2_")
    if name.startswith("tls_"):
        rounds = RELOADS if name.endswith("reload") else HANDSHAKES
        return rounds // 3 if SANITIZED else rounds
    rounds = CONNECTIONS if what.startswith(BY_CONNECTION) else ROUNDS.get(name, OTHERS)
    if "h2_" in name:
        rounds //= 4  # the same applications once more
    return rounds // 10 if SANITIZED else rounds


def play(name: str, rounds: int) -> dict[str, Any]:
    ran = subprocess.run(
        [sys.executable, "-m", "tests.leaks.scenarios", name, str(rounds)],
        cwd=ROOT,
        env=command_environment(),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", SCENARIOS)
def test_nothing_grows(name: str) -> None:
    rounds = rounds_of(name)
    result = play(name, rounds)
    before, after = result["before"], result["after"]
    stats = result["stats"]
    happened = max(stats["requests_begun"] + stats["requests_refused"], stats["connections_accepted"])
    assert happened > rounds
    growth = {key: after[key] - before[key] for key in before}
    assert growth["objects"] <= 2, growth
    assert abs(growth["references"]) <= 2, growth
    assert growth["descriptors"] == 0, growth
    assert growth["blocks"] <= BLOCKS_GROWTH_MAX + rounds // ROUNDS_PER_BLOCK, growth
    assert growth["total_references"] <= BLOCKS_GROWTH_MAX, growth
    if not SANITIZED:
        assert growth["resident_bytes"] <= RESIDENT_GROWTH_MAX, growth


def test_a_leak_would_be_seen() -> None:
    """The measure itself: one object kept by each request is found."""
    result = play("leaking", 1000)
    assert result["after"]["objects"] - result["before"]["objects"] > 900
    assert result["after"]["blocks"] > result["before"]["blocks"] + BLOCKS_GROWTH_MAX or SANITIZED
