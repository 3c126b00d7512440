"""A real browser: its WebSocket with compression, its streams, its events, its upload; all of it over HTTP/2 as well,
and two hundred resources over one connection."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.applications import SITES
from tests.applications.asgi_hosts import HOSTS, host_site
from tests.support.certs import Certificates
from tests.support.chromium import browsing, find_chromium
from tests.support.server import launch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.server import RunningServer

# Not installed by tools/system-packages: 300 MB for one test. Where there is one, it is used.
pytestmark = pytest.mark.skipif(find_chromium() is None, reason="neither Chromium nor Chrome is installed")

TIMEOUT_S = 60


@pytest.mark.parametrize("host", [host for host in HOSTS if host != "command"])
def test_a_page_talks(host: str, tmp_path: Path) -> None:
    with host_site(host, "browser_site:app", {}) as server, browsing(f"{server.url}/", tmp_path / "profile"):
        report = httpx.get(f"{server.url}/reported", timeout=TIMEOUT_S).json()
    expect_talk(report)


def expect_talk(report: dict[str, Any]) -> None:
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


# Over HTTP/2, which browsers speak over TLS only.


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module", params=["freastal", "asyncio", "uvloop"])
def secure_site(request: pytest.FixtureRequest, certificates: Certificates) -> Iterator[RunningServer]:
    arguments = ["--app-dir", str(SITES), "--loop", request.param, *certificates.server.arguments]
    with launch("browser_site:app", *arguments) as server:
        yield server


def trusting(certificates: Certificates) -> str:
    """The flag by which Chromium takes the server's key for a good one."""
    key = certificates.server.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return f"--ignore-certificate-errors-spki-list={base64.b64encode(hashlib.sha256(key).digest()).decode()}"


def reports_of(server: RunningServer, certificates: Certificates, path: str, profile: Path) -> tuple[Any, Any]:
    """What the page reports, and what the site has seen of it."""
    with (
        httpx.Client(verify=certificates.context(), timeout=TIMEOUT_S) as client,
        browsing(f"{server.url}{path}", profile, trusting(certificates)),
    ):
        report = client.get(f"{server.url}/reported").json()
        return report, client.get(f"{server.url}/seen").json()


def test_two_hundred_resources_over_one_connection(
    secure_site: RunningServer, certificates: Certificates, tmp_path: Path
) -> None:
    report, seen = reports_of(secure_site, certificates, "/resources", tmp_path / "profile")
    assert report == {"ran": 200, "entries": 200, "protocols": ["h2"], "page": "h2"}
    assert seen["connections"] == 1


def test_a_page_talks_over_http2(secure_site: RunningServer, certificates: Certificates, tmp_path: Path) -> None:
    report, seen = reports_of(secure_site, certificates, "/", tmp_path / "profile")
    expect_talk(report)
    assert seen["websocket_versions"] == ["2"]
