"""The builder of the C units: compiles what changed, and a mistake in one place stays in its place."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.core import build

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROGRAM = """
#include <stdio.h>
#include "base/{name}.h"
int main(void) {{ puts("{name}"); return fr_{name}() != 1; }}
"""


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A house of two files, each with its test."""
    monkeypatch.setattr(build, "ROOT", tmp_path)
    monkeypatch.setattr(build, "SRC", tmp_path / "src")
    monkeypatch.setattr(build, "CORE_TESTS", tmp_path / "tests" / "core")
    monkeypatch.setenv("FREASTAL_BUILD_DIR", str(tmp_path / "build"))
    monkeypatch.setenv("FREASTAL_SANITIZE", "")
    build.pkg_config.cache_clear()
    for folder in ("src/base", "src/python", "tests/core/base"):
        (tmp_path / folder).mkdir(parents=True)
    for name in ("red", "blue"):
        write(tmp_path / f"src/base/{name}.h", f"int fr_{name}(void);\n")
        write(tmp_path / f"src/base/{name}.c", f'#include "base/{name}.h"\nint fr_{name}(void) {{ return 1; }}\n')
        write(tmp_path / f"tests/core/base/test_{name}.c", PROGRAM.format(name=name))
    write(tmp_path / "src/python/module.c", "#error Python is not for the core\n")
    return tmp_path


@pytest.fixture(autouse=True)
def _forget_the_tree() -> Iterator[None]:
    yield
    build.pkg_config.cache_clear()


def write(path: Path, text: str) -> None:
    """As a person would, long after what is already built."""
    path.write_text(text)
    when = max((p.stat().st_mtime for p in path.parents[2].rglob("*.o")), default=0.0) + 10
    if when > path.stat().st_mtime:
        os.utime(path, (when, when))


def built(wanted: str = "") -> dict[str, Path]:
    """All programs, none of which may fail, with what they answer to --list."""
    programs = build.build_tests(wanted)
    for program in programs.values():
        assert not isinstance(program, build.BuildError), program
    return programs  # type: ignore[return-value]


def object_times(tree: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in tree.rglob("*.o")}


def test_every_unit_becomes_a_program(tree: Path) -> None:
    programs = built()
    assert list(programs) == ["base/test_blue", "base/test_red"]
    assert build.list_tests(programs["base/test_red"]) == ["red"]


def test_one_program_is_built_by_name(tree: Path) -> None:
    assert list(built("base/test_red")) == ["base/test_red"]


def test_nothing_is_compiled_twice(tree: Path) -> None:
    built()
    before = object_times(tree)
    built()
    assert object_times(tree) == before


def test_a_changed_header_compiles_what_includes_it(tree: Path) -> None:
    built()
    before = object_times(tree)
    write(tree / "src/base/red.h", "int fr_red(void); /* changed */\n")
    built()
    after = object_times(tree)
    assert {name for name in after if after[name] != before[name]} == {"red.o", "test_red.o"}


def test_other_flags_compile_everything(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built()
    before = object_times(tree)
    monkeypatch.setattr(build, "WARNINGS", [*build.WARNINGS, "-Wundef"])
    built()
    assert all(object_times(tree)[name] != before[name] for name in before)


def test_a_changed_source_changes_the_program(tree: Path) -> None:
    built()
    write(tree / "src/base/red.c", '#include "base/red.h"\nint fr_red(void) { return 2; }\n')
    with pytest.raises(build.BuildError, match="--list failed"):
        build.list_tests(built()["base/test_red"])


def test_a_source_that_does_not_compile_breaks_only_who_needs_it(tree: Path) -> None:
    write(tree / "src/base/red.c", "#error not today\n")
    programs = build.build_tests()
    assert isinstance(programs["base/test_red"], build.BuildError)
    assert "not today" in str(programs["base/test_red"])
    assert not isinstance(programs["base/test_blue"], build.BuildError)


def test_a_unit_that_does_not_compile_is_alone(tree: Path) -> None:
    write(tree / "tests/core/base/test_red.c", "int main(void) { return unknown; }\n")
    programs = build.build_tests()
    assert "unknown" in str(programs["base/test_red"])
    assert not isinstance(programs["base/test_blue"], build.BuildError)


def test_a_source_that_is_gone_is_gone_from_the_archive(tree: Path) -> None:
    built()
    (tree / "src/base/red.c").unlink()
    programs = build.build_tests()
    assert isinstance(programs["base/test_red"], build.BuildError)
    assert not isinstance(programs["base/test_blue"], build.BuildError)
