"""Other threads run while the loop sleeps, and the loop goes on when they hold the GIL."""

from __future__ import annotations

import threading

from tests.gateway.gateway import driven, plain

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def test_a_sleeping_worker_lets_others_run():
    """With the GIL held in sleep the other thread would never come to wake this one."""
    with driven(plain(b"ok")) as (worker, _):
        steps = []

        def other():
            steps.extend(range(1000))
            worker.wake()

        thread = threading.Thread(target=other)
        thread.start()
        while len(steps) < 1000:
            worker.turn(-1)
        thread.join()


def test_a_worker_answers_while_others_compute(gateway):
    stop = threading.Event()

    def compute():
        while not stop.is_set():
            sum(range(1000))

    threads = [threading.Thread(target=compute) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        server = gateway(plain(b"ok"))
        for _ in range(20):
            assert server.get().body == b"ok"
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_two_workers_in_two_threads(gateway):
    servers = [gateway(plain(b"%d" % i)) for i in range(2)]
    for _ in range(50):
        assert [server.get().body for server in servers] == [b"0", b"1"]


def test_large_answers_are_let_go_of_while_the_loop_drains(gateway):
    """The release of bytes happens in a callback that nobody else needed Python for."""
    piece = b"x" * 3_000_000
    server = gateway(lambda environ, start_response: start_response("200 OK", []) and [piece, piece])
    for _ in range(3):
        assert len(server.get().body) == 6_000_000
