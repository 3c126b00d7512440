"""Header blocks that no encoder should write, and all that one may. RFC 7541."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.frames import BLOCK_GET, METHOD_GET, SCHEME_HTTP, Code, indexed, integer, literal, text

if TYPE_CHECKING:
    from tests.support.http2 import Http2Peer

SCOPE = METHOD_GET + SCHEME_HTTP + literal(b":path", b"/scope") + literal(b":authority", b"test")
KEPT = {"first": 0x40, "prefix": 6}  # a literal that is put into the table: section 6.2.1
NEVER = {"first": 0x10, "prefix": 4}  # one that no intermediary may put there: section 6.2.3
NEWEST = indexed(62)
HUFFMAN_A = bytes([0x81, 0x1F])  # "a" in five bits, and three of padding


def resize(size: int) -> bytes:
    return integer(size, 5, 0x20)


# What cannot be decoded ends the connection: the tables would differ from then on.
BROKEN = [
    ("index 0", indexed(0)),
    ("the index behind an empty table", indexed(62)),
    ("an index far behind the table", indexed(100_000)),
    ("a name with an index behind the table", integer(70, 6, 0x40) + text(b"v")),
    ("a name with an index behind the table, not kept", integer(70, 4) + text(b"v")),
    ("an index that is cut", b"\xff"),
    ("an index that is cut later", b"\xff\x80\x80"),
    ("an index of more than 32 bits", b"\xff" + b"\x80" * 5 + b"\x01"),
    ("an index of any number of bytes", b"\xff" + b"\x80" * 300 + b"\x01"),
    ("a length of more than 32 bits", b"\0\x7f" + b"\xff" * 9 + b"\x01"),
    ("a name that is cut", b"\0\x05abc"),
    ("a name of nothing and no value", b"\0\0"),
    ("a value that is cut", b"\0\x01a\x05abc"),
    ("a value that is missing", b"\0\x01a"),
    ("Huffman: padding of a whole byte", b"\0\x01a\x82\x1f\xff"),
    ("Huffman: padding of zeros", b"\0\x01a\x81\x18"),
    ("Huffman: the end of the string as a symbol", b"\0\x01a\x84\xff\xff\xff\xff"),
    ("Huffman: the same before others", b"\0\x01a\x85\xff\xff\xff\xfc\x1f"),
    ("a table that is larger than allowed", resize(4097)),
    ("a table of 4 GiB", resize(0xFFFFFFFF)),
    ("a size of the table after a field", literal(b"a", b"b") + resize(0)),
]


@pytest.mark.parametrize("bad", [pytest.param(bad, id=name) for name, bad in BROKEN])
def test_a_block_ends_the_connection(h2: Http2Peer, bad: bytes) -> None:
    before = b"" if bad[0] >> 5 == 1 else BLOCK_GET
    h2.ask_raw(before + bad)
    h2.expect_goaway(Code.COMPRESSION_ERROR)


@pytest.mark.parametrize(
    ("field", "heard"),
    [
        (literal(b"x", b"plain"), '["x", "plain"]'),
        (literal(b"x", b"never", **NEVER), '["x", "never"]'),
        (literal(b"x", b"kept", **KEPT), '["x", "kept"]'),
        (literal(b"x", b""), '["x", ""]'),
        (b"\0\x01x" + HUFFMAN_A, '["x", "a"]'),
        (b"\0" + HUFFMAN_A + text(b"v"), '["a", "v"]'),
        (integer(19, 4) + text(b"of the table"), '["accept", "of the table"]'),
        (integer(58, 4, 0x10) + text(b"agent"), '["user-agent", "agent"]'),
        (indexed(16), '["accept-encoding", "gzip, deflate"]'),
        (literal(b"x", b"long" * 500), '["x", "longlong'),
    ],
)
def test_a_field_is_understood(h2: Http2Peer, field: bytes, heard: str) -> None:
    answer = h2.expect(h2.ask_raw(SCOPE + field))
    assert heard in answer.body.decode()


@pytest.mark.parametrize("first", ["GET", "POST"])
def test_requests_all_of_the_static_table(h2: Http2Peer, first: str) -> None:
    """:method, :path and :scheme by their numbers, and :authority of the name alone."""
    block = indexed(2 if first == "GET" else 3) + indexed(4) + indexed(6) + integer(1, 4) + text(b"test")
    h2.expect(h2.ask_raw(block), body=b"hello\n")


def test_the_table_keeps_what_it_is_given(h2: Http2Peer) -> None:
    h2.ask_raw(SCOPE + b"".join(literal(b"x-%d" % number, b"v", **KEPT) for number in range(10)))
    answer = h2.expect(h2.ask_raw(SCOPE + b"".join(indexed(62 + number) for number in range(10))))
    names = [f'["x-{number}", "v"]' for number in reversed(range(10))]
    assert ", ".join(names) in answer.body.decode()


def test_the_same_field_by_name_of_the_table(h2: Http2Peer) -> None:
    h2.ask_raw(SCOPE + literal(b"x-kept", b"one", **KEPT))
    answer = h2.expect(h2.ask_raw(SCOPE + integer(62, 4) + text(b"two")))
    assert '["x-kept", "two"]' in answer.body.decode()


def test_the_oldest_are_forgotten(h2: Http2Peer) -> None:
    """Section 4.4: each counts its bytes and 32; the table holds 4096."""
    h2.ask_raw(SCOPE + literal(b"x-old", b"v" * 1000, **KEPT))
    h2.ask_raw(SCOPE + b"".join(literal(b"x-%d" % number, b"v" * 1000, **KEPT) for number in range(3)))
    assert '["x-0", "v' in h2.expect(h2.ask_raw(SCOPE + indexed(64))).body.decode()
    h2.ask_raw(SCOPE + indexed(65))
    h2.expect_goaway(Code.COMPRESSION_ERROR)


def test_a_field_larger_than_the_table_empties_it(h2: Http2Peer) -> None:
    h2.ask_raw(SCOPE + literal(b"x-kept", b"v", **KEPT))
    answer = h2.expect(h2.ask_raw(SCOPE + literal(b"x-large", b"v" * 5000, **KEPT)))
    assert '["x-large", "v' in answer.body.decode()
    h2.ask_raw(SCOPE + NEWEST)
    h2.expect_goaway(Code.COMPRESSION_ERROR)


@pytest.mark.parametrize("sizes", [[0], [100], [0, 4096], [4096], [0, 50]])
def test_the_size_of_the_table_changes(h2: Http2Peer, sizes: list[int]) -> None:
    h2.ask_raw(SCOPE + literal(b"x-old", b"v", **KEPT))
    h2.expect(h2.ask_raw(b"".join(resize(size) for size in sizes) + SCOPE))
    if 0 not in sizes:
        assert '["x-old", "v"]' in h2.expect(h2.ask_raw(SCOPE + NEWEST)).body.decode()
    else:
        h2.ask_raw(SCOPE + NEWEST)
        h2.expect_goaway(Code.COMPRESSION_ERROR)


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(SCOPE + literal(b"Upper", b"v"), id="malformed"),
        pytest.param(SCOPE + literal(b"connection", b"close"), id="specific to the connection"),
        pytest.param(SCOPE + b"".join(literal(b"x-%d" % number, b"v") for number in range(150)), id="too many fields"),
        pytest.param(SCOPE + literal(b"x-long", b"v" * 9000), id="a field that is too long"),
        pytest.param(METHOD_GET + SCHEME_HTTP + literal(b":path", b"/" + b"p" * 9000), id="a target that is too long"),
        pytest.param(b"", id="no request at all"),
    ],
)
def test_what_a_refused_request_kept_is_known(h2: Http2Peer, bad: bytes) -> None:
    """A block is decoded to its end, whatever becomes of the request: the tables stay in step."""
    refused = h2.ask_raw(bad + literal(b"x-kept", b"by the refused", **KEPT))
    assert h2.hear_until_over(refused).status != 200
    answer = h2.expect(h2.ask_raw(SCOPE + NEWEST))
    assert '["x-kept", "by the refused"]' in answer.body.decode()


def test_trailers_fill_the_table_too(h2: Http2Peer) -> None:
    stream = h2.ask("/echo", method="POST", end=False)
    h2.say(stream, b"body").say_trailers(stream, ("x-sum", "1"))
    h2.expect(stream, body=b"body")
    assert b'["x-sum", "1"]' in h2.get("/scope", ("x-sum", "1")).body


def test_answers_use_a_table_that_stays_in_step(h2: Http2Peer) -> None:
    """The decoder of the peer would complain."""
    for number in range(200):
        h2.expect(
            h2.ask(["/", "/fields", "/empty", "/missing", "/bytes?3"][number % 5]),
            [200, 200, 204, 404, 200][number % 5],
        )
