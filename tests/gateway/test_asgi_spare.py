"""src/python/asgi_spare.c: a task that serves several requests must look new to each of them.

From CPython 3.12 on there are no spare tasks, and all of this holds because every request has a task of its own.
"""

from __future__ import annotations

import asyncio
import contextvars
import os
import subprocess
import sys
import weakref

import pytest

from tests.gateway.asgi import Told
from tests.gateway.asgi_tasks import answer, pause
from tests.support.server import TIMEOUT_S

SPARES = sys.version_info < (3, 12)


class Visits:
    """An application that calls the next of these functions in each request and tells what it returned."""

    def __init__(self, *functions):
        self.functions = list(functions)
        self.told = Told()

    async def __call__(self, scope, receive, send):
        try:
            function = self.functions.pop(0)
            result = function(asyncio.current_task())
            self.told.put(await result if asyncio.iscoroutine(result) else result)
        except BaseException as error:
            self.told.put(error)
            raise
        finally:
            await answer(send)


def visit(asgi, *functions):
    """What they returned; before the first there are requests that make the worker keep a spare task."""
    visits = Visits(*[lambda task: None] * 3, *functions)
    gateway = asgi(visits)
    results = []
    for _ in range(3 + len(functions)):
        gateway.get()
        results.append(visits.told.get())
        if isinstance(results[-1], BaseException):
            raise results[-1]
    return results[3:]


def looks_new(task):
    assert type(task) is asyncio.Task
    assert task is asyncio.current_task()
    assert task in asyncio.all_tasks()
    assert task.get_loop() is asyncio.get_running_loop()
    assert not task.done()
    assert not task.cancelled()
    assert not vars(task) if hasattr(task, "__dict__") else True
    assert task._callbacks is None
    assert weakref.getweakrefcount(task) <= 1  # asyncio's own
    if sys.version_info >= (3, 11):
        assert task.cancelling() == 0
    assert task.get_name() != "mine"
    return True


def names(task):
    task.set_name("mine")


def marks(task):
    task.mark = 1


held = []


def holds(task):
    held.append(task)


def holds_weakly(task):
    held.append(weakref.ref(task))


def adds_a_callback(task):
    task.add_done_callback(held.append)


def cancels_and_ends(task):
    task.cancel()


def cancels_and_changes_its_mind(task):
    task.cancel()
    if sys.version_info >= (3, 11):
        task.uncancel()


def raises(task):
    kept = task  # noqa: F841 - the traceback refers to it
    raise KeyError("k")


async def suspends(task):
    await pause()


async def makes_children(task):
    held.append(asyncio.create_task(pause(5)))


TRACES = [
    names,
    marks,
    holds,
    holds_weakly,
    adds_a_callback,
    cancels_and_ends,
    cancels_and_changes_its_mind,
    suspends,
    makes_children,
]


@pytest.mark.parametrize("trace", TRACES, ids=lambda function: function.__name__)
def test_no_request_finds_a_trace_of_another(asgi, trace):
    held.clear()
    assert visit(asgi, looks_new, trace, looks_new, looks_new)[2:] == [True, True]


def test_nor_of_one_that_failed(asgi):
    visits = Visits(*[looks_new] * 3, raises, looks_new, looks_new)
    gateway = asgi(visits)
    for _ in range(6):
        gateway.get()
    results = [visits.told.get() for _ in range(6)]
    assert [result for result in results if result is not True] == [results[3]]


def test_whoever_holds_a_task_sees_it_end(asgi):
    held.clear()
    told = Told()

    def calls(task):
        held.append(task)
        task.add_done_callback(lambda task: told.put((task, task.result())))

    visit(asgi, calls, looks_new)
    [task] = held
    assert told.get() == (task, None)
    assert task.done()
    assert not task.cancelled()


def test_a_cancelled_task_ends_cancelled(asgi):
    held.clear()
    told = Told()

    def cancels(task):
        task.cancel("why")
        task.add_done_callback(lambda task: told.put(task.cancelled()))

    visit(asgi, cancels, looks_new)
    assert told.get() is True


