"""freastal/_supervisor/asgi_worker.py: ASGI in worker processes, driven as the command."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import ssl

import pytest

from tests.command.test_processes import refuses, whole
from tests.support.gate import Gate
from tests.support.server import LaunchedServer, run_command
from tests.support.websocket import UPGRADE

APP = "tests.support.apps.asgi:app"
WITHOUT_LIFESPAN = "tests.support.apps.asgi:without_lifespan"


def stream(server: LaunchedServer, gate: Gate) -> socket.socket:
    """A connection whose answer has begun, and goes on when the gate opens."""
    client = server.connect()
    client.sendall(f"GET /stream{gate.query[1:]} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    gate.arrived()
    return client


def exactly(client: socket.socket, count: int) -> bytes:
    received = b""
    while len(received) < count:
        piece = client.recv(count - len(received))
        assert piece, f"the end after {received!r}"
        received += piece
    return received


def open_websocket(server: LaunchedServer) -> socket.socket:
    client = server.connect()
    client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n" + UPGRADE)
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += exactly(client, 1)
    assert head.startswith(b"HTTP/1.1 101 ")
    return client


def test_each_loop_serves(launch, loop):
    server = launch(APP, "--loop", loop, "-w", "2")
    assert "(2 workers, asgi, pid " in server.log
    assert server.get("/loop").body.decode().startswith(loop)
    workers = {str(pid).encode() for pid in server.worker_pids()}
    assert {server.get("/pid").body for _ in range(50)} == workers
    for pid in server.worker_pids():
        server.wait_for_log(f"application {pid}: startup")
    assert json.loads(server.get("/state").body)["pid"] in server.worker_pids()
    assert server.stop() == 0
    assert len(re.findall(r"application \d+: shutdown\n", server.log)) == 2
    assert server.log.endswith("info: stopped\n")


def test_our_own_loop_is_the_default(launch):
    assert launch(APP).get("/loop").body == b"freastal._event_loop.EventLoop"


def test_preload(launch):
    server = launch(APP, "--preload", "-w", "2")
    assert {server.get("/pid").body for _ in range(50)} == {str(pid).encode() for pid in server.worker_pids()}
    assert server.stop() == 0


def test_the_interface_can_be_forced(launch):
    assert launch(APP, "--interface", "asgi").get().body == b"hello\n"


def test_term_finishes_a_stream(launch, loop, gate):
    server = launch(APP, "--loop", loop)
    client = stream(server, gate)
    server.send(signal.SIGTERM)
    server.wait_for_log("stopping: open requests may take 30 s")
    while not refuses(server):
        pass
    gate.open()
    assert b"end\n" in whole(client)
    assert server.wait() == 0


def test_term_says_service_restart_to_a_websocket(launch, loop):
    server = launch(APP, "--loop", loop)
    client = open_websocket(server)
    server.send(signal.SIGTERM)
    assert exactly(client, 4) == b"\x88\x02" + (1012).to_bytes(2, "big")
    client.sendall(b"\x88\x82" + bytes(4) + (1012).to_bytes(2, "big"))
    assert whole(client) == b""
    assert server.wait() == 0
    assert "disconnected with 1012" in server.log


def test_quit_cuts_off_and_still_runs_the_shutdown(launch, loop, gate):
    server = launch(APP, "--loop", loop, "--graceful-timeout", "3600")
    client = stream(server, gate)
    (worker,) = server.worker_pids()
    os.kill(worker, signal.SIGQUIT)
    assert b"end\n" not in whole(client)
    server.wait_for_log(f"application {worker}: shutdown")
    server.wait_for_log(rf"worker 1 \(pid {worker}\) ended with code 0; another is started now")
    assert server.get().body == b"hello\n"


def test_what_takes_too_long_is_cut_off_and_the_shutdown_is_run(launch, loop, gate):
    server = launch(APP, "--loop", loop, "--graceful-timeout", "0.1")
    client = stream(server, gate)
    server.send(signal.SIGTERM)
    assert server.wait() == 0
    assert b"end\n" not in whole(client)
    assert re.search(r"application \d+: shutdown\n", server.log)


def test_two_interrupts_end_it_at_once(launch, gate):
    server = launch(APP)
    held = hold_path(server, gate)
    server.send(signal.SIGINT)
    server.wait_for_log("stopping: open requests may take 2 s")
    server.send(signal.SIGINT)
    assert server.wait() == 0
    assert b"200" not in whole(held)


def hold_path(server: LaunchedServer, gate: Gate) -> socket.socket:
    client = server.connect()
    client.sendall(f"GET /hold{gate.query[1:]} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    gate.arrived()
    return client


def test_a_worker_without_a_server_drains_and_ends(launch, loop, gate):
    server = launch(APP, "--loop", loop)
    client = stream(server, gate)
    server.send(signal.SIGKILL)
    while not refuses(server):
        pass
    gate.open()
    assert b"end\n" in whole(client)
    server.wait_for_log(r"application \d+: shutdown")


def test_a_worker_that_was_killed_is_replaced(launch, loop):
    server = launch(APP, "--loop", loop)
    (first,) = server.worker_pids()
    os.kill(first, signal.SIGKILL)
    server.wait_for_log(rf"error: worker 1 \(pid {first}\) was killed by SIGKILL; another is started now")
    assert server.get("/pid").body != str(first).encode()


# The lifespan.


@pytest.mark.parametrize("workers", ["1", "3"])
@pytest.mark.parametrize(
    ("trouble", "options", "said"),
    [
        ("refuse", (), "freastal: the application's startup failed: no database today\n"),
        ("refuse", ("--lifespan", "on"), "freastal: the application's startup failed: no database today\n"),
        ("raise", ("--lifespan", "on"), "freastal: the application failed in its startup:\nTraceback "),
    ],
)
def test_a_startup_that_fails_ends_the_server(workers, trouble, options, said):
    done = run_command(APP, "-b", "127.0.0.1:0", "-w", workers, *options, environment={"LIFESPAN": trouble})
    assert done.returncode == 3
    mine = re.sub(r"^application \d+: .*\n", "", done.stderr, flags=re.MULTILINE)
    assert mine.startswith(said)
    assert mine.count(said) == 1
    assert mine.endswith("LookupError: no settings\n" if trouble == "raise" else said)


def test_a_replacement_that_cannot_start_is_tried_again(launch, tmp_path):
    trouble = tmp_path / "trouble"
    server = launch(APP, environment={"LIFESPAN": str(trouble)})
    trouble.write_text("refuse")
    (first,) = server.worker_pids()
    os.kill(first, signal.SIGKILL)
    server.wait_for_log(
        r"worker 1 \(pid \d+\) ended with code 3 before it was ready: the application's startup failed: no database"
    )
    server.wait_for_log(r"another is started in 0\.1 s")
    trouble.unlink()
    assert server.get().status == 200
    assert server.stop() == 0


@pytest.mark.parametrize(
    ("application", "options", "environment"),
    [
        (WITHOUT_LIFESPAN, (), {}),
        (APP, (), {"LIFESPAN": "raise"}),
        (APP, ("--lifespan", "off"), {"LIFESPAN": "refuse"}),
    ],
)
def test_an_application_may_do_without(launch, application, options, environment):
    server = launch(application, *options, environment=environment)
    assert server.get().body == b"hello\n"
    assert json.loads(server.get("/state").body) == {"mine": True, "root_path": ""}
    assert server.stop() == 0
    assert "shutdown" not in server.log


def test_a_shutdown_that_fails_is_logged(launch):
    server = launch(APP, environment={"LIFESPAN": "shutdown"})
    assert server.stop() == 0
    assert "error: the application's shutdown failed: cannot close\n" in server.log


def test_a_shutdown_that_hangs_is_cancelled(launch, loop):
    server = launch(APP, "--loop", loop, "--graceful-timeout", "0.3", environment={"LIFESPAN": "hang"})
    assert server.stop() == 0
    assert "stuck in its shutdown: cancelled" in server.log


def test_a_stop_in_the_startup(launch, loop):
    server = launch(APP, "--loop", loop, wait=False, environment={"LIFESPAN": "stuck"})
    server.wait_for_log("stuck in its startup")
    server.send(signal.SIGINT)
    assert server.wait() == 0
    assert "stuck in its startup: cancelled" in server.log


def test_what_the_application_raises_is_logged(launch):
    server = launch(APP)
    assert server.get("/fail").status == 500
    server.wait_for_log("error: GET /fail: ")
    server.wait_for_log("RuntimeError: asked to fail")
    assert server.get().status == 200


def test_access_lines_and_a_unix_socket(launch, tmp_path):
    server = launch(APP, "--access-logfile", "-", bind=f"unix:{tmp_path}/socket")
    assert server.get("/pid").status == 200
    assert server.stop() == 0
    server.wait_for_output('"GET /pid HTTP/1.1" 200 ')


def test_a_loop_that_is_not_installed(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.util as u\n"
        "find = u.find_spec\n"
        "u.find_spec = lambda name, *more: None if name == 'uvloop' else find(name, *more)\n"
    )
    environment = {"PYTHONPATH": f"{tmp_path}"}
    for arguments in ((), ("--check-config",)):
        done = run_command(APP, "-b", "127.0.0.1:0", "--loop", "uvloop", *arguments, environment=environment)
        assert done.returncode == 2
        assert done.stderr == (
            "freastal: --loop uvloop: is not installed; pip install uvloop, or leave the option out\n"
        )


def test_checking_the_configuration():
    done = run_command("--check-config", APP, "--loop", "asyncio")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{APP} is an ASGI application, and the configuration is valid\n"


def test_hup_brings_new_certificates(launch, certificates, tmp_path, loop):
    """While a request is open, which goes on; and a drain that comes with it is not lost."""
    files = tmp_path / "tls.crt", tmp_path / "tls.key"

    def install(identity):
        for file, source in zip(files, (identity.certfile, identity.keyfile), strict=True):
            file.write_bytes(source.read_bytes())

    def shown():
        with server.tls().handshake() as client:
            return client.tls.getpeercert(binary_form=True)

    install(certificates.server)
    arguments = ["--certfile", str(files[0]), "--keyfile", str(files[1]), "--loop", loop]
    server = launch(APP, *arguments, context=certificates.context())
    pids = server.worker_pids()
    assert shown() == ssl.PEM_cert_to_DER_cert(certificates.server.pem)
    with server.peer() as peer:
        peer.send("GET /pid HTTP/1.1", "Host: a").expect(200)
        install(certificates.chained)
        server.send(signal.SIGHUP)
        server.wait_for_log("info: certificates read again")
        assert shown() == ssl.PEM_cert_to_DER_cert(certificates.chained.pem)
        files[1].write_text("nothing")
        server.send(signal.SIGHUP)
        line = server.wait_for_log("error: certificates cannot be used, the old ones stay: ")
        assert str(files[1]) in line.string
        assert shown() == ssl.PEM_cert_to_DER_cert(certificates.chained.pem)
        peer.send("GET /pid HTTP/1.1", "Host: a").expect(200)
    assert server.worker_pids() == pids
    server.send(signal.SIGHUP)
    assert server.stop() == 0
