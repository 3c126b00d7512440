"""WebSockets over HTTP/2 (RFC 8441): streams among others. What each of them is by itself is in the tests of
asgi_websocket, which run over both versions."""

from __future__ import annotations

import asyncio
import os

import pytest

from tests.gateway.asgi import Told, body, start
from tests.gateway.test_asgi_websocket import Script, echo
from tests.support.frames import Code, Kind, Setting, rst_stream
from tests.support.http2_websocket import Http2WebSocketPeer
from tests.support.websocket import PING, PONG, TEXT, frame

HANDSHAKE = [("sec-websocket-version", "13")]


async def page_or_echo(scope, receive, send):
    if scope["type"] == "websocket":
        await echo(scope, receive, send)
    else:
        await send(start())
        await send(body(scope["path"].encode()))


def on(client) -> Http2WebSocketPeer:
    """Another WebSocket on this connection."""
    return Http2WebSocketPeer(client.socket, client)


# ---- the handshake ----


def test_that_it_is_spoken_is_said(asgi):
    with asgi(echo).client() as client:
        assert client.settings[Setting.ENABLE_CONNECT_PROTOCOL] == 1


def test_the_scope(asgi):
    told = Told()

    async def application(scope, receive, send):
        told.put(scope)
        await receive()
        await send({"type": "websocket.accept", "subprotocol": "b", "headers": [(b"X-A", b"1")]})

    with asgi(application).client() as client:
        fields = [*HANDSHAKE, ("origin", "http://o"), ("sec-websocket-protocol", "a, b"), ("cookie", "c=1")]
        stream = client.begin("CONNECT", "/a%20b?q", fields, end=False, protocol="websocket", authority="h:1")
        answer = client.hear_until_status(stream)
        assert (answer.status, answer["sec-websocket-protocol"], answer["x-a"]) == (200, "b", "1")
    scope = told.get()
    assert (scope["type"], scope["http_version"], scope["scheme"]) == ("websocket", "2", "ws")
    assert (scope["path"], scope["raw_path"], scope["query_string"]) == ("/a b", b"/a%20b", b"q")
    assert scope["subprotocols"] == ["a", "b"]
    assert scope["headers"] == [(b"host", b"h:1"), *((name.encode(), value.encode()) for name, value in fields)]
    assert "method" not in scope
    assert list(scope["extensions"]) == ["websocket.http.response"]


@pytest.mark.parametrize(
    "fields",
    [
        [],
        [("sec-websocket-version", "8")],
        [*HANDSHAKE, ("sec-websocket-version", "13")],
        [*HANDSHAKE, ("sec-websocket-protocol", "a b")],
        [*HANDSHAKE, ("sec-websocket-extensions", "permessage-deflate;")],
    ],
)
def test_a_bad_handshake_is_refused_and_the_others_go_on(asgi, fields):
    called = Told()

    async def application(scope, receive, send):
        called.put(scope["type"])
        await page_or_echo(scope, receive, send)

    with asgi(application).client() as client:
        stream = client.begin("CONNECT", "/", fields, end=False, protocol="websocket")
        answer = client.hear_until_over(stream)
        assert (answer.status, answer.ended, answer["sec-websocket-version"]) == (400, True, "13")
        client.expect(client.begin(path="/page"), 200, b"/page")
    assert called.get() == "http"
    assert called.empty()


def test_what_is_sent_before_the_answer_are_messages(asgi):
    go_on = asyncio.Event()

    async def application(scope, receive, send):
        await go_on.wait()
        await echo(scope, receive, send)

    gateway = asgi(application)
    with gateway.client() as client:
        peer = on(client).ask().say("early").say(b"bird")
        client.expect_alive()
        assert client.answer_of(peer.stream).status == 0
        gateway.set(go_on)
        peer.expect_accepted()
        peer.expect_message("early").expect_message(b"bird")
        peer.leave()


def test_a_peer_that_ends_its_stream_before_it_is_accepted(asgi):
    async def application(script, receive, send):
        script.heard.put(await receive())
        script.heard.put(await receive())

    script = Script(application)
    with asgi(script).client() as client:
        peer = on(client).ask()
        assert script.hear() == {"type": "websocket.connect"}
        client.send(rst_stream(peer.stream))
        assert script.hear() == {"type": "websocket.disconnect", "code": 1006, "reason": ""}
        client.expect_alive()


def test_a_refusal_leaves_the_connection(asgi):
    async def application(scope, receive, send):
        if scope["type"] == "http":
            await page_or_echo(scope, receive, send)
            return
        await receive()
        await send({"type": "websocket.close"})

    with asgi(application).client() as client:
        for _ in range(3):
            peer = on(client).ask()
            assert peer.hear().status == 403
            client.expect(client.begin(path="/page"), 200, b"/page")


@pytest.mark.parametrize("status", [200, 204, 299])
def test_a_refusal_that_would_accept_is_an_error(asgi, status):
    async def application(script, receive, send):
        await receive()
        try:
            await send({"type": "websocket.http.response.start", "status": status, "headers": []})
        except ValueError as error:
            script.heard.put(str(error))
        await send({"type": "websocket.http.response.start", "status": 404, "headers": []})
        await send({"type": "websocket.http.response.body", "body": b"not here"})

    script = Script(application)
    with asgi(script).client() as client:
        response = on(client).ask().hear()
        assert (response.status, response.body, response["connection"]) == (404, b"not here", None)
    assert str(status) in script.hear()


