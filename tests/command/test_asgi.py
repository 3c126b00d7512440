"""freastal/_asgi.py: one ASGI worker inside a running loop, to its end; whatever the loop is."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import threading

import pytest

import freastal
from freastal._loops import new_loop, run_to_end
from freastal.errors import BootError
from tests.support.gate import Gate
from tests.support.server import RunningServer

APP = "tests.support.apps.asgi:app"
TIMEOUT_S = 20


@pytest.fixture
def drive(loop):
    """drive(main): main() in each kind of loop, with everything that Runner would do."""
    return lambda main: run_to_end(new_loop(loop), asyncio.wait_for(main(), TIMEOUT_S))


class Client:
    """A connection of which nothing blocks the loop."""

    def __init__(self, url: str) -> None:
        self._where = RunningServer(url)

    async def __aenter__(self) -> Client:
        self.reader, self.writer = await asyncio.open_connection(self._where.host, self._where.port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.close()

    def ask(self, target: str, *fields: str) -> None:
        head = "\r\n".join([f"GET {target} HTTP/1.1", "Host: x", *fields])
        self.writer.write(f"{head}\r\n\r\n".encode())

    async def line(self) -> bytes:
        return await self.reader.readline()

    async def rest(self) -> bytes:
        """Until the server closes, also by a reset."""
        try:
            return await self.reader.read()
        except ConnectionResetError:
            return b""

    async def body(self) -> bytes:
        return (await self.rest()).partition(b"\r\n\r\n")[2]


async def get(url: str, target: str = "/") -> bytes:
    async with Client(url) as client:
        client.ask(target, "Connection: close")
        return await client.body()


async def arrived(gate: Gate) -> None:
    await asyncio.get_running_loop().run_in_executor(None, gate.arrived)


async def refused(url: str) -> bool:
    try:
        async with Client(url):
            return False
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:  # it closed between the handshake and the accept: the next one will be refused
        return False


def new_server(target: object = APP, **options: object) -> freastal.Server:
    return freastal.Server(target, port=0, **options)


def test_requests_are_answered_in_this_loop(drive):
    async def main() -> None:
        server = new_server()
        serving = asyncio.ensure_future(server.serve())
        url = await server.wait_started()
        assert await get(url) == b"hello\n"
        kind = type(asyncio.get_running_loop())
        assert await get(url, "/loop") == f"{kind.__module__}.{kind.__name__}".encode()
        server.should_exit = True
        await serving
        assert await refused(url)

    drive(main)


def test_the_application_is_told_of_start_and_end_and_its_state_is_copied(drive, capfd):
    async def main() -> None:
        server = new_server(root_path="/there")
        serving = asyncio.ensure_future(server.serve())
        url = await server.wait_started()
        for _ in range(2):
            state = json.loads(await get(url, "/state"))
            assert state == {"pid": os.getpid(), "mine": True, "root_path": "/there"}
        assert "shutdown" not in capfd.readouterr().err
        server.should_exit = True
        await serving

    drive(main)
    assert ": shutdown\n" in capfd.readouterr().err


def test_open_requests_are_finished(drive, gate):
    async def main() -> None:
        server = new_server()
        serving = asyncio.ensure_future(server.serve())
        async with Client(await server.wait_started()) as client:
            client.ask(f"/stream{gate.query[1:]}")
            while await client.line() != b"begin\n":
                pass
            await arrived(gate)
            server.should_exit = True
            while not await refused(client._where.url):
                pass
            gate.open()
            assert b"end\n" in await client.rest()
        await serving

    drive(main)


def test_a_cancelled_server_finishes_open_requests_too(drive, gate, capfd):
    async def main() -> None:
        server = new_server()
        serving = asyncio.ensure_future(server.serve())
        async with Client(await server.wait_started()) as client:
            client.ask(f"/hold{gate.query[1:]}")
            await arrived(gate)
            serving.cancel()
            gate.open()
            assert (await client.line()).startswith(b"HTTP/1.1 200 ")
        with pytest.raises(asyncio.CancelledError):
            await serving

    drive(main)
    assert ": shutdown\n" in capfd.readouterr().err


def test_who_waits_in_the_queue_is_served(drive):
    async def main() -> None:
        server = new_server()
        serving = asyncio.ensure_future(server.serve())
        where = RunningServer(await server.wait_started())
        waiting = [socket.create_connection((where.host, where.port), TIMEOUT_S) for _ in range(40)]
        for each in waiting:
            each.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        server.should_exit = True
        await serving
        for each in waiting:
            with each:
                assert each.recv(1000).startswith(b"HTTP/1.1 200 ")

    drive(main)


def test_what_streams_for_ever_is_cut_off(drive, capfd):
    async def main() -> None:
        server = new_server(graceful_timeout=0.05)
        serving = asyncio.ensure_future(server.serve())
        async with Client(await server.wait_started()) as client:
            client.ask("/endless")
            assert (await client.line()).startswith(b"HTTP/1.1 200 ")
            server.should_exit = True
            await serving

    drive(main)
    said = capfd.readouterr().err
    assert "warning: open requests were not finished in time; they are cut off" in said
    assert said.index("the endless stream ended") < said.index(": shutdown\n")


def test_cancelling_twice_ends_the_wait(drive, gate, capfd):
    async def main() -> None:
        server = new_server(graceful_timeout=3600)
        serving = asyncio.ensure_future(server.serve())
        async with Client(await server.wait_started()) as client:
            client.ask(f"/stream{gate.query[1:]}")
            await arrived(gate)
            serving.cancel()
            while not await refused(client._where.url):
                pass
            serving.cancel()
            with pytest.raises(asyncio.CancelledError):
                await serving
            assert b"end\n" not in await client.rest()

    drive(main)
    assert ": shutdown\n" in capfd.readouterr().err


def test_a_background_task_is_finished(drive, gate, capfd):
    async def main() -> None:
        server = new_server()
        serving = asyncio.ensure_future(server.serve())
        url = await server.wait_started()
        assert await get(url, f"/background{gate.query[1:]}") == b"answered\n"
        await arrived(gate)
        server.should_exit = True
        while not await refused(url):
            pass
        assert "ended" not in capfd.readouterr().err
        gate.open()
        await serving

    drive(main)
    said = capfd.readouterr().err
    assert said.index("the background task ended") < said.index(": shutdown\n")


def test_a_background_task_that_takes_too_long_is_cancelled(drive, gate, capfd):
    async def main() -> None:
        server = new_server(graceful_timeout=0.05)
        serving = asyncio.ensure_future(server.serve())
        assert await get(await server.wait_started(), f"/background{gate.query[1:]}") == b"answered\n"
        await arrived(gate)
        server.should_exit = True
        await serving

    drive(main)
    said = capfd.readouterr().err
    assert said.index("the background task ended") < said.index(": shutdown\n")


def test_a_startup_that_fails_is_raised(drive, monkeypatch):
    monkeypatch.setenv("LIFESPAN", "refuse")

    async def main() -> None:
        server = new_server()
        serving = asyncio.ensure_future(server.serve())
        with pytest.raises(BootError, match="the application's startup failed: no database today"):
            await server.wait_started()
        with pytest.raises(BootError):
            await serving

    drive(main)


def test_to_be_cancelled_in_the_startup(drive, monkeypatch, capfd):
    monkeypatch.setenv("LIFESPAN", "stuck")

    async def main() -> None:
        server = new_server()
        serving = asyncio.ensure_future(server.serve())
        said = ""
        while "stuck in its startup" not in said:
            await asyncio.wait({serving}, timeout=0.01)
            said += capfd.readouterr().err
        serving.cancel()
        await asyncio.wait({serving}, timeout=0)
        serving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await serving

    drive(main)
    assert "stuck in its startup: cancelled" in capfd.readouterr().err


def test_a_shutdown_that_hangs_is_cancelled(drive, monkeypatch, capfd):
    monkeypatch.setenv("LIFESPAN", "hang")

    async def main() -> None:
        server = new_server(graceful_timeout=0.05)
        serving = asyncio.ensure_future(server.serve())
        await server.wait_started()
        server.should_exit = True
        await serving

    drive(main)
    said = capfd.readouterr().err
    assert "error: the application did not finish its shutdown within 0.05 s and is cancelled" in said
    assert "stuck in its shutdown: cancelled" in said


def test_to_be_cancelled_in_the_shutdown(drive, monkeypatch, capfd):
    monkeypatch.setenv("LIFESPAN", "hang")

    async def main() -> None:
        server = new_server(graceful_timeout=3600)
        serving = asyncio.ensure_future(server.serve())
        await server.wait_started()
        serving.cancel()
        said = ""
        while "stuck in its shutdown" not in said:
            await asyncio.wait({serving}, timeout=0.01)
            said += capfd.readouterr().err
        serving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await serving

    drive(main)
    assert "stuck in its shutdown: cancelled" in capfd.readouterr().err


def test_the_end_of_the_loop_is_the_end_of_the_server(drive, capfd):
    """As asyncio.run does it: every task is cancelled and waited for, that of the lifespan too."""

    async def main() -> None:
        server = new_server()
        kept.append(asyncio.ensure_future(server.serve()))
        assert await get(await server.wait_started()) == b"hello\n"

    kept: list[asyncio.Task[None]] = []
    drive(main)
    assert kept[0].cancelled()
    assert "cancelled in its lifespan" in capfd.readouterr().err


def test_two_servers_in_one_loop(drive):
    async def main() -> None:
        servers = [new_server() for _ in range(2)]
        serving = [asyncio.ensure_future(server.serve()) for server in servers]
        urls = [await server.wait_started() for server in servers]
        assert len(set(urls)) == 2
        for url in urls:
            assert await get(url) == b"hello\n"
        servers[0].should_exit = True
        await serving[0]
        assert await get(urls[1]) == b"hello\n"
        servers[1].should_exit = True
        await serving[1]

    drive(main)


def test_an_interrupt_of_the_application_comes_out_of_the_loop(drive, capfd):
    async def application(scope, receive, send):
        if scope["type"] == "lifespan":
            raise ValueError("only requests here")
        raise SystemExit(7)

    async def main() -> None:
        server = new_server(application)
        serving = asyncio.ensure_future(server.serve())
        await get(await server.wait_started())
        await serving

    with pytest.raises(SystemExit) as caught:
        drive(main)
    assert caught.value.code == 7


def test_from_another_thread(drive):
    """should_exit may be set from anywhere."""

    async def main() -> None:
        server = new_server()
        serving = asyncio.ensure_future(server.serve())
        await server.wait_started()

        def tell() -> None:
            server.should_exit = True

        threading.Thread(target=tell).start()
        await serving

    drive(main)
