"""What the documentation says of options is what freastal/config.py says; what the map says is there is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from freastal.config import OPTIONS
from tests.style.house import SRC, files
from tools import options_page

ROOT = Path(__file__).resolve().parents[2]

# Of the command itself, not of the server: they set nothing.
COMMAND_FLAGS = {"--help", "--version", "--check-config"}

PAGES = [ROOT / "README.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").glob("*.md"))]


def known_flags() -> set[str]:
    flags = set(COMMAND_FLAGS)
    for name, option in OPTIONS.items():
        flags.update(re.findall(r"`(-[^` ]+)`", options_page.flags(name, option)))
    return flags


def test_the_page_of_options_is_what_config_says():
    assert options_page.PAGE.read_text(encoding="utf-8") == options_page.page(), (
        "docs/options.md is out of date: python tools/options_page.py --write"
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_option_that_a_page_names_exists(page):
    text = page.read_text(encoding="utf-8")
    text = re.sub(r"`?(pip|dnf|apt|brew|sudo|pytest|RUN) [^`\n]*", "", text)
    named = set(re.findall(r"(?<![\w/-])(--[a-z][a-z0-9_-]*)", text))
    assert named <= known_flags(), sorted(named - known_flags())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_of_a_page_leads_somewhere(page):
    targets = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    missing = [x for x in targets if "://" not in x and not (page.parent / x).exists()]
    assert missing == []


def files_on_the_map() -> list[str]:
    """Of the tables in src/README.md; `_name` goes on from the name before it, and without a suffix both are meant."""
    found = []
    text = (SRC / "README.md").read_text(encoding="utf-8")
    tables = text.partition("\n## Every file\n")[2].partition("\n## ")[0]
    folder = first = ""
    for cell in re.findall(r"^\|([^|\n]*)\|", tables, re.MULTILINE):
        for name in re.findall(r"`([^`]+)`", cell):
            if name.endswith("/"):
                folder = name
                continue
            first = first if name.startswith("_") else name.partition(".")[0]
            whole = folder + (first + name if name.startswith("_") else name)
            both = [whole] if "." in name else [whole + suffix for suffix in (".c", ".h")]
            found += [each for each in both if (SRC / each).exists()] or [whole]
    return found


def test_the_map_has_every_file_once():
    there = [path.relative_to(SRC).as_posix() for path in files("*.c", "*.h", "*.py", under=("src",))]
    assert sorted(files_on_the_map()) == sorted(there)
