"""src/python/asgi_extensions.c: early hints, trailers, what helps to debug.

https://asgi.readthedocs.io/en/latest/extensions.html
"""

from __future__ import annotations

import pytest

from tests.gateway.asgi import Told, body, sending, start

GET = "GET / HTTP/1.1\r\nHost: x\r\nTE: trailers\r\n\r\n"


def hint(*links):
    return {"type": "http.response.early_hint", "links": links}


def trailers(*headers, more=False):
    return {"type": "http.response.trailers", "headers": headers, "more_trailers": more}


# ---- early hints ----


def test_early_hints_come_before_the_answer(asgi):
    gateway = asgi(sending(hint(b"</a.css>; rel=preload", b"</b.js>; rel=preload"), hint(b"</c>"), start(), body(b"x")))
    raw = gateway.send(GET)
    assert raw.read_head() == (
        "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nLink: </b.js>; rel=preload\r\n\r\n"
    )
    assert raw.read_head() == "HTTP/1.1 103 Early Hints\r\nLink: </c>\r\n\r\n"
    assert raw.read_head().startswith("HTTP/1.1 200 OK\r\n")
    gateway.expect_no_failure()


def test_many_links(asgi):
    gateway = asgi(sending(hint(*[b"</%d>" % i for i in range(50)]), start(), body(b"x")))
    assert gateway.send(GET).read_head().count("\r\nLink: <") == 50


def test_http_1_0_knows_none(asgi):
    gateway = asgi(sending(hint(b"</a>"), start(), body(b"x")))
    assert gateway.send("GET / HTTP/1.0\r\n\r\n").read_to_end().startswith(b"HTTP/1.1 200 OK")


@pytest.mark.each_http
@pytest.mark.parametrize(
    ("links", "error"),
    [(["</a>"], TypeError), (5, TypeError), ([b"a\r\nb"], ValueError), (None, TypeError)],
)
def test_links_that_cannot_be_sent(asgi, links, error):
    told = Told()

    async def application(scope, receive, send):
        try:
            await send({"type": "http.response.early_hint", "links": links})
        except (TypeError, ValueError) as failure:
            told.put(type(failure))
        await send(start())
        await send(body(b"x"))

    assert asgi(application).get().body == b"x"
    assert told.get() is error


# ---- trailers ----


def test_trailers_follow_the_body(asgi):
    gateway = asgi(sending(start(trailers=True), body(b"x"), trailers((b"x-sum", b"1"), (b"X-Time", b"2"))))
    raw = gateway.send(GET)
    assert "Transfer-Encoding: chunked" in raw.read_head()
    assert raw.read_until(b"2\r\n\r\n") == b"1\r\nx\r\n0\r\nx-sum: 1\r\nX-Time: 2\r\n\r\n"
    gateway.expect_no_failure()


def test_trailers_in_several_messages(asgi):
    messages = [trailers((b"a", b"1"), more=True), trailers(more=True), trailers((b"b", b"2"), more=True), trailers()]
    gateway = asgi(sending(start(trailers=True), body(b"x"), *messages))
    assert gateway.send(GET).read_until(b"2\r\n\r\n").endswith(b"0\r\na: 1\r\nb: 2\r\n\r\n")


def test_trailers_may_turn_out_to_be_none(asgi):
    gateway = asgi(sending(start(trailers=True), body(b"x"), {"type": "http.response.trailers"}))
    assert gateway.send(GET).read_until(b"0\r\n\r\n").endswith(b"1\r\nx\r\n0\r\n\r\n")
    gateway.expect_no_failure()


def test_the_connection_goes_on_after_trailers(asgi):
    gateway = asgi(sending(start(trailers=True), body(b"x"), trailers((b"a", b"1"))))
    raw = gateway.send(GET * 3)
    for _ in range(3):
        assert raw.read_until(b"a: 1\r\n\r\n").count(b"HTTP/1.1 200") == 1


