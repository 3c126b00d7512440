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


OVER_TLS = r"""
import asyncio, collections, json, socket, ssl, sys

import _testcapi
from freastal import _core

kind, certfile, keyfile, ca_file, client_certfile, client_keyfile = sys.argv[1:]
ROUNDS = 120

def wsgi(environ, start_response):
    assert (environ["HTTPS"], environ["SSL_CLIENT_VERIFY"]) == ("on", "SUCCESS")
    start_response("200 OK", [])
    return [b"x"]

async def asgi(scope, receive, send):
    assert len(scope["extensions"]["tls"]) == 6
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"x"})

listener = socket.create_server(("127.0.0.1", 0))
listener.setblocking(False)
loop = asyncio.new_event_loop() if kind == "asgi" else None
worker = _core.Worker(
    asgi if loop else wsgi, interface=kind, binds=[(listener.fileno(), "127.0.0.1", 1, False)], limits={}, loop=loop,
    log_exception=lambda sentence, error: None,
    tls={"identities": [(certfile, keyfile, None, None, None, None)], "verify": "required", "ca_file": ca_file},
)
worker.start()
sys.unraisablehook = lambda args: None
context = ssl.create_default_context(cafile=ca_file)
context.check_hostname = False
context.load_cert_chain(client_certfile, client_keyfile)

def turn():
    worker.turn(0)
    if loop:
        loop.call_soon(loop.stop)
        loop.run_forever()

def answer(name, fail=None):
    with socket.create_connection(listener.getsockname()) as peer:
        peer.setblocking(False)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = context.wrap_bio(incoming, outgoing, server_hostname=name)

        def exchange():
            if outgoing.pending:
                peer.send(outgoing.read())
            turn()
            try:
                incoming.write(peer.recv(1 << 20)) or incoming.write_eof()
            except BlockingIOError:
                pass

        while True:
            try:
                client.do_handshake()
                break
            except ssl.SSLWantReadError:
                exchange()
        exchange()  # the worker has seen the end of the handshake
        client.write(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        peer.send(outgoing.read())
        if fail is not None:
            _testcapi.set_nomemory(fail, fail + 1)
            try:
                for _ in range(6):
                    worker.turn(0)
            except MemoryError:
                pass
            finally:
                _testcapi.remove_mem_hooks()
        received = b""
        while True:
            try:
                piece = client.read(65536)
            except ssl.SSLWantReadError:
                exchange()
                continue
            except ssl.SSLError:
                piece = b""
            if not piece:
                return received[9:12].decode()
            received += piece

statuses = collections.Counter()
for number in range(ROUNDS):
    statuses[answer(f"host-{number}.test", number)] += 1  # a name of its own: nothing of it is known yet
    assert answer("host.test") == "200"
worker.stop()
while worker.state != "stopped":
    turn()
worker.close()
print(json.dumps(statuses))
"""


@pytest.mark.parametrize("kind", ["wsgi", "asgi"])
def test_failing_allocations_over_tls(kind, certificates):
    pytest.importorskip("_testcapi", reason="this Python was built without its test modules")
    server, client = certificates.server, certificates.client
    files = [server.certfile, server.keyfile, certificates.ca_file, client.certfile, client.keyfile]
    ran = subprocess.run(
        [sys.executable, "-c", OVER_TLS, kind, *map(str, files)],
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
    assert statuses["500"] > 10  # it did fail
