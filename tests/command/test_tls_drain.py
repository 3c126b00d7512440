"""A server that stops while TLS connections are at work: what was begun is finished, what is idle is told."""

from __future__ import annotations

import itertools
import signal
import threading

from tests.command.test_processes import refuses
from tests.support.server import BASIC, TIMEOUT_S

ASGI = "tests.support.apps.asgi:app"
CLIENTS = 6


def test_what_is_in_the_application_is_answered(launch_tls, gate):
    server = launch_tls(ASGI)
    peers = [server.peer() for _ in range(3)]
    for peer in peers:
        peer.send(f"GET /hold{gate.query[1:]} HTTP/1.1", "Host: a")
        gate.arrived()
    server.send(signal.SIGTERM)
    while not refuses(server):  # the worker drains
        pass
    gate.open()
    for peer in peers:
        peer.expect(200, headers={"Connection": "close"}, closed=True)
        peer.close()  # nobody has to linger for it
    assert server.wait() == 0


def test_idle_connections_end_with_close_notify(launch_tls):
    server = launch_tls(BASIC)
    peers = [server.peer() for _ in range(3)]
    for peer in peers[:2]:
        peer.send("GET / HTTP/1.1", "Host: a").expect(200)
    server.send(signal.SIGTERM)
    for peer in peers:
        peer.expect_closed()
        peer.close()
    assert server.wait() == 0


def test_a_large_answer_is_read_to_its_end(launch_tls):
    server = launch_tls(BASIC)
    peer = server.peer()
    peer.send("GET /bytes?n=20000000 HTTP/1.1", "Host: a")
    head = peer._read_head()
    server.send(signal.SIGTERM)
    assert peer.expect_bytes(int(head["Content-Length"])) == b"x" * 20_000_000
    peer.expect_closed()
    peer.close()
    assert server.wait() == 0


def test_handshakes_that_never_end_do_not_hold_it_up(launch_tls):
    server = launch_tls(BASIC, "--handshake-timeout", "3600", "--graceful-timeout", "3600")
    clients = [server.tls() for _ in range(3)]
    clients[1].raw.sendall(clients[1].say_hello())
    clients[1].feed()
    clients[2].raw.sendall(b"\x16\x03")
    assert server.get().status == 200  # so they have been accepted
    assert server.stop() == 0


def test_a_stop_at_once(launch_tls, gate):
    server = launch_tls(ASGI)
    peer = server.peer()
    peer.send(f"GET /hold{gate.query[1:]} HTTP/1.1", "Host: a")
    gate.arrived()
    server.send(signal.SIGINT)
    gate.open()
    assert server.wait() is not None


def test_clients_that_stay_lose_nothing(launch_tls):
    """They ask without pause; each is told with a whole answer that it was the last, and then the connection ends."""
    server = launch_tls(BASIC, "-w", "2")
    failures: list[BaseException] = []
    warm = threading.Barrier(CLIENTS + 1, timeout=TIMEOUT_S)

    def stay() -> None:
        try:
            with server.peer() as peer:
                for number in itertools.count():
                    if number == 5:
                        warm.wait()
                    peer.send(f"GET /bytes?n={number * 100} HTTP/1.1", "Host: a")
                    if peer.expect(200, body=b"x" * number * 100)["Connection"] == "close":
                        return peer.expect_closed()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=stay) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    warm.wait()
    server.send(signal.SIGTERM)
    for thread in threads:
        thread.join(TIMEOUT_S)
    assert not failures, failures
    assert server.wait() == 0
