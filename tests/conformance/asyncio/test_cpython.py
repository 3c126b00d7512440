"""CPython's own asyncio tests, with every loop a freastal.EventLoop. What does not apply is in not_ours.py."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conformance.asyncio.not_ours import NOT_OURS

ROOT = Path(__file__).resolve().parents[3]
RUNNER = Path(__file__).with_name("runner.py")

# With the number of tests that there are at least: fewer would mean that nothing was tested.
MODULES = {
    "test_base_events": 80,
    "test_buffered_proto": 1,
    "test_context": 1,
    "test_events": 200,
    "test_futures": 100,
    "test_locks": 50,
    "test_pep492": 5,
    "test_queues": 30,
    "test_runners": 5,
    "test_sendfile": 40,
    "test_server": 1,
    "test_sock_lowlevel": 20,
    "test_streams": 50,
    "test_subprocess": 50,
    "test_taskgroups": 20,
    "test_tasks": 500,
    "test_threads": 3,
    "test_timeouts": 15,
    "test_unix_events": 40,
    "test_waitfor": 5,
}
# Longer ones, about TLS, which is asyncio's own from top to bottom.
SLOW = {"test_ssl": 10, "test_sslproto": 15}


def is_there(module: str) -> bool:
    try:
        return importlib.util.find_spec(f"test.test_asyncio.{module}") is not None
    except ModuleNotFoundError:
        return False


@pytest.mark.skipif(not is_there("utils"), reason="this Python was installed without its package `test`")
@pytest.mark.parametrize("module", [*MODULES, *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)])
def test_cpython(module):
    if not is_there(module):
        pytest.skip(f"Python {sys.version_info[0]}.{sys.version_info[1]} has no {module}")
    environment = {**os.environ, "PYTHONPATH": os.environ.get("PYTHONPATH", str(ROOT))}
    command = [sys.executable, str(RUNNER), module]
    run = subprocess.run(command, capture_output=True, text=True, timeout=110, env=environment)
    assert run.returncode == 0, run.stderr[-3000:]
    ended = json.loads(run.stdout.splitlines()[-1])
    failed = {name: words for name, words in ended.items() if words and not words.startswith("skipped: ")}
    assert not failed, "\n".join(f"{name}\n{words}" for name, words in failed.items())
    assert len(ended) >= {**MODULES, **SLOW}[module]


def test_every_exception_has_its_reason():
    assert set(NOT_OURS) <= {*MODULES, *SLOW}
    assert all(len(reason) > 20 for patterns in NOT_OURS.values() for reason in patterns.values())
