"""One pytest item per TEST of the C units; a program that does not build is one failing item."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.core.build import TEST_TIMEOUT_S, BuildError, build_tests, list_tests

if TYPE_CHECKING:
    from pathlib import Path


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    cases: list[object] = []
    for name, program in build_tests().items():
        try:
            if isinstance(program, BuildError):
                raise program
            tests = list_tests(program)
        except BuildError as error:
            cases.append(pytest.param(name, error, id=f"{name}-builds"))
            continue
        cases += [pytest.param(test, program, id=f"{name}-{test}") for test in tests]
    metafunc.parametrize("test, program", cases)


def test_core(test: str, program: Path | BuildError) -> None:
    if isinstance(program, BuildError):
        pytest.fail(f"{test} does not build:\n{program}", pytrace=False)
    try:
        answer = subprocess.run([program, test], capture_output=True, text=True, check=False, timeout=TEST_TIMEOUT_S)
    except subprocess.TimeoutExpired as expired:
        pytest.fail(f"no end after {TEST_TIMEOUT_S} s\n{expired.output!r}\n{expired.stderr!r}", pytrace=False)
    if answer.returncode:
        pytest.fail(f"exit {answer.returncode}\n{answer.stdout}{answer.stderr}", pytrace=False)
