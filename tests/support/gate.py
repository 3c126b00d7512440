"""Holds requests to tests/support/apps/holding.py until a test lets them go."""

from __future__ import annotations

import socket

TIMEOUT_S = 20


class Gate:
    """The path to ask for is `query`; arrived() waits for a request to be in the application, open() lets all go."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(TIMEOUT_S)
        self._held: list[socket.socket] = []
        self.query = f"/?{self._listener.getsockname()[1]}"

    def __enter__(self) -> Gate:
        return self

    def __exit__(self, *_: object) -> None:
        self.open()

    def arrived(self) -> None:
        self._held.append(self._listener.accept()[0])

    def open(self) -> None:
        """Also what comes later is no longer held: its connection is refused or reset."""
        self._listener.close()
        for held in self._held:
            held.close()
        self._held.clear()
