"""The type Worker: its life, its threads and its signals."""

from __future__ import annotations

import gc
import os
import select
import signal
import socket
import ssl
import subprocess
import sys
import threading
import weakref

import pytest

from freastal import _core
from tests.gateway.gateway import TIMEOUT_S, bind_of, driven, listen, plain
from tests.support.tls import TlsSocket

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.fixture
def worker():
    """A worker that nobody has started."""
    with listen() as listener:
        worker = _core.Worker(plain(b"ok"), interface="wsgi", binds=[bind_of(listener)], limits={})
        yield worker
        worker.close()


def turn_until(worker, condition):
    while not condition():
        worker.turn(-1)


def test_states(worker):
    assert worker.state == "ready"
    worker.start()
    assert worker.state == "serving"
    worker.start()
    worker.drain()
    assert worker.state == "serving"  # an intention: the next turn acts on it
    worker.turn()
    assert worker.state == "stopped"
    worker.turn()
    worker.run()
    worker.close()
    assert worker.state == "stopped"
    worker.close()


def test_run_ends_when_it_is_drained_before(worker):
    worker.drain()
    worker.run()
    assert worker.state == "stopped"


def test_a_closed_worker_says_so(worker):
    worker.close()
    for call in (worker.run, worker.start, worker.turn, worker.stats, worker.fileno, worker.timeout_ms):
        with pytest.raises(RuntimeError, match="closed"):
            call()
    with pytest.raises(RuntimeError, match="closed"):
        _ = worker.wakeup_fd
    for call in (worker.drain, worker.stop, worker.wake, worker.close):
        call()


def test_init_cannot_be_called_twice(worker):
    with pytest.raises(RuntimeError, match="twice"):
        worker.__init__(plain(), interface="wsgi", binds=[(0, "", 0, False)], limits={})


def test_init_cannot_be_called_again_after_it_failed_or_after_close(worker):
    """What the first call was given is let go of; a second one must not meet it."""
    fresh = _core.Worker.__new__(_core.Worker)
    bind = (0, "", 0, False)
    with pytest.raises(ValueError, match="body_memory_max"):
        fresh.__init__(
            plain(),
            interface="wsgi",
            binds=[bind],
            server_header="x" * 1000,
            stats=bytearray(_core.STATS_BYTES),
            body_memory_max=-1,
        )
    worker.close()
    for made in (fresh, worker):
        with pytest.raises(RuntimeError, match="twice"):
            made.__init__(plain(), interface="wsgi", binds=[bind], server_header=None)
        made.close()
        assert made.state == "stopped"


def test_new_without_init_is_harmless():
    worker = _core.Worker.__new__(_core.Worker, None)
    with pytest.raises(RuntimeError, match="closed"):
        worker.turn()
    worker.wake()
    worker.close()
    assert worker.state == "stopped"


def test_turn_by_turn():
    with driven(plain(b"ok")) as (worker, connect), connect() as peer:
        peer.sendall(GET)
        turn_until(worker, lambda: worker.stats()["bytes_sent"])
        assert peer.recv(1000).endswith(b"ok")


def test_a_guest_in_another_loop():
    """fileno() is readable when a turn would find work, timeout_ms() tells when one is due anyway."""
    with driven(plain(b"ok")) as (worker, connect):
        with connect() as peer:
            peer.sendall(GET)
            peer.setblocking(False)
            answer = b""
            while not answer.endswith(b"ok"):
                due = worker.timeout_ms()
                ready, _, _ = select.select([worker.fileno(), peer], [], [], due / 1000 if due >= 0 else None)
                worker.turn()
                if peer in ready:
                    answer += peer.recv(1000)
            assert 0 <= worker.timeout_ms() <= 6000  # keep-alive
        turn_until(worker, lambda: not worker.stats()["connections_open"])


def test_turn_takes_its_timeout_by_name(worker):
    worker.start()
    worker.turn(timeout_ms=0)
    with pytest.raises(TypeError):
        worker.turn("x")


