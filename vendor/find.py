"""Finds the C libraries of versions.toml through pkg-config, for setup.py and for people.

    python vendor/find.py                     what is needed, what was found
    python vendor/find.py --packages apt      the packages that a build here still lacks (apt, dnf or brew)

Knows nothing of Python extensions: it answers with compiler and linker flags.
"""

from __future__ import annotations

import functools
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

HERE = Path(__file__).resolve().parent
SOURCES = HERE.parent / "src"


class MissingLibraryError(Exception):
    """A library that the sources need is not there, or too old; the message is for the user."""


@dataclass
class Flags:
    """What a compiler and a linker must be told."""

    compile: list[str] = field(default_factory=list)
    link: list[str] = field(default_factory=list)


@dataclass
class Library:
    name: str
    pkg_config: str
    least: str
    why: str
    licence: str
    folder: str
    headers: list[str]
    static: list[str]
    packages: dict[str, str]
    optional: bool = False

    def found_version(self) -> str | None:
        return ask_pkg_config("--modversion", self.pkg_config)

    def is_good(self) -> bool:
        return ask_pkg_config(f"--atleast-version={self.least}", self.pkg_config) is not None

    def is_needed(self) -> bool:
        """A source includes it and cannot do without."""
        return not self.optional and self.is_used()

    def is_used(self) -> bool:
        return not included_headers().isdisjoint(self.headers)

    def flags(self, *, static: bool) -> Flags:
        """Flags for the shared library or, if `static` and there are archives that can be used, for those."""
        compile_flags = shlex.split(ask_pkg_config("--cflags", self.pkg_config) or "")
        folder = Path(ask_pkg_config("--variable=libdir", self.pkg_config) or ".")
        archives = [str(folder / name) for name in self.static if (folder / name).exists()]
        if not (static and archives and can_be_linked_in(archives)):
            return Flags(compile_flags, shlex.split(ask_pkg_config("--libs", self.pkg_config) or ""))
        all_libraries = shlex.split(ask_pkg_config("--libs", "--static", self.pkg_config) or "")
        own = {"-l" + re.sub(r"^lib|(_a)?\.a$", "", name) for name in self.static}
        # Another extension in the process may carry its own copy: what an archive defines must stay ours.
        hide = [] if sys.platform == "darwin" else ["-Wl,--exclude-libs,ALL"]
        return Flags(compile_flags, hide + archives + [flag for flag in all_libraries if flag not in own])

    def complaint(self) -> str:
        version = self.found_version()
        also = {"apt": "", "dnf": "", "brew": ""}
        if shutil.which(pkg_config()) is None:
            state = "pkg-config, which would find it, is not installed"
            also = {"apt": "pkg-config ", "dnf": "pkgconf-pkg-config ", "brew": "pkgconf "}
        elif version is None:
            state = "pkg-config does not know it"
        else:
            state = f"version {version} was found"
        ways = {"apt": "apt install", "dnf": "dnf install", "brew": "brew install"}
        remedies = [f"`{way} {also[kind]}{self.packages[kind]}`" for kind, way in ways.items() if self.packages[kind]]
        return (
            f"freastal needs {self.name} {self.least} or newer ({self.pkg_config}.pc), but {state}: "
            f"install it with {' or '.join(remedies)}."
        )


def pkg_config() -> str:
    return os.environ.get("PKG_CONFIG", "pkg-config")


def ask_pkg_config(*arguments: str) -> str | None:
    """What pkg-config answers; None when it says no or does not exist."""
    try:
        done = subprocess.run([pkg_config(), *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def can_be_linked_in(archives: list[str]) -> bool:
    """They were compiled for a shared object; those of Debian, for one, were not."""
    whole = ["-Wl,-all_load", *archives] if sys.platform == "darwin" else ["-Wl,--whole-archive", *archives]
    with tempfile.TemporaryDirectory() as folder:
        undefined_is_fine = ["-undefined", "dynamic_lookup"] if sys.platform == "darwin" else ["-Wl,--no-whole-archive"]
        command = [*shlex.split(os.environ.get("CC", "cc")), "-shared", "-o", f"{folder}/probe.so", *whole]
        return subprocess.run([*command, *undefined_is_fine], capture_output=True, check=False).returncode == 0


@functools.cache
def included_headers() -> set[str]:
    """Every <header> that some file under src/ includes."""
    found: set[str] = set()
    for path in SOURCES.rglob("*.[ch]"):
        found.update(re.findall(r"^\s*#\s*include\s*<([^>]+)>", path.read_text(encoding="utf-8"), re.MULTILINE))
    return found


def libraries() -> list[Library]:
    table: dict[str, dict[str, Any]] = tomllib.loads((HERE / "versions.toml").read_text(encoding="utf-8"))
    return [Library(name=name, **entry) for name, entry in table.items()]


def find(*, static: bool = False) -> Flags:
    """Flags for everything that the sources use; MissingLibraryError when something needed is not there."""
    total = Flags()
    for library in libraries():
        if not library.is_used():
            continue
        if library.is_good():
            flags = library.flags(static=static)
            total.compile += flags.compile
            total.link += flags.link
            total.compile.append(f"-DFR_HAVE_{library.name.upper()}=1")
        elif library.is_needed():
            raise MissingLibraryError(library.complaint())
    return total


def report() -> int:
    status = 0
    for library in libraries():
        if library.is_needed():
            need = "needed"
        elif library.is_used():
            need = "optional"
        else:
            need = "not used yet"
        version = library.found_version() or "not found"
        verdict = "" if library.is_good() else "  <-- too old or missing"
        print(f"{library.name:10} {need:13} at least {library.least:7} found {version}{verdict}")
        if library.is_needed() and not library.is_good():
            print(library.complaint(), file=sys.stderr)
            status = 1
    return status


def main(arguments: list[str]) -> int:
    match arguments:
        case []:
            return report()
        case ["--packages", ("apt" | "dnf" | "brew") as kind]:
            print(" ".join(x.packages[kind] for x in libraries() if x.is_needed() and not x.is_good()))
            return 0
        case _:
            print(__doc__, file=sys.stderr)
            return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
