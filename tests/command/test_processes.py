"""freastal/_supervisor/processes.py: workers are kept alive, and end as they are told to. Driven as the command."""

from __future__ import annotations

import errno
import os
import re
import signal
import socket
import ssl
import time

import pytest

from freastal._listen import Listeners
from freastal._log import Log
from freastal._supervisor.processes import Slot, Supervisor
from freastal.config import Config
from tests.support.gate import Gate
from tests.support.server import BASIC, LaunchedServer, run_command

HOLDING = "tests.support.apps.holding:app"
TROUBLED = "tests.support.apps.troubled:app"


@pytest.fixture
def trouble(tmp_path):
    return tmp_path / "trouble"


def hold(server: LaunchedServer, gate: Gate) -> socket.socket:
    """A connection whose request is in the application, until the gate opens."""
    client = server.connect()
    client.sendall(f"GET {gate.query} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    gate.arrived()
    return client


def whole(client: socket.socket) -> bytes:
    """All that comes until the server closes, also by a reset; then the client does."""
    received = b""
    with client:
        try:
            while piece := client.recv(65536):
                received += piece
        except ConnectionResetError:
            pass
    return received


def refuses(server: LaunchedServer) -> bool:
    try:
        server.connect().close()
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:  # it closed between the handshake and the accept: the next one will be refused
        return False
    return False


# Starting, and staying alive.


def test_each_worker_serves_on_the_same_port(launch):
    server = launch(BASIC, "-w", "2")
    assert "(2 workers, wsgi, pid " in server.log
    workers = {str(pid).encode() for pid in server.worker_pids()}
    assert len(workers) == 2
    assert {server.get("/pid").body for _ in range(50)} == workers


def test_a_worker_that_was_killed_is_replaced_at_once(launch):
    server = launch(BASIC)
    (first,) = server.worker_pids()
    os.kill(first, signal.SIGKILL)
    server.wait_for_log(rf"error: worker 1 \(pid {first}\) was killed by SIGKILL; another is started now")
    assert server.get("/pid").body != str(first).encode()
    assert server.stop() == 0


def test_a_connection_that_waits_outlives_the_worker(launch, gate):
    server = launch(HOLDING)
    (first,) = server.worker_pids()
    held = hold(server, gate)
    waiting = server.connect()
    waiting.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    os.kill(first, signal.SIGKILL)
    assert whole(held) == b""
    assert whole(waiting).startswith(b"HTTP/1.1 200 ")


def test_a_worker_that_is_told_to_end_is_replaced(launch):
    server = launch(BASIC)
    (first,) = server.worker_pids()
    os.kill(first, signal.SIGTERM)
    server.wait_for_log(rf"info: worker 1 \(pid {first}\) ended with code 0; another is started now")
    assert server.get().status == 200


def test_deaths_in_a_row_are_answered_ever_later():
    config = Config(port=0)
    with Listeners(config, 1) as listeners:
        supervisor = Supervisor(lambda *_: 0, config, listeners, Log(), "none")
    slot = Slot(0)
    before = time.monotonic()
    delays = [supervisor._back_off(slot) for _ in range(9)]
    assert delays == [0.0, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
    assert before + 5.0 <= slot.start_s <= time.monotonic() + 5.0


def test_a_worker_for_which_there_is_no_descriptor_is_tried_again(monkeypatch, capfd):
    def refuse() -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr("freastal._supervisor.processes.Lifeline", refuse)
    config = Config(port=0)
    with Listeners(config, 1) as listeners:
        supervisor = Supervisor(lambda *_: 0, config, listeners, Log(), "none")
    slot = supervisor._slots[0]
    slot.failures = 1
    supervisor._start_due()
    assert slot.pid == 0
    assert slot.start_s > time.monotonic()
    assert "error: worker 1 cannot be started: Too many open files" in capfd.readouterr().err


def test_a_replacement_that_cannot_begin_is_tried_again(launch, trouble):
    server = launch(TROUBLED, environment={"TROUBLE": str(trouble)})
    trouble.write_text("raise")
    (first,) = server.worker_pids()
    os.kill(first, signal.SIGKILL)
    server.wait_for_log(r"worker 1 \(pid \d+\) ended with code 3 before it was ready: importing '.*' failed:")
    server.wait_for_log("LookupError: no settings")
    server.wait_for_log(r"another is started in 0\.1 s")
    trouble.unlink()
    assert server.get().status == 200
    assert server.stop() == 0


# Failing to begin.


@pytest.mark.parametrize("workers", ["1", "3"])
@pytest.mark.parametrize("preload", [(), ("--preload",)])
def test_an_application_that_fails_to_import_ends_the_server(trouble, workers, preload):
    trouble.write_text("raise")
    done = run_command(TROUBLED, "-b", "127.0.0.1:0", "-w", workers, *preload, environment={"TROUBLE": str(trouble)})
    assert done.returncode == 3
    said = re.sub(r"^imported in \d+\n", "", done.stderr, flags=re.MULTILINE)
    assert said.startswith("freastal: importing 'tests.support.apps.troubled' failed:\nTraceback ")
    assert said.endswith("LookupError: no settings\n")
    assert said.count("Traceback") == 1


@pytest.mark.parametrize(
    ("how", "said"),
    [("exit", "ended with code 7"), ("crash", "was killed by SIGABRT")],
)
def test_a_worker_that_dies_before_it_is_ready_ends_the_server(trouble, how, said):
    trouble.write_text(how)
    done = run_command(TROUBLED, "-b", "127.0.0.1:0", "-w", "2", environment={"TROUBLE": str(trouble)})
    assert done.returncode == 3
    assert f"freastal: a worker {said} before it was ready, so the server ends\n" in done.stderr


# Ending.


def test_term_finishes_what_is_open(launch, gate, tmp_path):
    # On a socket that the workers share, the second request can only be taken by the worker that is free.
    server = launch(HOLDING, "-w", "2", bind=f"unix:{tmp_path}/socket")
    clients = [hold(server, gate) for _ in range(2)]
    server.send(signal.SIGTERM)
    server.wait_for_log("stopping: open requests may take 30 s")
    gate.open()
    for client in clients:
        assert whole(client).startswith(b"HTTP/1.1 200 ")
    assert server.wait() == 0
    assert server.log.endswith("info: stopped\n")


def test_new_connections_are_refused_while_others_finish(launch, gate):
    server = launch("tests.support.apps.endless:app")
    streaming = server.connect()
    streaming.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert streaming.recv(64).startswith(b"HTTP/1.1 200 ")
    server.send(signal.SIGTERM)
    while not refuses(server):
        assert streaming.recv(65536)
    streaming.close()
    assert server.wait() == 0


def test_what_waits_to_be_accepted_is_served_before_the_end(launch, gate):
    server = launch(HOLDING)
    held = hold(server, gate)
    waiting = []
    for _ in range(40):
        client = server.connect()
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        waiting.append(client)
    server.send(signal.SIGTERM)
    server.wait_for_log("stopping")
    gate.open()
    answers = [whole(client) for client in [held, *waiting]]
    assert [answer[:13] for answer in answers] == [b"HTTP/1.1 200 "] * 41
    assert server.wait() == 0


def test_an_idle_connection_does_not_delay_the_end(launch):
    server = launch(BASIC, "--keep-alive", "60", "--head-timeout", "60", "--graceful-timeout", "60")
    idle = server.connect()
    idle.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert idle.recv(65536).startswith(b"HTTP/1.1 200 ")
    silent = server.connect()
    assert server.stop() == 0
    assert idle.recv(1) == b""
    assert whole(silent) == b""


def test_what_is_not_finished_in_time_is_cut_off(launch, gate):
    server = launch(HOLDING, "--graceful-timeout", "0.2")
    held = hold(server, gate)
    server.send(signal.SIGTERM)
    server.wait_for_log("warning: open requests were not finished in time; they are cut off")
    assert server.wait() == 0
    assert whole(held) == b""


def test_a_stream_that_is_not_finished_in_time_is_cut_off_cleanly(launch):
    server = launch("tests.support.apps.endless:app", "--graceful-timeout", "0.2")
    client = server.connect()
    client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert client.recv(64).startswith(b"HTTP/1.1 200 ")
    server.send(signal.SIGTERM)
    server.wait_for_log("closed the endless stream")
    assert server.wait() == 0


def test_signals_of_other_servers_are_harmless(launch):
    server = launch(BASIC)
    for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGTTIN, signal.SIGTTOU):
        server.send(number)
        server.wait_for_log(f"warning: {number.name} means nothing to this version, and is ignored")
    assert server.get().status == 200
    assert server.stop(signal.SIGHUP) == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT])
