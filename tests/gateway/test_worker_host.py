"""src/python/worker_host.c: workers in loops that others turn, and what they tell them."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
import weakref

import pytest

import freastal
from freastal import _core
from freastal._guest import Guest
from tests.gateway.asgi import Told, body, sending, start
from tests.gateway.gateway import bind_of, listen, plain

GET = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
HELLO = sending(start(), body(b"hello"))
KEEP_ALIVE_S = 1


@pytest.fixture
def listener():
    with listen() as opened:
        yield opened


@pytest.fixture
def event_loop():
    loop = freastal.new_event_loop()
    yield loop
    loop.close()


def worker_in(event_loop, listener, application=HELLO, **options):
    settings = {"interface": "asgi", "loop": event_loop, "binds": [bind_of(listener)], "limits": {}}
    return _core.Worker(application, **{**settings, **options})


async def ask(listener, request=GET):
    """The whole answer."""
    reader, writer = await asyncio.open_connection(*listener.getsockname())
    writer.write(request)
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


# ---- living in a loop ----


def test_a_worker_lives_in_our_loop(event_loop, listener):
    async def main():
        stopped = event_loop.create_future()
        worker = worker_in(event_loop, listener, on_stopped=lambda: stopped.set_result(worker.state))
        worker.start()
        assert (await ask(listener)).endswith(b"hello")
        worker.stop()
        assert await stopped == "stopped"
        worker.close()

    event_loop.run_until_complete(main())


@pytest.mark.parametrize("how", ["drain", "stop"])
def test_asking_from_another_thread_wakes_the_loop(event_loop, listener, how):
    async def main():
        stopped = event_loop.create_future()
        worker = worker_in(event_loop, listener, on_stopped=lambda: stopped.set_result(None))
        worker.start()
        await ask(listener)
        thread = threading.Thread(target=getattr(worker, how))
        thread.start()
        await stopped
        thread.join()
        worker.close()

    event_loop.run_until_complete(main())


def test_nobody_else_turns_it(event_loop, listener):
    worker = worker_in(event_loop, listener)
    for call in (worker.run, worker.turn):
        with pytest.raises(RuntimeError, match="turned by the event loop"):
            call()
    worker.close()


def test_a_running_loop_stops_it_before_it_is_closed(event_loop, listener):
    async def main():
        stopped = event_loop.create_future()
        worker = worker_in(event_loop, listener, on_stopped=lambda: stopped.set_result(None))
        worker.start()
        await ask(listener)
        with pytest.raises(RuntimeError, match=r"has not stopped: call stop\(\)"):
            worker.close()
        worker.stop()
        await stopped
        worker.close()
        worker.close()

    event_loop.run_until_complete(main())


def test_when_the_loop_does_not_run_close_is_enough(event_loop, listener):
    stopped = []
    worker = worker_in(event_loop, listener, on_stopped=lambda: stopped.append(True))
    worker.start()
    event_loop.run_until_complete(ask(listener))
    peer = listener.getsockname()

    async def leave_open():
        return await asyncio.open_connection(*peer)

    reader, writer = event_loop.run_until_complete(leave_open())
    worker.close()
    assert stopped == [True]
    assert worker.state == "stopped"
    assert event_loop.run_until_complete(reader.read()) == b""
    writer.close()
    event_loop.run_until_complete(writer.wait_closed())


def test_it_may_be_closed_when_it_says_that_it_has_stopped(event_loop, listener):
    async def main():
        closed = event_loop.create_future()

        def on_stopped():
            worker.close()
            closed.set_result(None)

        worker = worker_in(event_loop, listener, on_stopped=on_stopped)
        worker.start()
        await ask(listener)
        worker.drain()
        await closed

    event_loop.run_until_complete(main())


def test_it_stays_alive_until_it_has_stopped(event_loop, listener):
    """As a server of asyncio's does; and then whoever forgot it has nothing to do."""

    async def main():
        told = event_loop.create_future()

        async def application(scope, receive, send):
            await send(start())
            await send(body(b"kept"))

        alive = weakref.ref(application)
        worker = worker_in(event_loop, listener, application, on_stopped=lambda: told.set_result(None))
        worker.start()
        stop = worker.stop
        del worker, application
        gc.collect()
        assert (await ask(listener)).endswith(b"kept")
        stop()
        await told
        del stop
        await asyncio.sleep(0)
        gc.collect()
        assert alive() is None

    event_loop.run_until_complete(main())