def test_promised_trailers_that_do_not_come(asgi):
    gateway = asgi(sending(start(trailers=True), body(b"x")))
    assert not gateway.send(GET).read_to_end().endswith(b"0\r\n\r\n")
    level, line = next_error(gateway)
    assert (level, line) == (40, "GET /: ASGI callable returned without completing response.")


def next_error(gateway):
    while True:
        level, line = gateway.lines.get(timeout=10)
        if level >= 30:
            return level, line


@pytest.mark.each_http
def test_trailers_that_were_not_promised(asgi):
    told = Told()

    async def application(scope, receive, send):
        await send(start())
        await send(body(b"x"))
        try:
            await send(trailers((b"a", b"1")))
        except RuntimeError as error:
            told.put(str(error))

    assert asgi(application).get().body == b"x"
    assert told.get() == ("Unexpected ASGI message 'http.response.trailers' sent, after response already completed.")


@pytest.mark.parametrize(
    ("headers", "error"),
    [
        ([("a", b"1")], TypeError),
        ([(b"a", b"1\n")], ValueError),
        ([(b"content-length", b"1")], ValueError),
        (5, TypeError),
    ],
)
def test_trailers_that_cannot_be_sent(asgi, headers, error):
    told = Told()

    async def application(scope, receive, send):
        await send(start(trailers=True))
        await send(body(b"x"))
        try:
            await send({"type": "http.response.trailers", "headers": headers})
        except (TypeError, ValueError) as failure:
            told.put(type(failure))
        await send(trailers((b"a", b"1")))

    assert asgi(application).send(GET).read_until(b"a: 1\r\n\r\n")
    assert told.get() is error


# ---- debugging ----


def debug(info):
    return {"type": "http.response.debug", "info": info}


@pytest.mark.each_http
def test_what_helps_to_debug_goes_to_the_log(asgi):
    gateway = asgi(
        sending(
            debug({"template": "a.html"}),
            start(),
            body(b"x"),
        ),
        log_level=10,
    )
    assert gateway.get("/path").body == b"x"
    assert (10, "GET /path: {'template': 'a.html'}") in list(lines_of(gateway))


def lines_of(gateway):
    while not gateway.lines.empty():
        yield gateway.lines.get()


@pytest.mark.each_http
def test_and_is_not_looked_at_when_nobody_reads_it(asgi):
    class Secret:
        def __repr__(self):
            raise AssertionError

    gateway = asgi(sending(debug(Secret()), start(), debug(Secret()), body(b"x")), log_level=20)
    assert gateway.get().body == b"x"
    gateway.expect_no_failure()


@pytest.mark.each_http
def test_debug_without_info(asgi):
    gateway = asgi(sending({"type": "http.response.debug"}))
    assert gateway.get().status == 500
    assert "has no key 'info'" in str(gateway.failure()[1])


# ---- the others ----


@pytest.mark.each_http
@pytest.mark.parametrize("kind", ["http.response.push", "http.response.pathsen", "http.response.zerocopysendx", "x"])
def test_what_is_no_extension(asgi, kind):
    gateway = asgi(sending(start(), {"type": kind, "path": "/", "headers": []}))
    assert gateway.get().status == 500
    assert str(gateway.failure()[1]) == f"Expected ASGI message 'http.response.body', but got '{kind}'."


@pytest.mark.each_http
def test_each_has_its_time(asgi):
    told = Told()

    async def application(scope, receive, send):
        async def refused(message):
            try:
                await send(message)
            except RuntimeError as error:
                told.put(str(error).split("'")[1])

        await refused(trailers())
        await refused({"type": "http.response.pathsend", "path": "/"})
        await send(start(trailers=True))
        await refused(hint(b"</a>"))
        await refused(trailers())
        await send(body(b"x"))
        await refused(body())
        await refused({"type": "http.response.zerocopysend", "file": 0})
        await send(trailers())

    assert asgi(application).get().body == b"x"
    expected = ["http.response.start"] * 2 + ["http.response.body"] * 2 + ["http.response.trailers"] * 2
    assert [told.get() for _ in expected] == expected
