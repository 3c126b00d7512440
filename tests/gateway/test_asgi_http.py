"""src/python/asgi_http.c: a request from its scope to the end of its call, however that ends."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import weakref

import pytest

from freastal import _core
from tests.gateway.asgi import Told, body, read_body, sending, start

GET = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"


def error_lines(gateway):
    while not gateway.lines.empty():
        level, line = gateway.lines.get()
        if level >= 30:
            yield line


# ---- calls that end as they should ----


def test_requests_on_one_connection(asgi):
    async def application(scope, receive, send):
        await send(start())
        await send(body(scope["path"].encode()))

    raw = asgi(application).send("".join(GET.replace("/ ", f"/{i} ") for i in range(50)))
    for i in range(50):
        assert raw.read_head().startswith("HTTP/1.1 200 OK")
        assert raw.read_until(b"/%d" % i) == b"/%d" % i


def test_many_at_a_time(asgi):
    """All are in the application before the first is answered."""
    everybody, arrived = asyncio.Event(), Told()

    async def application(scope, receive, send):
        arrived.put(scope["path"])
        await everybody.wait()
        await send(start())
        await send(body(scope["path"].encode() + b"!"))

    gateway = asgi(application)
    raws = [gateway.send(GET.replace("/ ", f"/{i} ")) for i in range(30)]
    assert sorted(arrived.get() for _ in raws) == sorted(f"/{i}" for i in range(30))
    gateway.set(everybody)
    for i, raw in enumerate(raws):
        assert raw.read_until(b"!").endswith(b"/%d!" % i)


def test_pipelined_answers_stay_in_order(asgi):
    """The second request begins when the first is answered, whoever is faster."""

    async def application(scope, receive, send):
        for _ in range(10 if scope["path"] == "/slow" else 0):
            await asyncio.sleep(0)
        await send(start())
        await send(body(scope["path"].encode() + b"!"))

    raw = asgi(application).send(GET.replace("/ ", "/slow ") + GET.replace("/ ", "/fast "))
    raw.read_until(b"/slow!")
    raw.read_until(b"/fast!")


def test_the_call_may_go_on_after_its_answer(asgi):
    """As background tasks do; nobody waits for it."""
    told, go_on = Told(), asyncio.Event()

    async def application(scope, receive, send):
        await send(start())
        await send(body(b"x"))
        await go_on.wait()
        told.put("background")

    gateway = asgi(application)
    raw = gateway.send(GET)
    raw.read_until(b"x")
    gateway.set(go_on)
    assert told.get() == "background"
    gateway.expect_no_failure()


def test_a_body_that_nobody_wanted_is_skipped(asgi):
    gateway = asgi(sending(start(), body(b"x")))
    raw = gateway.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n" + "b" * 1000 + GET)
    raw.read_until(b"\r\n\r\nx")
    raw.read_until(b"\r\n\r\nx")


@pytest.mark.each_http
def test_each_request_has_a_context_and_a_task_of_its_own(asgi):
    variable = contextvars.ContextVar("variable", default=0)
    seen = Told()

    async def application(scope, receive, send):
        seen.put((variable.get(), id(asyncio.current_task())))
        variable.set(1)
        await asyncio.sleep(0)
        await send(start())
        await send(body())

    gateway = asgi(application)
    assert [gateway.get().status for _ in range(3)] == [200] * 3
    assert [seen.get()[0] for _ in range(3)] == [0, 0, 0]


# ---- calls that fail ----


def test_a_failure_before_the_answer(asgi):
    async def application(scope, receive, send):
        raise LookupError("lost")

    gateway = asgi(application)
    raw = gateway.send("PUT /a%20b?c HTTP/1.1\r\nHost: x\r\n\r\n" + GET)
    assert raw.read_head().startswith("HTTP/1.1 500 Internal Server Error")
    sentence, error = gateway.failure()
    assert sentence == "PUT /a b: the application failed"
    assert str(error) == "lost"
    assert error.__traceback__ is not None
    raw.read_until(b"Internal Server Error\n")
    assert raw.read_head().startswith("HTTP/1.1 500")  # the connection goes on


@pytest.mark.each_http
def test_a_failure_after_a_wait(asgi):
    async def application(scope, receive, send):
        await asyncio.sleep(0)
        raise LookupError("lost")

    gateway = asgi(application)
    assert gateway.get().status == 500
    assert gateway.failure()[0] == "GET /: the application failed"


def test_a_failure_in_the_middle_of_the_answer(asgi):
    async def application(scope, receive, send):
        await send(start())
        await send(body(b"first", more=True))
        raise LookupError("lost")

    gateway = asgi(application)
    data = gateway.send(GET + GET).read_to_end()
    assert data.endswith(b"5\r\nfirst\r\n")
    assert data.count(b"HTTP/1.1") == 1
    assert gateway.failure()[0] == "GET /: the application failed after the head was sent; the answer was cut"


@pytest.mark.each_http
def test_a_failure_after_the_answer(asgi):
    async def application(scope, receive, send):
        await send(start())
        await send(body(b"x"))
        raise LookupError("lost")

    gateway = asgi(application)
    assert gateway.get().body == b"x"
    assert gateway.failure()[0] == "GET /: the application failed after its answer was complete"


def test_a_failure_after_the_peer_has_gone(asgi):
    async def application(scope, receive, send):
        await receive()
        await receive()
        raise LookupError("lost")

    gateway = asgi(application)
    gateway.send(GET).reset()
    assert gateway.failure()[0] == "GET /: the application failed after the peer was gone"


@pytest.mark.parametrize("messages", [[], [start()]])
def test_no_answer(asgi, messages):
    gateway = asgi(sending(*messages))
    raw = gateway.send(GET)
    raw.read_until(b"Internal Server Error\n")
    word = "completing" if messages else "starting"
    assert f"GET /: ASGI callable returned without {word} response." in list(error_lines(gateway))
    gateway.expect_no_failure()


def test_half_an_answer(asgi):
    gateway = asgi(sending(start(), body(b"half", more=True)))
    assert gateway.send(GET).read_to_end().endswith(b"4\r\nhalf\r\n")
    assert "GET /: ASGI callable returned without completing response." in list(error_lines(gateway))


@pytest.mark.each_http
def test_a_call_that_returns_nothing_to_await(asgi):
    gateway = asgi(lambda scope, receive, send: None)
    assert gateway.get().status == 500
    assert isinstance(gateway.failure()[1], TypeError)


@pytest.mark.each_http
def test_a_call_that_raises_at_once(asgi):
    def application(scope, receive, send):
        raise LookupError("before there is a coroutine")

    gateway = asgi(application)
    assert gateway.get().status == 500
    assert isinstance(gateway.failure()[1], LookupError)


@pytest.mark.each_http
def test_a_cancelled_call_is_a_failure(asgi):
    """Unless it is the server that cancels."""

    async def application(scope, receive, send):
        asyncio.current_task().cancel()
        await asyncio.sleep(0)

    gateway = asgi(application)
    assert gateway.get().status == 500
    assert isinstance(gateway.failure()[1], asyncio.CancelledError)


def test_a_call_that_never_answers_waits_for_its_peer(asgi):
    told = Told()

    async def application(scope, receive, send):
        told.put("begun")
        await receive()
        told.put((await receive())["type"])

    gateway = asgi(application)
    raw = gateway.send(GET)
    assert told.get() == "begun"
    assert told.empty()
    raw.close()
    assert told.get() == "http.disconnect"


# ---- peers that leave ----


class ClientDisconnect(Exception):
    """As Starlette makes it of an OSError."""


@pytest.mark.parametrize("translated", [False, True])
def test_that_a_peer_left_is_no_failure(asgi, translated):
    done = Told()

    async def application(scope, receive, send):
        await receive()
        await receive()
        done.put("left")
        try:
            await send(start())
        except OSError:
            if translated:
                raise ClientDisconnect  # noqa: B904
            raise

    gateway = asgi(application)
    gateway.send(GET).reset()
    assert done.get() == "left"
    gateway.run(asyncio.sleep(0))
    gateway.expect_no_failure()


def test_what_goes_wrong_while_that_is_handled_is_one(asgi):
    async def application(scope, receive, send):
        await receive()
        await receive()
        try:
            await send(start())
        except _core.ClientDisconnected:
            raise NameError("a mistake")  # noqa: B904

    gateway = asgi(application)
    gateway.send(GET).reset()
    assert isinstance(gateway.failure()[1], NameError)


def test_a_peer_that_leaves_in_the_middle_of_its_body(asgi):
    told = Told()

    async def application(scope, receive, send):
        try:
            await read_body(receive)
        except AssertionError as error:
            told.put(str(error))
        await send(start())

    gateway = asgi(application)
    gateway.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc").close()
    assert "http.disconnect" in told.get()
    gateway.run(asyncio.sleep(0))
    gateway.expect_no_failure()


# ---- memory ----


@pytest.mark.each_http
def test_nothing_of_a_request_stays(asgi):
    class Marker:
        pass

    markers = []

    async def application(scope, receive, send):
        marker = scope["marker"] = Marker()
        markers.append(weakref.ref(marker))
        scope["cycle"] = [scope, receive, send]  # as some frameworks do
        await send(start())
        await send(body(b"x"))
        del scope["cycle"]

    gateway = asgi(application)
    for _ in range(3):
        assert gateway.get().body == b"x"
    gateway.run(asyncio.sleep(0))
    gc.collect()
    assert [marker() for marker in markers] == [None] * 3


@pytest.mark.each_http
def test_a_scope_that_leads_to_receive_is_collected(asgi):
    class Marker:
        pass

    markers = []

    async def application(scope, receive, send):
        marker = scope["marker"] = Marker()
        markers.append(weakref.ref(marker))
        scope["cycle"] = [scope, receive, send]
        await send(start())
        await send(body(b"x"))

    gateway = asgi(application)
    assert gateway.get().body == b"x"
    gateway.run(asyncio.sleep(0))
    gc.collect()
    assert [marker() for marker in markers] == [None]