def test_stats(gateway):
    server = gateway(plain(b"ok"))
    for _ in range(3):
        server.get()
    stats = server.worker.stats()
    assert tuple(stats) == _core.STATS_FIELDS
    assert stats["requests_begun"] == stats["responses_2xx"] == stats["connections_accepted"] == 3
    assert stats["bytes_received"] > 0
    assert stats["turns"] > 0


def test_drain_finishes_what_is_open(gateway):
    entered, go_on = threading.Event(), threading.Event()

    def application(environ, start_response):
        start_response("200 OK", [])
        yield b"begun"
        entered.set()
        assert go_on.wait(TIMEOUT_S)
        yield b"end"

    server = gateway(application)
    raw = server.send(GET)
    assert raw.read_until(b"begun")
    assert entered.wait(TIMEOUT_S)
    server.worker.drain()
    go_on.set()
    assert raw.read_until(b"end\r\n0\r\n\r\n")
    assert raw.read_to_end() == b""
    assert server.ended.get(timeout=TIMEOUT_S) is None
    assert server.worker.state == "stopped"


def test_stop_ends_what_is_open(gateway):
    server = gateway(lambda environ, start_response: start_response("200 OK", []) and iter(lambda: b"x" * 65536, None))
    raw = server.send(GET)
    raw.read_head()
    server.worker.stop()
    raw.read_to_end()
    assert server.ended.get(timeout=TIMEOUT_S) is None


def test_stop_after_drain(gateway):
    server = gateway(lambda environ, start_response: start_response("200 OK", []) and iter(lambda: b"x" * 65536, None))
    server.send(GET).read_head()
    server.worker.drain()
    server.worker.stop()
    server.worker.drain()
    assert server.ended.get(timeout=TIMEOUT_S) is None


def test_the_application_may_drain_its_own_worker(gateway):
    server = None

    def application(environ, start_response):
        server.worker.drain()
        start_response("200 OK", [])
        return [b"last"]

    server = gateway(application)
    assert server.get().body == b"last"
    assert server.ended.get(timeout=TIMEOUT_S) is None


@pytest.mark.parametrize("name", ["run", "turn", "start", "close"])
def test_the_application_may_not_turn_its_own_worker(gateway, name):
    server = None

    def application(environ, start_response):
        with pytest.raises(RuntimeError, match="turned already"):
            getattr(server.worker, name)()
        start_response("200 OK", [])
        return [b"ok"]

    server = gateway(application)
    assert server.get().body == b"ok"


def test_two_threads_may_not_turn_one_worker(gateway):
    server = gateway(plain(b"ok"))
    assert server.get().body == b"ok"  # so the other thread is inside run
    for call in (server.worker.run, server.worker.turn, server.worker.close):
        with pytest.raises(RuntimeError, match="turned already"):
            call()
    assert server.get().body == b"ok"


def test_close_while_serving_closes_everything():
    ended = []

    def application(environ, start_response):
        start_response("200 OK", [])
        try:
            while True:
                yield b"x" * 65536
        finally:
            ended.append(True)

    with driven(application) as (worker, connect), connect() as peer:
        peer.sendall(GET)
        turn_until(worker, lambda: worker.stats()["bytes_sent"])
        worker.close()
        assert ended == [True]
        while peer.recv(1 << 20):
            pass


def test_a_forgotten_worker_is_closed():
    with listen() as listener:
        descriptors = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
        worker = _core.Worker(plain(b"ok"), interface="wsgi", binds=[bind_of(listener)], limits={})
        worker.start()
        with socket.create_connection(listener.getsockname()) as peer:
            peer.sendall(GET)
            while not worker.stats()["bytes_sent"]:
                worker.turn(-1)
            forgotten = [worker]
            del worker
            with pytest.warns(ResourceWarning, match="unclosed <freastal._core.Worker"):
                forgotten.clear()
        gc.collect()
        if descriptors:
            assert len(os.listdir("/proc/self/fd")) == descriptors