def test_a_second_interrupt_ends_at_once(launch, gate, number):
    server = launch(HOLDING)
    held = hold(server, gate)
    server.send(number)
    server.wait_for_log("stopping: open requests may take 2 s")
    server.send(number)
    assert server.wait() == 0
    assert "cut off" not in server.log
    assert whole(held) == b""


def test_an_interrupt_lets_a_short_request_finish(launch, gate):
    server = launch(HOLDING)
    held = hold(server, gate)
    server.send(signal.SIGINT)
    server.wait_for_log("stopping")
    gate.open()
    assert whole(held).startswith(b"HTTP/1.1 200 ")
    assert server.wait() == 0


def test_an_interrupt_hurries_a_drain(launch, gate):
    server = launch(HOLDING)
    held = hold(server, gate)
    server.send(signal.SIGTERM)
    server.wait_for_log("may take 30 s")
    server.send(signal.SIGINT)
    server.send(signal.SIGTERM)
    assert server.wait() == 0
    assert whole(held) == b""


def test_ctrl_c_reaches_the_workers_too_and_they_leave_it_to_the_server(launch, gate):
    server = launch(HOLDING)
    held = hold(server, gate)
    for pid in server.worker_pids():
        os.kill(pid, signal.SIGINT)
    server.send(signal.SIGINT)
    server.wait_for_log("stopping")
    gate.open()
    assert whole(held).startswith(b"HTTP/1.1 200 ")
    assert server.wait() == 0
    assert "Traceback" not in server.log


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGTTIN, signal.SIGTTOU])
def test_what_is_sent_to_the_whole_group_is_left_to_the_server(launch, gate, number):
    """As a terminal does when it goes away, and pkill."""
    server = launch(HOLDING, "--keep-alive", "0")
    held = hold(server, gate)
    for pid in server.worker_pids():
        os.kill(pid, number)
    gate.open()
    assert whole(held).startswith(b"HTTP/1.1 200 ")
    assert server.stop() == 0
    assert "killed" not in server.log


