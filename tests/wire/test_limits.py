"""Every limit: what just fits is served, one more is an ordinary answer that names the limit."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.server import RunningServer

Serve = Callable[..., RunningServer]

LINE_TOO_LONG = "request line too long"
HEAD_TOO_LARGE = "request head too large"
BODY_TOO_LARGE = "request body too large"


def line_of(size: int) -> str:
    return f"GET /?{'a' * (size - len('GET /? HTTP/1.1'))} HTTP/1.1"


def field_of(size: int) -> str:
    return f"X: {'a' * (size - len('X: '))}"


def test_the_request_line(server: RunningServer) -> None:
    with server.peer() as peer:
        peer.send(line_of(8190), "Host: a").expect(200)
        peer.send(line_of(8191), "Host: a").expect_refusal(414, LINE_TOO_LONG)


def test_a_request_line_that_does_not_end(server: RunningServer) -> None:
    with server.peer() as peer:
        peer.send_bytes(b"GET /" + b"a" * 8187).expect_refusal(414, LINE_TOO_LONG)


def test_a_field(server: RunningServer) -> None:
    with server.peer() as peer:
        peer.send("GET / HTTP/1.1", "Host: a", field_of(8190)).expect(200)
        peer.send("GET / HTTP/1.1", "Host: a", field_of(8191)).expect_refusal(431, HEAD_TOO_LARGE)


def test_a_field_that_does_not_end(server: RunningServer) -> None:
    with server.peer() as peer:
        peer.send_bytes(b"GET / HTTP/1.1\r\nX: " + b"a" * 8188).expect_refusal(431, HEAD_TOO_LARGE)


def test_the_number_of_fields(server: RunningServer) -> None:
    with server.peer() as peer:
        peer.send("GET / HTTP/1.1", "Host: a", *["A: b"] * 99).expect(200)
        peer.send("GET / HTTP/1.1", "Host: a", *["A: b"] * 100).expect_refusal(431, "too many header fields")


def head_of(size: int) -> list[str]:
    lines = ["GET / HTTP/1.1", "Host: a"]
    left = size - sum(len(line) + 2 for line in lines) - 2
    while left > 8000:
        lines.append(field_of(7998))
        left -= 8000
    return [*lines, field_of(left - 2)]


def test_the_head(server: RunningServer) -> None:
    with server.peer() as peer:
        peer.send(*head_of(65536)).expect(200)
        peer.send(*head_of(65537)).expect_refusal(431, HEAD_TOO_LARGE)


def test_limits_that_are_set(serve: Serve) -> None:
    options = {"limit_request_line": 64, "limit_request_field_size": 72, "limit_request_fields": 3}
    server = serve(**options, limit_request_head=256)
    with server.peer() as peer:
        peer.send(line_of(64), "Host: a", field_of(72), "A: b").expect(200)
    for status, *lines in (
        (414, line_of(65), "Host: a"),
        (431, "GET / HTTP/1.1", "Host: a", field_of(73)),
        (431, "GET / HTTP/1.1", "Host: a", "A: b", "A: b", "A: b"),
        (431, line_of(64), "Host: a", field_of(72), field_of(110)),
    ):
        with server.peer() as peer:
            peer.send(*lines).expect(status, headers={"Connection": "close"}, closed=True)


@pytest.mark.parametrize("size", [0, 1, 100])
def test_a_body_of_known_length(serve: Serve, size: int) -> None:
    with serve(max_body_size=size).peer() as peer:
        peer.send("POST /length HTTP/1.1", "Host: a", f"Content-Length: {size}", body=b"a" * size)
        peer.expect(200, body=str(size))
        peer.send("POST /length HTTP/1.1", "Host: a", f"Content-Length: {size + 1}")
        peer.expect_refusal(413, BODY_TOO_LARGE)


def test_a_chunked_body(serve: Serve) -> None:
    post = ("POST /length HTTP/1.1", "Host: a", "Transfer-Encoding: chunked")
    with serve(max_body_size=100).peer() as peer:
        peer.send(*post, body=b"32\r\n" + b"a" * 50 + b"\r\n32\r\n" + b"a" * 50 + b"\r\n0\r\n\r\n")
        peer.expect(200, body="100")
        peer.send(*post, body=b"64\r\n" + b"a" * 100 + b"\r\n1\r\na\r\n0\r\n\r\n").expect_refusal(413, BODY_TOO_LARGE)


def test_trailers(server: RunningServer) -> None:
    with server.peer() as peer:
        peer.send("POST /length HTTP/1.1", "Host: a", "Transfer-Encoding: chunked")
        trailer = b"A: " + b"b" * 95 + b"\r\n"
        peer.send_bytes(b"0\r\n" + trailer * 80 + b"\r\n").expect(200, body="0")
        peer.send("POST /length HTTP/1.1", "Host: a", "Transfer-Encoding: chunked")
        peer.send_bytes(b"0\r\n" + trailer * 90 + b"\r\n").expect(431, headers={"Connection": "close"}, closed=True)


def test_connections(serve: Serve) -> None:
    server = serve(limit_concurrency=2)
    first, second = server.peer(), server.peer()
    for peer in (first, second):
        peer.send("GET / HTTP/1.1", "Host: a").expect(200)
    with server.peer() as third:
        third.expect(503, headers={"Retry-After": "1", "Connection": "close"}, closed=True)
    first.send("GET / HTTP/1.1", "Host: a", "Connection: close").expect(200, closed=True)
    first.close()
    second.send("GET / HTTP/1.1", "Host: a").expect(200)
    with server.peer() as fourth:
        fourth.send("GET / HTTP/1.1", "Host: a").expect(200)
    second.close()
