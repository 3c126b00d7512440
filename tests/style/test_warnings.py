"""No compiler has anything to say, with assertions and without."""

from __future__ import annotations

import shutil
import subprocess
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.core.build import WARNINGS
from tests.style.house import ROOT, expect_none, files, name_of

if TYPE_CHECKING:
    from pathlib import Path

C_FILES = files("*.c", under=("src",))


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("assertions", ["-UNDEBUG", "-DNDEBUG"])
def test_no_warnings(compiler: str, assertions: str) -> None:
    if not shutil.which(compiler):
        pytest.skip(f"{compiler} is not installed")

    def complaint_about(source: Path) -> str:
        command = [compiler, "-std=c11", "-D_GNU_SOURCE", assertions, *WARNINGS, "-Isrc", "-fsyntax-only"]
        if source.parent.name == "python":
            command.append(f"-I{sysconfig.get_paths()['include']}")
        else:
            command.append("-Wconversion")  # Python's headers are not written for it
        command.append(name_of(source))
        return subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True).stderr

    with ThreadPoolExecutor(2) as jobs:
        expect_none(filter(None, jobs.map(complaint_about, C_FILES)))
