"""Builds the core and its C units, incrementally, without anything but a compiler and pkg-config.

All of src/ except src/python becomes one archive, so a program links only what it uses and a source that
does not compile breaks only the programs that need it. By hand: python tests/core/build.py [base/test_pool].
"""

from __future__ import annotations

import fcntl
import functools
import hashlib
import os
import shlex
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src"
CORE_TESTS = ROOT / "tests" / "core"

WARNINGS = ["-Wall", "-Wextra", "-Wshadow", "-Wstrict-prototypes", "-Wmissing-prototypes", "-Wvla", "-Werror"]

# Each outside library is owned by one folder; it is asked for only when that folder has sources.
LIBRARIES = {"net": "libuv", "http2": "libnghttp2", "websocket": "zlib", "tls": "openssl"}

JOBS = 2
TEST_TIMEOUT_S = 30


class BuildError(Exception):
    """What the compiler or the linker said."""


@dataclass(frozen=True)
class Toolchain:
    """One way of compiling: the compiler, the sanitizers and where the results go."""

    compiler: tuple[str, ...]
    sanitize: str
    directory: Path
    compile_flags: tuple[str, ...] = ()
    link_flags: tuple[str, ...] = ()

    @staticmethod
    def from_environment() -> Toolchain:
        sanitize = os.environ.get("FREASTAL_SANITIZE", "address,undefined")
        base = Path(os.environ.get("FREASTAL_BUILD_DIR", ROOT / "build")) / "core"
        return Toolchain(
            compiler=tuple(shlex.split(os.environ.get("CC", "cc"))),
            sanitize=sanitize,
            directory=base / (sanitize.replace(",", "-") or "plain"),
        )

    def flags(self) -> list[str]:
        flags = ["-std=c11", "-D_GNU_SOURCE", "-g", "-O1", "-fno-omit-frame-pointer"]
        if self.sanitize:
            flags += [f"-fsanitize={self.sanitize}", "-fno-sanitize-recover=all"]
        return flags


@dataclass
class Library:
    """The archive of the core, and what could not be put into it."""

    archive: Path
    failures: dict[Path, str] = field(default_factory=dict)


@functools.cache
def pkg_config(option: str) -> list[str]:
    """The flags of the libraries whose owning folders have sources."""
    packages = [name for folder, name in LIBRARIES.items() if any((SRC / folder).glob("*.c"))]
    if not packages:
        return []
    answer = subprocess.run(["pkg-config", option, *packages], capture_output=True, text=True, check=False)
    if answer.returncode:
        raise BuildError(answer.stderr)
    return answer.stdout.split()


def core_sources() -> list[Path]:
    return sorted(p for p in SRC.rglob("*.c") if "python" not in p.relative_to(SRC).parts)


def fake_sources() -> list[Path]:
    return sorted((CORE_TESTS / "fakes").glob("*.c"))


def test_sources() -> list[Path]:
    return sorted(CORE_TESTS.glob("*/test_*.c"))


def newest(paths: Iterable[Path]) -> float:
    """The latest modification; a file that is gone counts as just modified."""
    return max((p.stat().st_mtime if p.exists() else float("inf") for p in paths), default=0.0)


def read_dependencies(rule: Path) -> list[Path]:
    """The prerequisites of the one make rule that -MMD wrote."""
    text = rule.read_text().replace("\\\n", " ")
    return [ROOT / name for name in text.partition(":")[2].split()]


