"""Requests whose end two readers could see in two places: all refused, and nothing behind them is answered.

RFC 9112 sections 6.1, 6.3, 7.1 and 11.2.
"""

from __future__ import annotations

import pytest

from tests.support.server import RunningServer

POST = b"POST /echo HTTP/1.1\r\nHost: a\r\n"
SMUGGLED = b"GET /pid HTTP/1.1\r\nHost: a\r\n\r\n"

LENGTH = "invalid or conflicting Content-Length"
ENCODING = "unsupported or conflicting Transfer-Encoding"
CODING = "transfer coding not implemented"
CHUNKED = b"Transfer-Encoding: chunked\r\n"


@pytest.mark.parametrize(
    ("fields", "status", "sentence"),
    [
        (b"Content-Length: 4\r\n" + CHUNKED, 400, LENGTH),
        (CHUNKED + b"Content-Length: 4\r\n", 400, LENGTH),
        (CHUNKED + b"Content-Length: 0\r\n", 400, LENGTH),
        (b"Content-Length: 4\r\nContent-Length: 5\r\n", 400, LENGTH),
        (b"Content-Length: 4\r\nContent-Length: 4\r\n", 400, LENGTH),
        (b"Content-Length: 4, 4\r\n", 400, LENGTH),
        (b"Content-Length: 4,\r\n", 400, LENGTH),
        (b"Content-Length: \r\n", 400, LENGTH),
        (b"Content-Length: +4\r\n", 400, LENGTH),
        (b"Content-Length: -4\r\n", 400, LENGTH),
        (b"Content-Length: 0x4\r\n", 400, LENGTH),
        (b"Content-Length: 4 4\r\n", 400, LENGTH),
        (b"Content-Length: 4.0\r\n", 400, LENGTH),
        (b"Content-Length: \xb2\r\n", 400, LENGTH),
        (b"Content-Length: 9223372036854775808\r\n", 400, LENGTH),
        (b"Content-Length: 18446744073709551620\r\n", 400, LENGTH),
        (b"Content-Length : 4\r\n", 400, "malformed header name"),
        (b"Content-Length:\r\n 4\r\n", 400, "obsolete line folding"),
        (b"Transfer-Encoding : chunked\r\n", 400, "malformed header name"),
        (b"Transfer-Encoding:\r\n chunked\r\n", 400, "obsolete line folding"),
        (b"Transfer-Encoding: \x0bchunked\r\n", 400, "malformed header value"),
        (b"A: b\nTransfer-Encoding: chunked\r\n", 400, "a line that does not end in CR LF"),
        (b"Transfer-Encoding: xchunked\r\n", 400, ENCODING),
        (b"Transfer-Encoding: chunkedx\r\n", 400, ENCODING),
        (b"Transfer-Encoding: identity\r\n", 400, ENCODING),
        (b"Transfer-Encoding: gzip\r\n", 400, ENCODING),
        (b"Transfer-Encoding: chunked, gzip\r\n", 400, ENCODING),
        (b"Transfer-Encoding: chunked, chunked\r\n", 400, ENCODING),
        (b"Transfer-Encoding: chunked, identity\r\n", 400, ENCODING),
        (b"Transfer-Encoding: chunked;q=1\r\n", 400, ENCODING),
        (b"Transfer-Encoding: 'chunked'\r\n", 400, ENCODING),
        (b"Transfer-Encoding: \r\n", 400, ENCODING),
        (CHUNKED + CHUNKED, 400, ENCODING),
        (CHUNKED + b"Transfer-Encoding: identity\r\n", 400, ENCODING),
        (b"Transfer-Encoding: gzip, chunked\r\n", 501, CODING),
    ],
)
def test_a_head_that_frames_its_body_twice_or_badly(
    server: RunningServer, fields: bytes, status: int, sentence: str
) -> None:
    with server.peer() as peer:
        peer.send_bytes(POST + fields + b"\r\n0\r\n\r\n" + SMUGGLED).expect_refusal(status, sentence)


