"""A WSGI application whose answer never ends by itself, and which tells on stderr when it is closed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any


class _Endless:
    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return b"more\n" * 1000

    def close(self) -> None:
        print("closed the endless stream", file=sys.stderr, flush=True)


def app(_environ: dict[str, Any], start_response: Any) -> _Endless:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return _Endless()
