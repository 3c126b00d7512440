"""Answers: what they say and how they end, also before the request has. RFC 9113 section 8.1, RFC 9110."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.support import frames
from tests.support.frames import Code
from tests.support.http2 import Http2Peer

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.apps.streams import Streams
    from tests.support.server import RunningServer

IMF_DATE = re.compile(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT")


def test_what_the_server_adds(h2: Http2Peer) -> None:
    answer = h2.get("/")
    assert IMF_DATE.fullmatch(answer["date"] or "")
    assert answer["content-length"] == "6"


def test_names_are_lower_case_and_nothing_is_specific_to_the_connection(h2: Http2Peer) -> None:
    """The peer has looked at the names already."""
    answer = h2.expect(h2.ask("/fields"), body=b"fields\n")
    assert answer["x-mixed-case"] == "Yes"
    assert answer.all("set-cookie") == ["a=1", "b=2"]
    assert answer["transfer-encoding"] is None


@pytest.mark.parametrize("path", ["/", "/bytes?100000", "/echo", "/missing", "/empty"])
def test_head_is_answered_without_a_body(h2: Http2Peer, path: str) -> None:
    wanted = h2.hear_until_over(h2.ask(path))
    answer = h2.hear_until_over(h2.ask(path, method="HEAD"))
    assert (answer.status, answer.ended, answer.body) == (wanted.status, True, b"")
    assert answer["content-length"] == wanted["content-length"]


def test_an_answer_without_a_body_is_one_frame(h2: Http2Peer) -> None:
    stream = h2.ask("/empty")
    heard = h2.hear()
    assert heard.ends
    assert h2.answers[stream].status == 204
    assert h2.answers[stream]["content-length"] is None


def test_a_length_that_is_not_known(h2: Http2Peer) -> None:
    answer = h2.expect(h2.ask("/stream?123456"), body=b"s" * 123456)
    assert answer["content-length"] is None


@pytest.mark.parametrize("size", [1, 16383, 16384, 16385, 65535, 65536, 1_000_000])
def test_answers_of_any_size(h2: Http2Peer, size: int) -> None:
    h2.expect(h2.ask(f"/bytes?{size}"), body=b"b" * size)


def test_early_hints(h2: Http2Peer) -> None:
    answer = h2.expect(h2.ask("/hints"), body=b"hinted\n")
    ((status, link),) = answer.informational
    assert status == (":status", "103")
    assert link == ("link", "</style.css>; rel=preload")


def test_trailers(h2: Http2Peer) -> None:
    answer = h2.expect(h2.ask("/trailers", ("te", "trailers")), body=b"summed\n")
    assert answer.trailers == [("x-sum", "1")]


def test_expect_100_continue(h2: Http2Peer) -> None:
    """100 when the body is asked for, and not before."""
    stream = h2.ask("/echo", ("expect", "100-continue"), ("content-length", "4"), method="POST", end=False)
    while not h2.answers[stream].informational:
        h2.hear()
    assert h2.answers[stream].informational == [[(":status", "100")]]
    h2.say(stream, b"body", end=True).expect(stream, body=b"body")


def test_expect_100_continue_of_a_body_that_nobody_wants(h2: Http2Peer) -> None:
    stream = h2.ask("/early", ("expect", "100-continue"), method="POST", end=False)
    assert h2.expect(stream, body=b"early\n").informational == []


def test_expect_100_continue_of_a_body_that_is_here(h2: Http2Peer) -> None:
    stream = h2.ask("/echo", ("expect", "100-continue"), method="POST", body=b"body")
    h2.expect(stream, body=b"body")


def test_an_expectation_that_is_unknown(h2: Http2Peer, streams: Streams) -> None:
    stream = h2.ask("/unmet", ("expect", "the-unexpected"))
    h2.expect(stream, 417)
    assert "/unmet" not in streams.seen


def test_an_answer_before_the_end_of_the_request(h2: Http2Peer) -> None:
    """Section 8.1: whole, and then RST_STREAM with NO_ERROR asks for no more of the body."""
    stream = h2.ask("/early", method="POST", end=False)
    answer = h2.expect(stream, body=b"early\n")
    h2.expect_reset(stream, Code.NO_ERROR)
    assert answer.ended


def test_an_answer_before_the_end_of_a_long_request(h2: Http2Peer) -> None:
    stream = h2.ask("/early", ("content-length", "100000"), method="POST", end=False)
    h2.say(stream, bytes(10000)).expect(stream, body=b"early\n")
    h2.expect_reset(stream, Code.NO_ERROR)
    h2.get("/")


def test_an_application_that_fails(h2: Http2Peer) -> None:
    assert h2.hear_until_over(h2.ask("/fail")).status == 500
    h2.get("/")


def test_an_application_that_fails_midway(h2: Http2Peer) -> None:
    """The peer must not take the answer for whole."""
    answer = h2.expect_reset(h2.ask("/fail-midway"), Code.INTERNAL_ERROR)
    assert not answer.ended
    h2.get("/")


# ---- Limits ----


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ([(f"x-{number}", "v") for number in range(101)], 431),
        ([("x-long", "v" * 8200)], 431),
        ([(f"x-{number}", "v" * 8000) for number in range(9)], 431),
        ([("cookie", "c" * 8200)], 431),
        ([(f"x-{number}", "v") for number in range(90)], 200),
        ([(f"x-{number}", "v" * 8000) for number in range(7)], 200),
    ],
)
def test_heads_that_are_too_large_are_answered(h2: Http2Peer, fields: list[tuple[str, str]], status: int) -> None:
    block = frames.block_of("GET", "/", *fields)
    stream = h2.new_stream()
    pieces = [block[at : at + 16384] for at in range(0, len(block), 16384)]
    whole = len(pieces) == 1
    h2.send(frames.head(stream, pieces[0], whole=whole))
    for piece in pieces[1:]:
        h2.send(frames.frame(frames.Kind.CONTINUATION, 4 if piece is pieces[-1] else 0, stream, piece))
    assert h2.hear_until_over(stream).status == status
    h2.get("/")


def test_a_target_that_is_too_long_is_answered(h2: Http2Peer) -> None:
    h2.expect(h2.ask("/" + "p" * 8200), 414)
    h2.get("/")


def test_a_head_that_is_too_large_has_a_body(h2: Http2Peer) -> None:
    stream = h2.ask("/echo", ("x-long", "v" * 8200), method="POST", end=False)
    h2.say(stream, bytes(1000)).expect(stream, 431)
    h2.get("/")


def test_bodies_that_are_too_large_are_answered(serve: Callable[..., RunningServer]) -> None:
    with Http2Peer.of(serve(max_body_size=1000)) as peer:
        peer.expect(peer.ask("/echo", method="POST", body=bytes(1000)), body=bytes(1000))
        declared = peer.ask("/echo", ("content-length", "1001"), method="POST", end=False)
        peer.expect(declared, 413)
        found = peer.ask("/echo", method="POST", end=False)
        peer.say(found, bytes(600)).say(found, bytes(401))
        peer.expect(found, 413)
        peer.expect(peer.ask("/"), body=b"hello\n")
        peer.expect_alive()
