"""A WebSocket that is refused by a response of the application's (extension websocket.http.response)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.gateway.test_asgi_websocket import Script, peer_of
from tests.gateway.test_asgi_websocket_send import refusal

START = "websocket.http.response.start"
BODY = "websocket.http.response.body"


def denying(*messages: dict[str, Any]) -> Script:
    """Sends these, hands what comes of each to the test, then what it hears at last."""

    async def body(script: Script, receive: Any, send: Any) -> None:
        await receive()
        for message in messages:
            try:
                script.heard.put(await send(message))
            except Exception as error:
                script.heard.put(error)
        script.heard.put(await receive())

    return Script(body)


@pytest.mark.each_http
def test_a_whole_body_has_its_length_said(asgi, http):
    script = denying(
        {"type": START, "status": 404, "headers": [(b"x-why", b"because"), (b"content-type", b"text/plain")]},
        {"type": BODY, "body": b"not here"},
    )
    with peer_of(asgi(script)) as peer:
        response = peer.ask().hear()
        assert (response.status, response.body) == (404, b"not here")
        assert response["x-why"] == "because"
        assert response["Content-Length"] == "8"
        assert response["Connection"] == ("close" if http == "1" else None)
        assert response["Upgrade"] is None
        peer.expect_closed()
    assert [script.hear(), script.hear()] == [None, None]
    assert script.hear() == {"type": "websocket.disconnect", "code": 1006, "reason": ""}


@pytest.mark.each_http
def test_a_body_in_pieces(asgi, http):
    script = denying(
        {"type": START, "status": 404},
        {"type": BODY, "body": b"one ", "more_body": True},
        {"type": BODY, "body": bytearray(b"two "), "more_body": True},
        {"type": BODY, "more_body": True},
        {"type": BODY, "body": b"three"},
    )
    with peer_of(asgi(script)) as peer:
        response = peer.ask().hear()
        assert (response.status, response.body) == (404, b"one two three")
        assert response["Transfer-Encoding"] == ("chunked" if http == "1" else None)
        peer.expect_closed()


@pytest.mark.each_http
def test_an_empty_body(asgi):
    script = denying({"type": START, "status": 401, "headers": [(b"www-authenticate", b"Basic")]}, {"type": BODY})
    with peer_of(asgi(script)) as peer:
        response = peer.ask().hear()
        assert (response.status, response.body, response["www-authenticate"]) == (401, b"", "Basic")
        peer.expect_closed()


@pytest.mark.each_http
@pytest.mark.parametrize("status", [204, 304])
def test_a_status_without_a_body_has_no_length(asgi, http, status):
    """RFC 9110 section 8.6: not with 204; with 304 it would be that of the 200."""
    if (http, status) == ("2", 204):
        return  # which would accept it
    with peer_of(asgi(denying({"type": START, "status": status}, {"type": BODY}))) as peer:
        response = peer.ask().hear()
        assert (response.status, response.body, response["Content-Length"]) == (status, b"", None)
        peer.expect_closed()


@pytest.mark.each_http
def test_a_length_that_the_application_knows_is_said(asgi):
    head = {"type": START, "status": 304, "headers": [(b"content-length", b"1234")]}
    with peer_of(asgi(denying(head, {"type": BODY}))) as peer:
        response = peer.ask().hear()
        assert (response.status, response["Content-Length"]) == (304, "1234")
        peer.expect_closed()


@pytest.mark.each_http
def test_a_large_body(asgi):
    script = denying({"type": START, "status": 403}, {"type": BODY, "body": b"x" * 3_000_000})
    with peer_of(asgi(script)) as peer:
        assert peer.ask().hear().body == b"x" * 3_000_000


@pytest.mark.each_http
def test_nothing_is_sent_before_the_body(asgi):
    async def application(scope, receive, send):
        await send({"type": START, "status": 404})
        raise ValueError("after all")

    server = asgi(application)
    with peer_of(server) as peer:
        assert peer.ask().hear().status == 500
    assert repr(server.failure()[1]) == "ValueError('after all')"


def test_to_return_in_the_middle_cuts_the_response(asgi):
    async def application(scope, receive, send):
        await send({"type": START, "status": 200, "headers": [(b"content-length", b"10")]})
        await send({"type": BODY, "body": b"half", "more_body": True})

    server = asgi(application)
    with peer_of(server) as peer:
        peer.ask()
        with pytest.raises((AssertionError, ConnectionResetError)):
            peer.hear()
    assert "without completing handshake" in server.lines.get(timeout=20)[1]


@pytest.mark.each_http
@pytest.mark.parametrize(
    ("message", "kind", "words"),
    [
        ({}, RuntimeError, "status"),
        ({"status": "404"}, TypeError, "'status' must be an int, not str"),
        ({"status": 101}, ValueError, "'status' must be a number from 200 to 999, not 101"),
        ({"status": 1000}, ValueError, "'status' must be a number from 200 to 999, not 1000"),
        ({"status": 404, "headers": [(b"a b", b"c")]}, ValueError, "name"),
        ({"status": 404, "headers": [(b"a", b"c\n")]}, ValueError, "value"),
        ({"status": 404, "headers": [("a", b"c")]}, TypeError, "bytes"),
    ],
)
def test_what_start_refuses_and_may_do_better(asgi, message, kind, words):
    script = denying({"type": START, **message}, {"type": "websocket.accept"})
    with peer_of(asgi(script)) as peer:
        peer.ask().expect_accepted()
        found, sentence = refusal(script)
        assert found is kind
        assert words in sentence
        peer.leave()


@pytest.mark.each_http
def test_a_body_of_the_wrong_kind_is_refused(asgi):
    script = denying({"type": START, "status": 404}, {"type": BODY, "body": "text"}, {"type": BODY, "body": b"bytes"})
    with peer_of(asgi(script)) as peer:
        assert peer.ask().hear().body == b"bytes"
    assert script.hear() is None
    assert refusal(script) == (TypeError, "'body' must be bytes, not str")


@pytest.mark.each_http
def test_more_than_was_declared(asgi):
    script = denying(
        {"type": START, "status": 404, "headers": [(b"content-length", b"2")]}, {"type": BODY, "body": b"xyz"}
    )
    with peer_of(asgi(script)) as peer:
        assert peer.ask().hear().body == b"xy"
    assert script.hear() is None
    assert refusal(script) == (RuntimeError, "Response content does not match Content-Length")


@pytest.mark.each_http
@pytest.mark.parametrize("type_", ["websocket.accept", "websocket.close", START, "http.response.body"])
def test_between_start_and_body(asgi, type_):
    script = denying({"type": START, "status": 404}, {"type": type_, "status": 404}, {"type": BODY})
    with peer_of(asgi(script)) as peer:
        assert peer.ask().hear().status == 404
    assert script.hear() is None
    assert refusal(script) == (RuntimeError, f"Expected ASGI message '{BODY}' but got '{type_}'.")


@pytest.mark.each_http
@pytest.mark.parametrize("type_", ["websocket.accept", "websocket.close", "websocket.send", START, BODY])
def test_after_the_response(asgi, type_):
    script = denying({"type": START, "status": 404}, {"type": BODY}, {"type": type_, "status": 404, "text": "x"})
    with peer_of(asgi(script)) as peer:
        assert peer.ask().hear().status == 404
    assert [script.hear(), script.hear()] == [None, None]
    sentence = f"Unexpected ASGI message '{type_}' sent, after response already completed."
    assert refusal(script) == (RuntimeError, sentence)


def test_the_peer_goes_while_it_is_denied(asgi):
    async def body(script, receive, send):
        await receive()
        await send({"type": START, "status": 200})
        try:
            while True:
                await send({"type": BODY, "body": b"x" * 100000, "more_body": True})
        except OSError as error:
            script.heard.put(error)

    script = Script(body)
    peer = peer_of(asgi(script)).ask()
    peer.expect_bytes(100)
    peer.reset()
    assert type(script.hear()).__name__ == "ClientDisconnected"