def test_a_worker_in_a_cycle_with_its_application_is_collected():
    class Application:
        def __call__(self, environ, start_response):
            start_response("200 OK", [])
            return [b"ok"]

    application = Application()
    reference = weakref.ref(application)
    with listen() as listener:
        application.worker = _core.Worker(
            application, interface="wsgi", binds=[bind_of(listener)], limits={}, log_exception=application.__call__
        )
        application.worker.start()
        del application
        with pytest.warns(ResourceWarning, match="unclosed"):
            gc.collect()
        assert reference() is None


def test_close_lets_go_of_the_application(worker):
    def application(environ, start_response):
        raise AssertionError

    reference = weakref.ref(application)
    with listen() as listener:
        other = _core.Worker(application, interface="wsgi", binds=[bind_of(listener)], limits={})
        del application
        other.close()
        gc.collect()
        assert reference() is None


def test_listeners_stay_the_callers(worker):
    with listen() as listener:
        for _ in range(2):
            other = _core.Worker(plain(b"ok"), interface="wsgi", binds=[bind_of(listener)], limits={})
            other.start()
            with socket.create_connection(listener.getsockname()) as peer:
                peer.sendall(GET)
                turn_until(other, lambda: other.stats()["bytes_sent"])  # noqa: B023
                assert peer.recv(1000).endswith(b"ok")
            other.close()


def test_log_lines_have_levels_of_logging(gateway):
    server = gateway(plain(b"ok"))
    server.send("rubbish\r\n\r\n").read_to_end()
    level, line = server.lines.get(timeout=TIMEOUT_S)
    while "400" not in line:
        level, line = server.lines.get(timeout=TIMEOUT_S)
    assert level in (10, 20, 30)


def test_a_log_that_fails_harms_nobody(gateway, monkeypatch):
    seen = []
    monkeypatch.setattr("sys.unraisablehook", lambda args: seen.append(type(args.exc_value)))

    def log(level, line):
        raise KeyError(line)

    server = gateway(plain(b"ok"), log=log)
    server.send("rubbish\r\n\r\n").read_to_end()
    assert server.get().body == b"ok"
    server.close()
    assert KeyError in seen


# ---- signals: in a process of their own, where the worker has the main thread ----

PROGRAM = """
import os, signal, socket, sys
from freastal import _core

listener = socket.create_server(("127.0.0.1", 0))
listener.setblocking(False)

def application(environ, start_response):
    start_response("200 OK", [])
    return [b"ok"]

worker = _core.Worker(application, interface="wsgi", binds=[(listener.fileno(), "127.0.0.1", 0, False)], limits={})
signal.set_wakeup_fd(worker.wakeup_fd)
SETTING
print(listener.getsockname()[1], flush=True)
try:
    worker.run()
except BaseException as error:
    print("raised", type(error).__name__, error, flush=True)
print(worker.state, flush=True)
worker.close()
"""


@pytest.mark.parametrize(
    ("setting", "number", "output"),
    [
        ("signal.signal(signal.SIGTERM, lambda *args: worker.drain())", signal.SIGTERM, ["stopped"]),
        ("signal.signal(signal.SIGTERM, lambda *args: worker.stop())", signal.SIGTERM, ["stopped"]),
        ("", signal.SIGINT, ["raised KeyboardInterrupt", "serving"]),
        ("signal.signal(signal.SIGUSR1, lambda *args: 1 / 0)", signal.SIGUSR1, ["raised ZeroDivisionError", "serving"]),
    ],
)
def test_signals_end_the_sleep(setting, number, output):
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM.replace("SETTING", setting)], stdout=subprocess.PIPE, text=True
    )
    with process:
        port = int(process.stdout.readline())
        with socket.create_connection(("127.0.0.1", port), TIMEOUT_S) as peer:
            peer.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            while peer.recv(1000):
                pass
        process.send_signal(number)
        lines = process.stdout.read().splitlines()
    assert process.returncode == 0
    assert len(lines) == len(output)
    assert all(line.startswith(start) for line, start in zip(lines, output, strict=True))


