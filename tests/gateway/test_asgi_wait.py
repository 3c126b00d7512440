"""src/python/asgi_wait.c: what receive() and send() give to wait for, as coroutines and as Futures."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import sys
import weakref

import anyio
import pytest

from tests.gateway.asgi import Told, body, start
from tests.gateway.asgi_tasks import DISCONNECT, answer, message, pause

HEAD = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"


class Talk:
    """A request whose body comes piece by piece, while `function(receive, talk)` listens."""

    def __init__(self, asgi, function, **options):
        self.function = function
        self.told = Told()
        self.gateway = asgi(self._application, **options)
        self.raw = self.gateway.send(HEAD)

    async def _application(self, scope, receive, send):
        try:
            self.told.put(("result", await self.function(receive, self)))
        except BaseException as error:
            self.told.put(("error", error))
        await answer(send)

    def say(self, what):
        """From the application: the test is to know that it got so far."""
        self.told.put(("said", what))

    def hear(self, what):
        assert self.told.get() == ("said", what)

    def piece(self, data):
        self.raw.send(f"{len(data):x}\r\n{data}\r\n")

    def result(self):
        kind, value = self.told.get()
        if kind == "error":
            raise value
        assert kind == "result", value
        return value


def piece(data):
    return message(data.encode(), more=True)


def test_a_wait_is_over_when_something_comes(asgi):
    async def function(receive, talk):
        waiting = receive()
        assert not waiting.done()
        assert not waiting.cr_suspended
        assert repr(waiting) == "<freastal Wait pending>"
        talk.say("waits")
        return await waiting

    talk = Talk(asgi, function)
    talk.hear("waits")
    talk.piece("abc")
    assert talk.result() == piece("abc")


def test_the_task_goes_on_as_itself(asgi):
    variable = contextvars.ContextVar("variable")

    async def function(receive, talk):
        variable.set("mine")
        task = asyncio.current_task()
        for data in ("a", "b"):
            talk.say("waits")
            assert await receive() == piece(data)
            assert asyncio.current_task() is task
            assert variable.get() == "mine"
        return True

    talk = Talk(asgi, function)
    for data in ("a", "b"):
        talk.hear("waits")
        talk.piece(data)
    assert talk.result()


async def gather(receive):
    [result] = await asyncio.gather(receive())
    return result


async def wait(receive):
    never = asyncio.get_running_loop().create_future()
    done, _ = await asyncio.wait([asyncio.ensure_future(receive()), never], return_when=asyncio.FIRST_COMPLETED)
    return done.pop().result()


async def move_on_after(receive):
    with anyio.move_on_after(20):
        return await receive()


async def threadsafe(receive):
    return await asyncio.wrap_future(
        asyncio.run_coroutine_threadsafe(receive(), asyncio.get_running_loop()),
    )


WAYS = {
    "create_task": lambda receive: asyncio.create_task(receive()),
    "ensure_future": lambda receive: asyncio.ensure_future(receive()),
    "wait_for": lambda receive: asyncio.wait_for(receive(), 20),
    "shield": lambda receive: asyncio.shield(receive()),
    "gather": gather,
    "wait": wait,
    "anyio": move_on_after,
    "threadsafe": threadsafe,
}


@pytest.mark.parametrize("way", WAYS)
def test_it_is_what_asyncio_takes_for_a_coroutine(asgi, way):
    async def function(receive, talk):
        waiting = asyncio.ensure_future(WAYS[way](receive))
        await pause(3)
        talk.say("waits")
        return await waiting

    talk = Talk(asgi, function)
    talk.hear("waits")
    talk.piece("abc")
    assert talk.result() == piece("abc")


async def give_up_by_timeout(receive):
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(receive(), 0.001)


async def give_up_by_cancelling(receive):
    task = asyncio.create_task(receive())
    await pause(2)
    task.cancel("why")
    with pytest.raises(asyncio.CancelledError) as told:
        await task
    assert told.value.args in {("why",), ()}  # a task says it again only since 3.11
    assert task.cancelled()


async def give_up_before_it_began(receive):
    task = asyncio.create_task(receive())
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def give_up_with_anyio(receive):
    with anyio.move_on_after(0.001) as scope:
        await receive()
    assert scope.cancelled_caught


async def give_up_cancelled_scope(receive):
    """How Starlette asks whether the peer is still there."""
    with anyio.CancelScope() as scope:
        scope.cancel()
        await receive()
    assert scope.cancelled_caught


async def give_up_closing(receive):
    async def waits():
        await receive()

    coroutine = waits()
    assert coroutine.send(None) is not None
    coroutine.close()


async def give_up_forgetting(receive):
    receive()


async def give_up_throwing(receive):
    async def waits():
        await receive()

    coroutine = waits()
    coroutine.send(None)
    with pytest.raises(KeyError):
        coroutine.throw(KeyError("k"))


async def give_up_by_deadline(receive):
    if sys.version_info >= (3, 11):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.001):
                await receive()


GIVING_UP = [value for name, value in list(globals().items()) if name.startswith("give_up")]


@pytest.mark.parametrize("give_up", GIVING_UP, ids=lambda function: function.__name__.removeprefix("give_up_"))
def test_who_gives_up_takes_nothing(asgi, give_up):
    async def function(receive, talk):
        await give_up(receive)
        await give_up(receive)
        talk.say("gave up")
        return await receive()

    talk = Talk(asgi, function)
    talk.hear("gave up")
    talk.piece("abc")
    assert talk.result() == piece("abc")


def in_answer(asgi, function):
    """What came of function(receive, complete), where complete() ends the answer and so wakes all that wait."""
    told = Told()

    async def application(scope, receive, send):
        await receive()

        async def complete():
            await send(start())
            await send(body())

        try:
            told.put((await function(receive, complete), None))
        except BaseException as error:
            told.put((None, error))

    asgi(application).send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    value, error = told.get()
    if error is not None:
        raise error
    return value


@pytest.mark.parametrize("is_closed", [False, True])
def test_who_is_ended_before_the_first_step_is_not_in_the_way(asgi, is_closed):
    """Though its task, which is over, still refers to what it would have waited for."""

    async def function(receive, talk):
        waiting = receive()
        if is_closed:
            waiting.close()
        else:
            task = asyncio.create_task(waiting)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        talk.say("waits")
        return await receive()

    talk = Talk(asgi, function)
    talk.hear("waits")
    talk.piece("abc")
    assert talk.result() == piece("abc")


def test_all_that_wait_are_woken(asgi):
    async def function(receive, complete):
        tasks = [asyncio.create_task(receive()) for _ in range(5)]
        await pause(2)
        await complete()
        return await asyncio.gather(*tasks)

    assert in_answer(asgi, function) == [DISCONNECT] * 5


def test_woken_and_then_cancelled(asgi):
    """Code of Python's is on the stack when they are woken, so they go on later; until then they may be cancelled."""

    async def function(receive, complete):
        tasks = [asyncio.create_task(receive()) for _ in range(3)]
        await pause(2)
        await complete()
        tasks[1].cancel()
        await asyncio.wait(tasks)
        assert tasks[1].cancelled()
        return [task.result() for task in tasks if task is not tasks[1]]

    assert in_answer(asgi, function) == [DISCONNECT] * 2


