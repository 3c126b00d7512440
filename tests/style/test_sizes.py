"""One file, one noun: what does not fit on its screens is two things."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from tests.style.house import c_functions, expect_none, files, name_of

if TYPE_CHECKING:
    from pathlib import Path

C_FILES = files("*.c", "*.h")
PYTHON_FILES = files("*.py")

COLUMNS_MAX = 120
FUNCTION_LINES_MAX = 60
C_LINES_MAX = 600
PYTHON_LINES_MAX = 300
TEST_LINES_MAX = 600


def lines_of(path: Path) -> list[str]:
    return path.read_text().splitlines()


def lines_max(path: Path) -> int:
    if path.suffix != ".py":
        return C_LINES_MAX
    return TEST_LINES_MAX if path.name.startswith("test_") else PYTHON_LINES_MAX


def python_functions(path: Path) -> list[tuple[str, int, int]]:
    nodes = ast.walk(ast.parse(path.read_text()))
    functions = (node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return [(node.name, node.lineno, (node.end_lineno or 0) - node.lineno + 1) for node in functions]


def test_files_are_short() -> None:
    expect_none(
        f"{name_of(path)} has {len(lines_of(path))} lines, not {lines_max(path)} at most"
        for path in C_FILES + PYTHON_FILES
        if len(lines_of(path)) > lines_max(path)
    )


def test_functions_fit_on_a_screen() -> None:
    expect_none(
        f"{name_of(path)}:{line}: {name} has {count} lines, not {FUNCTION_LINES_MAX} at most"
        for path in C_FILES + PYTHON_FILES
        for name, line, count in (python_functions(path) if path.suffix == ".py" else c_functions(path))
        if count > FUNCTION_LINES_MAX
    )


def test_lines_are_narrow() -> None:
    expect_none(
        f"{name_of(path)}:{number}: wider than {COLUMNS_MAX} columns"
        for path in C_FILES + PYTHON_FILES
        for number, line in enumerate(lines_of(path), 1)
        if len(line) > COLUMNS_MAX
    )


def test_nothing_is_indented_with_tabs() -> None:
    expect_none(name_of(path) for path in C_FILES + PYTHON_FILES if "\t" in path.read_text())


def test_functions_are_measured() -> None:
    """The measuring itself, on a file of which the answer is known."""
    outbox = next(path for path in C_FILES if name_of(path) == "src/base/outbox.c")
    lengths = {name: count for name, _, count in c_functions(outbox)}
    assert lengths["fr_outbox_init"] == 4
    assert lengths["room_in"] == 4
    assert len(lengths) > 15
