"""Each allocation of a request fails once: the answer is whole or 500, and the next request is served."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.support.server import ROOT, command_environment

PROGRAM = r"""
import io, json, socket, sys

import _testcapi
from freastal import _core

PATHS = {
    "/": lambda environ, write: [b"x" * 3000],
    "/a%20b?query": lambda environ, write: (b"x",),
    "/generator": lambda environ, write: iter([b"a", b"b" * 3000]),
    "/write": lambda environ, write: write(b"abc") or [],
    "/file": lambda environ, write: environ["wsgi.file_wrapper"](open(environ["file"], "rb")),
    "/memory": lambda environ, write: environ["wsgi.file_wrapper"](io.BytesIO(b"x" * 10000)),
    "/post": lambda environ, write: [environ["wsgi.input"].read(5), *environ["wsgi.input"]],
}
ROUNDS = 100

def application(environ, start_response):
    environ["file"] = sys.executable
    write = start_response("200 OK", [("Content-Type", "text/plain"), ("X-Y", "z")])
    return PATHS[environ["RAW_URI"]](environ, write)

listener = socket.create_server(("127.0.0.1", 0))
listener.setblocking(False)
bind = (listener.fileno(), "127.0.0.1", 1, False)
worker = _core.Worker(
    application, interface="wsgi", binds=[bind], limits={}, body_memory_max=int(sys.argv[1]),
    log_exception=lambda sentence, error: None,
)
worker.start()
sys.unraisablehook = lambda args: None

def request_of(path, number):
    body = b"line\n" * 20 if path == "/post" else b""
    name = b"X-%d-%s" % (number, b"y" * 300)
    return (
        b"%s %s HTTP/1.1\r\nHost: a\r\nX-%d: %d\r\n%s: v\r\nCookie: a\r\nCookie: b\r\nContent-Length: %d\r\n"
        b"Connection: close\r\n\r\n%s"
    ) % (b"POST" if body else b"GET", path.encode(), number, number, name, len(body), body)

def answer(path, number, fail):
    with socket.create_connection(listener.getsockname()) as peer:
        peer.setblocking(False)
        peer.send(request_of(path, number))
        if fail:
            _testcapi.set_nomemory(number, number + 1)
            try:
                for _ in range(6):
                    worker.turn(0)
            except MemoryError:
                pass
            finally:
                _testcapi.remove_mem_hooks()
        received = b""
        while True:
            worker.turn(0)
            try:
                more = peer.recv(1 << 20)
            except BlockingIOError:
                continue
            if not more:
                return received[9:12].decode()
            received += more

statuses = {}
for path in PATHS:
    for number in range(ROUNDS):
        status = answer(path, number, True)
        statuses[status] = statuses.get(status, 0) + 1
        assert answer(path, number, False) == "200"
worker.close()
print(json.dumps(statuses))
"""


@pytest.mark.parametrize("body_memory_max", [1 << 20, 10])
def test_failing_allocations(body_memory_max):
    pytest.importorskip("_testcapi", reason="this Python was built without its test modules")
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(body_memory_max)],
        cwd=ROOT,
        env=command_environment(),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    statuses = json.loads(ran.stdout)
    assert set(statuses) <= {"200", "500", ""}
    assert statuses["500"] > 20  # it did fail
