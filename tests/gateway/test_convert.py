"""Text of the wire: each byte one code point, and the same object for the same bytes."""

from __future__ import annotations

import itertools
import random

from tests.gateway.gateway import Recorder


def test_every_byte_that_a_value_may_have(gateway):
    recorder = Recorder()
    value = bytes([9, *range(32, 127), *range(128, 256)])
    environ = recorder.seen_raw(gateway(recorder), b"GET / HTTP/1.1\r\nHost: a\r\nX-Y: (" + value + b")\r\n\r\n")
    assert environ["HTTP_X_Y"] == "(" + value.decode("latin-1") + ")"


def test_repeated_values_are_one_object(gateway):
    """Two texts may want one place in the memory; the port is one of them and differs with each connection."""
    keys = ("HTTP_USER_AGENT", "PATH_INFO", "QUERY_STRING", "RAW_URI", "REMOTE_ADDR")
    recorder = Recorder()
    server = gateway(recorder)
    for _ in range(8):
        recorder.seen(server, "/some/path?query=1", headers={"User-Agent": "an agent of some length", "Host": "a"})
    pairs = list(itertools.pairwise(recorder.environs))
    for key in keys:
        assert sum(first[key] is second[key] for first, second in pairs) >= 4, key


def test_values_that_are_alike_are_told_apart(gateway):
    """The memory of texts looks at length and ends first; in the middle they differ."""
    recorder = Recorder()
    server = gateway(recorder)
    chance = random.Random(5)
    for _ in range(300):
        value = "same start" + "".join(chance.choices("ab", k=4)) + "same end"
        assert recorder.seen(server, headers={"X-Y": value})["HTTP_X_Y"] == value


def test_values_of_all_lengths(gateway):
    recorder = Recorder()
    server = gateway(recorder)
    for length in [*range(1, 40), 511, 512, 513, 4000]:
        for letter in "xy":
            value = letter * length
            assert recorder.seen(server, headers={"X-Y": value})["HTTP_X_Y"] == value