LATE_SIGNAL = """
import atexit, os, signal
from tests.support.apps.basic import app
def at_exit():
    fds = [os.memfd_create("not the loop's") for _ in range(64)]
    os.kill(os.getpid(), signal.SIGTERM)
    written = [os.fstat(fd).st_size for fd in fds]
    os.write(2, b"written: %d\\n" % sum(written))
if hasattr(os, "memfd_create"):
    atexit.register(at_exit)
"""


@pytest.mark.linux
def test_a_signal_after_the_worker_has_closed_is_written_nowhere(launch, tmp_path):
    (tmp_path / "late.py").write_text(LATE_SIGNAL)
    server = launch("late:app", "--app-dir", str(tmp_path))
    assert server.stop() == 0
    assert "written: 0\n" in server.lines
    assert "wakeup fd" not in server.log


def test_a_server_that_ends_while_its_workers_start(launch, trouble, gate):
    server = launch("tests.support.apps.slow_start:app", environment={"GATE": gate.query[2:]}, wait=False)
    gate.arrived()
    assert server.stop() == 0
    assert "serving" not in server.log


def test_workers_do_not_outlive_the_server(launch, gate):
    server = launch(HOLDING, "-w", "2")
    held = hold(server, gate)
    server.process.kill()
    gate.open()
    assert whole(held).startswith(b"HTTP/1.1 200 ")
    # Each worker holds the other end of the server's stderr: it ends with the last of them.
    assert server.wait() == -signal.SIGKILL
    assert refuses(server)


DEPARTING = """
import atexit, os, threading
from tests.support.apps.basic import app
def work():
    threading.main_thread().join()
    os.write(2, b"the thread ended\\n")
def at_exit():
    os.write(2, b"the exit function ran\\n")
atexit.register(at_exit)
threading.Thread(target=work).start()
"""


def test_a_worker_leaves_as_an_interpreter_does(launch, tmp_path):
    (tmp_path / "departing.py").write_text(DEPARTING)
    server = launch("departing:app", "--app-dir", str(tmp_path))
    assert server.get().status == 200
    assert server.stop() == 0
    assert [line for line in server.lines if " ran" in line or " thread " in line] == [
        "the thread ended\n",
        "the exit function ran\n",
    ]


FORKING = """
import os, sys
def app(environ, start_response):
    pid = os.fork()
    if pid == 0:
        if environ["PATH_INFO"] == "/exit":
            sys.exit(5)
        raise LookupError("in the child")
    _, status = os.waitpid(pid, 0)
    start_response("200 OK", [])
    return [b"the child left with %d" % os.waitstatus_to_exitcode(status)]
"""


