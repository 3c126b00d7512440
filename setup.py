"""Builds freastal._core from every C source under src/; all else about the project is in pyproject.toml.

Three switches, by environment only:
    FREASTAL_DEBUG=1            assertions on, no optimisation, no LTO
    FREASTAL_SANITIZE=LIST      the same, with -fsanitize=LIST ("address,undefined", "thread")
    FREASTAL_SYSTEM_LIBS=0      link static archives of the C libraries where there are any (for wheels)
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT / "vendor"))

import find  # noqa: E402  (vendor/find.py)

DEBUG = os.environ.get("FREASTAL_DEBUG", "") not in ("", "0")
SANITIZE = os.environ.get("FREASTAL_SANITIZE", "")
STATIC = os.environ.get("FREASTAL_SYSTEM_LIBS", "1") == "0"

WARNINGS = ["-Wall", "-Wextra", "-Wshadow", "-Wstrict-prototypes", "-Wmissing-prototypes", "-Wvla"]
# No -march: what is distributed runs everywhere, SIMD is chosen at run time (base/cpu.h).
COMMON = ["-std=c11", "-D_GNU_SOURCE", "-fvisibility=hidden", *WARNINGS]


def compile_flags(lto: list[str]) -> list[str]:
    if SANITIZE:
        checks = ["-fsanitize=" + SANITIZE, "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"]
        return [*COMMON, "-UNDEBUG", "-O1", "-g", *checks]
    if DEBUG:
        return [*COMMON, "-UNDEBUG", "-O0", "-g"]
    return [*COMMON, "-DNDEBUG", "-O3", "-g", *lto]


def link_flags(lto: list[str]) -> list[str]:
    if SANITIZE:
        return ["-fsanitize=" + SANITIZE]
    return [] if DEBUG else ["-O3", *lto]


class BuildCore(build_ext):
    """Compiles only what changed, on all processors; setuptools would compile everything, one by one."""

    def build_extension(self, ext: Extension) -> None:
        if self.editable_mode:  # objects would go to a folder that is thrown away, and be compiled again and again
            self.build_temp = f"build/temp.{self.plat_name}-{sys.implementation.cache_tag}"
        lto = self.usable_lto() if not (DEBUG or SANITIZE) else []
        ext.extra_compile_args += compile_flags(lto)
        ext.extra_link_args += link_flags(lto)
        libraries = find.find(static=STATIC)
        ext.extra_compile_args += libraries.compile
        ext.extra_link_args += libraries.link
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            objects = list(pool.map(lambda source: self.compile_source(ext, source), ext.sources))
        target, flags_file = Path(self.get_ext_fullpath(ext.name)), Path(self.build_temp, "link.flags")
        flags = " ".join([str(target), *self.compiler.linker_so, *objects, *ext.extra_link_args])
        if self.force or not is_current(target, objects, flags_file, flags):
            target.parent.mkdir(parents=True, exist_ok=True)
            self.compiler.force = True  # it would only compare times, and know nothing of flags
            self.compiler.link_shared_object(
                objects,
                str(target),
                libraries=self.get_libraries(ext),
                library_dirs=ext.library_dirs,
                runtime_library_dirs=ext.runtime_library_dirs,
                extra_postargs=ext.extra_link_args,
                export_symbols=self.get_export_symbols(ext),
                build_temp=self.build_temp,
                target_lang="c",
            )
            flags_file.write_text(flags, encoding="utf-8")

    def compile_source(self, ext: Extension, source: str) -> str:
        [name] = self.compiler.object_filenames([source], output_dir=self.build_temp)
        flags_file, dependencies = Path(name + ".flags"), Path(name + ".d")
        flags = " ".join([sys.version, *self.compiler.compiler_so, *ext.extra_compile_args])
        if not self.force and is_current(Path(name), prerequisites(dependencies), flags_file, flags):
            return name
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        self.compiler.compile(
            [source],
            output_dir=self.build_temp,
            include_dirs=ext.include_dirs,
            extra_postargs=[*ext.extra_compile_args, "-MMD", "-MF", str(dependencies)],
        )
        flags_file.write_text(flags, encoding="utf-8")
        return name

    def usable_lto(self) -> list[str]:
        """Link-time optimisation where both compiler and linker can do it."""
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder, "probe.c")
            source.write_text("int probe(void);\nint probe(void) { return 0; }\n", encoding="utf-8")
            for flag in ("-flto=auto", "-flto=thin", "-flto"):
                command = [*self.compiler.compiler_so, flag, "-c", str(source), "-o", str(source) + ".o"]
                link = [*self.compiler.linker_so, flag, str(source) + ".o", "-o", str(source) + ".so"]
                if all(subprocess.run(x, check=False, capture_output=True).returncode == 0 for x in (command, link)):
                    return [flag]
        return []


def prerequisites(dependencies: Path) -> list[str]:
    """The files named in a makefile that the compiler wrote; the missing file itself when there is none."""
    if not dependencies.exists():
        return [str(dependencies)]
    return re.sub(r"\\\n", " ", dependencies.read_text(encoding="utf-8")).split()[1:]


def is_current(target: Path, made_from: list[str], flags_file: Path, flags: str) -> bool:
    """The target is newer than what it was made from, and the flags were the same."""
    if not (target.exists() and flags_file.exists() and flags_file.read_text(encoding="utf-8") == flags):
        return False
    made = target.stat().st_mtime_ns
    return all(Path(name).exists() and Path(name).stat().st_mtime_ns <= made for name in made_from)


def core() -> Extension:
    sources = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "src").rglob("*.c"))
    return Extension("freastal._core", sources=sources, include_dirs=["src"])


os.chdir(ROOT)
options: dict[str, Any] = {"ext_modules": [core()], "cmdclass": {"build_ext": BuildCore}}
try:
    setup(**options)
except find.MissingLibraryError as error:
    sys.exit(str(error))
