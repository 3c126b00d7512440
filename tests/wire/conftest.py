"""A server for the conversations of a file that has many of them over HTTP/2."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.apps.streams import Streams
from tests.support.http2 import Http2Peer
from tests.support.server import serve_here

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.server import RunningServer


@pytest.fixture(scope="module")
def streams() -> Streams:
    """The application: tests/support/apps/streams.py."""
    return Streams()


@pytest.fixture(scope="module")
def h2_server(streams: Streams) -> Iterator[RunningServer]:
    with serve_here(streams, log_level="critical") as server:
        yield server


@pytest.fixture
def h2(h2_server: RunningServer) -> Iterator[Http2Peer]:
    """A connection to it, by prior knowledge and with all defaults."""
    with Http2Peer.of(h2_server) as peer:
        yield peer
