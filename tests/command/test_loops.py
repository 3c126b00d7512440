"""freastal/_loops.py: which loop an option means, and how one is run to its end."""

from __future__ import annotations

import asyncio
import importlib.util
import sys
import threading

import pytest

import freastal
from freastal._loops import check_loop, is_ours, new_loop, run_to_end
from freastal.errors import ConfigError


@pytest.mark.parametrize("name", ["auto", "freastal", "asyncio", "uvloop"])
def test_each_name_is_a_loop(name):
    if name == "uvloop":
        pytest.importorskip("uvloop")
    check_loop(name)
    loop = new_loop(name)
    try:
        assert isinstance(loop, asyncio.AbstractEventLoop)
        assert is_ours(loop) == isinstance(loop, freastal.EventLoop) == (name in ("auto", "freastal"))
        assert type(loop).__module__.partition(".")[0] == {"auto": "freastal"}.get(name, name)
    finally:
        loop.close()


def test_a_loop_that_is_not_installed(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr("freastal._loops.find_spec", lambda name: None)
    check_loop("auto")
    for call in (check_loop, new_loop):
        with pytest.raises(
            ConfigError, match="is not installed; pip install uvloop, or leave the option out"
        ) as caught:
            call("uvloop")
        assert caught.value.option == "loop"


def test_everything_is_over_in_the_end():
    said: list[str] = []
    threads: list[threading.Thread] = []

    async def numbers():
        try:
            yield 1
        finally:
            said.append("generator")

    async def for_ever() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            said.append("task")

    async def main() -> None:
        kept.append(asyncio.ensure_future(for_ever()))
        kept.append(numbers())
        await kept[-1].__anext__()
        threads.append(await asyncio.get_running_loop().run_in_executor(None, threading.current_thread))
        said.append("main")

    kept: list[object] = []
    loop = new_loop("asyncio")
    run_to_end(loop, main())
    assert said == ["main", "task", "generator"]
    assert loop.is_closed()
    assert not threads[0].is_alive()


def test_what_main_raises_comes_out_and_the_loop_is_closed():
    async def main() -> None:
        raise LookupError("mine")

    loop = new_loop("asyncio")
    with pytest.raises(LookupError, match="mine"):
        run_to_end(loop, main())
    assert loop.is_closed()


def test_a_task_that_fails_when_it_is_cancelled_is_told_of():
    async def contrary() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise LookupError("contrary") from None

    async def main() -> None:
        tasks.append(asyncio.ensure_future(contrary()))
        await asyncio.wait(tasks, timeout=0)

    tasks: list[asyncio.Task[None]] = []
    contexts: list[dict[str, object]] = []
    loop = new_loop("asyncio")
    loop.set_exception_handler(lambda _loop, context: contexts.append(context))
    run_to_end(loop, main())
    (context,) = contexts
    assert (context["task"], str(context["exception"])) == (tasks[0], "contrary")


def test_asyncio_is_not_imported_for_wsgi():
    import subprocess

    code = (
        "import sys, freastal._cli, freastal._supervisor, freastal.server, freastal._threads;"
        "sys.exit('asyncio' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
