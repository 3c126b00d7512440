"""freastal/server.py: a worker in this process, in a thread or a loop that runs, and a server of processes."""

from __future__ import annotations

import asyncio
import os
import re
import select
import signal
import ssl
import subprocess
import sys
import threading
import time

import pytest

import freastal
from freastal.config import Config
from freastal.errors import CertificateError, ConfigError, FreastalError, ListenError, LoadError
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


def test_an_open_request_is_finished_at_the_end(gate):
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


ASGI = "tests.support.apps.asgi:app"


def serve_and(check, target=ASGI, **options) -> None:
    """check(server, serving): while serve() runs as another task of the same loop."""

    async def main() -> None:
        server = freastal.Server(target, **{"port": 0, **options})
        serving = asyncio.ensure_future(server.serve())
        await check(server, serving)
        await asyncio.wait({serving})

    asyncio.run(main())


def test_serve_in_a_loop_that_runs():
    async def check(server, serving):
        assert not server.started
        url = await server.wait_started()
        assert server.started
        assert server.urls == [url]
        assert await server.wait_started() == url
        answer = await asyncio.get_running_loop().run_in_executor(None, RunningServer(url).get)
        assert answer.body == b"hello\n"
        server.should_exit = True
        await serving
        assert not server.started
        assert server.urls == []
        assert not server.should_exit

    serve_and(check)


def test_serve_once_at_a_time_and_then_again():
    async def check(server, serving):
        await server.wait_started()
        with pytest.raises(RuntimeError, match="serving already"):
            await server.serve()
        server.should_exit = True
        await serving
        again = asyncio.ensure_future(server.serve())
        await server.wait_started()
        server.should_exit = True
        await again

    serve_and(check)


def test_to_exit_before_it_has_begun(capfd):
    async def check(server, serving):
        server.should_exit = True
        with pytest.raises(FreastalError, match="told to stop before it had started"):
            await server.wait_started()
        await serving

    serve_and(check)
    assert ": shutdown\n" in capfd.readouterr().err


def test_to_be_cancelled_before_it_has_begun():
    async def check(server, serving):
        waiting = asyncio.ensure_future(server.wait_started())
        await asyncio.wait({waiting}, timeout=0)
        serving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await serving
        with pytest.raises(FreastalError, match="told to stop before it had started"):
            await waiting

    serve_and(check)


@pytest.mark.parametrize(
    ("target", "options", "error", "said"),
    [
        ("none:app", {}, LoadError, "there is no module 'none'"),
        (BASIC, {}, LoadError, r"an event loop can serve ASGI only; for WSGI use Server\(application\).running\(\)"),
        (ASGI, {"bind": "unix:/none/socket", "port": 8000}, ListenError, "cannot listen at unix:/none/socket"),
        (ASGI, {"error_logfile": "/none/log"}, ConfigError, "cannot be written"),
        (ASGI, {"access_logfile": "/none/log"}, ConfigError, "cannot be written"),
    ],
)
def test_what_keeps_it_from_serving_is_raised(target, options, error, said):
    async def check(server, serving):
        with pytest.raises(error, match=said):
            await server.wait_started()
        with pytest.raises(error, match=said):
            await serving

    serve_and(check, target, **options)


def test_no_signal_handler_is_touched():
    async def check(server, serving):
        await server.wait_started()
        assert [signal.getsignal(number) for number in numbers] == before
        server.should_exit = True

    numbers = [signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP, signal.SIGIO]
    before = [signal.getsignal(number) for number in numbers]
    loop = asyncio.new_event_loop()
    try:
        server = freastal.Server(ASGI, port=0)
        serving = loop.create_task(server.serve())
        loop.run_until_complete(check(server, serving))
        loop.run_until_complete(serving)
    finally:
        loop.close()


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


ASGI_SCRIPT = """
import freastal
class App:
    async def __call__(self, scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"asgi\\n"})
freastal.serve_asgi(App(), "127.0.0.1", 0, workers=2)
"""


def test_serve_asgi():
    process = subprocess.Popen([sys.executable, "-c", ASGI_SCRIPT], cwd=ROOT, stderr=subprocess.PIPE, text=True)
    with process:
        line = re.search(
            r"serving __main__:App at (http://127\.0\.0\.1:\d+) \(2 workers, asgi", process.stderr.readline()
        )
        assert RunningServer(line[1]).get().body == b"asgi\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


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


# Over TLS.


@pytest.mark.parametrize("interface", ["wsgi", "asgi"])
def test_https_from_a_thread(serve_tls, interface):
    server = serve_tls({"wsgi": BASIC, "asgi": ASGI}[interface])
    assert server.url.startswith("https://127.0.0.1:")
    assert server.get().status == 200


def test_https_in_a_loop_that_runs(certificates):
    async def check(server, serving):
        url = await server.wait_started()
        assert url.startswith("https://127.0.0.1:")
        port = int(url.rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=certificates.context())
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 200 ")
        writer.close()
        await writer.wait_closed()
        server.should_exit = True

    serve_and(check, **certificates.server.options)


def test_bad_certificates_are_raised(certificates):
    mixed = {"certfile": certificates.server.certfile, "keyfile": certificates.shop.keyfile}
    with pytest.raises(CertificateError), freastal.Server(BASIC, **mixed, port=0).running():
        pytest.fail("it runs")


def test_new_certificates_are_noticed(serve, certificates, tmp_path):
    certfile, keyfile = tmp_path / "a.crt", tmp_path / "a.key"

    def install(identity):
        keyfile.write_bytes(identity.keyfile.read_bytes())
        certfile.write_bytes(identity.certfile.read_bytes())

    def shown():
        with server.tls().handshake() as client:
            return client.tls.getpeercert(binary_form=True)

    install(certificates.server)
    os.mkfifo(tmp_path / "log")
    with open(os.open(tmp_path / "log", os.O_RDONLY | os.O_NONBLOCK), "rb", buffering=0) as log:
        files = {"certfile": certfile, "keyfile": keyfile, "error_logfile": tmp_path / "log"}
        server = serve(BASIC, **files, reload_certs=True, context=certificates.context())
        assert shown() == ssl.PEM_cert_to_DER_cert(certificates.server.pem)
        install(certificates.chained)
        assert select.select([log], [], [], 20)[0]
        assert log.read(4096).endswith(b"info: certificates read again\n")
        assert shown() == ssl.PEM_cert_to_DER_cert(certificates.chained.pem)
