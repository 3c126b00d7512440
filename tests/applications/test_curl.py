"""curl as the client: what it does by itself, such as waiting for 100 Continue and keeping connections."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess

import pytest

from tests.applications import SITES
from tests.applications.sites.transfer import BLOCK_BYTES, hash_of
from tests.support.server import launch, tool_environment

pytestmark = pytest.mark.needs_tool("curl")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    path = tmp_path_factory.mktemp("curl") / "file"
    path.write_bytes(os.urandom(200_000))
    with launch("transfer:app", "--app-dir", str(SITES), environment={"FREASTAL_TEST_FILE": str(path)}) as server:
        yield server


def curl(*arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    command = ["curl", "-sS", "-m", "30", *arguments]
    done = subprocess.run(command, input=given, env=tool_environment(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done


def test_an_upload_waits_for_100_continue(server):
    body = os.urandom(3 << 20)
    done = curl("-v", "-H", "Expect: 100-continue", "--data-binary", "@-", f"{server.url}/take", given=body)
    assert json.loads(done.stdout) == {"bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()}
    assert b"< HTTP/1.1 100 Continue" in done.stderr


def test_an_upload_of_unknown_length_is_chunked(server):
    body = os.urandom(300_000)
    done = curl("-v", "-T", "-", "-X", "POST", f"{server.url}/take", given=body)
    assert json.loads(done.stdout) == {"bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()}
    assert b"> Transfer-Encoding: chunked" in done.stderr


def test_connections_are_kept(server):
    url = f"{server.url}/make?blocks=1"
    done = curl("-v", "-o", os.devnull, url, "-o", os.devnull, url, "-o", os.devnull, url)
    assert done.stderr.count(b"Connected to ") == 1
    assert done.stderr.lower().count(b"re-using existing ") == 2


def test_http_1_0_gets_a_body_that_ends_with_the_connection(server):
    done = curl("-0", "-i", f"{server.url}/make?blocks=20")
    head, _, body = done.stdout.partition(b"\r\n\r\n")
    assert b"Transfer-Encoding" not in head
    assert (len(body), hashlib.sha256(body).hexdigest()) == (20 * BLOCK_BYTES, hash_of(20))


def test_a_head_has_no_body(server):
    done = curl("-I", f"{server.url}/file")
    assert b"Content-Length: 200000\r\n" in done.stdout
    assert done.stdout.endswith(b"\r\n\r\n")


def test_a_unix_socket(tmp_path):
    path = tmp_path / "http.sock"
    with launch("transfer:app", "--app-dir", str(SITES), bind=f"unix:{path}"):
        done = curl("--unix-socket", str(path), "http://localhost/make?blocks=3")
    assert hashlib.sha256(done.stdout).hexdigest() == hash_of(3)


def test_ipv6():
    with launch("transfer:app", "--app-dir", str(SITES), bind="[::1]:0") as server:
        done = curl("-g", f"{server.url}/make?blocks=3")
    assert hashlib.sha256(done.stdout).hexdigest() == hash_of(3)
