"""ASGI over HTTP/2: streams beside each other, peers that leave, applications that fail, drain (RFC 9113)."""

from __future__ import annotations

import asyncio
import contextvars

import pytest

from tests.gateway.asgi import Told, body, sending, start
from tests.gateway.test_http2_asgi import path_of
from tests.support.frames import Code, Kind, rst_stream

WINDOW = 65535


# ---- pace ----


def test_who_does_not_read_holds_up_only_itself(asgi):
    told = Told()

    async def application(scope, receive, send):
        if scope["path"] != "/endless":
            await path_of(scope, receive, send)
            return
        await send(start())
        try:
            for i in range(1000):
                told.put(i)
                await send(body(b"x" * 10_000, more=True))
        except OSError as error:
            told.put(type(error).__name__)

    with asgi(application).client() as client:
        client.generous = False
        stuck = client.begin(path="/endless")
        answer = client.answer_of(stuck)
        while answer.window > 0:
            client.hear()
        client.give(0, 1 << 20)
        for _ in range(20):
            client.expect(client.begin(), 200, b"/")
        client.give(stuck, 300_000)
        while answer.window > 0:
            client.hear()
        client.send(rst_stream(stuck))
        count = 0
        while told.get() != "ClientDisconnected":
            count += 1
        assert 36 < count < 100
        client.expect(client.begin(), 200, b"/")


def test_answers_are_mixed(asgi):
    """Nobody waits until another one's long answer is over."""
    with asgi(sending(start(), body(b"x" * 500_000))).client(initial_window_size=1 << 20) as client:
        streams = [client.begin(fields=[("priority", "u=3, i")]) for _ in range(4)]
        while not any(client.answer_of(stream).over for stream in streams):
            client.hear()
        assert min(len(client.answer_of(stream).body) for stream in streams) > 100_000
        for stream in streams:
            client.expect(stream)


def test_a_hundred_streams_answered_backwards(asgi):
    gates = [asyncio.Event() for _ in range(100)]
    arrived = Told()

    async def application(scope, receive, send):
        number = int(scope["path"][1:])
        arrived.put(number)
        await gates[number].wait()
        await send(start())
        for i in range(3):
            await send(body(b"%d-%d " % (number, i), more=i < 2))
            await asyncio.sleep(0)

    gateway = asgi(application)
    with gateway.client() as client:
        streams = [client.begin(path=f"/{i}") for i in range(100)]
        assert sorted(arrived.get() for _ in streams) == list(range(100))
        for number in reversed(range(100)):
            gateway.set(gates[number])
            client.expect(streams[number], 200, b"".join(b"%d-%d " % (number, i) for i in range(3)))


def test_streams_have_contexts_and_tasks_of_their_own(asgi):
    variable = contextvars.ContextVar("variable", default=0)
    everybody, seen = asyncio.Event(), Told()

    async def application(scope, receive, send):
        before = variable.get()
        variable.set(int(scope["path"][1:]))
        seen.put(id(asyncio.current_task()))
        await everybody.wait()
        await send(start())
        await send(body(b"%d %d" % (before, variable.get())))

    gateway = asgi(application)
    with gateway.client() as client:
        streams = [client.begin(path=f"/{i}") for i in range(20)]
        assert len({seen.get() for _ in streams}) == 20
        gateway.set(everybody)
        for i, stream in enumerate(streams):
            client.expect(stream, 200, b"0 %d" % i)


# ---- who leaves ----


def test_a_reset_is_a_disconnect_and_the_others_go_on(asgi):
    told, go_on = Told(), asyncio.Event()

    async def application(scope, receive, send):
        await receive()
        if scope["path"] != "/left":
            await go_on.wait()
            await path_of(scope, receive, send)
            return
        told.put("asked")
        told.put(await receive())
        try:
            await send(start())
            await send(body(b"x"))
        except OSError as error:
            told.put(type(error).__name__)

    gateway = asgi(application)
    with gateway.client() as client:
        other, stream = client.begin(path="/other"), client.begin(path="/left")
        assert told.get() == "asked"
        client.send(rst_stream(stream))
        assert told.get() == {"type": "http.disconnect"}
        assert told.get() == "ClientDisconnected"
        gateway.set(go_on)
        client.expect(other, 200, b"/other")
    gateway.expect_no_failure()


