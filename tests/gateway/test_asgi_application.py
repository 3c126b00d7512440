"""src/python/asgi_application.c: what all calls have in common: what is reported, what interrupts, how they end."""

from __future__ import annotations

import asyncio
import sys

import pytest

from tests.gateway.asgi import Told, body, sending, start

GET = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"


def test_failures_without_a_log_are_unraisable(asgi, monkeypatch):
    told = Told()
    monkeypatch.setattr(sys, "unraisablehook", lambda args: told.put(args.exc_value))

    async def application(scope, receive, send):
        raise LookupError("lost")

    gateway = asgi(application, log_exception=None)
    assert gateway.get().status == 500
    assert str(told.get()) == "lost"


def test_a_log_that_fails_harms_nobody(asgi, monkeypatch):
    told = Told()
    monkeypatch.setattr(sys, "unraisablehook", lambda args: told.put(args.exc_value))

    def log(sentence, error):
        raise OSError("disk full")

    async def application(scope, receive, send):
        raise LookupError("lost")

    gateway = asgi(application, log_exception=log)
    for _ in range(2):
        assert gateway.get().status == 500
        assert str(told.get()) == "disk full"


def test_a_scope_without_a_path_can_be_reported(asgi):
    async def application(scope, receive, send):
        scope.clear()
        raise LookupError("lost")

    gateway = asgi(application)
    assert gateway.get().status == 500
    assert gateway.failure()[0].endswith(": the application failed")


def test_odd_paths_can_be_logged(asgi):
    gateway = asgi(sending())
    gateway.send("GET /%ED%A0%80%0A%E2%82%AC HTTP/1.1\r\nHost: x\r\n\r\n").read_until(b"Error\n")
    lines = []
    while not gateway.lines.empty():
        lines.append(gateway.lines.get()[1])
    assert any("without starting response" in line and "\n" not in line for line in lines)


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("late", [False, True])
def test_an_interrupt_ends_the_loop(asgi, interrupt, late):
    """It comes out of whoever runs the loop, as it would out of a task of asyncio's; the request is answered."""

    async def application(scope, receive, send):
        if late:
            await asyncio.sleep(0)
        raise interrupt

    gateway = asgi(application)
    raw = gateway.send(GET)
    assert isinstance(gateway.ended.get(timeout=10), interrupt)
    gateway.expect_no_failure()
    raw.close()


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_ends_a_loop_that_has_nothing_else_to_do(asgi, interrupt):
    """It may come when the answer is complete, and between two turns of the worker."""

    async def application(scope, receive, send):
        await send(start())
        await send(body())
        await asyncio.wait({asyncio.get_running_loop().create_future()}, timeout=0.1)
        raise interrupt

    gateway = asgi(application)
    raw = gateway.send(GET)
    assert isinstance(gateway.ended.get(timeout=10), interrupt)
    gateway.expect_no_failure()
    raw.close()


def test_a_stop_cancels_what_goes_on(asgi):
    """A call without a connection too; what comes of it is nobody's failure."""
    told = Told()

    async def application(scope, receive, send):
        await send(start())
        await send(body(b"x"))
        told.put("background")
        try:
            await asyncio.Event().wait()
        finally:
            told.put("cancelled")

    gateway = asgi(application)
    assert gateway.get().body == b"x"
    assert told.get() == "background"
    gateway.worker.stop()
    assert told.get() == "cancelled"
    assert gateway.ended.get(timeout=10) is None
    gateway.expect_no_failure()


def test_a_drain_waits_for_what_goes_on(asgi):
    told, go_on = Told(), asyncio.Event()

    async def application(scope, receive, send):
        await send(start())
        await send(body(b"x"))
        told.put("background")
        await go_on.wait()
        told.put("done")

    gateway = asgi(application)
    assert gateway.get().body == b"x"
    assert told.get() == "background"
    gateway.worker.drain()
    while gateway.worker.stats()["connections_open"]:
        gateway.run(asyncio.sleep(0))
    gateway.run(asyncio.sleep(0))
    assert gateway.worker.state == "draining"
    assert gateway.ended.empty()
    gateway.set(go_on)
    assert told.get() == "done"
    assert gateway.ended.get(timeout=10) is None
    assert gateway.worker.state == "stopped"


def test_the_state_of_the_lifespan_is_copied(asgi):
    seen = Told()

    async def application(scope, receive, send):
        seen.put(dict(scope["state"]))
        scope["state"]["mine"] = 1
        await send(start())
        await send(body())

    shared = {"pool": "p"}
    gateway = asgi(application, lifespan_state=shared)
    assert [gateway.get().status, gateway.get().status] == [200, 200]
    assert seen.get() == seen.get() == {"pool": "p"}
    assert shared == {"pool": "p"}
