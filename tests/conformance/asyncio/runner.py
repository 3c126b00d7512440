"""Runs a module of CPython's own asyncio tests with every loop a freastal.EventLoop: runner.py MODULE [NAME...].

A process of its own, because it changes asyncio for good. Prints, as one line of JSON, the last words of each test:
none when it was well, "skipped: ..." when CPython skips it itself. What not_ours.py lists is left out.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
import unittest
import warnings
from asyncio import base_events, unix_events
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from not_ours import NOT_OURS  # beside this script

import freastal


class EventLoop(freastal.EventLoop):
    """Takes the selector that the tests bring, and has no use for it."""

    def __init__(self, selector: Any = None) -> None:
        super().__init__()
        if selector is not None and hasattr(selector, "close"):
            selector.close()


def put_in_place(name: str) -> None:
    """Everywhere that CPython's tests take a loop's class from."""
    importlib.import_module("test.test_asyncio.utils")  # has loops of its own, on the class that is there now
    asyncio.SelectorEventLoop = asyncio.EventLoop = EventLoop
    unix_events.SelectorEventLoop = unix_events.EventLoop = EventLoop
    if name == "test_base_events":  # it tests the base itself
        base_events.BaseEventLoop = EventLoop
    for policy in ("_UnixDefaultEventLoopPolicy", "_DefaultEventLoopPolicy"):
        if hasattr(unix_events, policy):
            getattr(unix_events, policy)._loop_factory = EventLoop


def name_of(test: Any) -> str:
    """Class.method"""
    return ".".join(test.id().rsplit(".", 2)[-2:])


def flatten(suite: Any) -> Iterator[Any]:
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from flatten(test)
        else:
            yield test


class Result(unittest.TestResult):
    """Notes how each test ended; the first words count, for a test may fail again in its cleanup."""

    def __init__(self) -> None:
        super().__init__()
        self.ended: dict[str, str] = {}

    def startTest(self, test: Any) -> None:
        super().startTest(test)
        print(name_of(test), file=sys.stderr, flush=True)

    def addSuccess(self, test: Any) -> None:
        self.ended.setdefault(name_of(test), "")

    def addFailure(self, test: Any, error: Any) -> None:
        self.ended.setdefault(name_of(test), self._exc_info_to_string(error, test))

    addError = addFailure

    def addSubTest(self, test: Any, subtest: Any, error: Any) -> None:
        if error is not None:
            self.addFailure(test, error)

    def addSkip(self, test: Any, reason: str) -> None:
        self.ended.setdefault(name_of(test), f"skipped: {reason}")

    def addExpectedFailure(self, test: Any, error: Any) -> None:
        self.addSuccess(test)


def main(name: str, only: list[str]) -> None:
    warnings.simplefilter("ignore")
    put_in_place(name)
    module = importlib.import_module(f"test.test_asyncio.{name}")
    loader = unittest.TestLoader()
    found = loader.loadTestsFromNames(only, module) if only else loader.loadTestsFromModule(module)
    patterns = NOT_OURS.get(name, {})
    tests = [test for test in flatten(found) if not any(fnmatchcase(name_of(test), pattern) for pattern in patterns)]
    result = Result()
    unittest.TestSuite(tests).run(result)  # a suite of one level: it calls setUpClass and setUpModule
    print(json.dumps(result.ended))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
