"""What the documentation says of options is what freastal/config.py says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from freastal.config import OPTIONS
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