def test_a_coding_in_http_1_0(server: RunningServer) -> None:
    with server.peer() as peer:
        peer.send("POST /echo HTTP/1.0", "Connection: keep-alive", "Transfer-Encoding: chunked", body=b"0\r\n\r\n")
        peer.send_bytes(SMUGGLED).expect_refusal(400, ENCODING)


SIZE = "malformed chunk size"
EXTENSION = "malformed or over-long chunk extension"
END = "chunk data without CR LF after it"
TRAILER = "malformed trailer"


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"\r\n", SIZE),
        (b"g\r\n", SIZE),
        (b"-1\r\n", SIZE),
        (b"+1\r\na\r\n", SIZE),
        (b"0x1\r\na\r\n", SIZE),
        (b" 1\r\na\r\n", SIZE),
        (b"1_0\r\n", SIZE),
        (b"10000000000000000\r\n", SIZE),
        (b"fffffffffffffffff\r\n", SIZE),
        (b";a=b\r\n", SIZE),
        (b"1;" + b"a" * 300 + b"\r\nb\r\n", EXTENSION),
        (b"1;a=\0\r\nb\r\n", EXTENSION),
        (b"1;a=\x7f\r\nb\r\n", EXTENSION),
        (b"1\r\nab\r\n", END),
        (b"1\r\na0\r\n", END),
        (b"0\r\nA : b\r\n\r\n", TRAILER),
        (b"0\r\n A: b\r\n\r\n", "obsolete line folding"),
        (b"0\r\nA: \0\r\n\r\n", TRAILER),
    ],
)
def test_chunks_that_are_malformed(server: RunningServer, body: bytes, sentence: str) -> None:
    with server.peer() as peer:
        peer.send_bytes(POST + CHUNKED + b"\r\n" + body + SMUGGLED).expect_refusal(400, sentence)


@pytest.mark.parametrize(
    "body",
    [
        b"1\na\r\n",
        b"1;a\na\r\n",
        b"1\r\na\n",
        b"0\n\r\n",
        b"0\r\nA: b\n\r\n",
        b"0\r\nA\r\n\r\n",
        b"0\r\n\n",
        b"1\ra\r\n",
    ],
)
def test_lines_of_a_chunked_body_that_do_not_end_in_cr_lf(server: RunningServer, body: bytes) -> None:
    with server.peer() as peer:
        peer.send_bytes(POST + CHUNKED + b"\r\n" + body + SMUGGLED)
        peer.expect(400, headers={"Connection": "close"}, closed=True)


@pytest.mark.parametrize(
    ("body", "content"),
    [
        (b"0\r\n\r\n", b""),
        (b"5\r\nhello\r\n0\r\n\r\n", b"hello"),
        (b"00000005\r\nhello\r\n000\r\n\r\n", b"hello"),
        (b"A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n", b"0123456789" * 2),
        (b'5;a;b=c;d="e;\\"f"\r\nhello\r\n0;g\r\n\r\n', b"hello"),
        (b"5\r\nhello\r\n0\r\nA: b\r\nContent-Length: 7\r\n\r\n", b"hello"),
        (b"4\r\n\r\n\r\n\r\n0\r\n\r\n", b"\r\n\r\n"),
    ],
)
def test_chunks_that_are_well_formed(server: RunningServer, body: bytes, content: bytes) -> None:
    with server.peer() as peer:
        peer.send_bytes(POST + CHUNKED + b"\r\n" + body).expect(200, body=content)
        peer.send("GET / HTTP/1.1", "Host: a").expect(200, body="hello\n")


def test_a_body_is_no_request(server: RunningServer) -> None:
    with server.peer() as peer:
        peer.send("POST /echo HTTP/1.1", "Host: a", f"Content-Length: {len(SMUGGLED)}", body=SMUGGLED)
        peer.expect(200, body=SMUGGLED)
        peer.send("GET / HTTP/1.1", "Host: a").expect(200, body="hello\n")


def test_a_request_without_a_length_has_no_body(server: RunningServer) -> None:
    with server.peer() as peer:
        peer.send("POST /length HTTP/1.1", "Host: a", body=SMUGGLED)
        peer.expect(200, body="0")
        assert peer.expect(200).body.isdigit()