def test_a_cancellation_falls_on_what_is_awaited_next(asgi):
    async def function(task):
        task.cancel("why")
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError as error:
            count = task.cancelling() if sys.version_info >= (3, 11) else 1
            await pause()
            return error.args, count

    assert visit(asgi, function) == [(("why",), 1)]


def test_one_that_was_taken_back_does_not(asgi):
    async def function(task):
        task.cancel()
        if sys.version_info >= (3, 13):  # before, uncancel() only counted
            task.uncancel()
            await pause()
            return task.cancelling()
        with pytest.raises(asyncio.CancelledError):
            await pause()
        return 0

    assert visit(asgi, function, looks_new) == [0, True]


def test_an_idle_task_is_not_seen(asgi):
    visits = Visits(*[looks_new] * 5)
    gateway = asgi(visits)

    async def others():
        return asyncio.all_tasks() - {asyncio.current_task()}

    before = len(gateway.run(others()))
    for _ in range(5):
        gateway.get()
    assert len(gateway.run(others())) == before


def test_contexts_are_not_shared(asgi):
    variable = contextvars.ContextVar("variable", default=0)

    def sets(task):
        variable.set(variable.get() + 1)
        return variable.get()

    async def sets_and_suspends(task):
        variable.set(variable.get() + 1)
        await pause()

        async def child():
            return variable.get()

        return variable.get(), await asyncio.create_task(child())

    assert visit(asgi, sets, sets, sets_and_suspends, sets_and_suspends, sets) == [1, 1, (1, 1), (1, 1), 1]


def test_many_that_suspend_at_once(asgi):
    tasks = []

    async def application(scope, receive, send):
        tasks.append(asyncio.current_task())
        if scope["path"] == "/last":
            ready.set()
        await ready.wait()
        seen.append(asyncio.current_task())
        await answer(send)

    ready, seen = asyncio.Event(), []
    gateway = asgi(application)
    raws = [gateway.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n") for _ in range(20)]
    assert gateway.get("/last").status == 200
    for raw in raws:
        assert raw.read_head().startswith("HTTP/1.1 200")
    assert len(set(tasks)) == 21
    assert set(seen) == set(tasks)


@pytest.mark.skipif(not SPARES, reason="every request has a task of its own since CPython 3.12")
def test_a_task_is_used_again(asgi):
    """Otherwise nothing above would say anything of spare tasks."""
    [first, second, third] = visit(asgi, *[lambda task: task.get_name()] * 3)
    assert first == second == third


@pytest.mark.skipif(not SPARES, reason="every request has a task of its own since CPython 3.12")
def test_one_is_made_again_after_a_while(asgi):
    """An application that takes hold of every task does not cost a spare one each time, nor lose them for ever."""
    held.clear()
    results = visit(asgi, looks_new, holds, *[lambda task: task.get_name()] * 100)
    names = results[2:]
    assert len(set(names)) > 50
    assert len(set(names[-5:])) == 1


CLOSED_BEFORE_THE_FIRST_STEP = """
import asyncio, socket
from freastal import _core
from tests.gateway.gateway import bind_of, listen

async def application(scope, receive, send):
    raise AssertionError("not called")

loop = asyncio.new_event_loop()
with listen() as listener, socket.create_connection(listener.getsockname()) as peer:
    worker = _core.Worker(application, interface="asgi", loop=loop, binds=[bind_of(listener)], limits={})
    worker.start()
    peer.sendall(b"GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
    while worker.stats()["requests_begun"] == 0:
        worker.turn(1000)
    worker.close()
loop.run_until_complete(asyncio.sleep(0))
loop.close()
"""


def test_one_that_has_yet_to_begin_when_the_worker_is_closed():
    """Only its own call holds it then; with this allocator memory that was given back is not what it was."""
    command = [sys.executable, "-c", CLOSED_BEFORE_THE_FIRST_STEP]
    ended = subprocess.run(command, env={**os.environ, "PYTHONMALLOC": "debug"}, capture_output=True, timeout=TIMEOUT_S)
    assert (ended.returncode, ended.stderr) == (0, b"")
