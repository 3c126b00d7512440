"""freastal/server.py: a worker in a thread of this process, and a server of processes from Python."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time

import pytest

import freastal
from freastal.config import Config
from freastal.errors import ConfigError, FreastalError, ListenError, LoadError
from tests.support.gate import Gate
from tests.support.server import BASIC, ROOT, RunningServer, serve_here


def test_an_application_is_served_from_here():
    def app(environ, start_response):
        start_response("200 OK", [])
        return [f"{os.getpid()} {threading.current_thread().name}".encode()]

    with freastal.Server(app, port=0).running() as url:
        assert url.startswith("http://127.0.0.1:")
        answer = RunningServer(url).get()
        assert answer.body == f"{os.getpid()} freastal-worker".encode()
    assert not [thread for thread in threading.enumerate() if thread.name == "freastal-worker"]


def test_a_config_and_options_over_it():
    server = freastal.Server(BASIC, Config(port=0, workers=3), workers=2)
    assert server.config == Config(port=0, workers=2)


def test_it_can_run_again():
    server = freastal.Server(BASIC, port=0)
    for _ in range(2):
        with server.running() as url:
            assert RunningServer(url).get().body == b"hello\n"


def test_two_at_a_time(serve):
    one, other = serve(), serve()
    assert one.port != other.port
    assert one.get().status == other.get().status == 200


def test_a_unix_socket(serve, tmp_path):
    server = serve(bind=f"unix:{tmp_path}/socket")
    assert server.url == f"unix:{tmp_path}/socket"
    assert server.get().body == b"hello\n"


def test_an_open_request_is_finished_at_the_end():
    with Gate() as gate:
        with serve_here("tests.support.apps.holding:app") as server:
            client = server.connect()
            client.sendall(f"GET {gate.query} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            gate.arrived()
            threading.Timer(0, gate.open).start()
        with client:
            assert client.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_an_idle_connection_does_not_delay_the_end():
    started = time.monotonic()
    with serve_here(keep_alive=60, graceful_timeout=60) as server:
        client = server.connect()
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert client.recv(65536).startswith(b"HTTP/1.1 200 ")
    assert time.monotonic() - started < 30
    with client:
        assert client.recv(1) == b""


def test_what_streams_for_ever_is_cut_off():
    with serve_here("tests.support.apps.endless:app", graceful_timeout=0.1) as server:
        client = server.connect()
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert client.recv(64).startswith(b"HTTP/1.1 200 ")
    client.close()


def test_an_error_in_the_block_ends_the_server():
    with pytest.raises(KeyError, match="mine"), serve_here() as server:
        raise KeyError("mine")
    with pytest.raises(ConnectionRefusedError):
        server.connect()


def test_mistakes_are_raised_where_they_are_made():
    with pytest.raises(ConfigError):
        freastal.Server(BASIC, port=-1)
    with pytest.raises(TypeError, match="did you mean 'port'"):
        freastal.Server(BASIC, prot=1)
    with pytest.raises(LoadError), freastal.Server("none:app").running():
        pass
    with serve_here() as server, pytest.raises(ListenError), serve_here(port=server.port):
        pass


def test_the_failure_of_the_application_is_logged(serve, capfd):
    server = serve()
    assert server.get("/fail").status == 500
    said = capfd.readouterr().err
    assert " error: " in said
    assert "GET /fail" in said
    assert said.endswith("RuntimeError: asked to fail\n")
    assert server.get().status == 200


SCRIPT = """
import sys, freastal
def app(environ, start_response):
    start_response("200 OK", [])
    return [b"from a script\\n"]
with open(sys.argv[1], "w") as marks:
    try:
        freastal.serve(app, "127.0.0.1", 0, workers=2, log_level="info")
    finally:
        marks.write("ended\\n")
print("after")
"""


def test_serve_returns_when_it_was_told_to_end(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(tmp_path / "marks")],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    line = re.search(r"serving __main__:app at (http://127\.0\.0\.1:\d+) \(2 workers", process.stderr.readline())
    assert RunningServer(line[1]).get().body == b"from a script\n"
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=20)
    assert (process.returncode, out) == (0, "after\n")
    # Neither the block nor what comes after it was run by the workers.
    assert (tmp_path / "marks").read_text() == "ended\n"


def test_serve_only_from_the_main_thread():
    caught = []

    def call() -> None:
        try:
            freastal.serve(BASIC, port=0)
        except FreastalError as error:
            caught.append(str(error))

    thread = threading.Thread(target=call)
    thread.start()
    thread.join()
    assert caught == ["serve must be called from the main thread; in another use Server(application).running()"]
