"""Where an ASGI site runs: in this process, and by the command on each kind of event loop.

With FREASTAL_TEST_REFERENCE set, the sites run on uvicorn instead (pip install uvicorn): what fails there too is the
business of a framework or of the test.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.applications import SITES
from tests.support.server import RunningServer, command_environment, launch, serve_here

COMMANDS = {
    "command": ("--workers", "2"),
    "asyncio": ("--loop", "asyncio"),
    "uvloop": ("--loop", "uvloop"),
}
REFERENCE = "FREASTAL_TEST_REFERENCE" in os.environ
SANITIZED = "asan" in os.environ.get("LD_PRELOAD", "")
"""Then everything is slower, and the loops of others are left to tests/gateway."""
HOSTS = ["reference"] if REFERENCE else ["here", "command"] if SANITIZED else ["here", *COMMANDS]
LOOPS = ["asyncio"] if REFERENCE else ["freastal", "asyncio", "uvloop"]


@contextmanager
def host_site(host: str, target: str, environment: dict[str, str]) -> Iterator[RunningServer]:
    """The site `target` of tests/applications/sites, with the environment that it reads its settings from."""
    if host == "reference":
        with _reference(target, environment) as server:
            yield server
    elif host == "here":
        with serve_here(target, app_dir=str(SITES)) as server:
            yield server
    else:
        with launch(target, *COMMANDS[host], "--app-dir", str(SITES), environment=environment) as server:
            yield server


@contextmanager
def host_app(app: object, loop: str) -> Iterator[RunningServer]:
    """An application of this process, in a thread with its own event loop."""
    if REFERENCE:
        with _reference_here(app) as server:
            yield server
    else:
        with serve_here(app, loop=loop, log_level="critical") as server:
            yield server


@contextmanager
def _reference_here(app: object) -> Iterator[RunningServer]:
    import uvicorn

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical", timeout_graceful_shutdown=1))
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            yield RunningServer(f"http://127.0.0.1:{listener.getsockname()[1]}")
        finally:
            server.should_exit = True
            thread.join()


@contextmanager
def _reference(target: str, environment: dict[str, str]) -> Iterator[RunningServer]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        command = [sys.executable, "-m", "uvicorn", target, "--fd", str(listener.fileno())]
        process = subprocess.Popen(
            [*command, "--log-level", "error"],
            cwd=SITES,
            env=command_environment(**environment),
            pass_fds=[listener.fileno()],
        )
    try:
        yield RunningServer(f"http://127.0.0.1:{port}")
    finally:
        process.kill()  # a stream that never ends keeps it from ending by itself
        process.wait()
