"""freastal/errors.py: each error knows the exit code it stands for, and is caught by what a user would write."""

from __future__ import annotations

import pytest

from freastal.errors import BootError, CertificateError, ConfigError, FreastalError, ListenError, LoadError


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (FreastalError("x"), 1),
        (ListenError("x"), 1),
        (ConfigError("option", "value", "problem"), 2),
        (CertificateError("x"), 2),
        (LoadError("x"), 2),
        (BootError("x"), 3),
    ],
)
def test_exit_codes(error, code):
    assert isinstance(error, FreastalError)
    assert error.exit_code == code


def test_a_bad_option_is_a_bad_value():
    error = ConfigError("workers", "x", "must be a number")
    assert isinstance(error, ValueError)
    assert str(error) == "workers='x': must be a number"
    assert (error.option, error.value, error.problem) == ("workers", "x", "must be a number")