def test_a_connection_that_is_gone_is_a_disconnect_for_all(asgi):
    told = Told()

    async def application(scope, receive, send):
        told.put("asked")
        while (message := await receive())["type"] == "http.request":
            pass
        told.put(message["type"])

    with asgi(application).client() as client:
        for i in range(10):
            client.begin("GET" if i % 2 else "POST", end=bool(i % 2))
        assert [told.get() for _ in range(10)] == ["asked"] * 10
    assert [told.get() for _ in range(10)] == ["http.disconnect"] * 10


def test_a_reset_in_the_middle_of_the_body(asgi):
    told = Told()

    async def application(scope, receive, send):
        while (message := await receive())["type"] == "http.request":
            told.put(message["body"])
        told.put(message["type"])

    with asgi(application).client() as client:
        stream = client.begin("POST", end=False)
        client.upload(stream, b"half")
        assert told.get() == b"half"
        client.send(rst_stream(stream))
        assert told.get() == "http.disconnect"
        client.expect_alive()


def test_an_application_that_never_answers_waits_for_its_peer(asgi):
    told = Told()

    async def application(scope, receive, send):
        told.put("begun")
        await receive()
        told.put((await receive())["type"])

    with asgi(application).client() as client:
        stream = client.begin()
        assert told.get() == "begun"
        client.expect_alive()
        assert told.empty()
        client.send(rst_stream(stream))
        assert told.get() == "http.disconnect"


# ---- what goes wrong ----


def test_a_failure_before_the_head(asgi):
    async def application(scope, receive, send):
        raise LookupError("lost")

    gateway = asgi(application)
    with gateway.client() as client:
        for _ in range(3):
            assert client.request().status == 500
            assert str(gateway.failure()[1]) == "lost"


def test_a_failure_after_the_head_cuts_its_stream_only(asgi):
    async def application(scope, receive, send):
        if scope["path"] == "/":
            await path_of(scope, receive, send)
            return
        await send(start())
        await send(body(b"first", more=True))
        await asyncio.sleep(0)
        raise LookupError("lost")

    gateway = asgi(application)
    with gateway.client() as client:
        streams = [client.begin(path="/fails") for _ in range(3)]
        for stream in streams:
            answer = client.expect_reset(stream, Code.INTERNAL_ERROR)
            assert (answer.status, answer.body) == (200, b"first")
        client.expect(client.begin(), 200, b"/")
    assert gateway.failure()[0] == "GET /fails: the application failed after the head was sent; the answer was cut"


@pytest.mark.parametrize("messages", [[], [start()]])
def test_no_answer(asgi, messages):
    with asgi(sending(*messages)).client() as client:
        for _ in range(2):
            assert client.request().status == 500


def test_half_an_answer_is_cut(asgi):
    with asgi(sending(start(), body(b"half", more=True))).client() as client:
        for _ in range(2):
            answer = client.expect_reset(client.begin(), Code.INTERNAL_ERROR)
            assert answer.body == b"half"


def test_a_length_that_is_not_true(asgi):
    told = Told()
    length = [(b"content-length", b"4")]

    async def application(scope, receive, send):
        await send(start(headers=length))
        try:
            if scope["path"] == "/longer":
                await send(body(b"abcde"))
            else:
                await send(body(b"ab", more=True))
                await send(body(b"c"))
        except RuntimeError as error:
            told.put(str(error))

    with asgi(application).client() as client:
        stream = client.begin(path="/longer")
        assert client.finish(stream).status == 500
        assert "longer" in told.get()
        stream = client.begin(path="/shorter")
        assert not client.hear_until_over(stream).ended
        assert "shorter" in told.get()
        client.expect_alive()


# ---- drain ----


def test_a_drain_finishes_what_was_asked(asgi):
    told, go_on = Told(), asyncio.Event()

    async def application(scope, receive, send):
        told.put("asked")
        await go_on.wait()
        await path_of(scope, receive, send)

    gateway = asgi(application)
    with gateway.client() as client:
        streams = [client.begin(path=f"/{i}") for i in range(5)]
        assert [told.get() for _ in streams] == ["asked"] * 5
        gateway.worker.drain()
        while not client.goaways:
            client.hear()
        gateway.set(go_on)
        for i, stream in enumerate(streams):
            client.expect(stream, 200, b"/%d" % i)
        while heard := client.hear_or_end():
            assert heard.kind == Kind.GOAWAY, heard
        assert client.goaways[-1].code == Code.NO_ERROR
        assert client.goaways[-1].last >= streams[-1]
