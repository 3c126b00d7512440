"""What the tests of the house rules share: where the files are, and how a C file is read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src"
PACKAGE = ROOT / "freastal"

FOLDERS = ("src", "freastal", "tests", "bench", "examples", "tools", "vendor", "docs", ".ci", ".github")

# Made by the build or fetched for measurements; none of it is ours to keep in order.
FOREIGN = {"build", "rivals", "results", "corpus", "__pycache__", "node_modules"}

COMMENT_OR_STRING = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', re.DOTALL)


def files(*patterns: str, under: tuple[str, ...] = FOLDERS) -> list[Path]:
    """Every file of ours that matches one of the patterns."""
    found = {path for folder in under for pattern in patterns for path in (ROOT / folder).rglob(pattern)}
    return sorted(path for path in found if path.is_file() and not FOREIGN & set(path.relative_to(ROOT).parts))


def expect_none(offences: Iterable[str]) -> None:
    """A rule is one test; what breaks it is listed, one line each."""
    found = list(offences)
    if found:
        pytest.fail("\n".join(found), pytrace=False)


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def code_of(text: str) -> str:
    """A C file without its comments and the insides of its literals; line numbers stay what they are."""

    def blank(match: re.Match[str]) -> str:
        literal = match[0]
        return literal[0] + literal[-1] if literal[0] in "\"'" else " " + "\n" * literal.count("\n")

    return COMMENT_OR_STRING.sub(blank, text)


def includes_of(path: Path) -> list[str]:
    """What a C file includes, as written, with its quotes or brackets."""
    return re.findall(r'^\s*#\s*include\s+(["<][^">]+[">])', path.read_text(), re.MULTILINE)


def c_functions(path: Path) -> list[tuple[str, int, int]]:
    """Name, first line and number of lines of every function: "{" to "}", both in column 0."""
    found = []
    lines = path.read_text().splitlines()
    for at, line in enumerate(lines):
        if line != "{":
            continue
        first = at
        while first > 0 and lines[first - 1] and not re.search(r"[;}]$|\*/$|^#", lines[first - 1]):
            first -= 1
        last = lines.index("}", at)
        signature = " ".join(lines[first:at])
        name = re.search(r"(\w+)\s*\(", signature)
        found.append((name[1] if name else signature, first + 1, last - first + 1))
    return found
