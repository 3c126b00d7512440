"""How connections end when the server is told to: nobody loses an answer. RFC 9113 section 6.8."""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING

from tests.support.frames import Code
from tests.support.http2 import Http2Peer

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.gate import Gate
    from tests.support.server import LaunchedServer

Launch = Callable[..., "LaunchedServer"] if TYPE_CHECKING else object
APPLICATION = "tests.support.apps.asgi:app"
ROUNDS = 3


def test_what_is_open_is_finished(launch: Launch, gate: Gate) -> None:
    server = launch(APPLICATION)
    with Http2Peer.of(server) as peer:
        held = [peer.ask(f"/hold{gate.query[1:]}") for _ in range(5)]
        for _ in held:
            gate.arrived()
        server.send(signal.SIGTERM)
        while not peer.goaways:
            peer.hear()
        assert peer.goaways[0].code == Code.NO_ERROR
        gate.open()
        for stream in held:
            peer.expect(stream)
        peer.expect_closed()
        assert peer.goaways[-1].last == held[-1]
        assert {goaway.code for goaway in peer.goaways} == {Code.NO_ERROR}
    assert server.wait() == 0


def test_a_request_that_crosses_the_goaway_is_answered(launch: Launch, gate: Gate) -> None:
    """The first GOAWAY names no last stream: what is on its way by then is served."""
    server = launch(APPLICATION)
    with Http2Peer.of(server) as peer:
        held = peer.ask(f"/hold{gate.query[1:]}")
        gate.arrived()
        server.send(signal.SIGTERM)
        while not peer.goaways:
            peer.hear()
        assert peer.goaways[0].last == (1 << 31) - 1
        peer.expect(peer.ask("/"), body=b"hello\n")
        gate.open()
        peer.expect(held)
        peer.expect_closed()
        assert peer.goaways[-1].last == 3


def test_an_idle_connection_is_closed(launch: Launch) -> None:
    server = launch(APPLICATION, "--keep-alive", "3600")
    with Http2Peer.of(server) as peer:
        peer.get("/")
        server.send(signal.SIGTERM)
        assert peer.expect_goaway(Code.NO_ERROR).last == 1
    assert server.wait() == 0


def test_a_body_that_is_on_its_way_is_taken(launch: Launch) -> None:
    server = launch("tests.support.apps.streams:app")
    with Http2Peer.of(server) as peer:
        stream = peer.ask("/echo", method="POST", end=False)
        peer.say(stream, b"before, ")
        peer.expect_alive()
        server.send(signal.SIGTERM)
        while not peer.goaways:
            peer.hear()
        peer.say(stream, b"after", end=True).expect(stream, body=b"before, after")
        peer.expect_closed()


def test_what_does_not_end_is_cut(launch: Launch, gate: Gate) -> None:
    server = launch(APPLICATION, "--graceful-timeout", "0.2")
    with Http2Peer.of(server) as peer:
        peer.ask(f"/hold{gate.query[1:]}")
        gate.arrived()
        server.send(signal.SIGTERM)
        try:
            while peer.hear_or_end() is not None:
                pass
        except ConnectionResetError:
            pass
        assert peer.goaways
    assert server.wait() == 0


class Client(threading.Thread):
    """Asks and asks, ten at a time, and goes to another connection when it is told to. Loses nothing."""

    def __init__(self, server: LaunchedServer) -> None:
        super().__init__()
        self.server = server
        self.stopping = threading.Event()
        self.answered = self.moves = self.asked_again = 0
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            while not self.stopping.is_set():
                with Http2Peer.of(self.server) as peer:
                    self.use(peer)
                self.moves += 1
        except BaseException as error:
            self.failure = error
            raise

    def use(self, peer: Http2Peer) -> None:
        while not peer.goaways and not self.stopping.is_set():
            asked = [peer.ask("/pid") for _ in range(10)]
            while not all(peer.answers[stream].over for stream in asked):
                if peer.hear_or_end() is None:
                    break
            last = peer.goaways[-1].last if peer.goaways else asked[-1]
            for stream in asked:
                answer = peer.answers[stream]
                if stream > last or answer.reset == Code.REFUSED_STREAM:
                    assert not answer.status, answer
                    self.asked_again += 1
                else:
                    assert (answer.status, answer.ended) == (200, True), f"stream {stream} of {last}: {answer}"
                    self.answered += 1


def test_clients_under_load_lose_nothing_while_workers_come_and_go(launch: Launch) -> None:
    server = launch(APPLICATION, "--workers", "2")
    clients = [Client(server) for _ in range(3)]
    for client in clients:
        client.start()
    try:
        for _ in range(ROUNDS):
            before = server.worker_pids()
            for pid in before:
                os.kill(pid, signal.SIGTERM)
            while set(before) & set(server.worker_pids()):
                server.get("/")
    finally:
        for client in clients:
            client.stopping.set()
        for client in clients:
            client.join()
    assert [client.failure for client in clients] == [None] * 3
    assert sum(client.moves for client in clients) >= ROUNDS
    assert sum(client.answered for client in clients) > 100
