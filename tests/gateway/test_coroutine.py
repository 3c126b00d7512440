"""src/python/coroutine.c: what send(), throw() and close() of our awaitables tell. PEP 380, PEP 492."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine

import pytest

from tests.gateway.asgi import Told, start
from tests.gateway.asgi_tasks import in_answer, message


def test_a_value_comes_as_stop_iteration(asgi):
    async def function(receive, send):
        with pytest.raises(StopIteration) as told:
            receive().send(None)
        return told.value.value

    assert in_answer(asgi, function) == message()


def test_none_comes_as_stop_iteration(asgi):
    async def function(receive, send):
        with pytest.raises(StopIteration) as told:
            send(start()).send(None)
        return told.value.value

    assert in_answer(asgi, function) is None


def test_next_and_yield_from(asgi):
    """A generator-based coroutine sends into them by the protocol of iterators."""

    async def function(receive, send):
        def delegate(awaitable):
            return (yield from awaitable.__await__())

        values = []
        for awaitable in (receive(), send(start())):
            with pytest.raises(StopIteration) as told:
                next(delegate(awaitable))
            values.append(told.value.value)
        return values

    assert in_answer(asgi, function) == [message(), None]


@pytest.mark.parametrize("waits", [False, True])
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((KeyError("k"),), KeyError),
        ((KeyError,), KeyError),
        ((KeyError, "k"), KeyError),
        ((KeyError, KeyError("k")), KeyError),
        ((KeyError, None, None), KeyError),
        (("no exception",), TypeError),
        ((int,), TypeError),
        ((), TypeError),
        ((KeyError, "k", None, None), TypeError),
    ],
)
def test_throw_raises_what_it_is_given(asgi, arguments, expected, waits):
    async def function(receive, send):
        if waits:
            await receive()
        with pytest.raises(expected) as told:
            receive().throw(*arguments)
        assert told.type is expected

    in_answer(asgi, function)


def test_throw_keeps_the_traceback(asgi):
    async def function(receive, send):
        try:
            raise KeyError("k")
        except KeyError:
            traceback = sys.exc_info()[2]
        with pytest.raises(KeyError) as told:
            send(start()).throw(KeyError, KeyError("k"), traceback)
        last = told.value.__traceback__
        while last.tb_next:
            last = last.tb_next
        return last is traceback

    assert in_answer(asgi, function)


def test_they_pass_for_coroutines(asgi):
    async def function(receive, send):
        seen = []
        for awaitable in (receive(), receive(), send(start())):
            assert isinstance(awaitable, Coroutine)
            assert asyncio.iscoroutine(awaitable)
            assert (awaitable.cr_await, awaitable.cr_code, awaitable.cr_frame, awaitable.cr_origin) == (None,) * 4
            assert awaitable.cr_running is awaitable.cr_suspended is False
            seen.append(type(awaitable).__name__)
            awaitable.close()
        return seen

    assert in_answer(asgi, function) == ["Wait", "Wait", "Done"]


def test_an_interrupt_out_of_a_callback_ends_the_loop(asgi):
    """As it does when it comes out of any callback of the loop's, though this one is called by the core."""

    async def application(scope, receive, send):
        await receive()

        def interrupt(wait):
            raise KeyboardInterrupt("in a callback")

        later = receive()
        later.add_done_callback(interrupt)
        told.put("waits")
        await asyncio.get_running_loop().create_future()

    told = Told()
    gateway = asgi(application)
    raw = gateway.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert told.get() == "waits"
    raw.reset()
    ended = gateway.ended.get(timeout=20)
    assert isinstance(ended, KeyboardInterrupt)
    assert ended.args == ("in a callback",)