def forget(loop_and_worker, *, loop_first):
    if loop_first:
        loop_and_worker[0].__del__()
    loop_and_worker.clear()
    gc.collect()


@pytest.mark.parametrize("first", ["loop", "worker"])
def test_one_that_is_forgotten_with_its_loop_is_closed(listener, first):
    """Whichever the garbage collector comes to first."""
    loop = freastal.new_event_loop()

    async def application(scope, receive, send):
        await send(start())
        await send(body(b"until then"))

    worker = worker_in(loop, listener, application, on_stopped=lambda: stopped.append(True))
    stopped = []
    worker.start()
    assert loop.run_until_complete(ask(listener)).endswith(b"until then")
    gone = [weakref.ref(loop), weakref.ref(application)]
    forgotten = [loop, worker]
    del loop, worker, application
    with pytest.warns(ResourceWarning, match="unclosed") as told:
        forget(forgotten, loop_first=first == "loop")
    assert stopped == [True]
    unclosed = [warning.source for warning in told]
    assert sorted(type(each).__name__ for each in unclosed) == ["EventLoop", "Worker"]
    told.clear()
    unclosed.clear()
    gc.collect()
    assert [ref() for ref in gone] == [None, None]


def test_one_that_is_forgotten_serves_on_while_its_loop_is_there(event_loop, listener):
    stopped = []
    worker_in(event_loop, listener, on_stopped=lambda: stopped.append(True)).start()
    gc.collect()
    assert event_loop.run_until_complete(ask(listener)).endswith(b"hello")
    [worker] = event_loop._workers
    worker.close()
    assert stopped == [True]
    assert event_loop._workers == []


def test_one_that_never_started_is_let_go(event_loop, listener):
    async def application(scope, receive, send):
        pass

    alive = weakref.ref(application)
    worker_in(event_loop, listener, application)
    del application
    gc.collect()
    assert alive() is None


def test_two_in_one_loop(event_loop, listener):
    async def main():
        with listen() as other:
            stopped = [event_loop.create_future() for _ in range(2)]
            workers = [
                worker_in(event_loop, at, sending(start(), body(text)), on_stopped=lambda f=f: f.set_result(None))
                for at, text, f in ((listener, b"one", stopped[0]), (other, b"two", stopped[1]))
            ]
            for worker in workers:
                worker.start()
            assert (await ask(listener)).endswith(b"one")
            assert (await ask(other)).endswith(b"two")
            workers[0].stop()
            await stopped[0]
            assert (await ask(other)).endswith(b"two")
            workers[1].stop()
            await stopped[1]
            for worker in workers:
                worker.close()

    event_loop.run_until_complete(main())


def test_its_loop_cannot_be_closed_before(event_loop, listener):
    worker = worker_in(event_loop, listener)
    with pytest.raises(RuntimeError):
        event_loop.close()
    worker.close()


def test_a_closed_loop_takes_no_worker(listener):
    loop = freastal.new_event_loop()
    loop.close()
    with pytest.raises(RuntimeError):
        worker_in(loop, listener)


# ---- being a guest ----


def test_a_guest_is_not_run(listener):
    loop = asyncio.new_event_loop()
    worker = worker_in(loop, listener)
    with pytest.raises(RuntimeError, match="turned by the event loop"):
        worker.run()
    worker.turn()
    worker.close()
    loop.close()


