"""freastal/_log.py: one line at a time."""

from __future__ import annotations

import io
import os
import re

import pytest

from freastal._log import ERROR, INFO, Log, open_for_appending
from freastal.errors import ConfigError

LINE = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4} \[%d\] %s: %s\n"


def failure() -> Exception:
    try:
        raise LookupError("lost")
    except LookupError as error:
        return error


def test_a_line_has_time_process_and_level(capsys):
    Log().info("served")
    assert re.fullmatch(LINE % (os.getpid(), "info", "served"), capsys.readouterr().err)


def test_what_is_less_serious_is_left_out(capsys):
    log = Log("warning")
    log.debug("a")
    log.info("b")
    log.warning("c")
    log.error("d")
    log.write(INFO, "e")
    log.write(ERROR, "f")
    assert re.findall(r": (\w)\n", capsys.readouterr().err) == ["c", "d", "f"]


def test_a_failure_comes_with_its_traceback(capsys):
    Log().exception("GET /x failed", failure())
    written = capsys.readouterr().err
    assert re.search(r"error: GET /x failed\nTraceback \(most recent call last\):\n", written)
    assert "raise LookupError" in written
    assert written.endswith("LookupError: lost\n")


def test_a_file_is_appended_to(tmp_path):
    path = tmp_path / "log"
    for message in ("one", "two"):
        log = Log("info", str(path))
        log.info(message)
        log.close()
    assert [line.rsplit(" ", 1)[1] for line in path.read_text().splitlines()] == ["one", "two"]


def test_anything_can_be_written(tmp_path):
    path = tmp_path / "log"
    log = Log("info", str(path))
    log.info("\ud800 å")
    log.close()
    assert path.read_text(encoding="utf-8").endswith("\\ud800 å\n")


@pytest.mark.parametrize("option", ["error_logfile", "access_logfile"])
def test_a_file_that_cannot_be_opened_is_named(tmp_path, option):
    path = str(tmp_path / "none" / "log")
    with pytest.raises(ConfigError, match=r"cannot be written \(No such file or directory\)") as caught:
        open_for_appending(path, option)
    assert (caught.value.option, caught.value.value) == (option, path)


def test_lines_that_could_not_be_written_are_counted(monkeypatch):
    class Full(io.StringIO):
        full = True

        def write(self, text: str) -> int:
            if self.full:
                raise OSError(28, "No space left on device")
            return super().write(text)

    stream = Full()
    monkeypatch.setattr("sys.stderr", stream)
    log = Log()
    log.info("one")
    log.info("two")
    stream.full = False
    log.info("three")
    log.info("four")
    assert re.sub(r"\d{4}-.* info: ", "", stream.getvalue()) == (
        "(2 lines before this one could not be written)\nthree\nfour\n"
    )


def test_without_stderr_nothing_is_written(monkeypatch):
    monkeypatch.setattr("sys.stderr", None)
    Log().error("into the void")
