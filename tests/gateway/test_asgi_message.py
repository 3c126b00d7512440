"""src/python/asgi_message.c: messages are dicts, or what behaves like one."""

from __future__ import annotations

from collections import ChainMap, OrderedDict, UserDict, defaultdict
from types import MappingProxyType

import pytest

from tests.gateway.asgi import Told, body, start


@pytest.mark.parametrize(
    "kind", [dict, OrderedDict, UserDict, MappingProxyType, ChainMap, lambda m: defaultdict(int, m)]
)
def test_any_mapping(asgi, kind):
    async def application(scope, receive, send):
        await send(kind(start(headers=[(b"x", b"y")])))
        await send(kind({"type": "http.response.body", "body": b"ok"}))

    gateway = asgi(application)
    answer = gateway.get()
    assert (answer.headers["x"], answer.body) == ("y", b"ok")
    gateway.expect_no_failure()


@pytest.mark.parametrize(
    ("message", "error", "sentence"),
    [
        (None, TypeError, "an ASGI message must be a dict, not NoneType"),
        (5, TypeError, "an ASGI message must be a dict, not int"),
        ({}, RuntimeError, "ASGI message {} has no key 'type'"),
        (UserDict(), RuntimeError, "has no key 'type'"),
        ({"type": None}, TypeError, "the type of an ASGI message must be a str, not None"),
        ({"type": b"http.response.start"}, TypeError, "must be a str, not b'http.response.start'"),
        ({"type": "\u20ac"}, TypeError, "must be a str"),
        ({"type": "http.response.start"}, RuntimeError, "has no key 'status'"),
    ],
)
def test_no_message(asgi, message, error, sentence):
    told = Told()

    async def application(scope, receive, send):
        try:
            await send(message)
        except (TypeError, RuntimeError) as failure:
            told.put((type(failure), str(failure)))
        await send(start())
        await send(body())

    assert asgi(application).get().status == 200
    kind, said = told.get()
    assert kind is error
    assert sentence in said


class Failing(UserDict):
    def __getitem__(self, key):
        if key == "body":
            raise LookupError("cannot say")
        return super().__getitem__(key)


class Truthless:
    def __bool__(self):
        raise LookupError("neither")


@pytest.mark.parametrize("message", [Failing(body()), {"type": "http.response.body", "more_body": Truthless()}])
def test_what_a_mapping_raises_comes_out(asgi, message):
    told = Told()

    async def application(scope, receive, send):
        await send(start())
        try:
            await send(message)
        except LookupError as failure:
            told.put(str(failure))
        await send(body(b"ok"))

    assert asgi(application).get().body == b"ok"
    assert told.get() in ("cannot say", "neither")


@pytest.mark.parametrize(("more", "rest"), [(0, b""), ("", b""), (None, b""), (1, b"2"), ("x", b"2")])
def test_more_body_is_what_is_true(asgi, more, rest):
    async def application(scope, receive, send):
        await send(start())
        await send({"type": "http.response.body", "body": b"1", "more_body": more})
        if rest:
            await send(body(rest))

    gateway = asgi(application)
    assert gateway.get().body == b"1" + rest
    gateway.expect_no_failure()


def test_a_type_is_told_by_its_text(asgi):
    """Not by the object: a str made at run time is as good as a constant."""

    async def application(scope, receive, send):
        await send({"type": ".".join(["http", "response", "start"]), "status": 200})
        await send({"type": ".".join(["http", "response", "body"]), "body": b"ok"})

    assert asgi(application).get().body == b"ok"
