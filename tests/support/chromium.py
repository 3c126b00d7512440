"""A real browser, without a window: Chromium or Chrome, whichever is installed."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.server import tool_environment

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless",
    "--no-sandbox",  # which root may not use
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


def find_chromium() -> str | None:
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@contextmanager
def browsing(url: str, profile: Path, *flags: str) -> Iterator[subprocess.Popen[bytes]]:
    """Chromium with this page open, until the block ends. What it does is seen by the server."""
    program = find_chromium()
    assert program, "neither Chromium nor Chrome is installed"
    process = subprocess.Popen(
        [program, *FLAGS, *flags, f"--user-data-dir={profile}", url],
        env=tool_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait()