def test_a_task_that_nobody_else_knows_is_kept_alive(asgi):
    """asyncio itself refers to tasks weakly only; the list that it waits in keeps it."""

    async def function(receive, complete):
        heard = []

        async def listen():
            heard.append(await receive())

        task = weakref.ref(asyncio.create_task(listen()))
        await pause(2)
        gc.collect()
        assert task() is not None
        await complete()
        await pause(3)
        gc.collect()
        assert task() is None
        return heard

    assert in_answer(asgi, function) == [DISCONNECT]


# ---- as a Future ----


def test_callbacks(asgi):
    async def function(receive, complete):
        variable = contextvars.ContextVar("variable", default=0)
        called = []
        waiting = receive()

        def callback(wait):
            called.append((wait, variable.get()))

        variable.set(1)
        context = contextvars.copy_context()
        variable.set(2)
        waiting.add_done_callback(callback)
        waiting.add_done_callback(callback, context=context)
        waiting.add_done_callback(called.append)
        waiting.add_done_callback(print)
        waiting.add_done_callback(print)
        assert waiting.remove_done_callback(print) == 2
        assert waiting.remove_done_callback(print) == 0
        await complete()
        assert called == []
        await pause()
        assert called == [(waiting, 2), (waiting, 1), waiting]
        waiting.add_done_callback(callback, context=context)
        await pause()
        assert called[3:] == [(waiting, 1)]
        assert waiting.done()
        assert not waiting.cancelled()
        assert waiting.exception() is None
        return waiting.result(), await waiting, waiting.result(), repr(waiting)

    assert in_answer(asgi, function) == (DISCONNECT, DISCONNECT, DISCONNECT, "<freastal Wait finished>")


