"""freastal/_guest.py: when a worker is turned that lives in somebody else's loop. The worker here is a fake."""

from __future__ import annotations

import asyncio
import os

import pytest

from freastal._guest import Guest


class Worker:
    """Notes its turns, and whether a task was running; says that the next is due when `due` says so."""

    def __init__(self) -> None:
        self._pipe = os.pipe()
        self.turns: list[object] = []
        self.due: list[int] = []
        self.changed = asyncio.Event()
        self.failure: BaseException | None = None

    def fileno(self) -> int:
        return self._pipe[0]

    def timeout_ms(self) -> int:
        return self.due.pop(0) if self.due else -1

    def turn(self, timeout_ms: int) -> None:
        assert timeout_ms == 0
        self.turns.append(asyncio.current_task())
        self.changed.set()
        if self.failure is not None:
            raise self.failure

    def make_readable(self) -> None:
        os.write(self._pipe[1], b"x")

    def read(self) -> None:
        os.read(self._pipe[0], 1)

    async def turned(self, count: int) -> None:
        while len(self.turns) < count:
            self.changed.clear()
            await self.changed.wait()

    def close(self) -> None:
        for fd in self._pipe:
            os.close(fd)


def drive(main) -> None:
    """main(guest, worker) in a loop of its own."""

    async def run() -> None:
        worker = Worker()
        guest = Guest(asyncio.get_running_loop())
        try:
            await main(guest, worker)
        finally:
            guest.detach()
            worker.close()
        assert worker.turns == [None] * len(worker.turns), "turned from inside a task"

    asyncio.run(run())


async def settle() -> None:
    """Until everything is done that waits for nothing."""
    loop = asyncio.get_running_loop()
    for _ in range(3):
        done = loop.create_future()
        loop.call_soon(done.set_result, None)
        await done


def test_it_is_turned_once_at_the_start():
    async def main(guest, worker):
        guest.attach(worker)
        assert worker.turns == []
        await settle()
        assert len(worker.turns) == 1

    drive(main)


def test_it_is_turned_when_its_descriptor_is_readable():
    async def main(guest, worker):
        guest.attach(worker)
        await settle()
        worker.make_readable()
        await worker.turned(2)
        worker.read()

    drive(main)


def test_however_often_it_is_stirred_one_turn_follows():
    async def main(guest, worker):
        guest.attach(worker)
        await settle()
        for _ in range(5):
            guest.turn_soon()
        await settle()
        assert len(worker.turns) == 2
        guest.turn_soon()
        await settle()
        assert len(worker.turns) == 3

    drive(main)


def test_it_is_turned_when_something_is_due():
    async def main(guest, worker):
        worker.due = [20, 0, -1]
        before = asyncio.get_running_loop().time()
        guest.attach(worker)
        await worker.turned(3)  # the first, the one that was due, and the one that it wanted at once
        assert asyncio.get_running_loop().time() >= before + 0.015
        await settle()
        assert len(worker.turns) == 3

    drive(main)


def test_an_alarm_is_moved_only_to_ring_earlier():
    async def main(guest, worker):
        loop = asyncio.get_running_loop()
        worker.due = [60_000, 90_000, 30_000]
        guest.attach(worker)
        await settle()
        first = guest._alarm
        guest.turn_soon()
        await settle()
        assert guest._alarm is first
        guest.turn_soon()
        await settle()
        assert guest._alarm is not first
        assert first.cancelled()
        assert guest._alarm.when() < loop.time() + 30.1

    drive(main)


def test_after_it_left_it_is_turned_no_more():
    async def main(guest, worker):
        worker.due = [60_000, 60_000]
        guest.attach(worker)
        await settle()
        guest.turn_soon()
        worker.make_readable()
        guest.detach()
        await settle()
        assert len(worker.turns) == 1
        assert guest._alarm is None
        guest.detach()

    drive(main)


def test_an_interrupt_comes_out_of_the_loop_and_the_worker_goes_on():
    loop = asyncio.new_event_loop()
    try:
        guest = Guest(loop)
        worker = Worker()
        worker.failure = KeyboardInterrupt()
        worker.due = [0]
        guest.attach(worker)
        with pytest.raises(KeyboardInterrupt):
            loop.run_forever()
        worker.failure = None
        loop.run_until_complete(worker.turned(2))
        guest.detach()
        worker.close()
    finally:
        loop.close()
