"""Errors of the core as exceptions."""

from __future__ import annotations

import pytest

from freastal import _core
from tests.gateway.gateway import plain


def test_what_the_system_refuses_is_an_os_error():
    with pytest.raises(OSError, match="the worker cannot be opened: the operating system refused"):
        _core.Worker(plain(), interface="wsgi", binds=[(987654, "a", 1, False)], limits={})


def test_what_the_core_says_comes_through_the_log():
    lines = []
    with pytest.raises(OSError, match="cannot be opened"):
        _core.Worker(
            plain(),
            interface="wsgi",
            binds=[(987654, "a", 1, False)],
            limits={},
            log=lambda level, line: lines.append((level, line)),
        )
    assert lines[0][0] == 40
    assert "987654" in lines[0][1]
