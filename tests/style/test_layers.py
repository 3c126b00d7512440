"""A folder looks down, never sideways, never up; each outside library has one owner."""

from __future__ import annotations

import ast
import os
import shlex
import subprocess
import sys
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from tests.style.house import PACKAGE, ROOT, SRC, expect_none, files, includes_of, name_of

if TYPE_CHECKING:
    from pathlib import Path

MAY_INCLUDE = {
    "base": set(),
    "http": {"base"},
    "http1": {"base", "http"},
    "http2": {"base", "http"},
    "websocket": {"base", "http"},
    "tls": {"base"},
    "net": {"base"},
    "server": {"base", "http", "http1", "http2", "tls", "net"},
    "python": {"base", "http", "websocket", "server"},
}

# Python turns the loop and waits for times and descriptors, and knows nothing else of net/.
MAY_INCLUDE_ALSO = {"python": {"net/loop.h", "net/timer.h", "net/watch.h"}}

OWNER_OF = {
    "uv.h": "net",
    "uv/": "net",
    "liburing": "net",
    "openssl/": "tls",
    "nghttp2/": "http2",
    "zlib.h": "websocket",
    "Python.h": "python",
    "structmember.h": "python",
}

C_FILES = files("*.c", "*.h", under=("src",))
HEADERS = [path for path in C_FILES if path.suffix == ".h"]
MODULES = sorted(PACKAGE.rglob("*.py"))


def folder_of(path: Path) -> str:
    return path.relative_to(SRC).parts[0]


def own_includes(path: Path) -> list[str]:
    quoted = [include.strip('"') for include in includes_of(path) if include.startswith('"')]
    return [include for include in quoted if include != "Python.h"]


def test_every_folder_is_in_the_table() -> None:
    assert {folder_of(path) for path in C_FILES} <= set(MAY_INCLUDE)


def test_includes_look_down() -> None:
    offences = []
    for path in C_FILES:
        folder = folder_of(path)
        allowed = {folder, *MAY_INCLUDE[folder]}
        for include in own_includes(path):
            if include.split("/")[0] not in allowed and include not in MAY_INCLUDE_ALSO.get(folder, set()):
                offences.append(f"{name_of(path)} may not include {include}")
    expect_none(offences)


def test_includes_are_written_from_the_root() -> None:
    expect_none(
        f"{name_of(path)}: {include} is not a file below src/"
        for path in C_FILES
        for include in own_includes(path)
        if not (SRC / include).is_file()
    )


def test_outside_libraries_have_one_owner() -> None:
    expect_none(
        f"{name_of(path)}: {include} belongs to {owner}/"
        for path in C_FILES
        for include in includes_of(path)
        for prefix, owner in OWNER_OF.items()
        if include[1:].startswith(prefix) and folder_of(path) != owner
    )


def test_headers_have_no_cycles() -> None:
    graph = {name_of(path): [f"src/{include}" for include in own_includes(path)] for path in HEADERS}
    finished: set[str] = set()

    def visit(header: str, way: list[str]) -> None:
        assert header not in way, " -> ".join([*way, header])
        if header in finished:
            return
        for include in graph.get(header, []):
            visit(include, [*way, header])
        finished.add(header)

    for header in graph:
        visit(header, [])


def complaint_about(header: Path) -> str:
    """What the compiler says about a file that includes nothing but this header."""
    command = [*shlex.split(os.environ.get("CC", "cc")), "-std=c11", "-D_GNU_SOURCE", "-Isrc"]
    command += ["-fsyntax-only", "-x", "c", "-"]
    if folder_of(header) == "python":
        command.append(f"-I{sysconfig.get_paths()['include']}")
    source = f'#include "{header.relative_to(SRC).as_posix()}"\n'
    answer = subprocess.run(command, check=False, cwd=ROOT, input=source, capture_output=True, text=True)
    return answer.stderr if answer.returncode else ""


def test_headers_stand_alone() -> None:
    with ThreadPoolExecutor(2) as jobs:
        expect_none(filter(None, jobs.map(complaint_about, HEADERS)))


def part_of(module: str) -> str:
    """The package of the distribution that a module belongs to: web, store, or the server."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[1] in {"web", "store"} else "server"


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported_by(path: Path) -> set[str]:
    """Absolute names of all that a module imports, also inside functions."""
    package = module_name(path) if path.name == "__init__.py" else module_name(path).rpartition(".")[0]
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package.rsplit(".", node.level - 1)[0] if node.level else ""
            target = ".".join(filter(None, [base, node.module]))
            names |= {f"{target}.{alias.name}" for alias in node.names}
    return names


def test_server_web_and_store_do_not_import_each_other() -> None:
    expect_none(
        f"{name_of(path)} may not import {name}"
        for path in MODULES
        for name in imported_by(path)
        if name.startswith("freastal.") and part_of(name) != part_of(module_name(path))
    )


def complaint_of(module: Path) -> str:
    """What an interpreter says that imports nothing but this module."""
    command = [sys.executable, "-W", "error", "-c", f"import {module_name(module)}"]
    answer = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True)
    return answer.stderr + answer.stdout


def test_every_module_imports_alone() -> None:
    with ThreadPoolExecutor(2) as jobs:
        expect_none(filter(None, jobs.map(complaint_of, MODULES)))
