"""vendor/: every outside library is listed once, belongs to one folder, and is asked for in words that help."""

from __future__ import annotations

import importlib.util
import re
import stat
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# What the compiler and the system bring: no library of anybody's.
SYSTEM = re.compile(
    r"(arpa|linux|mach|net|netinet|sanitizer|sys)/.*|"
    r"(arm_neon|assert|cpuid|ctype|dlfcn|errno|fcntl|immintrin|inttypes|limits|netdb|nmmintrin|poll|pthread|"
    r"signal|stdalign|stdarg|stdatomic|stdbool|stddef|stdint|stdio|stdlib|string|strings|structmember|time|"
    r"unistd|Python)\.h"
)


@pytest.fixture
def find():
    """vendor/find.py, fresh: it remembers what it read."""
    spec = importlib.util.spec_from_file_location("vendor_find", ROOT / "vendor" / "find.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["vendor_find"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def pkg_config(tmp_path, monkeypatch):
    """pkg_config(version): from now on every library has this version; None: there is none."""

    def pkg_config(version: str | None) -> None:
        script = tmp_path / "pkg-config"
        script.write_text(
            "#!/bin/sh\nexit 1\n"
            if version is None
            else "#!/bin/sh\ncase $1 in --atleast-version=*) "
            f'[ "$(printf \'%s\\n\' "${{1#*=}}" {version} | sort -V | head -1)" = "${{1#*=}}" ];;'
            f" --modversion) echo {version};; --libs) echo -L/there -lthing;; --cflags) echo -I/there;; esac\n"
        )
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PKG_CONFIG", str(script))

    return pkg_config


def test_every_outside_header_belongs_to_a_library(find):
    known = {header for library in find.libraries() for header in library.headers}
    unknown = {header for header in find.included_headers() if not SYSTEM.fullmatch(header)} - known
    assert unknown == set(), "add them to vendor/versions.toml"


def test_a_library_is_included_from_its_folder_only(find):
    for library in find.libraries():
        for path in (ROOT / "src").rglob("*.[ch]"):
            included = set(re.findall(r"#\s*include\s*<([^>]+)>", path.read_text(encoding="utf-8")))
            if not included.isdisjoint(library.headers):
                assert path.relative_to(ROOT / "src").parts[0] == library.folder, (library.name, path)


def test_what_is_used_is_needed_and_the_rest_is_not(find):
    needed = [library.name for library in find.libraries() if library.is_needed()]
    assert {"libuv", "zlib"} <= set(needed)
    for library in find.libraries():
        assert library.is_used() == (not find.included_headers().isdisjoint(library.headers))


def test_flags_come_from_pkg_config(find, pkg_config):
    pkg_config("99.0")
    flags = find.find()
    assert "-I/there" in flags.compile
    assert "-DFR_HAVE_LIBUV=1" in flags.compile
    assert flags.link[:2] == ["-L/there", "-lthing"]


@pytest.mark.parametrize("version", [None, "1.43.9"])
def test_what_is_missing_or_old_is_said_in_a_sentence_with_the_remedy(find, pkg_config, version):
    pkg_config(version)
    with pytest.raises(find.MissingLibraryError) as caught:
        find.find()
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert "libuv 1.44 or newer" in sentence
    assert ("version 1.43.9 was found" in sentence) == (version is not None)
    for remedy in ("`apt install libuv1-dev`", "`dnf install libuv-devel`", "`brew install libuv`"):
        assert remedy in sentence


def test_packages_are_named_only_while_they_are_missing(find, pkg_config, capsys):
    pkg_config(None)
    assert find.main(["--packages", "dnf"]) == 0
    assert "libuv-devel" in capsys.readouterr().out.split()
    pkg_config("99.0")
    assert find.main(["--packages", "apt"]) == 0
    assert capsys.readouterr().out.split() == []


def test_without_pkg_config_nothing_is_found(find, monkeypatch):
    monkeypatch.setenv("PKG_CONFIG", "/nonexistent/pkg-config")
    with pytest.raises(find.MissingLibraryError, match="pkg-config, which would find it, is not installed") as caught:
        find.find()
    assert "`apt install pkg-config libuv1-dev`" in str(caught.value)


def test_wheels_link_a_version_that_is_good_enough(find):
    script = (ROOT / "vendor" / "stage.sh").read_text(encoding="utf-8")
    staged = re.search(r"^version=([0-9.]+)$", script, re.MULTILINE)[1]
    (libuv,) = (library for library in find.libraries() if library.name == "libuv")
    assert [int(part) for part in staged.split(".")] >= [int(part) for part in libuv.least.split(".")]


def test_the_readme_says_what_a_build_needs(find):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for library in find.libraries():
        if library.is_needed():
            assert f"{library.name} {library.least} or newer" in text
            assert all(package in text for package in library.packages.values())
