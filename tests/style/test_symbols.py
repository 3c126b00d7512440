"""What the linker sees: no writable globals, and nothing global that only its own file uses."""

from __future__ import annotations

import functools
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.core.build import Builder, BuildError, Toolchain
from tests.style.house import code_of, expect_none, files, name_of

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads the sections of ELF")

C_FILES = files("*.c", under=("src",))
USERS = files("*.c", under=("src", "tests", "bench")) + files("*.h", under=("tests",))

# (file, name): why it may be written.
WRITABLE = {
    ("src/python/module.c", "module_def"): "CPython keeps its index and its reference count in the definition itself",
}


@functools.cache
def object_of(source: Path) -> Path | BuildError:
    """The object of one source, without sanitizers, which have variables of their own.

    Without position independence a const table of pointers is read-only data; with it, the loader writes there
    once, and nm cannot tell it from a variable.
    """
    flags = ["-fno-pie", "-fno-pic"]
    if source.parent.name == "python":
        flags.append(f"-I{sysconfig.get_paths()['include']}")
    default = Toolchain.from_environment()
    plain = Toolchain(default.compiler, "", default.directory.parent / "symbols", compile_flags=tuple(flags))
    builder = Builder(plain)
    with builder.locked():
        try:
            return builder.compile(source)
        except BuildError as error:
            return error


@functools.cache
def symbols_of(source: Path) -> list[tuple[str, str]]:
    """(kind, name) of all that an object defines, by the letters of nm."""
    target = object_of(source)
    if isinstance(target, BuildError):
        return []  # told by the first test
    listing = subprocess.run(["nm", "--defined-only", target], check=True, capture_output=True, text=True).stdout
    return [(kind, name) for _, kind, name in (line.split() for line in listing.splitlines())]


@functools.cache
def words_in(path: Path) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", code_of(path.read_text())))


def test_everything_compiles() -> None:
    results = [object_of(source) for source in C_FILES]
    expect_none(str(result) for result in results if isinstance(result, BuildError))


def writable_globals() -> set[tuple[str, str]]:
    return {(name_of(source), name) for source in C_FILES for kind, name in symbols_of(source) if kind in "bBdDgGsSC"}


def test_no_writable_globals() -> None:
    expect_none(f"{file}: {name} can be written" for file, name in writable_globals() - set(WRITABLE))


def test_exceptions_are_still_needed() -> None:
    expect_none(f"{file} has no {name}" for file, name in set(WRITABLE) - writable_globals())


def is_used_beside(name: str, source: Path) -> bool:
    """Its own header does not count; a test or a harness does, for that is what it is exported for."""
    own = {source, source.with_suffix(".h")}
    return any(name in words_in(path) for path in USERS if path not in own)


def test_what_is_global_is_used_elsewhere() -> None:
    expect_none(
        f"{name_of(source)}: nobody else uses {name}"
        for source in C_FILES
        for kind, name in symbols_of(source)
        if kind in "TRV" and not name.startswith("PyInit_") and not is_used_beside(name, source)
    )


def test_what_is_global_has_the_prefix() -> None:
    expect_none(
        f"{name_of(source)}: {name} could collide with another library"
        for source in C_FILES
        for kind, name in symbols_of(source)
        if kind.isupper() and not name.startswith(("fr_", "PyInit_"))
    )
