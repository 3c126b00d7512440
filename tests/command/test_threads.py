"""freastal/_threads.py: a worker in a thread of this process, for each interface."""

from __future__ import annotations

import threading
import time

import pytest

import freastal
from freastal.errors import BootError, FreastalError
from tests.support.server import RunningServer, serve_here

APP = "tests.support.apps.asgi:app"


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "freastal-worker"]


def test_asgi_in_a_thread_with_a_loop_of_its_own(loop, capfd):
    with serve_here(APP, loop=loop) as server:
        assert server.get().body == b"hello\n"
        assert server.get("/loop").body.decode().startswith(loop)
        assert server.get("/state").body.startswith(b'{"pid": ')
        assert len(threads()) == 1
    assert threads() == []
    assert ": shutdown\n" in capfd.readouterr().err


def test_an_application_that_is_given():
    async def app(scope, receive, send):
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": threading.current_thread().name.encode()})

    with freastal.Server(app, port=0).running() as url:
        assert RunningServer(url).get().body == b"freastal-worker"


def test_it_can_run_again(loop):
    server = freastal.Server(APP, port=0, loop=loop)
    for _ in range(2):
        with server.running() as url:
            assert RunningServer(url).get().body == b"hello\n"


def test_an_open_request_is_finished_at_the_end(loop, gate):
    with serve_here(APP, loop=loop) as server:
        client = server.connect()
        client.sendall(f"GET /hold{gate.query[1:]} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        gate.arrived()
        threading.Timer(0, gate.open).start()
    with client:
        assert client.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_an_idle_connection_does_not_delay_the_end(loop):
    started = time.monotonic()
    with serve_here(APP, loop=loop, keep_alive=60, graceful_timeout=60) as server:
        client = server.connect()
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert client.recv(65536).startswith(b"HTTP/1.1 200 ")
    assert time.monotonic() - started < 30
    with client:
        assert client.recv(1) == b""


def test_what_streams_for_ever_is_cut_off(loop):
    with serve_here(APP, loop=loop, graceful_timeout=0.1) as server:
        client = server.connect()
        client.sendall(b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
        assert client.recv(64).startswith(b"HTTP/1.1 200 ")
    client.close()


def test_a_startup_that_fails_is_raised_here(loop, monkeypatch):
    monkeypatch.setenv("LIFESPAN", "refuse")
    with pytest.raises(BootError, match="startup failed: no database today"), serve_here(APP, loop=loop):
        pass
    assert threads() == []


def test_what_ends_the_worker_early_is_raised_at_the_end(loop):
    async def app(scope, receive, send):
        if scope["type"] == "http":
            raise SystemExit(5)

    def ask_once() -> None:
        with serve_here(app, loop=loop) as server:
            with server.connect() as client:
                client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                client.recv(1)
            (thread,) = threads()
            thread.join(20)

    with pytest.raises(SystemExit):
        ask_once()
    assert threads() == []


def test_a_thread_that_does_not_come_back_is_left_behind(monkeypatch):
    monkeypatch.setattr("freastal._threads._STOP_S", 0.05)
    go_on, entered = threading.Event(), threading.Event()

    async def app(scope, receive, send):
        if scope["type"] == "http":
            entered.set()
            go_on.wait()  # which blocks the loop

    def block() -> None:
        with serve_here(app, graceful_timeout=0.05) as server, server.connect() as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert entered.wait(20)

    with pytest.raises(FreastalError, match="the application has not returned"):
        block()
    go_on.set()
    for thread in threads():
        thread.join(20)


def test_wsgi_in_a_thread():
    def app(environ, start_response):
        start_response("200 OK", [])
        return [threading.current_thread().name.encode()]

    with freastal.Server(app, port=0).running() as url:
        assert RunningServer(url).get().body == b"freastal-worker"
    assert threads() == []
