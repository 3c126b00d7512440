"""Builds the servers in C that say how fast a server could be, and the load in C: python bench/ceiling/build.py [name].

From Python: build("epoll_server") gives the program's path; it is compiled only when something is newer.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
LOAD = HERE.parent / "load"
SRC = HERE.parents[1] / "src"
BUILD = HERE.parent / "build"

# With link-time optimisation, as the extension is built.
FLAGS = ["-std=c11", "-D_GNU_SOURCE", "-O3", "-DNDEBUG", "-flto=auto", "-Wall", "-Wextra"]

ON_THE_CORE = ("core_server", "core_echo_server")

# What a program is linked with, by its name for pkg-config.
CORE_LIBRARIES = ("libuv", "zlib", "openssl", "libnghttp2")
LIBRARIES = {
    "uv_server": ("libuv",),
    "core_server": CORE_LIBRARIES,
    "core_echo_server": CORE_LIBRARIES,
    "handshake_load": ("openssl",),
}


def core_sources() -> list[Path]:
    """Everything but Python's gateway."""
    return sorted(p for p in SRC.rglob("*.c") if "python" not in p.relative_to(SRC).parts)


def pkg_config(*arguments: str) -> list[str]:
    return subprocess.run(["pkg-config", *arguments], check=True, capture_output=True, text=True).stdout.split()


def borrowed_sources(name: str) -> list[Path]:
    """What a program takes from the core."""
    if name in ON_THE_CORE:
        return core_sources()
    if name == "ws_echo_server":
        return [SRC / "base" / "sha1.c", SRC / "base" / "base64.c"]
    return []


def build(name: str) -> Path:
    program = BUILD / name
    main = next(path for path in (HERE / f"{name}.c", LOAD / f"{name}.c") if path.exists())
    sources = [main, *borrowed_sources(name)]
    headers = [*HERE.glob("*.h"), *(SRC.rglob("*.h") if name in ON_THE_CORE else [])]
    newest = max(path.stat().st_mtime for path in [*sources, *headers, Path(__file__)])
    if program.exists() and program.stat().st_mtime > newest:
        return program
    BUILD.mkdir(parents=True, exist_ok=True)
    compiler = shlex.split(os.environ.get("CC", "cc"))
    libraries = LIBRARIES.get(name, ())
    compile_flags = [*FLAGS, f"-I{SRC}", f"-I{HERE}", *(pkg_config("--cflags", *libraries) if libraries else [])]
    link_flags = pkg_config("--libs", *libraries) if libraries else []
    subprocess.run([*compiler, *compile_flags, *sources, *link_flags, "-o", program], check=True)
    return program


def main() -> None:
    for name in sys.argv[1:] or [source.stem for folder in (HERE, LOAD) for source in sorted(folder.glob("*.c"))]:
        print(build(name))


if __name__ == "__main__":
    main()
