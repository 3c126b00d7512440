"""Header fields that are refused, each with its reason, and those that are not. RFC 9112 section 5."""

from __future__ import annotations

import json

import pytest

from tests.support.server import RunningServer

GET = b"GET /environ HTTP/1.1\r\n"
END = b"\r\n\r\n"
NEXT = b"GET /pid HTTP/1.1\r\nHost: a\r\n\r\n"

NAME = "malformed header name"
VALUE = "malformed header value"
ENDING = "a line that does not end in CR LF"
FOLDING = "obsolete line folding"
HOST = "missing, repeated or invalid Host"


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        (b"Host : a", NAME),
        (b"Host\t: a", NAME),
        (b": a", NAME),
        (b"Host", NAME),
        (b"Ho st: a", NAME),
        (b"H\xc3\xb6st: a", NAME),
        (b"Ho\0st: a", NAME),
        (b"Ho(st: a", NAME),
        (b'"Host": a', NAME),
        (b"Host: a\r\nA: \0", VALUE),
        (b"Host: a\r\nA: b\x01c", VALUE),
        (b"Host: a\r\nA: b\x7fc", VALUE),
        (b"Host: a\nA: b", ENDING),
        (b"Host: a\rA: b", ENDING),
        (b"Host: a\r\r\nA: b", ENDING),
        (b"Host: a\r\nA: b\n", ENDING),
        (b"Host: a\r\nA: b\r\n c", FOLDING),
        (b"Host: a\r\nA: b\r\n\tc", FOLDING),
        (b" Host: a", FOLDING),
        (b"A: b", HOST),
        (b"Host: a\r\nHost: a", HOST),
        (b"Host: a\r\nhOST: b", HOST),
        (b"Host: a, b", HOST),
        (b"Host: a b", HOST),
        (b"Host: a/b", HOST),
        (b"Host: user@a", HOST),
        (b"Host: a:b", HOST),
        (b"Host: a:65536", HOST),
        (b"Host: [::1", HOST),
        (b"Host: ::1", HOST),
        (b"Host: \xff", HOST),
    ],
)
def test_a_field_is_refused(server: RunningServer, fields: bytes, sentence: str) -> None:
    with server.peer() as peer:
        peer.send_bytes(GET + fields + END + NEXT).expect_refusal(400, sentence)


@pytest.mark.parametrize("host", ["", "a", "a:80", "a:", "[::1]", "[::1]:80", "192.0.2.1", "a_b.example", "A.Example"])
def test_a_host_is_taken_as_it_is(server: RunningServer, host: str) -> None:
    with server.peer() as peer:
        peer.send("GET /environ HTTP/1.1", f"Host:{host}")
        assert json.loads(peer.expect(200).body)["HTTP_HOST"] == host


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("X-A:b", "b"),
        ("x-a: \t b \tc\t ", "b \tc"),
        ("X-A:", ""),
        ("X-A: b: c:", "b: c:"),
        ("X-A: \x80\xff", "\x80\xff"),
        ("X-A: " + "long " * 100 + "end", "long " * 100 + "end"),
    ],
)
def test_a_value_arrives_without_the_space_around_it(server: RunningServer, line: str, value: str) -> None:
    with server.peer() as peer:
        peer.send("GET /environ HTTP/1.1", "Host: a", line)
        assert json.loads(peer.expect(200).body)["HTTP_X_A"] == value


def test_http_1_0_needs_no_host_and_takes_only_one(server: RunningServer) -> None:
    with server.peer() as peer:
        peer.send("GET / HTTP/1.0").expect(200, body="hello\n", closed=True)
    with server.peer() as peer:
        peer.send("GET / HTTP/1.0", "Host: a", "Host: a").expect_refusal(400, HOST)


def test_host_is_checked_though_an_absolute_target_wins(server: RunningServer) -> None:
    with server.peer() as peer:
        peer.send("GET http://b/ HTTP/1.1").expect_refusal(400, HOST)
    with server.peer() as peer:
        peer.send("GET http://b/ HTTP/1.1", "Host: a b").expect_refusal(400, HOST)


@pytest.mark.parametrize("value", ["200-ok", "100-continue, other", ""])
def test_an_unknown_expectation_is_refused(server: RunningServer, value: str) -> None:
    with server.peer() as peer:
        peer.send("GET / HTTP/1.1", "Host: a", f"Expect: {value}").expect_refusal(417, "expectation not supported")