def test_the_wakeup_descriptor_is_fit_for_set_wakeup_fd(worker):
    assert not os.get_blocking(worker.wakeup_fd)
    assert not os.get_inheritable(worker.wakeup_fd)
    assert worker.wakeup_fd == worker.wakeup_fd
    for _ in range(100_000):  # more than a pipe holds
        try:
            os.write(worker.wakeup_fd, b"\2")
        except BlockingIOError:
            break
    worker.turn(-1)
    os.write(worker.wakeup_fd, b"\2")
    worker.turn(-1)


def test_wake_ends_a_sleep(worker):
    thread = threading.Thread(target=worker.wake)
    thread.start()
    worker.turn(-1)
    thread.join()


# ---- other interpreters ----


@pytest.mark.skipif(sys.version_info < (3, 12), reason="interpreters with a GIL of their own came with 3.12")
def test_in_another_interpreter(tmp_path):
    program = f"""
import sys
sys.path[:] = {sys.path!r}
from freastal import _core
assert _core.LIMITS
"""
    run = f"""
import sys
sys.path[:] = {sys.path!r}
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
from freastal import _core
for _ in range(3):
    other = interpreters.create()
    error = interpreters.run_string(other, {program!r})
    assert error is None, error
    interpreters.destroy(other)
print("ok")
"""
    ran = subprocess.run([sys.executable, "-c", run], capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    assert ran.stdout == "ok\n", ran.stderr


# Certificates.


@pytest.fixture
def secured(certificates, tmp_path):
    """(worker, files, shown): a worker over TLS, what it reads, and what it shows to a client."""
    files = [tmp_path / "a.crt", tmp_path / "a.key"]

    def install(identity):
        for file, source in zip(files, (identity.certfile, identity.keyfile), strict=True):
            file.write_bytes(source.read_bytes())

    def shown():
        with socket.create_connection(listener.getsockname(), TIMEOUT_S) as raw:
            client = TlsSocket(raw, context, None)
            raw.sendall(client.say_hello())
            turn_until(worker, lambda: select.select([raw], [], [], 0)[0])
            client.handshake()
            return client.tls.getpeercert(binary_form=True)

    context = certificates.context()
    context.check_hostname = False
    install(certificates.server)
    identity = (*map(str, files), None, None, None, None)
    with listen() as listener:
        tls = {"identities": [identity]}
        worker = _core.Worker(plain(b"ok"), interface="wsgi", binds=[bind_of(listener)], limits={}, tls=tls)
        worker.start()
        yield worker, install, shown
        worker.close()


def der(identity):
    return ssl.PEM_cert_to_DER_cert(identity.pem)


def test_certificates_are_read_again(secured, certificates):
    worker, install, shown = secured
    assert shown() == der(certificates.server)
    install(certificates.shop)
    assert shown() == der(certificates.server)
    assert worker.reload_tls() is None
    assert shown() == der(certificates.shop)


def test_bad_certificates_change_nothing(secured, certificates, tmp_path):
    worker, install, shown = secured
    (tmp_path / "a.key").write_text("nothing")
    with pytest.raises(ValueError) as caught:
        worker.reload_tls()
    assert str(tmp_path / "a.key") in str(caught.value)
    assert shown() == der(certificates.server)
    install(certificates.shop)
    worker.reload_tls()
    assert shown() == der(certificates.shop)


def test_when_there_is_nothing_to_read(worker, secured):
    with pytest.raises(RuntimeError, match="the worker speaks no TLS"):
        worker.reload_tls()
    secure, _, _ = secured
    secure.drain()
    secure.turn()
    assert secure.state == "stopped"
    assert secure.reload_tls() is None
    secure.close()
    with pytest.raises(RuntimeError, match="closed"):
        secure.reload_tls()
