"""Every file has its mirror among the tests, and every C unit the file that it is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.style.house import PACKAGE, ROOT, SRC, expect_none, files, name_of

if TYPE_CHECKING:
    from pathlib import Path

SCAN = "tests/core/http1/test_scan.c"  # every set of instructions must agree with the scalar one

# Files whose test has another name, and where it is.
TESTED_BY = {
    "src/http1/scan_scalar.c": SCAN,
    "src/http1/scan_sse42.c": SCAN,
    "src/http1/scan_avx2.c": SCAN,
    "src/http1/scan_neon.c": SCAN,
}

# Units about something that is not in src/, or a second one about what is.
TESTS_OF = {
    "tests/core/server/test_serving.c": "src/server/connection.c",  # with a real protocol on it
    "tests/core/net/test_transport_memory.c": "tests/core/fakes/memory_transport.c",
}

C_FILES = files("*.c", under=("src",))
C_UNITS = [path for path in files("test_*.c", under=("tests",)) if path.parent.parent == ROOT / "tests" / "core"]
MODULES = [path for path in sorted(PACKAGE.rglob("*.py")) if path.name != "__init__.py"]


def mirror_of_c(path: Path) -> Path:
    if path.parent.name == "python":
        return ROOT / "tests" / "gateway" / f"test_{path.stem}.py"
    return ROOT / "tests" / "core" / path.parent.name / f"test_{path.stem}.c"


def mirror_of_module(path: Path) -> Path:
    """web/ and store/ have folders of their own; what belongs to the server is tested in command/."""
    package = path.relative_to(PACKAGE).parts[0]
    folder = package if package in {"web", "store"} else "command"
    return ROOT / "tests" / folder / f"test_{path.stem.strip('_')}.py"


def mirror_of(path: Path) -> Path:
    if name_of(path) in TESTED_BY:
        return ROOT / TESTED_BY[name_of(path)]
    return mirror_of_c(path) if path.suffix == ".c" else mirror_of_module(path)


def subjects_of(unit: Path) -> list[Path]:
    """test_connection_end.c is a part of what there is to say about connection.c."""
    if name_of(unit) in TESTS_OF:
        return [ROOT / TESTS_OF[name_of(unit)]]
    words = unit.stem.removeprefix("test_").split("_")
    stems = ["_".join(words[:count]) for count in range(1, len(words) + 1)]
    return [SRC / unit.parent.name / f"{stem}{suffix}" for stem in stems for suffix in (".c", ".h")]


def test_every_file_has_its_test() -> None:
    expect_none(
        f"{name_of(path)} has no test: {name_of(mirror_of(path))} is missing"
        for path in C_FILES + MODULES
        if not mirror_of(path).is_file()
    )


def test_every_c_unit_has_its_file() -> None:
    expect_none(
        f"{name_of(unit)} tests nothing"
        for unit in C_UNITS
        if not any(subject.is_file() for subject in subjects_of(unit))
    )


def test_exceptions_are_still_needed() -> None:
    expect_none(f"{name} is gone" for name in [*TESTED_BY, *TESTS_OF] if not (ROOT / name).is_file())
    expect_none(
        f"{name} has its mirror" for name in TESTED_BY if name.endswith(".c") and mirror_of_c(ROOT / name).is_file()
    )
