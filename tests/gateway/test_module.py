"""The module freastal._core: its constants."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from freastal import _core

SOURCES = Path(__file__).resolve().parents[2] / "src"


def test_limits_are_those_of_the_header():
    fields = re.findall(r"^\s+(?:size_t|unsigned|uint64_t) (\w+);", (SOURCES / "base/limits.h").read_text(), re.M)
    assert list(_core.LIMITS) == fields
    assert all(type(value) is int for value in _core.LIMITS.values())
    assert _core.LIMITS["head_bytes_max"] == 65536


def test_stats_fields_are_those_of_the_header():
    fields = re.findall(r"^\s+X\((\w+)\)", (SOURCES / "server/stats.h").read_text(), re.M)
    assert list(_core.STATS_FIELDS) == fields
    assert len(fields) * 8 == _core.STATS_BYTES


def test_libraries_have_versions():
    assert re.fullmatch(r"1\.\d+\.\d+\S*", _core.LIBRARIES["libuv"])


def test_simd():
    assert _core.SIMD in ("scalar", "sse4.2", "avx2", "neon")


def test_public_names():
    names = {name for name in vars(_core) if not name.startswith("__")}
    constants = {"LIBRARIES", "LIMITS", "SIMD", "STATS_BYTES", "STATS_FIELDS"}
    functions = {"check_tls", "ticket_ring_bytes"}
    assert names == {*constants, *functions, "ClientDisconnected", "EventLoop", "Worker"}


def test_types_cannot_be_changed():
    with pytest.raises(TypeError):
        _core.Worker.attribute = 1
