"""src/python/asgi_fields.c: the headers that applications give, whatever they are in."""

from __future__ import annotations

import pytest

from tests.gateway.asgi import Told, body, start

BYTES = [(b"x-one", b"1"), (b"X-Two", b"2")]


def headers_of(gateway):
    return [(name, value) for name, value in gateway.get().headers.items() if name.lower().startswith("x-")]


class Iterable:
    """Is no sequence, and can be walked once."""

    def __init__(self, items):
        self.items = iter(items)

    def __iter__(self):
        return self.items


@pytest.mark.each_http
@pytest.mark.parametrize(
    "headers",
    [
        lambda: list(BYTES),
        lambda: tuple(BYTES),
        lambda: [list(pair) for pair in BYTES],
        lambda: iter(BYTES),
        lambda: Iterable(BYTES),
        lambda: Iterable(Iterable(pair) for pair in BYTES),
        lambda: dict(BYTES).items(),
        lambda: [(BytesOfItsOwn(name), BytesOfItsOwn(value)) for name, value in BYTES],
    ],
)
def test_any_iterable_of_pairs(asgi, http, headers):
    async def application(scope, receive, send):
        await send(start(headers=headers()))
        await send(body())

    second = "X-Two" if http == "1" else "x-two"
    assert headers_of(asgi(application)) == [("x-one", "1"), (second, "2")]


class BytesOfItsOwn(bytes):
    pass


@pytest.mark.each_http
def test_without_headers(asgi):
    async def application(scope, receive, send):
        await send({"type": "http.response.start", "status": 200})
        await send(body(b"x"))

    assert asgi(application).get().body == b"x"


@pytest.mark.parametrize("count", [1, 48, 49, 500])
def test_any_number(asgi, count):
    pairs = [(b"x-%d" % i, b"value %d" % i) for i in range(count)]

    async def application(scope, receive, send):
        await send(start(headers=pairs))
        await send(body())

    raw = asgi(application).send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    head = raw.read_head()
    assert head.count("\r\nx-") == count
    assert f"\r\nx-{count - 1}: value {count - 1}\r\n" in head


@pytest.mark.each_http
def test_they_are_copied_when_they_are_sent(asgi):
    """The head leaves with the body; what happens to the list meanwhile does not matter."""

    async def application(scope, receive, send):
        headers = [[b"x-one", b"1"]]
        await send(start(headers=headers))
        headers[0][1] = b"changed"
        headers.append((b"x-two", b"2"))
        await send(body())

    assert headers_of(asgi(application)) == [("x-one", "1")]


def test_obs_text_and_tabs_may_be_sent(asgi):
    async def application(scope, receive, send):
        await send(start(headers=[(b"x-one", b"caf\xe9\tau lait"), (b"x-two", b"")]))
        await send(body())

    head = asgi(application).send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").read_head()
    assert "x-one: caf\xe9\tau lait\r\n" in head
    assert "x-two: \r\n" in head


REFUSED = [
    (None, TypeError, "iterable of pairs, not NoneType"),
    (5, TypeError, "iterable of pairs, not int"),
    ([5], TypeError, "a header must be a pair of name and value, not 5"),
    ([b"xy"], TypeError, "a header must be a pair of name and value, not b'xy'"),
    (["xy"], TypeError, "a header must be a pair of name and value, not 'xy'"),
    ([(b"x",)], TypeError, "a header must be a pair of name and value"),
    ([(b"x", b"y", b"z")], TypeError, "a header must be a pair of name and value"),
    ({b"x-one": b"1"}, TypeError, "a header must be a pair of name and value"),
    ([("x", b"y")], TypeError, "the name of a header must be bytes, not str: 'x'"),
    ([(b"x", "y")], TypeError, "the value of a header must be bytes, not str: 'y'"),
    ([(b"x", 5)], TypeError, "the value of a header must be bytes, not int: 5"),
    ([(b"x", bytearray(b"y"))], TypeError, "the value of a header must be bytes, not bytearray"),
    ([(b"", b"y")], ValueError, "Invalid HTTP header name: b''"),
    ([(b"a b", b"y")], ValueError, "Invalid HTTP header name: b'a b'"),
    ([(b"a:", b"y")], ValueError, "Invalid HTTP header name"),
    ([(b":status", b"200")], ValueError, "Invalid HTTP header name"),
    ([(b"x", b"a\r\nSet-Cookie: b")], ValueError, "Invalid HTTP header value"),
    ([(b"x", b"a\nb")], ValueError, "Invalid HTTP header value"),
    ([(b"x", b"a\0b")], ValueError, "Invalid HTTP header value"),
    ([(b"content-length", b"x")], ValueError, "Content-Length cannot be b'x'"),
    ([(b"content-length", b"-1")], ValueError, "Content-Length cannot be b'-1'"),
    ([(b"content-length", b"1"), (b"Content-Length", b"1")], ValueError, "there are two headers Content-Length"),
    ([(b"transfer-encoding", b"gzip")], ValueError, "Transfer-Encoding is the server's to choose"),
]


@pytest.mark.each_http
@pytest.mark.parametrize(("headers", "error", "sentence"), REFUSED)
def test_what_may_not_be_sent(asgi, headers, error, sentence):
    """It is raised by send(), which can be called again with something better."""
    told = Told()

    async def application(scope, receive, send):
        try:
            await send(start(headers=headers))
        except (TypeError, ValueError) as failure:
            told.put((type(failure), str(failure)))
        await send(start(headers=[(b"x-one", b"better")]))
        await send(body())

    assert headers_of(asgi(application)) == [("x-one", "better")]
    kind, said = told.get()
    assert kind is error
    assert sentence in said


@pytest.mark.each_http
def test_what_iterating_raises_comes_out(asgi):
    told = Told()

    def failing():
        yield b"x-one", b"1"
        raise LookupError("midway")

    async def application(scope, receive, send):
        try:
            await send(start(headers=failing()))
        except LookupError as failure:
            told.put(str(failure))
        await send(start())
        await send(body())

    assert asgi(application).get().status == 200
    assert told.get() == "midway"


@pytest.mark.each_http
def test_headers_that_send_while_they_are_read(asgi):
    """Code of the application's may run inside of send(); it gets a sentence, and one answer leaves."""
    told = Told()

    async def application(scope, receive, send):
        def sending():
            send(start(201))
            yield b"x-one", b"1"

        try:
            await send(start(headers=sending()))
        except RuntimeError as failure:
            told.put(str(failure))
        await send(body(b"first"))

    answer = asgi(application).get()
    assert (answer.status, answer.body) == (201, b"first")
    assert "while its headers were read" in told.get()


@pytest.mark.each_http
def test_chunked_is_no_news(asgi):
    """Some applications say it; the server would have done it anyway, or has a better way."""

    async def application(scope, receive, send):
        await send(start(headers=[(b"transfer-encoding", b"chunked")]))
        await send(body(b"x"))

    answer = asgi(application).get()
    assert answer.body == b"x"
    assert answer.headers["Transfer-Encoding"] is None
