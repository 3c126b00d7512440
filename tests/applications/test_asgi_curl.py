"""curl against an ASGI application: 100 Continue, chunks both ways, HTTP/1.0, ranges, an upgrade that it asks for."""

from __future__ import annotations

import hashlib
import json
import os
from typing import TYPE_CHECKING

import pytest

from tests.applications.asgi_hosts import HOSTS, host_site
from tests.applications.test_curl import curl

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.server import RunningServer

pytestmark = pytest.mark.needs_tool("curl")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("asgi-curl")
    (folder / "file.bin").write_bytes(os.urandom(5 << 20))
    return folder


@pytest.fixture(scope="module", params=[host for host in HOSTS if host != "here"])
def server(request: pytest.FixtureRequest, data: Path) -> Iterator[RunningServer]:
    with host_site(request.param, "starlette_site:app", {"FREASTAL_TEST_DATA": str(data)}) as server:
        yield server


def test_an_upload_waits_for_100_continue(server: RunningServer) -> None:
    body = os.urandom(3 << 20)
    done = curl("-v", "-H", "Expect: 100-continue", "--data-binary", "@-", f"{server.url}/take", given=body)
    assert json.loads(done.stdout) == {"bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()}
    assert b"< HTTP/1.1 100 Continue" in done.stderr


def test_an_upload_of_unknown_length_is_chunked(server: RunningServer) -> None:
    body = os.urandom(300_000)
    done = curl("-v", "-T", "-", "-X", "POST", f"{server.url}/take", given=body)
    assert json.loads(done.stdout) == {"bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()}
    assert b"> Transfer-Encoding: chunked" in done.stderr


def test_connections_are_kept(server: RunningServer) -> None:
    url = f"{server.url}/count?to=1000"
    done = curl("-v", "-o", os.devnull, url, "-o", os.devnull, f"{server.url}/file", "-o", os.devnull, url)
    assert done.stderr.count(b"Connected to ") == 1
    assert done.stderr.lower().count(b"re-using existing ") == 2


def test_a_stream_over_http_1_0_ends_with_the_connection(server: RunningServer) -> None:
    done = curl("-0", "-i", f"{server.url}/count?to=2000")
    head, _, body = done.stdout.partition(b"\r\n\r\n")
    assert b"Transfer-Encoding" not in head
    assert body == b"".join(b"%d\n" % number for number in range(2000))


def test_files_and_parts_of_them(server: RunningServer, data: Path) -> None:
    content = (data / "file.bin").read_bytes()
    assert curl(f"{server.url}/file").stdout == content
    assert curl("-r", "1000-4000000", f"{server.url}/file").stdout == content[1000:4000001]
    assert curl("-r", "-10", f"{server.url}/static/file.bin").stdout == content[-10:]
    head = curl("-I", f"{server.url}/file").stdout
    assert f"content-length: {len(content)}".encode() in head.lower()


def test_an_upgrade_to_what_is_not_spoken_is_passed_over(server: RunningServer) -> None:
    """curl --http2 asks in clear text for an upgrade to h2c; the answer is an ordinary one."""
    done = curl("-i", "-H", "Connection: Upgrade, HTTP2-Settings", "-H", "Upgrade: h2c", f"{server.url}/items/x")
    assert done.stdout.startswith(b"HTTP/1.1 200 ")