@pytest.mark.parametrize(("path", "code"), [("/exit", 5), ("/raise", 1)])
def test_a_process_that_the_application_forks_does_not_answer_as_well(launch, tmp_path, path, code):
    (tmp_path / "forking.py").write_text(FORKING)
    server = launch("forking:app", "--app-dir", str(tmp_path))
    client = server.connect()
    client.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    answer = whole(client)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.endswith(b"the child left with %d" % code)
    assert answer.count(b"HTTP/1.1") == 1
    assert server.stop() == 0
    assert ("LookupError: in the child" in server.log) == (path == "/raise")


# What lies about.


def test_a_unix_socket_is_removed_at_the_end(launch, tmp_path):
    path = tmp_path / "socket"
    server = launch(BASIC, "-w", "2", "-m", "077", bind=f"unix:{path}")
    assert path.stat().st_mode & 0o777 == 0o700
    assert server.get().body == b"hello\n"
    (first, _) = server.worker_pids()
    os.kill(first, signal.SIGTERM)
    server.wait_for_log("another is started")
    assert path.exists()
    assert server.stop() == 0
    assert not path.exists()


def test_the_application_is_loaded_once_when_preloaded(launch, trouble):
    server = launch(TROUBLED, "-w", "2", "--preload", environment={"TROUBLE": str(trouble)})
    assert server.log.count("imported in") == 1
    assert f"imported in {server.pid}\n" in server.log
    assert {server.get("/pid").body for _ in range(50)} == {str(pid).encode() for pid in server.worker_pids()}


def test_descriptors_of_others_are_not_kept(launch):
    server = launch(BASIC, "-w", "3")
    counts = [len(os.listdir(f"/proc/{pid}/fd")) for pid in server.worker_pids()]
    assert max(counts) - min(counts) == 0


# TLS.


def test_where_it_serves_over_tls(launch_tls):
    server = launch_tls(BASIC, "--redirect-http", "127.0.0.1:0")
    assert re.search(
        r"at https://127\.0\.0\.1:\d+, http://127\.0\.0\.1:\d+ \(leads there\) \(1 worker, wsgi, pid \d+\)", server.log
    )


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_drain_that_comes_with_a_renewal_is_not_lost(launch_tls, workers):
    server = launch_tls(BASIC, "-w", workers)
    server.send(signal.SIGHUP)
    server.send(signal.SIGTERM)
    assert server.wait() == 0
    assert "cut off" not in server.log


def test_a_terminal_does_not_renew(launch_tls):
    """It sends HUP to every process; the server alone tells the workers."""
    server = launch_tls(BASIC, "-w", "2")
    pids = server.worker_pids()
    for pid in (*pids, server.pid):
        os.kill(pid, signal.SIGHUP)
    for pid in pids:
        server.wait_for_log(rf"\[{pid}\] info: certificates read again")
    assert server.stop() == 0
    assert server.log.count("certificates read again") == 2


def test_a_worker_that_starts_while_certificates_are_bad_has_the_old_ones(launch, certificates, tmp_path):
    files = tmp_path / "tls.crt", tmp_path / "tls.key"

    def install(identity):
        for file, source in zip(files, (identity.certfile, identity.keyfile), strict=True):
            file.write_bytes(source.read_bytes())

    def shown():
        with server.tls().handshake() as client:
            return client.tls.getpeercert(binary_form=True)

    install(certificates.server)
    arguments = ["--certfile", str(files[0]), "--keyfile", str(files[1])]
    server = launch(BASIC, *arguments, context=certificates.context())
    install(certificates.chained)
    server.send(signal.SIGHUP)
    server.wait_for_log("info: certificates read again")
    files[1].write_text("nothing")
    (pid,) = server.worker_pids()
    os.kill(pid, signal.SIGKILL)
    line = server.wait_for_log("error: certificates cannot be used, the old ones stay: ")
    assert str(files[1]) in line.string
    assert shown() == ssl.PEM_cert_to_DER_cert(certificates.chained.pem)
    install(certificates.server)
    since = len(server.lines)
    server.send(signal.SIGHUP)
    server.wait_for_log("info: certificates read again", since=since)
    assert shown() == ssl.PEM_cert_to_DER_cert(certificates.server.pem)


def test_hup_without_tls_is_a_drain(launch):
    server = launch(BASIC)
    assert server.stop(signal.SIGHUP) == 0
    assert "stopping: open requests may take 30 s" in server.log
