"""What an answer looks like on the wire: fields that the server adds, and answers that have no body."""

from __future__ import annotations

import re
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from tests.support.server import RunningServer

Serve = Callable[..., RunningServer]


def answering(status: str, fields: list[tuple[str, str]], *body: bytes) -> Callable[..., list[bytes]]:
    """An application with one answer."""

    def app(_environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        start_response(status, fields)
        return list(body)

    return app


def test_server_and_date_are_sent(server: RunningServer) -> None:
    with server.peer() as peer:
        answer = peer.send("GET / HTTP/1.1", "Host: a").expect(200, headers={"Server": "freastal"})
        date = answer["Date"]
        assert date
        assert re.fullmatch(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT", date)
        assert parsedate_to_datetime(date).utcoffset() is not None


def test_server_and_date_can_be_switched_off(serve: Serve) -> None:
    with serve(server_header=False, date_header=False).peer() as peer:
        peer.send("GET / HTTP/1.1", "Host: a").expect(200, headers={"Server": None, "Date": None})
        peer.send("GET / HTTP/9.9").expect(505, headers={"Server": None, "Date": None})


def test_the_applications_own_server_and_date_are_sent_alone(serve: Serve) -> None:
    date = "Sun, 06 Nov 1994 08:49:37 GMT"
    with serve(answering("200 OK", [("server", "mine"), ("DATE", date)], b"x")).peer() as peer:
        peer.send("GET / HTTP/1.1", "Host: a").expect(200, headers={"Server": "mine", "Date": date})


def test_a_refusal_has_them_too(server: RunningServer) -> None:
    with server.peer() as peer:
        answer = peer.send("GET / HTTP/1.1").expect(400, headers={"Server": "freastal"})
        assert answer["Date"]
        assert answer["Content-Type"] == "text/plain; charset=utf-8"


def test_the_reason_is_the_applications(serve: Serve) -> None:
    with serve(answering("200 All Is Well", [], b"x")).peer() as peer:
        assert peer.send("GET / HTTP/1.1", "Host: a").expect(200).reason == "All Is Well"


@pytest.mark.parametrize(
    ("fields", "headers"),
    [
        ([("Content-Length", "5")], {"Content-Length": "5", "Transfer-Encoding": None}),
        ([], {"Content-Length": "5", "Transfer-Encoding": None}),
    ],
)
def test_head_is_answered_like_get_without_its_body(
    serve: Serve, fields: list[tuple[str, str]], headers: dict[str, str | None]
) -> None:
    with serve(answering("200 OK", fields, b"hello")).peer() as peer:
        peer.send("HEAD / HTTP/1.1", "Host: a").expect(200, headers=headers, body="", to="HEAD")
        peer.send("GET / HTTP/1.1", "Host: a").expect(200, headers=headers, body="hello")


def test_head_of_a_stream(server: RunningServer) -> None:
    with server.peer() as peer:
        peer.send("HEAD /stream HTTP/1.1", "Host: a").expect(200, to="HEAD")
        peer.send("GET / HTTP/1.1", "Host: a").expect(200, body="hello\n")


@pytest.mark.parametrize("status", [204, 304])
def test_no_content_and_not_modified_have_no_body(server: RunningServer, status: int) -> None:
    with server.peer() as peer:
        answer = peer.send(f"GET /status/{status} HTTP/1.1", "Host: a").expect(
            status, headers={"Transfer-Encoding": None}
        )
        if status == 204:
            assert answer["Content-Length"] is None
        peer.send("GET / HTTP/1.1", "Host: a").expect(200, body="hello\n")


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_a_body_where_none_may_be_is_not_sent(serve: Serve, status: str) -> None:
    with serve(answering(status, [], b"not to be seen")).peer() as peer:
        for _ in range(2):
            peer.send("GET / HTTP/1.1", "Host: a").expect(int(status[:3]))


def test_an_empty_answer_has_a_length(serve: Serve) -> None:
    with serve(answering("200 OK", [])).peer() as peer:
        peer.send("GET / HTTP/1.1", "Host: a").expect(200, headers={"Content-Length": "0"}, body="")


def test_an_application_that_closes(serve: Serve) -> None:
    app = answering("200 OK", [("Content-Length", "1")], b"x")
    with serve(app).peer() as peer:
        peer.send("GET / HTTP/1.1", "Host: a", "Connection: close")
        peer.expect(200, headers={"Connection": "close"}, body="x", closed=True)


def test_a_failing_application_is_answered_with_500_and_the_next_is_well(server: RunningServer) -> None:
    with server.peer() as peer:
        peer.send("GET /fail HTTP/1.1", "Host: a").expect(500)
    assert server.get().status == 200
