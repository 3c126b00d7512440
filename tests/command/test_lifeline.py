"""freastal/_supervisor/lifeline.py: reports go up, and its end tells a worker that the server is gone."""

from __future__ import annotations

import select
import signal

import pytest

from freastal._supervisor.lifeline import Lifeline


@pytest.fixture
def ends():
    """The server's end and the worker's end, as if each were in its own process."""
    upper, lower = Lifeline(), Lifeline()
    lower.close()
    lower.__dict__.update(upper.__dict__)
    upper._upper.setblocking(False)
    before = signal.getsignal(signal.SIGIO)
    yield upper, lower
    signal.signal(signal.SIGIO, signal.SIG_IGN)  # Closing signals it, and the default would end the tests.
    upper.close()
    signal.signal(signal.SIGIO, before)


def test_nothing_is_said_at_first(ends):
    upper, _ = ends
    assert upper.receive()
    assert (upper.interface, upper.failure) == ("", None)


def test_a_worker_is_ready(ends):
    upper, lower = ends
    lower.report_ready("wsgi")
    assert upper.receive()
    assert (upper.interface, upper.failure) == ("wsgi", None)


def test_a_line_may_come_in_pieces(ends):
    upper, lower = ends
    lower._lower.sendall(b"ready ws")
    assert upper.receive()
    assert upper.interface == ""
    lower._lower.sendall(b"gi\n")
    assert upper.receive()
    assert upper.interface == "wsgi"


def test_a_worker_failed(ends):
    upper, lower = ends
    lower.report_failure(3, "first line\nå \ud800")
    lower._lower.close()
    assert not upper.receive()
    assert upper.failure == (3, "first line\nå \\ud800")
    assert upper.interface == ""


def test_a_worker_died_with_something_unread(ends):
    upper, lower = ends
    upper._upper.sendall(b"x")
    lower._lower.close()
    assert not upper.receive()


@pytest.fixture
def lost(ends):
    """A list that grows when the worker notices that its server is gone."""
    lost: list[bool] = []
    ends[1].watch(lambda: lost.append(True), lambda: None)
    return lost


def test_the_end_of_the_server_is_signalled(ends, lost):
    upper, lower = ends
    assert not lost
    upper._upper.close()
    select.select([lower._lower], [], [], 10)
    assert lost == [True]


def test_a_report_that_nobody_reads_is_no_failure(ends, lost):
    upper, lower = ends
    upper._upper.close()
    lower.report_ready("wsgi")
    lower.report_failure(3, "why")
    assert lost == [True]


def test_a_worker_is_asked_to_renew(ends):
    upper, lower = ends
    asked: list[str] = []
    upper.ask_to_renew()
    lower.watch(lambda: asked.append("lost"), lambda: asked.append("renew"))
    assert asked == ["renew"]
    upper.ask_to_renew()
    select.select([], [upper._upper], [], 10)
    assert asked == ["renew", "renew"]
    upper._upper.close()
    select.select([lower._lower], [], [], 10)
    assert asked == ["renew", "renew", "lost"]


def test_a_worker_that_does_not_listen_is_not_waited_for(ends):
    upper, lower = ends
    for _ in range(100_000):
        upper.ask_to_renew()
    asked: list[str] = []
    lower.watch(lambda: asked.append("lost"), lambda: asked.append("renew"))
    assert set(asked) == {"renew"}
    lower._lower.close()
    upper.ask_to_renew()


def test_an_end_before_the_watch_is_noticed(ends):
    upper, lower = ends
    upper._upper.close()
    lost: list[bool] = []
    lower.watch(lambda: lost.append(True), lambda: None)
    assert lost == [True]
