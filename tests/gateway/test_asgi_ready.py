"""src/python/asgi_ready.c: awaitables that are over before they are awaited."""

from __future__ import annotations

import asyncio
import gc
import inspect

import pytest

from tests.gateway.asgi import body, start
from tests.gateway.asgi_tasks import DISCONNECT, in_answer, in_request, message, pause


def test_awaiting_does_not_suspend(asgi):
    """Nothing that waits for its turn of the loop gets one in between."""

    async def function(receive, send):
        turns = []
        asyncio.get_running_loop().call_soon(turns.append, 1)
        await receive()
        await send(start())
        for _ in range(100):
            await send(body(b"abc", more=True))
        await send(body())
        seen = list(turns)
        await pause()
        return seen, turns

    assert in_answer(asgi, function) == ([], [1])


def test_they_can_be_tasks(asgi):
    async def function(receive, send):
        first = await asyncio.create_task(receive())
        assert await asyncio.create_task(send(start())) is None
        assert await asyncio.wait_for(send(body(b"abc", more=True)), 10) is None
        assert await asyncio.gather(send(body(b"abc", more=True)), send(body())) == [None, None]
        return first, await asyncio.shield(receive())

    assert in_answer(asgi, function) == (message(), DISCONNECT)


def test_waiting_for_the_first(asgi):
    async def function(receive, send):
        tasks = [asyncio.ensure_future(receive()), asyncio.ensure_future(send(start()))]
        done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        assert not pending
        await send(body())
        return [task.result() for task in tasks], len(done)

    assert in_answer(asgi, function) == ([message(), None], 2)


def test_a_value_is_given_once(asgi):
    async def function(scope, receive, send):
        awaitable = receive()
        assert inspect.isawaitable(awaitable)
        assert await awaitable == message()
        with pytest.raises(RuntimeError, match="already awaited"):
            await awaitable
        with pytest.raises(RuntimeError, match="already awaited"):
            awaitable.send(None)

    in_request(asgi, function)


def close(awaitable):
    awaitable.close()


def throw_into(awaitable):
    with pytest.raises(KeyError):
        awaitable.throw(KeyError("k"))


@pytest.mark.parametrize("end", [close, throw_into])
def test_whoever_ends_it_lets_go_of_the_value(asgi, end):
    async def function(scope, receive, send):
        awaitable = receive()
        end(awaitable)
        with pytest.raises(RuntimeError, match="already awaited"):
            await awaitable

    in_answer(asgi, finished_first(function))


def finished_first(function):
    """Runs it when the answer is complete: there receive() has a message whenever it is asked."""

    async def then(receive, send):
        await send(start())
        await send(body())
        return await function({}, receive, send)

    return then


def test_values_die_with_their_awaitables(asgi):
    """Awaited or not: nothing is kept, and nothing warns of a coroutine that was never awaited."""

    async def function(scope, receive, send):
        gc.collect()
        before = len(gc.get_objects())
        for _ in range(1000):
            receive()
            await receive()
        gc.collect()
        return len(gc.get_objects()) - before

    assert in_answer(asgi, finished_first(function)) < 100


def test_the_one_for_none_is_awaited_any_number_of_times(asgi):
    async def function(receive, send):
        awaitable = send(start())
        assert [await awaitable, await awaitable, await asyncio.create_task(awaitable)] == [None] * 3
        awaitable.close()
        assert await awaitable is None
        with pytest.raises(KeyError):
            awaitable.throw(KeyError("k"))
        await send(body())

    in_answer(asgi, function)


def test_types_are_not_for_making():
    from freastal import _core

    names = ["ApplicationCall", "Done", "Ready", "SpareTask", "Wait"]
    types = [kind for kind in object.__subclasses__() if kind.__module__ == _core.__name__ and kind.__name__ in names]
    for kind in types:
        with pytest.raises(TypeError):
            kind()
    assert sorted({kind.__name__ for kind in types}) == names
