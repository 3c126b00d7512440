"""The turn: what it waits for, what ends it, and what it leaves to Python."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import threading
import weakref

import pytest

import freastal
from freastal import _core


@pytest.fixture
def pair():
    one, other = socket.socketpair()
    with one, other:
        yield one, other


def test_events_then_timers_then_what_is_ready_all_in_one_turn(event_loop, pair):
    seen = []
    pair[1].send(b"x")
    event_loop.add_reader(pair[0], seen.append, "event")
    event_loop.call_later(-1, seen.append, "timer")
    event_loop.call_soon(seen.append, "ready")
    event_loop._run_once()
    assert seen == ["ready", "event", "timer"]


def test_a_turn_inside_of_a_callback(event_loop):
    """As those do who patch asyncio to nest."""
    seen = []

    def nest():
        event_loop.call_soon(seen.append, "inner")
        event_loop._run_once()
        seen.append("outer")

    event_loop.call_soon(nest)
    event_loop.call_soon(seen.append, "next")
    event_loop._run_once()
    assert seen == ["next", "inner", "outer"]


def test_stop_ends_the_run_after_the_turn(event_loop):
    seen = []
    event_loop.call_soon(event_loop.stop)
    event_loop.call_soon(seen.append, 1)
    event_loop.run_forever()
    assert seen == [1]
    event_loop.stop()
    event_loop.call_soon(seen.append, 2)
    event_loop.run_forever()
    assert seen == [1, 2]
    assert not event_loop.is_running()


def test_a_loop_that_sleeps_lets_others_run(event_loop):
    steps = []

    def other():
        steps.extend(range(1000))
        event_loop.call_soon_threadsafe(event_loop.stop)

    thread = threading.Thread(target=other)
    event_loop.call_soon(thread.start)
    event_loop.run_forever()
    thread.join()
    assert len(steps) == 1000


def test_a_loop_that_never_sleeps_lets_others_run_too(event_loop):
    done = threading.Event()

    def again():
        if done.is_set():
            event_loop.stop()
        else:
            event_loop.call_soon(again)

    thread = threading.Thread(target=lambda: (sum(range(100000)), done.set()))
    event_loop.call_soon(again)
    event_loop.call_soon(thread.start)
    event_loop.run_forever()
    thread.join()


def interrupt_when_asleep():
    """A signal for this process when the main thread has nothing more to do.

    One that comes earlier may meet it in a callback of the interpreter's own, where KeyboardInterrupt is swallowed.
    """
    threading.Timer(0.02, os.kill, (os.getpid(), signal.SIGINT)).start()


@pytest.mark.parametrize("debug", [False, True])
def test_ctrl_c_ends_the_sleep(event_loop, debug):
    event_loop.set_debug(debug)
    event_loop.call_soon(interrupt_when_asleep)
    with pytest.raises(KeyboardInterrupt):
        event_loop.run_forever()
    assert not event_loop.is_running()


def test_a_handler_of_python_s_runs_while_the_loop_sleeps(event_loop):
    before = signal.signal(signal.SIGUSR1, lambda *_: event_loop.call_soon_threadsafe(event_loop.stop))
    try:
        event_loop.call_soon(os.kill, os.getpid(), signal.SIGUSR1)
        event_loop.run_forever()
        thread = threading.Thread(target=os.kill, args=(os.getpid(), signal.SIGUSR1))
        event_loop.call_soon(thread.start)
        event_loop.run_forever()
        thread.join()
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_the_wakeup_descriptor_is_given_back(event_loop):
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    before = signal.set_wakeup_fd(writing)
    try:
        event_loop.call_soon(event_loop.stop)
        event_loop.run_forever()
        assert signal.set_wakeup_fd(before) == writing
    finally:
        os.close(reading)
        os.close(writing)


def test_signal_handlers_of_the_loop(event_loop):
    seen = []

    async def main():
        event_loop.add_signal_handler(signal.SIGUSR1, seen.append, 1)
        event_loop.add_signal_handler(signal.SIGUSR2, event_loop.stop)
        os.kill(os.getpid(), signal.SIGUSR1)
        os.kill(os.getpid(), signal.SIGUSR2)

    task = event_loop.create_task(main())
    event_loop.run_forever()
    assert task.done()
    assert seen == [1]
    assert event_loop.remove_signal_handler(signal.SIGUSR1)
    assert event_loop.remove_signal_handler(signal.SIGUSR2)
    assert not event_loop.remove_signal_handler(signal.SIGUSR2)


def test_ctrl_c_still_works_when_the_last_handler_has_gone(event_loop):
    def go():
        event_loop.add_signal_handler(signal.SIGUSR1, print)
        event_loop.remove_signal_handler(signal.SIGUSR1)
        interrupt_when_asleep()

    event_loop.call_soon(go)
    with pytest.raises(KeyboardInterrupt):
        event_loop.run_forever()
    assert signal.set_wakeup_fd(-1) == -1


def test_in_another_thread(event_loop):
    results = []

    def run():
        results.append(event_loop.run_until_complete(asyncio.sleep(0, "done")))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert results == ["done"]


def test_watches_are_not_changed_from_another_thread(event_loop, pair):
    """It would be a race with the core, which does not hold the GIL."""
    failures, asleep = [], threading.Event()

    def add():
        asleep.wait()
        try:
            while True:
                event_loop.add_reader(pair[0], print)
        except RuntimeError as error:
            failures.append(str(error))
        event_loop.call_soon_threadsafe(event_loop.stop)

    thread = threading.Thread(target=add)
    thread.start()
    event_loop.call_soon(asleep.set)
    event_loop.run_forever()
    thread.join()
    assert "Non-thread-safe operation" in failures[0]


def in_a_child(check):
    """Runs check() in a fork of this process: its exit status."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            check()
            status = 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_fork_goes_on_with_its_own_and_leaves_the_parent_s_alone(event_loop, pair):
    seen = []
    event_loop.add_reader(pair[0], lambda: seen.append(pair[0].recv(1)))

    def in_child():
        event_loop.call_later(1e-3, event_loop.stop)
        event_loop.run_forever()
        event_loop.remove_reader(pair[0])
        event_loop.call_soon_threadsafe(event_loop.stop)
        event_loop.run_forever()
        event_loop.close()

    assert in_a_child(in_child) == 0
    assert in_a_child(event_loop.close) == 0
    assert in_a_child(lambda: event_loop.remove_reader(pair[0])) == 0
    pair[1].send(b"x")
    event_loop.call_soon(event_loop.stop)
    event_loop.run_forever()
    assert seen == [b"x"]


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_fork_in_the_middle_of_a_run(event_loop, pair):
    """Both go on, and what the child does is not seen by the parent."""
    seen = []

    def fork():
        pid = os.fork()
        if pid == 0:
            event_loop.remove_reader(pair[0])
            event_loop.call_later(1e-3, os._exit, 7)
        else:
            event_loop.call_later(1e-3, wait, pid)

    def wait(pid):
        seen.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        pair[1].send(b"x")

    def on_readable():
        seen.append("readable")
        event_loop.stop()

    event_loop.add_reader(pair[0], on_readable)
    event_loop.call_later(1e-3, fork)
    event_loop.run_forever()
    assert seen == [7, "readable"]


