"""Where the fuzz harnesses and their corpora are, and how they are built."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.core.build import ROOT, Builder, Toolchain

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = ROOT / "tests" / "fuzz"
REPLAY_MAIN = FOLDER / "replay_main.c"


def harness_names() -> list[str]:
    return sorted(source.stem for source in FOLDER.glob("*.c") if source != REPLAY_MAIN)


def corpus_of(name: str) -> Path:
    return FOLDER / "corpus" / name


def build_harness(name: str, toolchain: Toolchain, *others: Path) -> Path:
    """The program of one harness; `others` are further sources of it, such as its main."""
    builder = Builder(toolchain)
    with builder.locked():
        return builder.build_program([FOLDER / f"{name}.c", *others], builder.build_library())
