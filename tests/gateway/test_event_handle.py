"""What call_soon and call_later return is a Handle of asyncio's to whoever looks, and runs in its context."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import weakref

import pytest

VARIABLE = contextvars.ContextVar("VARIABLE", default="unset")


def nothing(*args):
    pass


def run_ready(loop):
    loop.call_soon(loop.stop)
    loop.run_forever()


def test_it_looks_like_asyncio_s(event_loop):
    handle, timer = event_loop.call_soon(nothing), event_loop.call_later(9, nothing)
    assert isinstance(handle, asyncio.Handle)
    assert not isinstance(handle, asyncio.TimerHandle)
    assert isinstance(timer, asyncio.TimerHandle)
    assert not isinstance(object(), type(handle))
    assert type(handle) is not asyncio.Handle


def test_repr_names_the_callback_until_it_is_cancelled(event_loop):
    handle, timer = event_loop.call_soon(nothing, 1), event_loop.call_at(5, nothing)
    assert repr(handle).startswith("<Handle nothing(")
    assert repr(timer).startswith("<TimerHandle when=5.0 nothing()")
    handle.cancel()
    timer.cancel()
    assert repr(handle) == "<Handle cancelled>"
    assert repr(timer) == "<TimerHandle cancelled when=5.0>"


def test_attributes_that_debuggers_read(event_loop):
    context = contextvars.copy_context()
    handle = event_loop.call_soon(nothing, 1, 2, context=context)
    assert (handle._callback, handle._args, handle._context) == (nothing, (1, 2), context)
    assert handle._loop is event_loop
    assert handle.get_context() is context
    assert handle._source_traceback is handle._repr is None
    assert not handle.cancelled()
    assert not handle._cancelled
    assert event_loop.call_soon(nothing)._args == ()
    assert event_loop.call_soon(nothing, 7)._args == (7,)
    handle.cancel()
    assert handle._callback is handle._args is None
    assert handle.cancelled()
    assert handle._cancelled
    timer = event_loop.call_at(3, nothing)
    assert timer.when() == timer._when == 3
    assert timer._scheduled


def test_nobody_makes_one_by_hand(event_loop):
    with pytest.raises(TypeError):
        type(event_loop.call_soon(nothing))()


def test_handles_are_themselves(event_loop):
    one, other = event_loop.call_soon(nothing), event_loop.call_soon(nothing)
    assert one == one
    assert one != other
    assert len({one, other}) == 2


def test_timers_compare_by_time_as_asyncio_s_do(event_loop):
    early, late, again = (event_loop.call_at(when, nothing) for when in (1, 2, 1))
    assert early < late
    assert early <= late
    assert late > early
    assert late >= early
    assert early == again
    assert not early != again  # noqa: SIM202
    assert early <= again
    assert hash(early) == hash(again)
    again.cancel()
    assert early != again
    theirs = asyncio.TimerHandle(1.0, nothing, (), event_loop)
    assert early == theirs
    assert theirs == early
    assert theirs < late
    assert early != 1
    with pytest.raises(TypeError):
        assert early < 1


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_any_number_of_arguments(event_loop, count):
    seen = []
    event_loop.call_soon(lambda *args: seen.append(args), *range(count))
    run_ready(event_loop)
    assert seen == [tuple(range(count))]


def test_it_runs_in_a_copy_of_the_context_or_in_the_one_given(event_loop):
    seen = []

    def look(value):
        seen.append(VARIABLE.get())
        VARIABLE.set(value)

    given = contextvars.copy_context()
    given.run(VARIABLE.set, "given")
    token = VARIABLE.set("current")
    event_loop.call_soon(look, "a")
    event_loop.call_soon(look, "b", context=given)
    event_loop.call_soon(look, "c", context=None)
    VARIABLE.reset(token)
    run_ready(event_loop)
    assert seen == ["current", "given", "current"]
    assert given[VARIABLE] == "b"
    assert VARIABLE.get() == "unset"


def test_cancelled_is_not_run_and_lets_go(event_loop):
    class Callback:
        def __call__(self):
            raise AssertionError("it was cancelled")

    callback = Callback()
    gone = weakref.ref(callback)
    handle = event_loop.call_soon(callback)
    del callback
    handle.cancel()
    handle.cancel()
    gc.collect()
    assert gone() is None
    run_ready(event_loop)


def test_a_callback_may_cancel_its_own_handle(event_loop):
    seen = []
    handle = event_loop.call_soon(lambda: (handle.cancel(), seen.append(1)))
    run_ready(event_loop)
    assert seen == [1]


def test_an_exception_goes_to_the_handler_with_the_handle(event_loop):
    contexts = []
    event_loop.set_exception_handler(lambda loop, context: contexts.append(context))
    handle = event_loop.call_soon(lambda: 1 / 0)
    run_ready(event_loop)
    [context] = contexts
    assert context["handle"] is handle
    assert isinstance(context["exception"], ZeroDivisionError)
    assert context["message"].startswith("Exception in callback ")


def test_a_context_that_is_entered_already(event_loop, caplog):
    entered = contextvars.copy_context()
    event_loop.call_soon(nothing, context=entered)
    entered.run(run_ready, event_loop)
    assert "cannot enter context" in caplog.text


@pytest.mark.parametrize("exception", [KeyboardInterrupt, SystemExit])
def test_what_is_meant_for_the_runner_comes_out_and_the_rest_stays_queued(event_loop, exception):
    def interrupt():
        raise exception("now")

    seen = []
    event_loop.call_soon(interrupt)
    event_loop.call_soon(seen.append, 1)
    with pytest.raises(exception, match="now"):
        event_loop.run_forever()
    assert seen == []
    run_ready(event_loop)
    assert seen == [1]


def test_running_by_hand(event_loop):
    seen = []
    handle = event_loop.call_soon(seen.append, 1)
    handle._run()
    assert seen == [1]
    run_ready(event_loop)
    assert seen == [1, 1]


def test_it_can_be_referred_to_weakly(event_loop):
    handle = event_loop.call_soon(nothing)
    reference = weakref.ref(handle)
    assert reference() is handle
    del handle
    run_ready(event_loop)
    gc.collect()
    assert reference() is None


def test_a_handle_outlives_its_loop(event_loop):
    from freastal import EventLoop

    loop = EventLoop()
    handles = [loop.call_soon(nothing) for _ in range(200)]
    timers = [loop.call_later(n, nothing) for n in range(200)]
    loop.close()
    del loop
    gc.collect()
    for handle in handles + timers:
        handle.cancel()
        assert handle.cancelled()
        assert handle._loop.is_closed()


def test_a_cycle_through_the_queue_is_garbage():
    from freastal import EventLoop

    class Callback:
        pass

    def make():
        loop, callback = EventLoop(), Callback()
        callback.handle = loop.call_later(100, nothing, callback)
        callback.other = loop.call_soon(nothing, callback)
        loop.close()
        return weakref.ref(callback)

    gone = make()
    gc.collect()
    assert gone() is None
