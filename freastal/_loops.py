"""The event loop that --loop names, and how a coroutine is run in it from beginning to end."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from . import _core
from .errors import ConfigError


def check_loop(name: str) -> None:
    """A ConfigError when there is no such loop here."""
    if name == "uvloop" and find_spec("uvloop") is None:
        raise ConfigError("loop", name, "is not installed; pip install uvloop, or leave the option out")


def new_loop(name: str) -> asyncio.AbstractEventLoop:
    """A loop by the name of the option."""
    check_loop(name)
    if name == "asyncio":
        return asyncio.SelectorEventLoop()
    if name == "uvloop":
        made: asyncio.AbstractEventLoop = import_module("uvloop").new_event_loop()
        return made
    from ._event_loop import new_event_loop

    return new_event_loop()


def is_ours(loop: asyncio.AbstractEventLoop) -> bool:
    """Whether a worker can live in this loop; in any other it is a guest."""
    return isinstance(loop, _core.EventLoop)


def run_to_end(loop: asyncio.AbstractEventLoop, main: Coroutine[Any, Any, None]) -> None:
    """Runs `main`, then what is left: tasks are cancelled, generators and the executor shut down, the loop closed."""
    try:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(main)
    finally:
        try:
            _cancel_tasks(loop)
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.run_until_complete(loop.shutdown_default_executor())
        finally:
            asyncio.set_event_loop(None)
            loop.close()


def _cancel_tasks(loop: asyncio.AbstractEventLoop) -> None:
    tasks = asyncio.all_tasks(loop)
    if not tasks:
        return
    for task in tasks:
        task.cancel()
    loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
    for task in tasks:
        if not task.cancelled() and task.exception() is not None:
            context = {"message": "a task failed while the loop was shut down", "exception": task.exception()}
            loop.call_exception_handler({**context, "task": task})
