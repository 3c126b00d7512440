"""A WSGI application whose import lasts until the gate at port GATE of this machine opens."""

from __future__ import annotations

import os
import socket

from tests.support.apps.basic import app

__all__ = ["app"]

with socket.create_connection(("127.0.0.1", int(os.environ["GATE"]))) as _gate:
    _gate.recv(1)
