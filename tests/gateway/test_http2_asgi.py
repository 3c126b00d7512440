"""ASGI over HTTP/2: what is not the same as over HTTP/1.1, or could get into the way of other streams (RFC 9113).

What is the same is in the tests that are marked each_http.
"""

from __future__ import annotations

import asyncio

import pytest

from tests.gateway.asgi import Told, body, read_body, sending, start
from tests.support.frames import Code

WINDOW = 65535
SIZES = [0, 1, 1000, 16383, 16384, 16385, WINDOW, WINDOW + 1, 1_000_000]


def pattern(size):
    return (bytes(range(251)) * (size // 251 + 1))[:size]


async def echo(scope, receive, send):
    data = await read_body(receive)
    await send(start())
    await send(body(data))


async def path_of(scope, receive, send):
    await send(start())
    await send(body(scope["path"].encode()))


# ---- the scope ----


def scope_of(asgi, *fields, method="GET", path="/", **pseudo):
    told = Told()

    async def application(scope, receive, send):
        told.put(scope)
        await send(start())
        await send(body(b"x"))

    with asgi(application).client() as client:
        client.finish(client.begin(method, path, list(fields), **pseudo))
    return told.get()


def test_the_scope(asgi):
    scope = scope_of(asgi, ("x-a", "b"), method="PUT", path="/a%20b/?c=d%20e", authority="example.com:8000")
    assert scope["type"] == "http"
    assert scope["http_version"] == "2"
    assert scope["method"] == "PUT"
    assert scope["scheme"] == "http"
    assert (scope["path"], scope["raw_path"], scope["query_string"]) == ("/a b/", b"/a%20b/", b"c=d%20e")
    assert scope["headers"] == [(b"host", b"example.com:8000"), (b"x-a", b"b")]
    assert {"http.response.trailers", "http.response.early_hint", "http.response.pathsend"} <= set(scope["extensions"])


def test_the_authority_goes_before_host(asgi):
    scope = scope_of(asgi, ("x-a", "b"), ("host", "test"), authority="test")
    assert scope["headers"] == [(b"x-a", b"b"), (b"host", b"test")]


def test_host_may_stand_for_the_authority(asgi):
    told = Told()

    async def application(scope, receive, send):
        told.put(scope)
        await send(start())
        await send(body())

    with asgi(application).client() as client:
        fields = [(":method", "GET"), (":scheme", "http"), (":path", "/"), ("host", "h")]
        client.finish(client.ask_raw(client.encoder.encode(fields)))
    assert told.get()["headers"] == [(b"host", b"h")]


def test_cookies_are_one_and_other_fields_are_as_they_came(asgi):
    cookies = [("cookie", "a=1"), ("cookie", "b=2"), ("cookie", "c=3")]
    headers = scope_of(asgi, cookies[0], ("x-a", "1"), cookies[1], ("x-a", "2"), cookies[2])["headers"]
    assert [value for name, value in headers if name == b"cookie"] == [b"a=1; b=2; c=3"]
    assert [value for name, value in headers if name == b"x-a"] == [b"1", b"2"]


def test_each_request_has_its_own_fields(asgi):
    """What HPACK and the scopes remember of earlier ones stays with these."""
    told = Told()

    async def application(scope, receive, send):
        told.put((scope["path"], dict(scope["headers"]).get(b"x-name"), len(scope["headers"])))
        await send(start())
        await send(body())

    with asgi(application).client() as client:
        streams = [client.begin(path=f"/{i}", fields=[("x-name", f"{i % 3}"), ("x-other", "y")]) for i in range(30)]
        for stream in streams:
            client.expect(stream)
    assert [told.get() for _ in range(30)] == [(f"/{i}", b"%d" % (i % 3), 3) for i in range(30)]


def test_a_connect_that_is_no_websocket_is_refused(asgi):
    told = Told()

    async def application(scope, receive, send):
        told.put(scope)

    with asgi(application).client() as client:
        stream = client.begin("CONNECT", "/", end=False, protocol="connect-udp")
        assert client.hear_until_status(stream).status == 501
        client.expect_alive()
    assert told.empty()


# ---- what comes ----


@pytest.mark.parametrize("said", [True, False])
def test_bodies_of_all_sizes(asgi, said):
    with asgi(echo).client(initial_window_size=1 << 20) as client:
        for size in SIZES:
            assert client.request("POST", "/", pattern(size) if said else [pattern(size)]).body == pattern(size)


def test_a_request_without_a_body_is_one_message(asgi):
    told = Told()

    async def application(scope, receive, send):
        told.put(await receive())
        await send(start())
        await send(body())

    with asgi(application).client() as client:
        client.request()
        client.request("POST", "/", b"")
    wanted = {"type": "http.request", "body": b"", "more_body": False}
    assert [told.get(), told.get()] == [wanted, wanted]


def test_both_sides_stream(asgi):
    """Each piece comes back before the next is sent."""

    async def application(scope, receive, send):
        await send(start())
        more = True
        while more:
            message = await receive()
            more = message["more_body"]
            await send(body(message["body"].upper(), more=more))

    with asgi(application).client() as client:
        streams = [client.begin("POST", end=False) for _ in range(3)]
        for i in range(10):
            for stream in streams:
                client.upload(stream, b"piece%d" % i)
                while not client.answer_of(stream).body.endswith(b"PIECE%d" % i):
                    client.hear()
        for stream in streams:
            client.upload(stream, b"", end=True)
            client.expect(stream, 200, b"".join(b"PIECE%d" % i for i in range(10)))


def test_who_does_not_receive_holds_up_only_itself(asgi):
    go_on = asyncio.Event()

    async def application(scope, receive, send):
        if scope["path"] == "/slow":
            await go_on.wait()
        await echo(scope, receive, send)

    gateway = asgi(application)
    with gateway.client(initial_window_size=1 << 20) as client:
        stream = client.begin("POST", "/slow", end=False)
        sent = client.room_of(stream)
        client.upload(stream, b"x" * sent)
        for i in range(5):
            assert client.request("POST", "/", b"%d" % i * 70_000).body == b"%d" % i * 70_000
        gateway.set(go_on)
        client.upload(stream, b"y" * 200_000, end=True)
        client.expect(stream, 200, b"x" * sent + b"y" * 200_000)


def test_no_more_is_taken_than_the_application_wants(asgi):
    """The window of a stream stays shut while nobody receives."""
    go_on = asyncio.Event()

    async def application(scope, receive, send):
        await go_on.wait()
        await echo(scope, receive, send)

    gateway = asgi(application)
    with gateway.client(initial_window_size=1 << 20) as client:
        stream = client.begin("POST", end=False)
        first = client.room_of(stream)
        client.upload(stream, b"x" * first)
        client.expect_alive()
        client.expect_alive()
        grown = client.room[stream]
        assert grown <= first
        gateway.set(go_on)
        client.upload(stream, b"y" * 300_000, end=True)
        assert len(client.expect(stream).body) == first + 300_000


def test_a_body_over_the_limit(asgi):
    with asgi(echo, limits={"body_bytes_max": 1000}).client() as client:
        assert client.request("POST", "/", b"x" * 1001).status == 413
        assert client.request("POST", "/", [b"x" * 600, b"y" * 600]).status == 413
        assert client.request("POST", "/", b"x" * 1000).body == b"x" * 1000


def test_an_answer_may_come_before_the_body(asgi):
    with asgi(sending(start(401), body(b"no"))).client() as client:
        for _ in range(3):
            stream = client.begin("POST", end=False)
            answer = client.hear_until_over(stream)
            assert (answer.status, answer.body, answer.ended) == (401, b"no", True)
            client.expect_alive()
            assert answer.reset in (None, Code.NO_ERROR)


# ---- what goes ----


@pytest.mark.parametrize("pieces", [1, 3])
def test_answers_of_all_sizes(asgi, pieces):
    async def application(scope, receive, send):
        data = pattern(int(scope["path"][1:]))
        step = len(data) // pieces + 1
        await send(start())
        for at in range(0, step * pieces, step):
            await send(body(data[at : at + step], more=at + step < step * pieces))

    with asgi(application).client() as client:
        for size in SIZES:
            answer = client.request("GET", f"/{size}")
            assert answer.body == pattern(size)
            assert answer.headers["content-length"] == (str(size) if pieces == 1 else None)


def test_fields_of_the_connection_stay_here(asgi):
    headers = [
        (b"Connection", b"close"),
        (b"Keep-Alive", b"5"),
        (b"Transfer-Encoding", b"chunked"),
        (b"Upgrade", b"h3"),
        (b"X-A", b"b"),
        (b"proxy-connection", b"x"),
    ]
    with asgi(sending(start(headers=headers), body(b"x"))).client() as client:
        for _ in range(3):
            answer = client.expect(client.begin(), 200, b"x")
            assert answer["x-a"] == "b"


@pytest.mark.parametrize("header", [(b"a b", b"c"), (b"a", b"b\r\nc: d"), (b":path", b"/"), (b"a", b"b\0")])
def test_fields_that_may_not_be_sent(asgi, header):
    with asgi(sending(start(headers=[header]), body(b"x"))).client() as client:
        for _ in range(2):
            assert client.request().status == 500


def test_there_is_no_101(asgi):
    with asgi(sending(start(101), body(b"x"))).client() as client:
        assert client.request().status == 500


def test_head(asgi):
    with asgi(sending(start(), body(b"x" * 1000))).client() as client:
        answer = client.request("HEAD")
        assert (answer.body, answer.headers["content-length"]) == (b"", "1000")
        stream = client.begin("HEAD")
        assert client.expect(stream).ended


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("status", [204, 304])
def test_answers_without_a_body(asgi, method, status):
    with asgi(sending(start(status), body(b""))).client() as client:
        for _ in range(2):
            client.expect(client.begin(method), status, b"")


def test_early_hints(asgi):
    hint = {"type": "http.response.early_hint", "links": [b"</a.css>; rel=preload", b"</b.js>; rel=preload"]}
    with asgi(sending(hint, hint, start(), body(b"x"))).client() as client:
        answer = client.expect(client.begin(), 200, b"x")
    links = [("link", "</a.css>; rel=preload"), ("link", "</b.js>; rel=preload")]
    assert answer.informational == [[(":status", "103"), *links]] * 2
    assert answer["link"] is None


def test_trailers(asgi):
    trailers = {"type": "http.response.trailers", "headers": [(b"X-Sum", b"1"), (b"x-time", b"2")]}
    with asgi(sending(start(trailers=True), body(b"x"), trailers)).client() as client:
        streams = [client.begin() for _ in range(3)]
        for stream in streams:
            answer = client.expect(stream, 200, b"x")
            assert answer.trailers == [("x-sum", "1"), ("x-time", "2")]


@pytest.mark.parametrize("trailers", [[], [(b"", b"")][:0]])
def test_promised_trailers_may_be_none(asgi, trailers):
    messages = [start(trailers=True), body(b"x"), {"type": "http.response.trailers", "headers": trailers}]
    with asgi(sending(*messages)).client() as client:
        for _ in range(2):
            assert client.expect(client.begin(), 200, b"x").trailers == []


def test_trailers_behind_a_shut_window(asgi):
    """They wait for the body, and the answer is over for the application."""
    done = Told()

    async def application(scope, receive, send):
        await send(start(trailers=True))
        await send(body(b"x" * 70_000))
        await send({"type": "http.response.trailers", "headers": [(b"a", b"b")]})
        done.put("done")

    with asgi(application).client(initial_window_size=0) as client:
        stream = client.begin()
        client.hear_until_status(stream)
        assert not client.answer_of(stream).body
        client.generous = False
        client.give(stream, 70_001)
        client.give(0, 70_001)
        assert client.expect(stream, 200, b"x" * 70_000).trailers == [("a", "b")]
    assert done.get() == "done"


@pytest.mark.parametrize("kind", ["pathsend", "zerocopysend"])
def test_files(asgi, tmp_path, kind):
    path = tmp_path / "file"
    path.write_bytes(pattern(500_000))

    async def application(scope, receive, send):
        await send(start(headers=[(b"content-length", b"500000")]))
        if kind == "pathsend":
            await send({"type": "http.response.pathsend", "path": str(path)})
        else:
            with open(path, "rb") as file:
                half = {"type": "http.response.zerocopysend", "file": file.fileno(), "count": 250_000}
                await send({**half, "more_body": True})
                await send({**half, "offset": 250_000})

    with asgi(application).client() as client:
        streams = [client.begin() for _ in range(4)]
        for stream in streams:
            assert client.finish(stream).body == pattern(500_000)
        assert client.request("HEAD").headers["content-length"] == "500000"


def test_a_file_that_shrinks_is_no_whole_answer(asgi, tmp_path):
    """The frame that should have held it has begun: there is no way on, but for new connections."""
    path = tmp_path / "file"
    path.write_bytes(pattern(200_000))

    async def application(scope, receive, send):
        if scope["path"] == "/next":
            await path_of(scope, receive, send)
            return
        await send(start())
        await send({"type": "http.response.pathsend", "path": str(path)})

    gateway = asgi(application)
    with gateway.client() as client:
        client.generous = False
        stream = client.begin(path="/file")
        client.hear_until_status(stream)
        while client.answer_of(stream).window > 0:
            client.hear()
        path.write_bytes(b"")
        client.give(0, 1 << 20)
        client.give(stream, 1 << 20)
        with pytest.raises(AssertionError, match="the connection ended within a frame"):
            client.hear_until_over(stream)
    assert gateway.get("/next").body == b"/next"