def test_the_first_callback_can_be_removed(asgi):
    async def function(receive, complete):
        called = []
        waiting = receive()
        waiting.add_done_callback(print)
        waiting.add_done_callback(called.append)
        assert waiting.remove_done_callback(print) == 1
        await complete()
        await pause()
        return called == [waiting]

    assert in_answer(asgi, function)


def test_cancelling(asgi):
    async def function(receive, complete):
        called = []
        waiting = receive()
        waiting.add_done_callback(called.append)
        assert waiting.cancel("why")
        assert not waiting.cancel("again")
        assert waiting.cancelled()
        assert waiting.done()
        assert called == []
        await pause()
        assert called == [waiting]
        for ask in (waiting.result, waiting.exception):
            with pytest.raises(asyncio.CancelledError, match="why"):
                ask()
        with pytest.raises(asyncio.CancelledError, match="why"):
            await waiting
        await complete()
        return repr(waiting)

    assert in_answer(asgi, function) == "<freastal Wait cancelled>"


def test_nothing_is_known_before_the_end(asgi):
    async def function(receive, complete):
        waiting = receive()
        for ask in (waiting.result, waiting.exception):
            with pytest.raises(asyncio.InvalidStateError):
                ask()
        assert waiting.get_loop() is asyncio.get_running_loop()
        with pytest.raises(TypeError):
            waiting.add_done_callback()
        with pytest.raises(TypeError):
            waiting.add_done_callback(print, loop=None)
        await complete()
        assert waiting.done()

    in_answer(asgi, function)


def test_asyncio_sees_a_coroutine_until_it_is_awaited(asgi):
    async def function(receive, complete):
        waiting = receive()
        assert not asyncio.isfuture(waiting)
        assert asyncio.iscoroutine(waiting)
        task = asyncio.ensure_future(waiting)
        await pause(2)
        assert isinstance(task, asyncio.Task)
        assert asyncio.isfuture(waiting)
        assert waiting.cr_suspended
        assert "wait_for=<freastal Wait pending>" in repr(task)
        await complete()
        return await task

    assert in_answer(asgi, function) == DISCONNECT


def test_the_tasks_of_asyncio_s_own_python_code(asgi):
    """asyncio has a Task in Python besides the one in C; debuggers and nest_asyncio put it in its place."""

    async def function(receive, complete):
        task = asyncio.tasks._PyTask(receive(), loop=asyncio.get_running_loop())
        await pause(2)
        await complete()
        return await task

    assert in_answer(asgi, function) == DISCONNECT


def test_an_exception_in_a_callback_is_the_loop_s(asgi):
    async def function(receive, talk):
        reports = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: reports.append(context))

        def fail(wait):
            raise KeyError("k")

        waiting = receive()
        waiting.add_done_callback(fail)
        talk.say("waits")
        while not reports:
            await pause()
        return reports, await waiting

    talk = Talk(asgi, function)
    talk.hear("waits")
    talk.piece("abc")
    [report], received = talk.result()
    assert isinstance(report["exception"], KeyError)
    assert "fail" in report["message"]
    assert received == piece("abc")


# ---- memory ----


def test_waits_are_let_go_of(asgi):
    async def function(receive, complete):
        async def forget():
            receive()
            task = asyncio.create_task(receive())
            await pause()
            task.cancel()
            await asyncio.wait([task])
            waiting = receive()
            waiting.add_done_callback(repr)
            waiting.cancel()

        await forget()
        gc.collect()
        before = len(gc.get_objects())
        for _ in range(200):
            await forget()
        gc.collect()
        return len(gc.get_objects()) - before

    assert in_answer(asgi, function) < 50
