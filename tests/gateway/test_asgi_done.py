"""src/python/asgi_done.c: an awaitable that is over before it is awaited; and receive() when a message is there."""

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


def test_a_message_that_is_there_is_taken_when_it_is_awaited(asgi):
    async def function(scope, receive, send):
        awaitable = receive()
        assert inspect.isawaitable(awaitable)
        assert await awaitable == message(b"abc")

    in_request(asgi, function, data=b"abc")


def close(awaitable):
    awaitable.close()


def throw_into(awaitable):
    with pytest.raises(KeyError):
        awaitable.throw(KeyError("k"))


def forget(awaitable):
    del awaitable


@pytest.mark.parametrize("end", [close, throw_into, forget])
def test_whoever_ends_it_before_takes_nothing(asgi, end):
    async def function(scope, receive, send):
        end(receive())
        assert await receive() == message(b"abc")

    in_request(asgi, function, data=b"abc")


def test_a_task_that_is_cancelled_before_its_first_step_takes_nothing(asgi):
    async def function(scope, receive, send):
        task = asyncio.create_task(receive())
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await receive() == message(b"abc")

    in_request(asgi, function, data=b"abc")


def test_two_that_ask_at_once_get_one_message_each(asgi):
    """The second waits, as a coroutine of another server would."""

    async def function(receive, send):
        first, second = asyncio.create_task(receive()), asyncio.create_task(receive())
        await pause(3)
        assert await first == message()
        assert not second.done()
        await send(start())
        await send(body())
        return await second

    assert in_answer(asgi, function) == DISCONNECT


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

    names = ["ApplicationCall", "Done", "SpareTask", "Wait"]
    types = [kind for kind in object.__subclasses__() if kind.__module__ == _core.__name__ and kind.__name__ in names]
    for kind in types:
        with pytest.raises(TypeError):
            kind()
    assert sorted({kind.__name__ for kind in types}) == names
