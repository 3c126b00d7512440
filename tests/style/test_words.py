"""Words that do not belong in the code, and the few places that may use them, with the reason."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from tests.style.house import ROOT, code_of, expect_none, files, name_of

if TYPE_CHECKING:
    from pathlib import Path

C_FILES = files("*.c", "*.h", under=("src",))
TEXT_FILES = [path for path in files("*") if path.suffix not in {".o", ".so", ".png", ".svg", ".json", ".gz"}]

# Applications under test are written as their authors write them.
SITES = ROOT / "tests" / "applications" / "sites"

OPENING_LINES_MAX = 16

# Unbounded, dependent on the locale or on hidden state, or unable to report a mistake.
BANNED = """
    sprintf vsprintf strcpy stpcpy strcat strncpy strncat strtok gets scanf sscanf fscanf atoi atol
    atoll atof strtod setlocale localtime gmtime asctime ctime strftime rand srand random alloca
    system popen mktemp tmpnam getwd longjmp setjmp isalpha isdigit isalnum isspace isupper islower
    isxdigit tolower toupper strcasecmp strncasecmp
"""

# All memory comes from base/alloc.h and base/pool.h.
ALLOCATION = """
    malloc calloc realloc reallocarray free strdup strndup asprintf vasprintf aligned_alloc
    posix_memalign
"""

# The core says what it has to say through base/log.h and writes to no descriptor of its own accord.
PRINTING = """
    printf fprintf vprintf vfprintf puts fputs putchar fputc perror dprintf
"""

EXCEPT = {
    ("src/base/alloc.c", "malloc"): "the only caller of the allocator",
    ("src/base/alloc.c", "calloc"): "the only caller of the allocator",
    ("src/base/alloc.c", "realloc"): "the only caller of the allocator",
    ("src/base/alloc.c", "free"): "the only caller of the allocator",
    ("src/base/alloc.c", "fprintf"): "the last words of a process without memory",
}

UNFINISHED = re.compile(r"\b(?:" + "|".join(["FIX" + "ME", "TO" + "DO", "XX" + "X", "HA" + "CK"]) + r")\b")


def calls_in(path: Path) -> set[str]:
    return set(re.findall(r"(?<![\w.>])(\w+)\s*\(", code_of(path.read_text())))


def test_banned_functions() -> None:
    expect_none(
        f"{name_of(path)} calls {word}"
        for path in C_FILES
        for word in calls_in(path).intersection((BANNED + ALLOCATION + PRINTING).split())
        if (name_of(path), word) not in EXCEPT
    )


def test_exceptions_are_still_needed() -> None:
    by_name = {name_of(path): path for path in C_FILES}
    expect_none(f"{name} no longer calls {word}" for name, word in EXCEPT if word not in calls_in(by_name[name]))


def test_nothing_is_left_for_later() -> None:
    expect_none(
        f"{name_of(path)}:{number}: {line.strip()}"
        for path in TEXT_FILES
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if UNFINISHED.search(line)
    )


def test_a_c_file_opens_with_what_it_is() -> None:
    offences = []
    for path in C_FILES:
        opening = path.read_text().partition("*/")[0]
        if not opening.startswith(f"/* {path.relative_to(path.parents[1]).as_posix()} - "):
            offences.append(f"{name_of(path)} does not open with its name and what it is")
        elif opening.count("\n") >= OPENING_LINES_MAX:
            offences.append(f"{name_of(path)} opens with a chapter, not a paragraph")
    expect_none(offences)


def test_a_module_opens_with_what_it_is() -> None:
    expect_none(
        f"{name_of(path)} has no docstring"
        for path in files("*.py")
        if path.stat().st_size and not path.is_relative_to(SITES) and not ast.get_docstring(ast.parse(path.read_text()))
    )


def test_no_test_sleeps() -> None:
    """Tests wait for an event or move the fake clock; asyncio.sleep(0) does not sleep."""
    offences = []
    for path in files("*.py", "*.c", "*.h", under=("tests",)):
        text = path.read_text()
        python = re.sub(r'""".*?"""|#[^\n]*|asyncio\.sleep\(0[,)]', "", text, flags=re.DOTALL)
        if re.search(r"(?<!def )\b(?:u?sleep|nanosleep)\(", python if path.suffix == ".py" else code_of(text)):
            offences.append(name_of(path))
    expect_none(offences)
