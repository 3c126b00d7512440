"""freastal/_worker.py and _supervisor/worker.py: a Config in the words of the core, and what one worker does."""

from __future__ import annotations

import os
import resource
import subprocess
import sys

import pytest

from freastal import _core
from freastal._supervisor.worker import allow_descriptors
from freastal._worker import core_limits, last_turns, open_access_log
from freastal.config import Config

HAVE_NO_OPTION = {
    "chunk_extension_bytes_max",
    "trailer_bytes_max",
    "linger_timeout_ms",
    "h2_window_bytes",
    "h2_header_table_bytes",
    "ws_close_timeout_ms",
    "write_high_bytes",
    "write_low_bytes",
}


def test_the_defaults_are_those_of_the_core():
    limits = core_limits(Config())
    assert limits == {name: value for name, value in _core.LIMITS.items() if name not in HAVE_NO_OPTION}
    assert set(_core.LIMITS) - set(limits) == HAVE_NO_OPTION


@pytest.mark.parametrize(
    ("option", "value", "name", "meant"),
    [
        ("limit_request_line", "1k", "request_line_bytes_max", 1024),
        ("limit_request_field_size", 100, "field_bytes_max", 100),
        ("limit_request_head", 1000, "head_bytes_max", 1000),
        ("limit_request_fields", 7, "fields_max", 7),
        ("max_body_size", 0, "body_bytes_max", 0),
        ("limit_concurrency", 3, "connections_max", 3),
        ("head_timeout", 0.25, "head_timeout_ms", 250),
        ("body_timeout", 1, "body_timeout_ms", 1000),
        ("write_timeout", 2, "write_timeout_ms", 2000),
        ("keep_alive", 0, "keep_alive_timeout_ms", 0),
        ("handshake_timeout", 0.5, "tls_handshake_timeout_ms", 500),
        ("limit_handshakes", 0, "tls_handshakes_max", 0),
        ("h2_max_streams", 1, "h2_streams_max", 1),
        ("ws_max_size", "1m", "ws_message_bytes_max", 1 << 20),
        ("ws_max_queue", 1, "ws_queue_messages_max", 1),
        ("ws_ping_interval", 0, "ws_ping_interval_ms", 0),
        ("ws_ping_timeout", 2.5, "ws_ping_timeout_ms", 2500),
        ("ws_per_message_deflate", False, "ws_deflate_window_bits", 0),
        ("ws_deflate_window_bits", 15, "ws_deflate_window_bits", 15),
        ("ws_deflate_takeover", False, "ws_deflate_takeover", 0),
    ],
)
def test_limits_and_timeouts(option, value, name, meant):
    assert core_limits(Config(**{option: value})) == {**core_limits(Config()), name: meant}


class Accepting:
    """A worker that accepts so many in each turn."""

    def __init__(self, *counts):
        self.counts = iter(counts)
        self.accepted = 7

    def stats(self):
        return {"connections_accepted": self.accepted}

    def turn(self):
        self.accepted += next(self.counts)


@pytest.mark.parametrize(("counts", "turns"), [((0,), 1), ((16, 16, 3, 0, 5), 4), ([1] * 10_000, 512)])
def test_before_a_drain_turns_are_made_until_one_brings_nobody(counts, turns):
    worker, made = Accepting(*counts), 0
    for _ in last_turns(worker):
        worker.turn()
        made += 1
    assert made == turns


def test_where_access_lines_go(tmp_path):
    assert open_access_log(Config()) == -1
    assert open_access_log(Config(access_logfile="-")) == 1
    fd = open_access_log(Config(access_logfile=str(tmp_path / "log")))
    os.write(fd, b"x")
    os.close(fd)
    assert (tmp_path / "log").read_bytes() == b"x"


def test_the_limit_of_descriptors_is_raised_but_never_lowered():
    code = (
        "import resource; from freastal._supervisor.worker import allow_descriptors;"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (100, 300));"
        "allow_descriptors(200); a = resource.getrlimit(resource.RLIMIT_NOFILE);"
        "allow_descriptors(50); b = resource.getrlimit(resource.RLIMIT_NOFILE);"
        "allow_descriptors(9999); c = resource.getrlimit(resource.RLIMIT_NOFILE);"
        "print(a, b, c)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "(200, 300) (200, 300) (300, 300)\n"


def test_enough_descriptors_already():
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    allow_descriptors(1)
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == before
