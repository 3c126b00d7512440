"""Requests that are malformed, and those that are not. RFC 9113 section 8."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.frames import Code, literal, rst_stream

if TYPE_CHECKING:
    from tests.support.apps.streams import Streams
    from tests.support.http2 import Http2Peer

Pairs = list[tuple[str, str]]

METHOD, SCHEME, PATH, AUTHORITY = (":method", "GET"), (":scheme", "http"), (":path", "/never"), (":authority", "a")
USUAL = [METHOD, SCHEME, PATH, AUTHORITY]


def without(*left_out: tuple[str, str]) -> Pairs:
    return [field for field in USUAL if field not in left_out]


def block(pairs: Pairs) -> bytes:
    return b"".join(literal(name.encode("latin-1"), value.encode("latin-1")) for name, value in pairs)


MALFORMED: dict[str, Pairs] = {
    # Section 8.2.1: names and values.
    "an upper-case name": [*USUAL, ("X-Upper", "v")],
    "an upper-case letter in a name": [*USUAL, ("x-uPper", "v")],
    "a name of nothing": [*USUAL, ("", "v")],
    "a space in a name": [*USUAL, ("x y", "v")],
    "a space behind a name": [*USUAL, ("x ", "v")],
    "a colon in a name": [*USUAL, ("x:y", "v")],
    "a control in a name": [*USUAL, ("x\x01", "v")],
    "DEL in a name": [*USUAL, ("x\x7f", "v")],
    "a name that is not ASCII": [*USUAL, ("x\xe4", "v")],
    "NUL in a value": [*USUAL, ("x", "a\0b")],
    "CR in a value": [*USUAL, ("x", "a\rb")],
    "LF in a value": [*USUAL, ("x", "a\nb")],
    "a field smuggled into a value": [*USUAL, ("x", "a\r\nhost: b")],
    # Section 8.2.2: what is specific to a connection.
    "connection": [*USUAL, ("connection", "keep-alive")],
    "keep-alive": [*USUAL, ("keep-alive", "timeout=5")],
    "proxy-connection": [*USUAL, ("proxy-connection", "keep-alive")],
    "transfer-encoding": [*USUAL, ("transfer-encoding", "chunked")],
    "upgrade": [*USUAL, ("upgrade", "websocket")],
    "te that is not trailers": [*USUAL, ("te", "gzip")],
    "te that is not only trailers": [*USUAL, ("te", "trailers, gzip")],
    # Section 8.3: pseudo-fields.
    "an unknown pseudo-field": [*USUAL, (":unknown", "v")],
    "a pseudo-field of answers": [*USUAL, (":status", "200")],
    "a pseudo-field behind a field": [*without(PATH), ("x", "v"), PATH],
    "an authority behind a field": [*without(AUTHORITY), ("x", "v"), AUTHORITY],
    "no method": without(METHOD),
    "no scheme": without(SCHEME),
    "no path": without(PATH),
    "nothing at all": [],
    "nothing but fields": [("x", "v")],
    "two methods": [METHOD, *USUAL],
    "two schemes": [*USUAL, SCHEME],
    "two paths": [*USUAL, PATH],
    "two paths that differ": [*USUAL, (":path", "/other")],
    "two authorities": [*USUAL, AUTHORITY],
    "an empty path": [*without(PATH), (":path", "")],
    "an empty method": [*without(METHOD), (":method", "")],
    "an empty scheme": [*without(SCHEME), (":scheme", "")],
    "a path that begins nowhere": [*without(PATH), (":path", "never")],
    "a path that is a URL": [*without(PATH), (":path", "http://a/never")],
    "a space in the path": [*without(PATH), (":path", "/never again")],
    "a space in the method": [*without(METHOD), (":method", "GET /")],
    "a control in the path": [*without(PATH), (":path", "/never\x7f")],
    "LF in the path": [*without(PATH), (":path", "/never\nx")],
    "an asterisk that does not ask for options": [*without(PATH), (":path", "*")],
    "a space in the scheme": [*without(SCHEME), (":scheme", "ht tp")],
    # Section 8.3.1: who is meant.
    "nobody is asked": without(AUTHORITY),
    "a user in the authority": [*without(AUTHORITY), (":authority", "user@a")],
    "a space in the authority": [*without(AUTHORITY), (":authority", "a b")],
    "a path in the authority": [*without(AUTHORITY), (":authority", "a/b")],
    "two hosts": [*without(AUTHORITY), ("host", "a"), ("host", "b")],
    "a host that is another": [*USUAL, ("host", "b")],
    # Section 8.1.1: how long the body is.
    "a length of a body that does not come": [*USUAL, ("content-length", "3")],
    "a length that is no number": [*USUAL, ("content-length", "three")],
    "a length with a sign": [*USUAL, ("content-length", "+0")],
    "a negative length": [*USUAL, ("content-length", "-1")],
    "a length that is too long": [*USUAL, ("content-length", "9" * 30)],
    "two lengths": [*USUAL, ("content-length", "0"), ("content-length", "1")],
    "a list of lengths": [*USUAL, ("content-length", "0, 0")],
    # Section 8.5 and RFC 8441 section 4.
    "CONNECT with a path": [(":method", "CONNECT"), PATH, AUTHORITY],
    "CONNECT with a scheme": [(":method", "CONNECT"), SCHEME, AUTHORITY],
    "CONNECT to nobody": [(":method", "CONNECT")],
    "a protocol without CONNECT": [*USUAL, (":protocol", "websocket")],
    "a protocol without a scheme": [(":method", "CONNECT"), (":protocol", "websocket"), PATH, AUTHORITY],
    "a protocol without a path": [(":method", "CONNECT"), (":protocol", "websocket"), SCHEME, AUTHORITY],
    "a protocol for nobody": [(":method", "CONNECT"), (":protocol", "websocket"), SCHEME, PATH],
}


@pytest.mark.parametrize("pairs", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_request_is_malformed(h2: Http2Peer, streams: Streams, pairs: Pairs) -> None:
    h2.expect_malformed(h2.ask_raw(block(pairs)))
    h2.get("/")
    assert "/never" not in streams.seen


@pytest.mark.parametrize("spaces", [" v", "v ", "\tv", " "])
def test_white_space_around_a_value(h2: Http2Peer, spaces: str) -> None:
    """Section 8.2.1 has it for malformed; many take it away instead, as nghttp2 does. It is never passed on."""
    stream = h2.ask_raw(block([METHOD, SCHEME, (":path", "/scope"), AUTHORITY, ("x-space", spaces)]))
    answer = h2.hear_until_over(stream)
    if answer.status == 200:
        assert ["x-space", spaces.strip()] in json.loads(answer.body)["headers"]
    else:
        assert answer.status == 400 or answer.reset == Code.PROTOCOL_ERROR
    h2.expect_alive()


def scope_of(peer: Http2Peer, *fields: tuple[str, str], path: str = "/scope", method: str = "GET") -> Any:
    return json.loads(peer.expect(peer.ask(path, *fields, method=method)).body)


# ---- Requests that are not malformed ----


def test_a_request_as_the_application_is_told_of_it(h2: Http2Peer) -> None:
    scope = scope_of(h2, ("x-one", "1"), ("x-one", "2"), ("x-empty", ""), path="/scope?a=b&c=%20")
    assert (scope["http_version"], scope["method"], scope["scheme"]) == ("2", "GET", "http")
    assert (scope["path"], scope["query_string"]) == ("/scope", "a=b&c=%20")
    assert scope["headers"] == [["host", "test"], ["x-one", "1"], ["x-one", "2"], ["x-empty", ""]]


def test_the_cookie_is_put_together(h2: Http2Peer) -> None:
    """Section 8.2.3."""
    scope = scope_of(h2, ("cookie", "a=b"), ("x", "y"), ("cookie", "c=d"), ("cookie", "e=f; g=h"))
    assert [value for name, value in scope["headers"] if name == "cookie"] == ["a=b; c=d; e=f; g=h"]


def test_te_may_say_trailers(h2: Http2Peer) -> None:
    assert ["te", "trailers"] in scope_of(h2, ("te", "trailers"))["headers"]


def test_a_host_instead_of_an_authority(h2: Http2Peer) -> None:
    pairs = [METHOD, SCHEME, (":path", "/scope"), ("host", "other:81")]
    scope = json.loads(h2.expect(h2.ask_raw(block(pairs))).body)
    assert [value for name, value in scope["headers"] if name == "host"] == ["other:81"]


def test_a_host_that_says_the_same(h2: Http2Peer) -> None:
    scope = scope_of(h2, ("host", "test"))
    assert [value for name, value in scope["headers"] if name == "host"] == ["test"]


@pytest.mark.parametrize("method", ["OPTIONS", "PROPFIND", "DELETE", "X-OWN", "PATCH"])
def test_any_method(h2: Http2Peer, method: str) -> None:
    assert scope_of(h2, method=method)["method"] == method


def test_an_asterisk_that_asks_for_options(h2: Http2Peer, streams: Streams) -> None:
    pairs = [(":method", "OPTIONS"), SCHEME, (":path", "*"), AUTHORITY]
    assert h2.hear_until_over(h2.ask_raw(block(pairs))).status in (200, 404)
    assert "*" in streams.seen[-1]


def test_bytes_beyond_ascii_in_a_value(h2: Http2Peer) -> None:
    block_ = block([METHOD, SCHEME, (":path", "/scope"), AUTHORITY, ("x", "h\xf6ren"), ("y", "a\tb")])
    headers = json.loads(h2.expect(h2.ask_raw(block_)).body)["headers"]
    assert ["x", "h\xf6ren"] in headers
    assert ["y", "a\tb"] in headers


@pytest.mark.parametrize("first", [":scheme", ":path", ":authority"])
def test_pseudo_fields_in_any_order(h2: Http2Peer, first: str) -> None:
    pairs = [METHOD, SCHEME, (":path", "/"), AUTHORITY]
    pairs.sort(key=lambda pair: pair[0] != first)
    h2.expect(h2.ask_raw(block(pairs)), body=b"hello\n")


def test_plain_connect_is_refused_with_a_word(h2: Http2Peer) -> None:
    """There is nobody behind to connect to."""
    stream = h2.ask_raw(block([(":method", "CONNECT"), (":authority", "a:443")]), end=False)
    answer = h2.hear_until_over(stream)
    assert answer.status in (400, 404, 405, 501) or answer.reset in (Code.PROTOCOL_ERROR, Code.REFUSED_STREAM)
    h2.expect_alive()


# ---- Bodies ----


@pytest.mark.parametrize(
    ("length", "pieces"),
    [
        ("4", [b"body!"]),
        ("5", [b"body"]),
        ("4", [b"bo", b"dy", b"!"]),
        ("1", [b""]),
        ("4", [b"bo", b""]),
    ],
)
def test_a_body_of_another_length(h2: Http2Peer, length: str, pieces: list[bytes]) -> None:
    """Section 8.1.1. The application may have begun by then, and never sees it end."""
    stream = h2.ask("/echo", ("content-length", length), method="POST", end=False)
    for piece in pieces:
        h2.say(stream, piece, end=piece is pieces[-1])
    h2.expect_malformed(stream)


@pytest.mark.parametrize("pieces", [[b"body"], [b"bo", b"dy"], [b"", b"body"], [b"body", b""], [b""], [b"", b""]])
@pytest.mark.parametrize("declared", [False, True])
def test_a_body_in_pieces(h2: Http2Peer, pieces: list[bytes], declared: bool) -> None:
    length = [("content-length", str(len(b"".join(pieces))))] if declared else []
    stream = h2.ask("/echo", *length, method="POST", end=False)
    for number, piece in enumerate(pieces, 1):
        h2.say(stream, piece, end=number == len(pieces))
    h2.expect(stream, body=b"".join(pieces))


def test_a_body_where_none_was_declared(h2: Http2Peer, streams: Streams) -> None:
    stream = h2.ask("/held", ("content-length", "0"), method="POST", end=False)
    h2.say(stream, b"x").expect_malformed(stream)
    streams.release()


def test_a_get_may_have_a_body(h2: Http2Peer) -> None:
    h2.expect(h2.ask("/echo", body=b"of a GET"), body=b"of a GET")


def test_trailers_end_a_body(h2: Http2Peer) -> None:
    stream = h2.ask("/echo", ("trailer", "x-sum"), method="POST", end=False)
    h2.say(stream, b"body").say_trailers(stream, ("x-sum", "1"))
    h2.expect(stream, body=b"body")


def test_trailers_without_a_body(h2: Http2Peer) -> None:
    stream = h2.ask("/echo", method="POST", end=False)
    h2.say_trailers(stream, ("x-sum", "1")).expect(stream, body=b"")


@pytest.mark.parametrize(
    "trailers",
    [
        [(":path", "/")],
        [("x", "y"), (":status", "200")],
        [("X-Upper", "v")],
        [("connection", "close")],
        [("x", "a\nb")],
    ],
)
def test_trailers_that_are_malformed(h2: Http2Peer, trailers: Pairs) -> None:
    stream = h2.ask("/echo", method="POST", end=False)
    h2.say(stream, b"body")
    h2.ask_raw(block(trailers), stream=stream)
    h2.expect_malformed(stream)


def test_a_second_head_that_does_not_end_the_request(h2: Http2Peer) -> None:
    """Section 8.1: trailers do."""
    stream = h2.ask("/echo", method="POST", end=False)
    h2.say(stream, b"body")
    h2.ask_raw(block([("x", "y")]), stream=stream, end=False)
    h2.expect_malformed(stream)


def test_data_after_trailers(h2: Http2Peer, streams: Streams) -> None:
    stream = h2.ask("/held", method="POST", end=False)
    h2.say_trailers(stream, ("x-sum", "1")).say(stream, b"late").expect_error(stream, Code.STREAM_CLOSED)
    streams.release()


def test_a_reset_within_a_body(h2: Http2Peer, streams: Streams) -> None:
    stream = h2.ask("/wait", method="POST", end=False)
    h2.say(stream, b"half")
    before = streams.left.count("/wait")
    h2.send(rst_stream(stream))
    streams.wait_until_left("/wait", before + 1)
    h2.get("/")
