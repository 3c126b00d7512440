"""A WSGI application that fails to import when a file says how: the name of the file is in TROUBLE."""

from __future__ import annotations

import os
from pathlib import Path

from tests.support.apps.basic import app

__all__ = ["app"]

os.write(2, f"imported in {os.getpid()}\n".encode())  # One write: lines of several workers do not mix.
_file = Path(os.environ["TROUBLE"])
_trouble = _file.read_text() if _file.exists() else ""
if _trouble == "raise":
    raise LookupError("no settings")
if _trouble == "exit":
    os._exit(7)
if _trouble == "crash":
    os.abort()