def test_a_guest_says_when_it_wants_a_turn(listener):
    """An answer that is given outside of a turn leaves in one that is asked for, once however much there is to do."""
    stirred = []

    async def application(scope, receive, send):
        await asyncio.sleep(0)
        await send(start())
        stirred.clear()
        for _ in range(10):
            await send(body(b"x", more=True))
        count.append(len(stirred))
        await send(body())

    count = []

    async def main():
        guest = Guest(asyncio.get_running_loop())

        def on_stirred():
            stirred.append(True)
            guest.turn_soon()

        stopped = asyncio.get_running_loop().create_future()
        worker = worker_in(
            asyncio.get_running_loop(),
            listener,
            application,
            on_stirred=on_stirred,
            on_stopped=lambda: stopped.set_result(None),
        )
        worker.start()
        guest.attach(worker)
        assert (await ask(listener)).endswith(b"0\r\n\r\n")
        worker.stop()
        await stopped
        guest.detach()
        worker.close()

    asyncio.run(main())
    assert count == [1]


def test_deadlines_of_a_guest_count_from_what_is_done_between_turns(listener):
    """An answer may be given long after the last turn: the connection is kept for as long as after any other."""

    async def application(scope, receive, send):
        if scope["path"] == "/slow":
            await asyncio.wait({asyncio.get_running_loop().create_future()}, timeout=KEEP_ALIVE_S + 0.2)
        await HELLO(scope, receive, send)

    async def main():
        guest = Guest(asyncio.get_running_loop())
        stopped = asyncio.get_running_loop().create_future()
        worker = worker_in(
            asyncio.get_running_loop(),
            listener,
            application,
            on_stirred=guest.turn_soon,
            on_stopped=lambda: stopped.set_result(None),
            limits={"keep_alive_timeout_ms": int(KEEP_ALIVE_S * 1000)},
        )
        worker.start()
        guest.attach(worker)
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        writer.write(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await reader.readuntil(b"hello")).startswith(b"HTTP/1.1 200")
        writer.write(GET)
        assert (await reader.read()).endswith(b"hello")
        writer.close()
        worker.stop()
        await stopped
        guest.detach()
        worker.close()

    asyncio.run(main())


def test_on_stirred_is_for_guests(event_loop, listener):
    with pytest.raises(ValueError, match="on_stirred is for guests"):
        worker_in(event_loop, listener, on_stirred=lambda: None)


def test_what_a_callback_raises_harms_nobody(listener, monkeypatch):
    told = Told()
    monkeypatch.setattr(sys, "unraisablehook", lambda args: told.put(str(args.exc_value)))

    def fail():
        raise LookupError("from on_stopped")

    loop = asyncio.new_event_loop()
    worker = worker_in(loop, listener, on_stopped=fail)
    worker.start()
    worker.stop()
    while worker.state != "stopped":
        worker.turn()
    worker.turn()
    assert told.get() == "from on_stopped"
    worker.close()
    assert told.empty()
    loop.close()


# ---- by itself ----


def test_a_wsgi_worker_tells_too(listener):
    stopped = []
    worker = _core.Worker(
        plain(b"x"),
        interface="wsgi",
        binds=[bind_of(listener)],
        limits={},
        on_stopped=lambda: stopped.append(worker.state),
    )
    worker.drain()
    worker.run()
    assert stopped == ["stopped"]
    worker.close()
    assert len(stopped) == 1


def test_one_that_never_served_has_nothing_to_tell(listener):
    stopped = []
    _core.Worker(
        plain(b"x"), interface="wsgi", binds=[bind_of(listener)], limits={}, on_stopped=lambda: stopped.append(True)
    ).close()
    assert stopped == []


@pytest.mark.parametrize(
    ("options", "error", "sentence"),
    [
        ({"loop": None}, TypeError, "needs a loop"),
        ({"lifespan_state": []}, TypeError, "lifespan_state must be a dict, not list"),
        ({"on_stopped": 5}, TypeError, "on_stopped must be callable, not int"),
        ({"on_stirred": 5}, TypeError, "on_stirred must be callable, not int"),
        ({"interface": "wsgi"}, ValueError, "not run by a loop of asyncio's"),
    ],
)
def test_refused(listener, options, error, sentence):
    loop = asyncio.new_event_loop()
    with pytest.raises(error, match=sentence):
        worker_in(loop, listener, **options)
    loop.close()
