"""freastal/_supervisor/signals.py: what arrives is noted, and wakes who waits."""

from __future__ import annotations

import os
import select
import signal
import threading

import pytest

from freastal._supervisor.signals import Signals, name_of
from freastal.errors import FreastalError

NUMBERS = (signal.SIGUSR1, signal.SIGUSR2)


def test_what_arrives_is_noted_in_order_and_once():
    with Signals(NUMBERS) as signals:
        assert signals.take() == []
        os.kill(os.getpid(), signal.SIGUSR2)
        os.kill(os.getpid(), signal.SIGUSR1)
        assert select.select([signals.fileno()], [], [], 10)[0]
        assert signals.take() == [signal.SIGUSR2, signal.SIGUSR1]
        assert signals.take() == []
        assert not select.select([signals.fileno()], [], [], 0)[0]


def test_what_was_before_is_restored():
    seen = []
    signal.signal(signal.SIGUSR1, lambda number, _: seen.append(number))
    try:
        with Signals(NUMBERS):
            os.kill(os.getpid(), signal.SIGUSR1)
        assert seen == []
        os.kill(os.getpid(), signal.SIGUSR1)
        assert seen == [signal.SIGUSR1]
        assert signal.getsignal(signal.SIGUSR2) is signal.SIG_DFL
        assert signal.set_wakeup_fd(-1) == -1
    finally:
        signal.signal(signal.SIGUSR1, signal.SIG_DFL)


def test_only_in_the_main_thread():
    caught = []

    def enter() -> None:
        try:
            with Signals(NUMBERS):
                caught.append(None)
        except FreastalError as error:
            caught.append(error)

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert "must be called from the main thread" in str(caught[0])


def test_names():
    assert name_of(signal.SIGTERM) == "SIGTERM"
    assert name_of(200) == "signal 200"


def test_forgetting_gives_back_the_defaults():
    signals = Signals(NUMBERS)
    signals.__enter__()
    signals.forget()
    assert signal.getsignal(signal.SIGUSR1) is signal.SIG_DFL
    with pytest.raises(OSError):
        os.fstat(signals.fileno())
