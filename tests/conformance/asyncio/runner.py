"""Runs one module of CPython's own asyncio tests with every loop a freastal.EventLoop: runner.py MODULE [NAME...].

A process of its own, because it changes asyncio for good. Prints what came of it as one line of JSON.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
import unittest
import warnings
from typing import Any

from asyncio import base_events, selector_events, unix_events

import freastal


class EventLoop(freastal.EventLoop):
    """Takes the selector that the tests bring, and has no use for it."""

    def __init__(self, selector: Any = None) -> None:
        super().__init__()
        if selector is not None and hasattr(selector, "close"):
            selector.close()


def put_in_place() -> None:
    """Everywhere that CPython's tests take a loop's class from."""
    asyncio.SelectorEventLoop = asyncio.EventLoop = EventLoop
    unix_events.SelectorEventLoop = unix_events.EventLoop = EventLoop
    base_events.BaseEventLoop = selector_events.BaseSelectorEventLoop = EventLoop
    for name in ("_UnixDefaultEventLoopPolicy", "_DefaultEventLoopPolicy"):
        policy = getattr(unix_events, name, None)
        if policy is not None:
            policy._loop_factory = EventLoop


class Result(unittest.TestResult):
    """Notes how each test ended, with the last words of those that did not end well."""

    def __init__(self) -> None:
        super().__init__()
        self.ended: dict[str, str] = {}

    def note(self, test: Any, words: str) -> None:
        self.ended.setdefault(test.id().split(".", 3)[-1], words)

    def addSuccess(self, test: Any) -> None:
        self.note(test, "")

    def addFailure(self, test: Any, error: Any) -> None:
        self.note(test, self._exc_info_to_string(error, test))

    def addError(self, test: Any, error: Any) -> None:
        self.note(test, self._exc_info_to_string(error, test))

    def addSubTest(self, test: Any, subtest: Any, error: Any) -> None:
        if error is not None:
            self.addFailure(test, error)

    def addSkip(self, test: Any, reason: str) -> None:
        self.note(test, f"skipped: {reason}")

    def addExpectedFailure(self, test: Any, error: Any) -> None:
        self.note(test, "")


def main(name: str, only: list[str]) -> None:
    warnings.simplefilter("ignore")
    importlib.import_module("test.test_asyncio.utils")  # has a loop of its own, on the class that is there now
    put_in_place()
    module = importlib.import_module(f"test.test_asyncio.{name}")
    loader = unittest.TestLoader()
    suite = loader.loadTestsFromNames(only, module) if only else loader.loadTestsFromModule(module)
    result = Result()
    suite.run(result)
    print(json.dumps(result.ended))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