# ---- streams among others ----


def test_many_on_one_connection_beside_requests(asgi):
    with asgi(page_or_echo).client() as client:
        peers = [on(client).open(f"/{i}") for i in range(20)]
        for i, peer in enumerate(peers):
            peer.say(f"hello {i}")
        client.expect(client.begin(path="/page"), 200, b"/page")
        for i, peer in reversed(list(enumerate(peers))):
            peer.expect_message(f"hello {i}")
        for peer in peers[::2]:
            peer.leave()
        for peer in peers[1::2]:
            peer.say("still").expect_message("still")
            peer.leave()


def test_compression_is_that_of_each_stream(asgi):
    with asgi(echo).client() as client:
        peers = [on(client).open(Sec_WebSocket_Extensions="permessage-deflate") for _ in range(3)]
        for i in range(3):
            for peer in peers:
                peer.say(f"again and {i} again " * 100)
        for i in range(3):
            for peer in peers:
                peer.expect_message(f"again and {i} again " * 100)
        for peer in peers:
            peer.leave()


@pytest.mark.parametrize("size", [1000, 65535, 65536, 1_000_000])
def test_messages_larger_than_frames_and_windows(asgi, size):
    message = os.urandom(size)
    with asgi(echo).client() as client:
        peers = [on(client).open() for _ in range(2)]
        for peer in peers:
            peer.say(message)
            peer.expect_message(message)
            peer.leave()


def test_who_does_not_read_holds_up_only_itself(asgi):
    async def application(scope, receive, send):
        if scope["path"] != "/endless":
            await page_or_echo(scope, receive, send)
            return
        await receive()
        await send({"type": "websocket.accept"})
        try:
            while True:
                await send({"type": "websocket.send", "bytes": b"x" * 10_000})
        except OSError:
            ended.put("left")

    ended = Told()
    with asgi(application).client() as client:
        client.generous = False
        stuck = on(client).ask("/endless")
        answer = client.answer_of(stuck.stream)
        while answer.window > 0:
            client.hear()
        client.give(0, 1 << 20)
        other = on(client).open()
        for i in range(20):
            other.say(f"{i}").expect_message(f"{i}")
        client.expect(client.begin(path="/page"), 200, b"/page")
        client.send(rst_stream(stuck.stream))
        assert ended.get() == "left"
        other.leave()


def test_pings(asgi):
    with asgi(echo).client() as client:
        peer = on(client).open()
        peer.send_bytes(frame(PING, b"abc"))
        found = peer.hear_frame()
        assert (found.opcode, found.payload) == (PONG, b"abc")
        peer.leave()


# ---- how it ends ----


def keeping(told):
    async def application(scope, receive, send):
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            pass
        told.put((scope["path"], message["code"]))

    return application


def test_a_reset_ends_its_own(asgi):
    told = Told()
    with asgi(keeping(told)).client() as client:
        peers = [on(client).open(f"/{i}") for i in range(3)]
        client.send(rst_stream(peers[1].stream))
        assert told.get() == ("/1", 1006)
        client.expect_alive()
        for peer in (peers[0], peers[2]):
            peer.leave()
        assert sorted([told.get(), told.get()]) == [("/0", 1000), ("/2", 1000)]


def test_the_end_of_the_stream_is_the_end_of_the_connection(asgi):
    """Without a close frame, as RFC 8441 section 5 has it."""
    told = Told()
    with asgi(keeping(told)).client() as client:
        peer = on(client).open("/a")
        peer.end()
        assert told.get() == ("/a", 1006)
        assert client.hear_until_over(peer.stream).body == b""
        client.expect_alive()


def test_a_connection_that_is_gone_ends_all(asgi):
    told = Told()
    with asgi(keeping(told)).client() as client:
        for i in range(5):
            on(client).open(f"/{i}")
    assert sorted(told.get() for _ in range(5)) == [(f"/{i}", 1006) for i in range(5)]


def test_a_frame_that_breaks_the_protocol_fails_its_own(asgi):
    told = Told()
    with asgi(keeping(told)).client() as client:
        good, bad = on(client).open("/good"), on(client).open("/bad")
        bad.send_bytes(frame(TEXT, b"\xff"))
        bad.expect_close(1007)
        assert told.get() == ("/bad", 1007)
        answer = client.hear_until_over(bad.stream)
        assert answer.ended
        assert answer.reset in (None, Code.NO_ERROR)
        good.leave()
        client.expect_alive()


def test_a_drain_closes_each_with_1012(asgi):
    told = Told()
    gateway = asgi(keeping(told))
    with gateway.client() as client:
        peers = [on(client).open(f"/{i}") for i in range(3)]
        gateway.worker.drain()
        for peer in peers:
            peer.expect_close(1012)
            peer.say_close(1012).end()
        assert sorted(told.get() for _ in peers) == [(f"/{i}", 1012) for i in range(3)]
        while heard := client.hear_or_end():
            assert heard.kind in (Kind.GOAWAY, Kind.DATA, Kind.WINDOW_UPDATE, Kind.RST_STREAM), heard
        assert client.goaways[-1].code == Code.NO_ERROR


def test_a_stop_tells_the_applications(asgi):
    told = Told()
    gateway = asgi(keeping(told))
    with gateway.client() as client:
        for i in range(3):
            on(client).open(f"/{i}")
        gateway.worker.stop()
        assert sorted(told.get() for _ in range(3)) == [(f"/{i}", 1006) for i in range(3)]
