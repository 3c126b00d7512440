"""The conversations of the neighbours once more, over TLS: HTTP/1.1 must not notice what is below it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.server import RunningServer
from tests.wire import test_continue, test_limits, test_persistence, test_responses, test_slow_peers, test_timeouts

NEIGHBOURS = (test_continue, test_limits, test_persistence, test_responses, test_slow_peers, test_timeouts)


@pytest.fixture
def serve(serve_tls: Callable[..., RunningServer]) -> Callable[..., RunningServer]:
    return serve_tls


def adopt() -> None:
    for module in NEIGHBOURS:
        subject = module.__name__.rpartition(".")[2]
        for name, test in vars(module).items():
            if name.startswith("test_"):
                globals()[f"{subject}_{name.removeprefix('test_')}"] = test


adopt()
