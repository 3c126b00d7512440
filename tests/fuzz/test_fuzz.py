"""Every fuzz harness sees its corpus again, and a bounded number of edits of it, the same in every run."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.core.build import Toolchain
from tests.fuzz.harnesses import REPLAY_MAIN, build_harness, corpus_of, harness_names

if TYPE_CHECKING:
    from pathlib import Path

RANDOM_INPUTS = 20_000
RANDOM_INPUTS_OF = {"h2": 4_000, "serving": 5_000, "tls": 2_000}  # what they open costs more than what they say
SEED = 9112
TIMEOUT_S = 120

# An abort prints the input; see replay_main.c.
SANITIZERS = {"ASAN_OPTIONS": "abort_on_error=1", "UBSAN_OPTIONS": "abort_on_error=1:print_stacktrace=1"}


def run_harness(name: str, *arguments: str | Path) -> None:
    program = build_harness(name, Toolchain.from_environment(), REPLAY_MAIN)
    command = [program, *arguments, corpus_of(name)]
    environment = {**os.environ, **SANITIZERS}
    answer = subprocess.run(command, check=False, capture_output=True, text=True, timeout=TIMEOUT_S, env=environment)
    if answer.returncode:
        pytest.fail(f"exit {answer.returncode}\n{answer.stdout}{answer.stderr}", pytrace=False)


@pytest.mark.parametrize("name", harness_names())
def test_corpus_is_replayed(name: str) -> None:
    assert any(corpus_of(name).iterdir()), f"tests/fuzz/corpus/{name} is empty"
    run_harness(name)


@pytest.mark.parametrize("name", harness_names())
def test_edits_of_the_corpus(name: str) -> None:
    run_harness(name, "-random", str(RANDOM_INPUTS_OF.get(name, RANDOM_INPUTS)), str(SEED))
