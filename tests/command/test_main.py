"""freastal/__main__.py: python -m freastal is the command, and tells the version of the project."""

from __future__ import annotations

import re
import runpy
import sys

import pytest

from freastal import __version__
from tests.support.server import CHECKOUT, run_command


def test_the_module_is_the_command(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["freastal", "--version"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("freastal", run_name="__main__")
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith(f"freastal {__version__} (")


def test_importing_it_does_nothing():
    runpy.run_module("freastal.__main__", run_name="imported")


def test_in_a_process_of_its_own():
    done = run_command("--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"freastal {__version__} (")


def test_the_version_is_that_of_the_project():
    project = (CHECKOUT / "pyproject.toml").read_text(encoding="utf-8")
    assert re.search(r'^version = "(.*)"$', project, re.MULTILINE)[1] == __version__
