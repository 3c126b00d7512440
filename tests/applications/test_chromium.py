"""A real browser: its WebSocket with compression, its streams, its events, its upload."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from tests.applications.asgi_hosts import HOSTS, host_site
from tests.support.chromium import browsing, find_chromium

if TYPE_CHECKING:
    from pathlib import Path

# Not installed by tools/system-packages: 300 MB for one test. Where there is one, it is used.
pytestmark = pytest.mark.skipif(find_chromium() is None, reason="neither Chromium nor Chrome is installed")

TIMEOUT_S = 60


@pytest.mark.parametrize("host", [host for host in HOSTS if host != "command"])
def test_a_page_talks(host: str, tmp_path: Path) -> None:
    with host_site(host, "browser_site:app", {}) as server, browsing(f"{server.url}/", tmp_path / "profile"):
        report = httpx.get(f"{server.url}/reported", timeout=TIMEOUT_S).json()
    assert "error" not in report, report
    assert "Chrome" in report.pop("agent")
    assert "permessage-deflate" in report.pop("extensions")
    assert report == {
        "protocol": "echo",
        "text": True,
        "binary": True,
        "large_text": True,
        "large_binary": True,
        "closed": {"code": 4001, "reason": "asked to close", "clean": True},
        "left": {"code": 3001, "clean": True},
        "refused": "refused",
        "stream": 1_024_000,
        "events": ["0", "1", "2"],
        "upload": {"note": "å", "name": "noise.bin", "bytes": 1 << 20},
    }
