"""Request lines that are refused, each with its reason, and those that are not. RFC 9112 section 3."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.server import RunningServer

HOST = b"Host: a\r\n\r\n"
NEXT = b"GET /pid HTTP/1.1\r\nHost: a\r\n\r\n"

LINE = "malformed request line"
METHOD = "malformed method"
TARGET = "malformed request target"
ENDING = "a line that does not end in CR LF"


@pytest.mark.parametrize(
    ("head", "status", "sentence"),
    [
        (b"GET\r\n", 400, LINE),
        (b"GET /\r\n", 400, LINE),
        (b"GET  / HTTP/1.1\r\n", 400, LINE),
        (b"GET /  HTTP/1.1\r\n", 400, LINE),
        (b"GET / a HTTP/1.1\r\n", 400, LINE),
        (b"GET / HTTP/1.1 \r\n", 400, LINE),
        (b"GET / http/1.1\r\n", 400, LINE),
        (b"GET / HTTP/1.10\r\n", 400, LINE),
        (b"GET / HTP/1.1\r\n", 400, LINE),
        (b"\r\n" * 5, 400, LINE),
        (b" GET / HTTP/1.1\r\n", 400, METHOD),
        (b"G(T / HTTP/1.1\r\n", 400, METHOD),
        (b"G\0T / HTTP/1.1\r\n", 400, METHOD),
        (b"GET\t/ HTTP/1.1\r\n", 400, METHOD),
        (b"CONNECT a:80 HTTP/1.1\r\n", 501, "method not implemented"),
        (b"AMETHODLONGERTHANANYOTHERIS / HTTP/1.1\r\n", 501, "method not implemented"),
        (b"GET /\x01 HTTP/1.1\r\n", 400, TARGET),
        (b"GET /\x7f HTTP/1.1\r\n", 400, TARGET),
        (b"GET /\0 HTTP/1.1\r\n", 400, TARGET),
        (b"GET /a#b HTTP/1.1\r\n", 400, TARGET),
        (b"GET a HTTP/1.1\r\n", 400, TARGET),
        (b"GET * HTTP/1.1\r\n", 400, TARGET),
        (b"GET a:80 HTTP/1.1\r\n", 400, TARGET),
        (b"GET ftp://a/ HTTP/1.1\r\n", 400, TARGET),
        (b"GET http://user@a/ HTTP/1.1\r\n", 400, TARGET),
        (b"GET http:///a HTTP/1.1\r\n", 400, TARGET),
        (b"GET / HTTP/1.2\r\n", 505, "HTTP version not supported"),
        (b"GET / HTTP/2.0\r\n", 505, "HTTP version not supported"),
        (b"GET / HTTP/0.9\r\n", 505, "HTTP version not supported"),
        (b"PRI * HTTP/2.0\r\n", 505, "HTTP version not supported"),
        (b"GET / HTTP/1.1\n", 400, ENDING),
        (b"GET / HTTP/1.1\r", 400, ENDING),
        (b"\nGET / HTTP/1.1\r\n", 400, ENDING),
        (b"GET /\rHTTP/1.1\r\n", 400, ENDING),
    ],
)
def test_a_request_line_is_refused(server: RunningServer, head: bytes, status: int, sentence: str) -> None:
    with server.peer() as peer:
        peer.send_bytes(head + HOST + NEXT).expect_refusal(status, sentence)


def test_the_preface_is_a_request_line_where_only_http1_is_spoken(serve: Callable[..., RunningServer]) -> None:
    with serve(http="1").peer() as peer:
        peer.send_bytes(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + NEXT).expect_refusal(505, "HTTP version not supported")


def test_http1_is_refused_where_only_http2_is_spoken(serve: Callable[..., RunningServer]) -> None:
    with serve(http="2").peer() as peer:
        answer = peer.send_bytes(b"GET / HTTP/1.1\r\n" + HOST + NEXT).expect(505)
        assert answer.body == b"This server speaks HTTP/2 only.\r\n"
        peer.expect_closed()


def test_what_is_not_http_is_refused_before_its_line_ends(server: RunningServer) -> None:
    with server.peer() as peer:
        peer.send_bytes(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03").expect_refusal(400, METHOD)


@pytest.mark.parametrize(
    "method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "get", "!"]
)
def test_any_other_method_reaches_the_application(server: RunningServer, method: str) -> None:
    with server.peer() as peer:
        answer = peer.send(f"{method} /environ HTTP/1.1", "Host: a").expect(200, to=method)
        assert f'"REQUEST_METHOD": "{method}"'.encode() in answer.body


def test_empty_lines_before_a_request_are_skipped(server: RunningServer) -> None:
    with server.peer() as peer:
        peer.send_bytes(b"\r\n\r\nGET / HTTP/1.1\r\n" + HOST).expect(200, body="hello\n")
        peer.send_bytes(b"\r\nGET / HTTP/1.1\r\n" + HOST).expect(200, body="hello\n")


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        ("/environ", "/environ", ""),
        ("/environ?a=b?c", "/environ", "a=b?c"),
        ("http://b.example:81/environ?q", "/environ", "q"),
        ("HTTP://b/environ", "/environ", ""),
        ("/%65nviron", "/environ", ""),
    ],
)
def test_targets_in_origin_and_absolute_form(server: RunningServer, target: str, path: str, query: str) -> None:
    with server.peer() as peer:
        answer = peer.send(f"GET {target} HTTP/1.1", "Host: a").expect(200)
        assert f'"PATH_INFO": "{path}"'.encode() in answer.body
        assert f'"QUERY_STRING": "{query}"'.encode() in answer.body


def test_options_of_the_server_itself(serve: Callable[..., RunningServer]) -> None:
    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [environ["PATH_INFO"].encode()]

    with serve(app).peer() as peer:
        peer.send("OPTIONS * HTTP/1.1", "Host: a").expect(200, body="*")
