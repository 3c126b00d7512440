"""A WSGI application whose requests last as long as a test wants: see tests/support/gate.py."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable
from typing import Any


def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """/?PORT connects to that port of this machine and answers when the connection ends; / answers at once."""
    if environ["QUERY_STRING"]:
        with socket.create_connection(("127.0.0.1", int(environ["QUERY_STRING"]))) as gate:
            gate.recv(1)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(os.getpid()).encode()]
