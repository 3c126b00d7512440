"""The heap of timers: order, ties, cancelling many."""

from __future__ import annotations

import gc
import random
import weakref

import pytest


def run_until_due(loop, when):
    loop.call_at(when, loop.stop)
    loop.run_forever()


def test_by_time_and_then_by_age(event_loop):
    now, seen = event_loop.time(), []
    times = [random.Random(4).randrange(50) / 1e4 for _ in range(2000)]
    for number, when in enumerate(times):
        event_loop.call_at(now + when, seen.append, (when, number))
    run_until_due(event_loop, now + 1e-2)
    assert seen == sorted((when, number) for number, when in enumerate(times))


def test_never_early(event_loop):
    late = []
    for delay in (0, 1e-4, 5e-4, 1e-3, 2.5e-3, 7e-3):
        when = event_loop.time() + delay
        event_loop.call_at(when, lambda when=when: late.append(event_loop.time() - when))
    run_until_due(event_loop, event_loop.time() + 1e-2)
    assert len(late) == 6
    assert min(late) > -1e-8


def test_what_is_ready_already_goes_first(event_loop):
    seen = []
    event_loop.call_later(-1, seen.append, "due")
    event_loop.call_soon(seen.append, "ready")
    event_loop.call_soon(event_loop.stop)
    event_loop.run_forever()
    assert seen == ["ready", "due"]


def test_a_timer_set_by_a_timer_waits_for_the_next_turn(event_loop):
    seen = []

    def first():
        event_loop.call_later(0, seen.append, "second")
        event_loop.call_soon(seen.append, "soon")
        seen.append("first")

    event_loop.call_later(0, first)
    run_until_due(event_loop, event_loop.time() + 1e-3)
    assert sorted(seen) == ["first", "second", "soon"]
    assert seen[0] == "first"


@pytest.mark.parametrize("kept", [0, 3, 400])
def test_cancelled_timers_are_swept_when_they_are_many(event_loop, kept):
    """An object that only a cancelled timer holds is let go of at once; the timer itself when half of all are."""
    timers = [event_loop.call_later(1000 + n, print) for n in range(600)]
    gone = [weakref.ref(timer) for timer in timers]
    random.Random(5).shuffle(timers)
    for timer in timers[kept:]:
        timer.cancel()
    del timers[kept:], timer
    event_loop.call_soon(event_loop.stop)
    event_loop.run_forever()
    gc.collect()
    left = sum(reference() is not None for reference in gone)
    assert left == (600 if kept == 400 else kept)
    assert all(timer._scheduled for timer in timers)


def test_order_survives_a_sweep(event_loop):
    now, seen = event_loop.time(), []
    timers = [event_loop.call_at(now + n % 7 / 1e3, seen.append, (n % 7, n)) for n in range(1000)]
    kept = set(random.Random(6).sample(range(1000), 200))
    for n, timer in enumerate(timers):
        if n not in kept:
            timer.cancel()
    run_until_due(event_loop, now + 1e-2)
    assert seen == sorted((n % 7, n) for n in kept)


def test_cancelled_at_the_front_does_not_wake_the_loop(event_loop):
    seen = []
    event_loop.call_later(0, seen.append, "cancelled").cancel()
    event_loop.call_later(1e-3, seen.append, "kept")
    run_until_due(event_loop, event_loop.time() + 2e-3)
    assert seen == ["kept"]


def test_cancelled_by_another_that_is_due_at_once(event_loop):
    seen, others = [], []
    when = event_loop.time()
    event_loop.call_at(when, lambda: [other.cancel() for other in others])
    others.append(event_loop.call_at(when, seen.append, "cancelled"))
    run_until_due(event_loop, when + 1e-3)
    assert seen == []
    assert not others[0]._scheduled


def test_what_is_no_time(event_loop):
    with pytest.raises(TypeError, match="delay must not be None"):
        event_loop.call_later(None, print)
    with pytest.raises(TypeError, match="when cannot be None"):
        event_loop.call_at(None, print)
    with pytest.raises(TypeError):
        event_loop.call_later("1", print)
    with pytest.raises(ValueError, match="NaN"):
        event_loop.call_at(float("nan"), print)


def test_for_ever_is_a_long_time(event_loop):
    """What would overflow a sleep of int milliseconds."""
    event_loop.call_later(float("inf"), print)
    event_loop.call_later(1e300, print)
    run_until_due(event_loop, event_loop.time() + 1e-3)
