"""src/python/asgi_task.c: a request runs as a task of asyncio's, and its first step is made at once."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import sys
import threading

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest

from tests.gateway.asgi import Told
from tests.gateway.asgi_tasks import answer, in_request, pause

GET = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"


async def suspends():
    await pause()


async def does_not_suspend():
    pass


@pytest.fixture(params=[does_not_suspend, suspends])
def step(request):
    """What comes before: so that the same is seen in the first step of a task and in later ones."""
    return request.param


def test_it_is_a_task(asgi, step):
    async def function(scope, receive, send):
        await step()
        task = asyncio.current_task()
        assert isinstance(task, asyncio.Task)
        assert task in asyncio.all_tasks()
        assert asyncio.get_running_loop() is task.get_loop()
        assert not task.done()
        return anyio.get_current_task().id == id(task)

    assert in_request(asgi, function)


def test_it_has_a_context_of_its_own(asgi, step):
    variable = contextvars.ContextVar("variable", default=0)

    async def application(scope, receive, send):
        await step()
        before = variable.get()
        variable.set(before + 1)

        async def child():
            return variable.get()

        in_thread = await anyio.to_thread.run_sync(variable.get)
        told.put((before, variable.get(), await asyncio.create_task(child()), in_thread))
        await answer(send)

    told = Told()
    gateway = asgi(application)
    for _ in range(3):
        gateway.get()
        assert told.get() == (0, 1, 1, 1)


def test_what_was_set_when_the_worker_was_made_is_seen(asgi, step):
    variable = contextvars.ContextVar("variable", default="nobody's")
    context = contextvars.copy_context()
    context.run(variable.set, "the worker's")
    seen = []

    async def application(scope, receive, send):
        await step()
        seen.append(variable.get())
        variable.set("a request's")
        await answer(send)

    gateway = context.run(asgi, application)
    for _ in range(3):
        gateway.get()
    assert seen == ["the worker's"] * 3


@pytest.mark.skipif(sys.version_info < (3, 12), reason="tasks do not show their context before CPython 3.12")
def test_the_task_shows_its_context(asgi, step):
    variable = contextvars.ContextVar("variable", default=0)

    async def function(scope, receive, send):
        await step()
        variable.set(7)
        return asyncio.current_task().get_context()[variable]

    assert in_request(asgi, function) == 7


@pytest.mark.skipif(sys.version_info < (3, 11), reason="came with CPython 3.11")
def test_timeouts_and_groups(asgi, step):
    async def function(scope, receive, send):
        await step()
        never = asyncio.get_running_loop().create_future()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.001):
                await never
        async with asyncio.timeout(20), asyncio.TaskGroup() as group:
            tasks = [group.create_task(step()) for _ in range(3)]
        failures = []
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(fails(step))
                await asyncio.get_running_loop().create_future()
        except Exception as error:  # an ExceptionGroup, which CPython 3.10 does not know
            failures.extend(error.exceptions)
        assert asyncio.current_task().cancelling() == 0
        return [task.result() for task in tasks], failures[0].args

    assert in_request(asgi, function) == ([None] * 3, ("k",))


async def fails(step):
    await step()
    raise KeyError("k")


def test_anyio(asgi, step):
    async def function(scope, receive, send):
        await step()
        done = []
        with anyio.move_on_after(0.001) as scope_of_time:
            await anyio.Event().wait()
        with anyio.CancelScope() as cancelled:
            cancelled.cancel()
            await anyio.lowlevel.checkpoint()
        async with anyio.create_task_group() as group:
            group.start_soon(anyio.Event().wait)
            done.append(await anyio.to_thread.run_sync(threading.get_ident))
            group.cancel_scope.cancel()
        with anyio.fail_after(20):
            done.append(await anyio.to_thread.run_sync(threading.get_ident))
        assert anyio.to_thread.current_default_thread_limiter().borrowed_tokens == 0
        return scope_of_time.cancelled_caught, cancelled.cancelled_caught, threading.get_ident() in done

    assert in_request(asgi, function) == (True, True, False)


def test_cancelling_from_elsewhere(asgi):
    async def application(scope, receive, send):
        tasks.append(asyncio.current_task())
        told.put("runs")
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError as error:
            told.put(error.args)
            raise

    told, tasks = Told(), []
    gateway = asgi(application)
    gateway.send(GET)
    assert told.get() == "runs"
    gateway.loop.call_soon_threadsafe(tasks[0].cancel, "why")
    assert told.get() == ("why",)


def test_a_worker_that_stops_cancels_what_still_runs(asgi):
    async def application(scope, receive, send):
        told.put("runs")
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            told.put("ended")

    told = Told()
    gateway = asgi(application)
    gateway.send(GET)
    gateway.send(GET)
    assert [told.get(), told.get()] == ["runs"] * 2
    gateway.worker.stop()
    assert [told.get(), told.get()] == ["ended"] * 2


# ---- the first step ----


def test_the_first_step_is_made_at_once(asgi):
    """A request that needs no turn of the loop has none: what it queued comes after its answer."""
    order = []

    async def application(scope, receive, send):
        asyncio.get_running_loop().call_soon(order.append, "queued")
        await receive()
        await answer(send)
        order.append("answered")

    gateway = asgi(application)
    for _ in range(3):
        gateway.get()
    assert order[:5] == ["answered", "queued", "answered", "queued", "answered"]


def test_requests_of_one_packet_do_not_nest(asgi):
    """Each begins where the one before ended, not inside of it."""
    depth, deepest, tasks = 0, 0, []

    async def application(scope, receive, send):
        nonlocal depth, deepest
        depth += 1
        deepest = max(deepest, depth)
        tasks.append(asyncio.current_task().get_name())
        await answer(send, scope["path"].encode())
        depth -= 1

    gateway = asgi(application)
    raw = gateway.send("".join(f"GET /{number} HTTP/1.1\r\nHost: x\r\n\r\n" for number in range(10)))
    for number in range(10):
        raw.read_until(f"/{number}".encode())
    assert deepest == 1
    assert len(tasks) == 10


def test_a_task_factory_is_asked(asgi, step):
    made = []

    def factory(loop, coroutine, **options):
        task = asyncio.Task(coroutine, loop=loop, **options)
        made.append(task)
        return task

    async def application(scope, receive, send):
        await step()
        if scope["path"] == "/set":
            asyncio.get_running_loop().set_task_factory(factory)
        seen.append(asyncio.current_task())
        await answer(send)

    seen = []
    gateway = asgi(application)
    for path in ("/", "/set", "/", "/"):
        assert gateway.get(path).status == 200
    assert set(seen[2:]) <= set(made)
    assert len(set(seen[2:])) == 2
    gateway.expect_no_failure()


@pytest.mark.skipif(sys.version_info < (3, 12), reason="came with CPython 3.12")
def test_a_factory_of_eager_tasks(asgi, step, request):
    kinds = {parameter.kind for parameter in inspect.signature(asyncio.eager_task_factory).parameters.values()}
    if "uvloop" in request.node.name and sys.version_info >= (3, 13) and inspect.Parameter.VAR_KEYWORD not in kinds:
        pytest.skip("uvloop passes what the factory of the first releases of CPython 3.13 does not take")

    async def application(scope, receive, send):
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        await step()
        assert asyncio.current_task() in asyncio.all_tasks()
        await answer(send)

    gateway = asgi(application)
    for _ in range(3):
        assert gateway.get().status == 200
    gateway.expect_no_failure()


def test_a_factory_that_fails(asgi):
    def factory(loop, coroutine, **options):
        raise KeyError("k")

    async def application(scope, receive, send):
        asyncio.get_running_loop().set_task_factory(factory)
        await answer(send)

    gateway = asgi(application)
    assert gateway.get().status == 200
    assert gateway.get().status == 500
    _, failure = gateway.failure()
    assert isinstance(failure, KeyError)


@pytest.mark.filterwarnings("ignore:.*debug mode")
def test_debug_mode(asgi, step):
    async def function(scope, receive, send):
        asyncio.get_running_loop().set_debug(True)
        await step()
        task = asyncio.create_task(receive())
        await pause(2)
        return await task is not None

    assert in_request(asgi, function)


# ---- the end ----


def test_a_task_never_ends_with_an_exception(asgi, step):
    """It has been reported; asyncio has nothing to add about an exception that nobody retrieved."""
    reports, tasks = [], []

    async def application(scope, receive, send):
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: reports.append(context))
        tasks.append(asyncio.current_task())
        await step()
        raise KeyError("k")

    gateway = asgi(application)
    for _ in range(3):
        assert gateway.get().status == 500
        gateway.failure()

    async def results():
        await asyncio.wait(tasks)
        return [task.result() for task in tasks]

    assert gateway.run(results()) == [None] * 3
    assert reports == []


def test_an_application_goes_on_after_its_answer(asgi, step):
    async def application(scope, receive, send):
        await answer(send)
        await step()
        await go_on.wait()
        told.put(asyncio.current_task() in asyncio.all_tasks())

    told, go_on = Told(), asyncio.Event()
    gateway = asgi(application)
    assert gateway.get().status == 200
    assert gateway.get().status == 200
    gateway.set(go_on)
    assert [told.get(), told.get()] == [True, True]
