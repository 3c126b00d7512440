"""src/python/asgi_call.c: the coroutine of a request's task, and all that an application may be."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import io
import types

import pytest

from tests.gateway.asgi import Told, body, sending, start
from tests.gateway.asgi_tasks import answer, in_request, pause

complete = sending(start(), body(b"ok"))


class Callable:
    async def __call__(self, scope, receive, send):
        await answer(send)


class Method:
    async def application(self, scope, receive, send):
        await answer(send)


class Awaitable:
    def __init__(self, coroutine):
        self.coroutine = coroutine

    def __await__(self):
        yield  # nothing but a turn of the loop
        return (yield from self.coroutine.__await__())


class Iterator:
    """No generator: it has neither throw() nor close()."""

    def __init__(self, coroutine):
        self.coroutine = coroutine

    def __await__(self):
        return self

    def __iter__(self):
        return self

    def __next__(self):
        return self.coroutine.send(None)


def returns_a_coroutine(scope, receive, send):
    return complete(scope, receive, send)


def returns_a_future(scope, receive, send):
    return asyncio.ensure_future(complete(scope, receive, send))


@types.coroutine
def generator(scope, receive, send):
    yield
    yield from complete(scope, receive, send).__await__()


APPLICATIONS = {
    "function": complete,
    "object": Callable(),
    "method": Method().application,
    "function that returns a coroutine": returns_a_coroutine,
    "awaitable": lambda scope, receive, send: Awaitable(complete(scope, receive, send)),
    "iterator": lambda scope, receive, send: Iterator(complete(scope, receive, send)),
    "future": returns_a_future,
    "generator": generator,
}


@pytest.mark.parametrize("name", APPLICATIONS)
def test_what_an_application_may_be(asgi, name):
    gateway = asgi(APPLICATIONS[name])
    for _ in range(3):
        assert gateway.get().body == b"ok"
    gateway.expect_no_failure()


class Coroutine:
    """Its __await__ gives what only a generator may."""

    def __await__(self):
        return complete({}, None, None)


class NoIterator:
    def __await__(self):
        return 5


async def asynchronous_generator(scope, receive, send):
    yield


@pytest.mark.parametrize(
    ("application", "error", "words"),
    [
        (lambda scope, receive, send: None, TypeError, "returned NoneType, which cannot be awaited"),
        (lambda scope, receive, send: 5, TypeError, "returned int, which cannot be awaited"),
        (lambda scope, receive, send: (_ for _ in ()), TypeError, "returned generator, which cannot be awaited"),
        (asynchronous_generator, TypeError, "returned async_generator, which cannot be awaited"),
        (lambda scope, receive, send: NoIterator(), TypeError, "returned int, which is no iterator"),
        (lambda scope, receive, send: Coroutine(), TypeError, "returned coroutine, which is no iterator"),
        (lambda scope: None, TypeError, "argument"),
        (lambda scope, receive, send: 1 / 0, ZeroDivisionError, "division"),
    ],
)
@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
def test_what_it_may_not_be(asgi, application, error, words):
    gateway = asgi(application)
    assert gateway.get().status == 500
    _, failure = gateway.failure()
    assert isinstance(failure, error)
    assert words in str(failure)


def test_exceptions_in_every_step(asgi):
    async def application(scope, receive, send):
        for _ in range(int(scope["path"][1:])):
            await pause()
        raise KeyError(scope["path"])

    gateway = asgi(application)
    for steps in range(3):
        assert gateway.get(f"/{steps}").status == 500
        _, failure = gateway.failure()
        assert isinstance(failure, KeyError)
        assert failure.args == (f"/{steps}",)
        assert failure.__traceback__ is not None


@pytest.mark.parametrize("steps", [0, 1])
def test_a_failure_is_reported_in_the_context_of_its_request(asgi, steps):
    """What the application has set there is at hand for a filter of the log."""
    variable = contextvars.ContextVar("variable", default="")
    seen = Told()

    async def application(scope, receive, send):
        variable.set(scope["path"])
        for _ in range(steps):
            await pause()
        raise KeyError

    gateway = asgi(application, log_exception=lambda sentence, error: seen.put(variable.get()))
    assert gateway.get("/here").status == 500
    assert seen.get() == "/here"


def test_the_call_itself_belongs_to_the_task(asgi):
    """Before it returns an awaitable a plain function does what it does as the current task, in its own context."""
    variable = contextvars.ContextVar("variable", default=0)
    told = Told()

    def application(scope, receive, send):
        before, task = variable.get(), asyncio.current_task()
        variable.set(1)

        async def rest():
            told.put((before, variable.get(), task is asyncio.current_task() is not None))
            await answer(send)

        return rest()

    gateway = asgi(application)
    for _ in range(3):
        gateway.get()
        assert told.get() == (0, 1, True)


# ---- what debuggers see ----


async def looks_at_itself(scope, receive, send):
    coroutine = asyncio.current_task().get_coro()
    seen = {
        "name": coroutine.__name__,
        "qualified": coroutine.__qualname__,
        "running": coroutine.cr_running,
        "function": coroutine.cr_frame.f_code.co_name,
        "code": coroutine.cr_code.co_name,
        "awaits": coroutine.cr_await,
        "origin": coroutine.cr_origin,
        "state": inspect.getcoroutinestate(coroutine),
    }
    text = io.StringIO()
    asyncio.current_task().print_stack(file=text)
    return seen, text.getvalue(), repr(asyncio.current_task()), repr(coroutine)


def test_the_task_shows_the_application(asgi):
    async def application(scope, receive, send):
        told.put(await looks_at_itself(scope, receive, send))
        await answer(send)

    told = Told()
    asgi(application).get()
    seen, stack, task, coroutine = told.get()
    assert seen == {
        "name": "application",
        "qualified": "test_the_task_shows_the_application.<locals>.application",
        "running": True,
        "function": "application",
        "code": "application",
        "awaits": seen["awaits"],
        "origin": None,
        "state": inspect.CORO_RUNNING,
    }
    assert "in application" in stack
    assert "application()" in task
    assert coroutine.startswith("<freastal call of <coroutine object")


def test_a_task_that_waits_shows_where(asgi):
    async def function(scope, receive, send):
        task, seen = asyncio.current_task(), []

        async def look():
            coroutine = task.get_coro()
            assert not coroutine.cr_running
            assert inspect.getcoroutinestate(coroutine) == inspect.CORO_SUSPENDED
            assert coroutine.cr_await is not None
            assert task in asyncio.all_tasks()
            text = io.StringIO()
            task.print_stack(file=text)
            seen.append(text.getvalue())

        await asyncio.create_task(look())
        return seen

    [stack] = in_request(asgi, function)
    assert "__call__" in stack


def test_a_running_call_is_not_resumed(asgi):
    async def function(scope, receive, send):
        coroutine = asyncio.current_task().get_coro()
        with pytest.raises(ValueError, match="already executing"):
            coroutine.send(None)
        with pytest.raises(ValueError, match="already executing"):
            coroutine.close()
        with pytest.raises(KeyError):
            coroutine.throw(KeyError("k"))
        return True

    assert in_request(asgi, function)


def test_what_is_over_stays_over(asgi):
    kept = []

    async def application(scope, receive, send):
        kept.append(asyncio.current_task())
        await pause()
        await answer(send)

    gateway = asgi(application)
    gateway.get()
    [task] = kept

    async def look():
        await asyncio.wait([task])
        coroutine = task.get_coro()
        if coroutine is None:  # tasks of newer versions let go of it
            return
        with pytest.raises(StopIteration):
            coroutine.send(None)
        with pytest.raises(KeyError):
            coroutine.throw(KeyError("k"))
        coroutine.close()
        assert coroutine.cr_frame is None
        assert coroutine.__name__ == "application"

    gateway.run(look())
    assert task.result() is None