def test_a_loop_is_made_once(event_loop):
    with pytest.raises(RuntimeError, match="twice"):
        _core.EventLoop.__init__(event_loop)
    with pytest.raises(TypeError):
        _core.EventLoop(1)


def test_the_turn_alone():
    """Without the class of Python's: of no use, and no danger."""
    loop = _core.EventLoop()
    seen = []
    loop.call_soon(seen.append, 1)
    loop._run_once()
    assert seen == [1]
    loop.call_soon(lambda: 1 / 0)
    with pytest.raises(AttributeError):
        loop._run_once()
    loop._close_core()
    loop._close_core()
    with pytest.raises(RuntimeError, match="Event loop is closed"):
        loop._run_once()
    del loop
    _core.EventLoop()


def test_a_type_that_was_never_initialised():
    loop = _core.EventLoop.__new__(_core.EventLoop)
    with pytest.raises(RuntimeError, match="Event loop is closed"):
        loop.call_soon(print)
    assert loop._remove_reader(0) is False
    loop._close_core()


def forget(objects):
    objects.clear()
    gc.collect()


def test_forgotten_loops_are_closed_with_a_warning():
    def descriptors():
        return len(os.listdir("/dev/fd"))

    gc.collect()
    before = descriptors()
    loop = freastal.EventLoop()
    loop.call_later(100, print, loop)
    gone = weakref.ref(loop)
    forgotten = [loop]
    del loop
    with pytest.warns(ResourceWarning, match="unclosed event loop"):
        forget(forgotten)
    assert gone() is None
    assert descriptors() == before


def test_loops_leave_no_descriptor_behind():
    def descriptors():
        return len(os.listdir("/dev/fd"))

    before = descriptors()
    for _ in range(20):
        loop = freastal.EventLoop()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()
    assert descriptors() == before


def test_flags_are_the_core_s(event_loop):
    assert (event_loop._stopping, event_loop._closed, event_loop._workers) == (False, False, [])
    event_loop.set_debug(1)
    assert event_loop.get_debug() is True
    event_loop.set_debug(None)
    assert event_loop.get_debug() is False
    with pytest.raises(AttributeError):
        event_loop._workers = []


async def silent(scope, receive, send):
    raise AssertionError("nobody asks")


def worker_in(loop):
    listener = socket.create_server(("127.0.0.1", 0))
    binds = [(listener.fileno(), *listener.getsockname(), False)]
    return listener, _core.Worker(silent, interface="asgi", loop=loop, binds=binds, limits={})


def test_a_loop_that_a_worker_lives_in_is_not_closed(event_loop):
    listener, worker = worker_in(event_loop)
    with listener:
        assert event_loop._workers == [worker]
        with pytest.raises(RuntimeError, match="a worker lives in"):
            event_loop.close()
        assert not event_loop.is_closed()
        event_loop.run_until_complete(asyncio.sleep(0))
        worker.close()
        assert event_loop._workers == []


def test_a_forgotten_worker_and_its_loop_are_garbage():
    loop = freastal.EventLoop()
    listener, worker = worker_in(loop)
    gone = weakref.ref(loop)
    forgotten = [loop, worker]
    del loop, worker
    with listener, pytest.warns(ResourceWarning, match="unclosed event loop"):
        forget(forgotten)
    assert gone() is None
