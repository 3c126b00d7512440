"""The event loop by itself, beside asyncio's own and uvloop: python bench/micro/event_loop.py [--rounds N].

Nanoseconds of processor time for one step of: call_soon, call_later that fires and that is cancelled, as timeouts
are, sleep(0) and tasks, an echo over a socket with streams. Rounds are interleaved, each measures every loop once;
the median is shown, and the ratio to asyncio's loop in the same round.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from pathlib import Path

import freastal

STEPS = 20_000
ECHOES = 2_000
MESSAGE = b"m" * 1024

Bench = Callable[[int], Awaitable[None]]


async def call_soon_chain(steps: int) -> None:
    """Each callback schedules the next."""
    loop = asyncio.get_running_loop()
    done = loop.create_future()

    def step(left: int) -> None:
        if left:
            loop.call_soon(step, left - 1)
        else:
            done.set_result(None)

    step(steps)
    await done


async def call_soon_batch(steps: int) -> None:
    """Many callbacks in one turn, a hundred at a time."""
    loop = asyncio.get_running_loop()
    for _ in range(steps // 100):
        done = loop.create_future()
        for _ in range(99):
            loop.call_soon(int)
        loop.call_soon(done.set_result, None)
        await done


async def call_later_at_once(steps: int) -> None:
    """Timers that are due at once, a hundred at a time."""
    loop = asyncio.get_running_loop()
    for _ in range(steps // 100):
        done = loop.create_future()
        for _ in range(99):
            loop.call_later(0, int)
        loop.call_later(0, done.set_result, None)
        await done


async def call_later_fires(steps: int) -> None:
    """Timers that are due one after another, a hundred within a millisecond; the waiting is not counted."""
    loop = asyncio.get_running_loop()
    for _ in range(steps // 100):
        done = loop.create_future()
        for at in range(99):
            loop.call_later(at / 100_000, int)
        loop.call_later(0.001, done.set_result, None)
        await done


async def call_later_cancelled(steps: int) -> None:
    """A timeout that does not come: set, and cancelled a turn later."""
    loop = asyncio.get_running_loop()
    for _ in range(steps // 100):
        timers = [loop.call_later(60 + at, int) for at in range(100)]
        await asyncio.sleep(0)
        for timer in timers:
            timer.cancel()


async def sleep_zero(steps: int) -> None:
    """A task that gives way."""
    for _ in range(steps):
        await asyncio.sleep(0)


async def stream_echo(steps: int) -> None:
    """1 KiB there and back through streams, both ends on this loop; a step is one way of one message."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    for _ in range(steps // 2):
        writer.write(MESSAGE)
        await reader.readexactly(len(MESSAGE))
    writer.close()
    await writer.wait_closed()
    server.close()
    await server.wait_closed()


async def task_spawn(steps: int) -> None:
    """Tasks that end at once, a hundred at a time."""

    async def nothing() -> None:
        pass

    for _ in range(steps // 100):
        await asyncio.gather(*[nothing() for _ in range(100)])


BENCHES: dict[str, tuple[Bench, int]] = {
    "call_soon, chain": (call_soon_chain, STEPS),
    "call_soon, batch": (call_soon_batch, STEPS),
    "call_later, at once": (call_later_at_once, STEPS),
    "call_later, in 1 ms": (call_later_fires, STEPS),
    "call_later, cancelled": (call_later_cancelled, STEPS),
    "sleep(0)": (sleep_zero, STEPS),
    "tasks": (task_spawn, STEPS),
    "streams, 1 KiB": (stream_echo, ECHOES),
}


def loops() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    found: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {"asyncio": asyncio.SelectorEventLoop}
    try:
        import uvloop
    except ImportError:
        print("uvloop is not installed (pip install uvloop): it is left out")
    else:
        found["uvloop"] = uvloop.new_event_loop
    found["freastal"] = freastal.new_event_loop
    return found


def measure(new_loop: Callable[[], asyncio.AbstractEventLoop], bench: Bench, steps: int) -> float:
    """Nanoseconds of processor time for one step, after a tenth as many to warm up."""
    loop = new_loop()
    try:
        loop.run_until_complete(bench(steps // 10))
        began = time.process_time_ns()
        loop.run_until_complete(bench(steps))
        return (time.process_time_ns() - began) / steps
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


def rows(samples: dict[str, dict[str, list[float]]]) -> list[str]:
    lines = []
    for name, by_loop in samples.items():
        for loop, times in by_loop.items():
            ratios = [mine / theirs for mine, theirs in zip(times, by_loop["asyncio"], strict=True)]
            lines.append(
                f"{name:<22} {loop:<9} {statistics.median(times):>9.0f} ns  x asyncio {statistics.median(ratios):.2f} "
                f"({min(ratios):.2f} to {max(ratios):.2f})"
            )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the samples there too")
    options = parser.parse_args()
    samples: dict[str, dict[str, list[float]]] = {name: defaultdict(list) for name in BENCHES}
    contenders = loops()
    for _ in range(options.rounds):
        for name, (bench, steps) in BENCHES.items():
            for loop, new_loop in contenders.items():
                samples[name][loop].append(measure(new_loop, bench, steps))
    print("\n".join(rows(samples)))
    if options.json:
        options.json.write_text(json.dumps(samples, indent=1) + "\n")


if __name__ == "__main__":
    main()
