"""call_soon and its sisters: order, arguments, threads, and debug mode."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import threading

import pytest


def run_ready(loop):
    loop.call_soon(loop.stop)
    loop.run_forever()


def test_first_in_first_out(event_loop):
    seen = []
    for number in range(1000):
        event_loop.call_soon(seen.append, number)
        event_loop.call_soon_threadsafe(seen.append, number)
    run_ready(event_loop)
    assert seen == [number for number in range(1000) for _ in range(2)]


def test_what_a_callback_adds_waits_for_the_next_turn(event_loop):
    seen = []
    event_loop.call_soon(event_loop.call_soon, seen.append, "second turn")
    event_loop.call_soon(event_loop.stop)
    event_loop.call_soon(seen.append, "first turn")
    event_loop.run_forever()
    assert seen == ["first turn"]
    run_ready(event_loop)
    assert seen == ["first turn", "second turn"]


@pytest.mark.parametrize("debug", [False, True])
def test_wrong_arguments(event_loop, debug):
    event_loop.set_debug(debug)
    for call in (event_loop.call_soon, event_loop.call_soon_threadsafe):
        with pytest.raises(TypeError):
            call()
        with pytest.raises(TypeError, match="nonsense"):
            call(print, nonsense=1)
    for call in (event_loop.call_later, event_loop.call_at):
        with pytest.raises(TypeError):
            call(1)


@pytest.mark.parametrize("debug", [False, True])
def test_parameters_by_name(event_loop, debug):
    """As asyncio calls them."""
    event_loop.set_debug(debug)
    context = contextvars.copy_context()
    seen = []

    def see():
        seen.append(len(seen))

    event_loop.call_soon(callback=see)
    event_loop.call_soon(context=context, callback=see)
    event_loop.call_soon_threadsafe(callback=see, context=None)
    event_loop.call_later(0, callback=see)
    event_loop.call_later(callback=see, delay=0)
    event_loop.call_at(event_loop.time(), callback=see, context=context)
    event_loop.call_at(context=context, callback=event_loop.stop, when=event_loop.time())
    event_loop.run_forever()
    assert seen == [0, 1, 2, 3, 4, 5]


def test_parameters_that_are_given_twice_or_never(event_loop):
    for call, args in ((event_loop.call_soon, ()), (event_loop.call_later, (1,)), (event_loop.call_at, (1,))):
        with pytest.raises(TypeError, match="multiple values for argument 'callback'"):
            call(*args, print, callback=print)
        with pytest.raises(TypeError, match="needs"):
            call(*args)
    with pytest.raises(TypeError, match="multiple values for argument 'delay'"):
        event_loop.call_later(1, delay=1, callback=print)
    with pytest.raises(TypeError, match="needs a time and a callback"):
        event_loop.call_at(callback=print)
    with pytest.raises(TypeError, match="unexpected keyword argument 'delay'"):
        event_loop.call_at(delay=1, callback=print)


def test_a_context_that_is_none(event_loop):
    failures = []
    event_loop.set_exception_handler(lambda loop, context: failures.append(context["exception"]))
    for wrong in ("no context", 5):
        event_loop.call_soon(print, context=wrong)
    run_ready(event_loop)
    assert [type(failure) for failure in failures] == [TypeError, TypeError]


@pytest.mark.parametrize("debug", [False, True])
def test_closed(event_loop, debug):
    event_loop.set_debug(debug)
    event_loop.close()
    for call in (event_loop.call_soon, event_loop.call_soon_threadsafe):
        with pytest.raises(RuntimeError, match="Event loop is closed"):
            call(print)
    for call in (event_loop.call_later, event_loop.call_at):
        with pytest.raises(RuntimeError, match="Event loop is closed"):
            call(1, print)


def test_another_thread_ends_the_sleep(event_loop):
    thread = threading.Thread(target=event_loop.call_soon_threadsafe, args=(event_loop.stop,))
    event_loop.call_soon(thread.start)
    event_loop.run_forever()
    thread.join()


def test_many_threads_lose_nothing(event_loop):
    seen, count, each = [], 8, 2000

    def send(name):
        for number in range(each):
            event_loop.call_soon_threadsafe(receive, (name, number))

    def receive(item):
        seen.append(item)
        if len(seen) == count * each:
            event_loop.stop()

    threads = [threading.Thread(target=send, args=(name,)) for name in range(count)]
    for thread in threads:
        thread.start()
    event_loop.run_forever()
    for thread in threads:
        thread.join()
    for name in range(count):
        assert [number for sender, number in seen if sender == name] == list(range(each))


def test_handles_cancelled_from_another_thread(event_loop):
    """Whoever wins, nothing is called that was cancelled before it was its turn, and nothing breaks."""
    ready, ran, handles = threading.Event(), [], []

    def cancel():
        ready.wait()
        for handle in handles:
            handle.cancel()

    for number in range(5000):
        handles.append(event_loop.call_soon(ran.append, number))
        handles.append(event_loop.call_later(0, ran.append, number))
    thread = threading.Thread(target=cancel)
    thread.start()
    event_loop.call_soon(event_loop.stop)
    ready.set()
    event_loop.run_forever()
    thread.join()
    run_ready(event_loop)
    assert len(ran) <= 10000


def test_closing_under_the_feet_of_other_threads():
    from freastal import EventLoop

    loop, refused = EventLoop(), []
    loop.set_debug(False)

    def call():
        try:
            while True:
                loop.call_soon_threadsafe(int)
        except RuntimeError as error:
            refused.append(str(error))

    threads = [threading.Thread(target=call) for _ in range(3)]
    for thread in threads:
        thread.start()
    run_ready(loop)
    loop.close()
    for thread in threads:
        thread.join()
    assert refused == ["Event loop is closed"] * 3


def test_debug_mode_has_asyncio_s_handles(event_loop):
    event_loop.set_debug(True)
    assert event_loop.get_debug()
    makers = [
        lambda: event_loop.call_soon(print),
        lambda: event_loop.call_soon_threadsafe(print),
        lambda: event_loop.call_later(100, print),
        lambda: event_loop.call_at(1e9, print),
    ]
    for make in makers:
        handle = make()
        assert type(handle).__module__.startswith("asyncio")
        assert handle._source_traceback[-1].filename == __file__
        assert handle._source_traceback[-1].name == "<lambda>"
        handle.cancel()
    run_ready(event_loop)


def test_debug_mode_refuses_coroutines_and_what_cannot_be_called(event_loop):
    async def coroutine():
        pass

    event_loop.set_debug(True)
    for method, args in (("call_soon", ()), ("call_soon_threadsafe", ()), ("call_later", (1,)), ("call_at", (1,))):
        with pytest.raises(TypeError, match="coroutines cannot be used with"):
            getattr(event_loop, method)(*args, coroutine)
        with pytest.raises(TypeError, match="a callable object was expected by"):
            getattr(event_loop, method)(*args, 5)


def test_debug_mode_checks_the_thread(event_loop):
    event_loop.set_debug(True)

    async def main():
        for call in (event_loop.call_soon, lambda f: event_loop.call_later(1, f)):
            with pytest.raises(RuntimeError, match="Non-thread-safe operation"):
                await event_loop.run_in_executor(None, call, print)
        await event_loop.shutdown_default_executor()

    event_loop.run_until_complete(main())


def test_debug_mode_names_slow_callbacks(event_loop, caplog):
    event_loop.set_debug(True)
    event_loop.slow_callback_duration = 0

    def slow():
        pass

    with caplog.at_level(logging.WARNING, "asyncio"):
        event_loop.call_soon(slow)
        run_ready(event_loop)
    assert any("Executing <Handle" in message and "slow" in message for message in caplog.messages)


def test_debug_mode_may_change_while_handles_wait(event_loop):
    seen = []
    event_loop.call_soon(seen.append, 1)
    event_loop.call_later(0, seen.append, 2)
    event_loop.set_debug(True)
    event_loop.call_soon(seen.append, 3)
    event_loop.call_later(0, seen.append, 4)
    event_loop.call_later(0, seen.append, 5).cancel()
    event_loop.set_debug(False)
    run_ready(event_loop)
    run_ready(event_loop)
    assert sorted(seen) == [1, 2, 3, 4]


def test_many_cancelled_timers_of_asyncio_s(event_loop):
    event_loop.set_debug(True)
    timers = [event_loop.call_later(1000, print) for _ in range(300)]
    for timer in timers[:299]:
        timer.cancel()
    run_ready(event_loop)
    assert [timer._scheduled for timer in timers] == [False] * 299 + [True]


def test_handles_of_asyncio_s_can_be_added(event_loop):
    seen = []
    handle = asyncio.Handle(seen.append, (1,), event_loop, contextvars.copy_context())
    event_loop._add_callback(handle)
    cancelled = asyncio.Handle(seen.append, (2,), event_loop)
    event_loop._add_callback(cancelled)
    cancelled.cancel()
    event_loop._add_callback(cancelled)
    run_ready(event_loop)
    assert seen == [1]


def test_tasks_and_futures_find_their_way(event_loop):
    async def timed():
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(event_loop.create_future(), 1e-3)
        return 7

    async def main():
        future = event_loop.create_future()
        event_loop.call_soon(future.set_result, 5)
        return await asyncio.gather(future, asyncio.sleep(0, 6), asyncio.create_task(timed()))

    assert event_loop.run_until_complete(main()) == [5, 6, 7]


@pytest.mark.parametrize("debug", [False, True])
def test_a_task_that_failed_unseen_is_reported_at_once(event_loop, debug):
    """Nothing that the turn holds keeps it."""
    contexts = []
    event_loop.set_debug(debug)
    event_loop.set_exception_handler(lambda loop, context: contexts.append(context["message"]))

    async def fail():
        raise ValueError

    async def main():
        task = asyncio.create_task(fail())
        del task
        await asyncio.sleep(0)
        return list(contexts)

    assert event_loop.run_until_complete(main()) == ["Task exception was never retrieved"]
