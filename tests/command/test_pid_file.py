"""freastal/_supervisor/pid_file.py: there while the server runs, and only then."""

from __future__ import annotations

import os

import pytest

from freastal._supervisor.pid_file import PidFile
from freastal.errors import ConfigError


def test_it_is_there_while_entered(tmp_path):
    path = tmp_path / "pid"
    with PidFile(str(path)):
        assert path.read_text() == f"{os.getpid()}\n"
        assert os.listdir(tmp_path) == ["pid"]
    assert os.listdir(tmp_path) == []


def test_none_is_asked_for():
    with PidFile(""):
        pass


def test_a_change_of_folder_does_not_matter(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with PidFile("pid"):
        monkeypatch.chdir("/")
    assert os.listdir(tmp_path) == []


def test_a_server_that_runs_is_not_overwritten(tmp_path):
    path = tmp_path / "pid"
    path.write_text(f"{os.getppid()}\n")
    with pytest.raises(ConfigError, match=f"names process {os.getppid()}, which is running"), PidFile(str(path)):
        pass
    assert path.read_text() == f"{os.getppid()}\n"


@pytest.mark.parametrize("content", ["", "x", "999999999", "-1", "0", "9" * 20])
def test_what_a_dead_server_left_is_replaced(tmp_path, content):
    path = tmp_path / "pid"
    path.write_text(content)
    with PidFile(str(path)):
        assert path.read_text() == f"{os.getpid()}\n"


def test_the_file_of_a_successor_is_left(tmp_path):
    path = tmp_path / "pid"
    with PidFile(str(path)):
        path.write_text("1\n")
    assert path.read_text() == "1\n"


def test_a_folder_that_does_not_exist(tmp_path):
    with pytest.raises(ConfigError, match="cannot be written"), PidFile(str(tmp_path / "none" / "pid")):
        pass