class Builder:
    def __init__(self, toolchain: Toolchain) -> None:
        self.toolchain = toolchain
        self.directory = toolchain.directory
        self.directory.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """One build at a time per directory, whoever runs it."""
        with open(self.directory / ".lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def run(self, command: list[str], result: Path) -> None:
        """Runs a command that writes to `@`, and puts the result in place in one step."""
        draft = result.with_name(f"{result.name}.draft{os.getpid()}")
        began = time.time()
        command = [str(draft) if word == "@" else word for word in command]
        answer = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
        if answer.returncode:
            draft.unlink(missing_ok=True)
            raise BuildError(f"{shlex.join(command)}\n{answer.stdout}{answer.stderr}")
        os.utime(draft, (began, began))  # a source saved while the compiler ran is newer than its object
        os.replace(draft, result)

    def compile(self, source: Path) -> Path:
        """The object of one source, compiled if the source, a header or the command is newer."""
        target = self.directory / source.relative_to(ROOT).with_suffix(".o")
        rule, stamp = target.with_suffix(".d"), target.with_suffix(".command")
        name = str(source.relative_to(ROOT))
        command = [*self.toolchain.compiler, *self.toolchain.flags(), *self.toolchain.compile_flags, *WARNINGS]
        command += ["-Isrc", "-Itests/core", *pkg_config("--cflags")]
        command += ["-MMD", "-MF", str(rule), "-c", name, "-o", "@"]
        wanted = hashlib.sha256(shlex.join(command).encode()).hexdigest()
        known = stamp.read_text() if stamp.exists() else ""
        complete = target.exists() and rule.exists() and known == wanted
        if complete and newest(read_dependencies(rule)) < target.stat().st_mtime:
            return target
        target.parent.mkdir(parents=True, exist_ok=True)
        self.run(command, target)
        stamp.write_text(wanted)
        return target

    def compile_all(self, sources: list[Path]) -> tuple[list[Path], dict[Path, str]]:
        """The objects that could be made, and why the others could not."""
        objects: list[Path] = []
        failures: dict[Path, str] = {}
        with ThreadPoolExecutor(JOBS) as jobs:
            pending = {source: jobs.submit(self.compile, source) for source in sources}
        for source, job in pending.items():
            try:
                objects.append(job.result())
            except BuildError as error:
                failures[source] = str(error)
        return objects, failures

    def build_library(self) -> Library:
        """The archive of src/ and the fakes."""
        objects, failures = self.compile_all(core_sources() + fake_sources())
        archive = self.directory / "core.a"
        members = self.directory / "core.members"
        listing = "\n".join(map(str, objects))
        known = members.read_text() if members.exists() else ""
        if not archive.exists() or known != listing or newest(objects) >= archive.stat().st_mtime:
            self.run(["ar", "rcs", "@", *map(str, objects)], archive)
            members.write_text(listing)
        return Library(archive, failures)

    def link(self, program: Path, objects: list[Path], library: Library) -> Path:
        parts = [*objects, library.archive]
        if program.exists() and newest(parts) < program.stat().st_mtime:
            return program
        command = [*self.toolchain.compiler, *self.toolchain.flags(), *self.toolchain.link_flags, *map(str, parts)]
        try:
            self.run([*command, *pkg_config("--libs"), "-lpthread", "-o", "@"], program)
        except BuildError as error:
            raise BuildError("\n".join([str(error), *library.failures.values()])) from None
        return program

    def build_program(self, sources: list[Path], library: Library) -> Path:
        """One program: its own sources and what it needs of the archive."""
        objects = [self.compile(source) for source in sources]
        return self.link(objects[0].with_suffix(""), objects, library)


def list_tests(program: Path) -> list[str]:
    answer = subprocess.run([program, "--list"], capture_output=True, text=True, check=False, timeout=TEST_TIMEOUT_S)
    if answer.returncode:
        raise BuildError(f"{program} --list failed\n{answer.stdout}{answer.stderr}")
    return answer.stdout.split()


def program_name(source: Path) -> str:
    """base/test_pool for tests/core/base/test_pool.c."""
    return source.relative_to(CORE_TESTS).with_suffix("").as_posix()


def build_tests(wanted: str = "") -> dict[str, Path | BuildError]:
    """Every C unit whose name contains `wanted`: its program, or why there is none."""
    builder = Builder(Toolchain.from_environment())
    programs: dict[str, Path | BuildError] = {}
    sources = [source for source in test_sources() if wanted in program_name(source)]

    def build(source: Path) -> Path | BuildError:
        try:
            return builder.build_program([source], library)
        except BuildError as error:
            return error

    with builder.locked():
        library = builder.build_library()
        with ThreadPoolExecutor(JOBS) as jobs:
            for source, program in zip(sources, jobs.map(build, sources), strict=True):
                programs[program_name(source)] = program
    return programs


def main() -> int:
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    failed = 0
    programs = build_tests(wanted)
    for name, program in programs.items():
        print(f"== {name}", flush=True)
        if isinstance(program, BuildError):
            print(program)
            failed = 1
        else:
            failed |= subprocess.run([program], check=False).returncode != 0
    if not programs:
        print(f"no C unit is called {wanted}")
    return failed or not programs


if __name__ == "__main__":
    sys.exit(main())
