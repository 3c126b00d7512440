"""Much data, compared byte by byte: uploads and downloads, with and without a length, from memory and from a file."""

from __future__ import annotations

import hashlib
import json
import os
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

from tests.applications import SITES
from tests.applications.sites.transfer import BLOCK_BYTES, blocks, hash_of
from tests.support.server import launch

COUNT = 1024
"""Blocks of a large transfer: 64 MiB."""

SPARE_BYTES = 24 << 20
"""How much more memory a worker may use during a large transfer; far less than the transfer."""

measures_memory = pytest.mark.skipif(
    "FREASTAL_SANITIZE" in os.environ, reason="AddressSanitizer keeps what was freed; measured in the ordinary run"
)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("transfer") / "large.bin"
    with path.open("wb") as out:
        out.writelines(blocks(COUNT))
    yield path
    path.unlink()


@pytest.fixture
def connect(file, serve_site):
    """Opens connections to the application."""
    netloc = urlsplit(serve_site("transfer:app", {"FREASTAL_TEST_FILE": str(file)})).netloc
    opened = []

    def connect() -> HTTPConnection:
        opened.append(HTTPConnection(netloc, timeout=60))
        return opened[-1]

    yield connect
    for connection in opened:
        connection.close()


def ask(connection: HTTPConnection, method: str, path: str, body=None, **headers: str):
    connection.request(method, path, body=body, headers=headers)
    response = connection.getresponse()
    assert response.status == 200
    return response


def hash_response(response, piece: int = BLOCK_BYTES) -> tuple[int, str]:
    digest, total = hashlib.sha256(), 0
    while chunk := response.read(piece):
        digest.update(chunk)
        total += len(chunk)
    return total, digest.hexdigest()


def test_a_large_upload_with_a_length(connect, file):
    with file.open("rb") as source:
        response = ask(connect(), "POST", "/take", source, **{"Content-Length": str(COUNT * BLOCK_BYTES)})
        assert json.load(response) == {"bytes": COUNT * BLOCK_BYTES, "sha256": hash_of(COUNT)}


def test_a_large_upload_in_chunks(connect):
    response = ask(connect(), "POST", "/take", blocks(COUNT))
    assert json.load(response) == {"bytes": COUNT * BLOCK_BYTES, "sha256": hash_of(COUNT)}


@pytest.mark.parametrize("query", ["blocks=1024&length=1", "blocks=1024"])
def test_a_large_download_that_is_made_as_it_goes(connect, query):
    response = ask(connect(), "GET", f"/make?{query}")
    assert response.chunked == ("length" not in query)
    assert hash_response(response) == (COUNT * BLOCK_BYTES, hash_of(COUNT))


def test_a_large_download_from_a_file(connect):
    response = ask(connect(), "GET", "/file")
    assert response.length == COUNT * BLOCK_BYTES
    assert hash_response(response) == (COUNT * BLOCK_BYTES, hash_of(COUNT))


def test_the_rest_of_a_file_is_sent_from_where_it_stands(connect, file):
    response = ask(connect(), "GET", f"/file?from={COUNT * BLOCK_BYTES - 70_001}")
    assert response.length == 70_001
    assert response.read() == file.read_bytes()[-70_001:]


def test_what_was_sent_comes_back(connect):
    body = b"".join(blocks(200))
    assert ask(connect(), "POST", "/echo", body).read() == body


@pytest.mark.parametrize("size", [1, 65_535, 65_536, 65_537, (1 << 20) - 1, 1 << 20, (1 << 20) + 1])
def test_bodies_around_every_threshold(connect, size):
    body = b"".join(blocks(17))[:size]
    connection = connect()
    assert ask(connection, "POST", "/echo", body).read() == body
    pieces = [body[:7], body[7:]] if size > 7 else [body]
    assert ask(connection, "POST", "/echo", iter(pieces)).read() == body


@measures_memory
def test_a_slow_reader_costs_no_memory(file):
    """The peer asks for 64 MiB and reads nothing for a while: the application must not be asked to make it all.

    One worker, in a process of its own: its memory is nobody else's.
    """

    def peak_bytes() -> int:
        return json.loads(server.get("/memory").body)["peak_bytes"]

    with launch("transfer:app", "--app-dir", str(SITES), environment={"FREASTAL_TEST_FILE": str(file)}) as server:
        before = peak_bytes()
        connection = HTTPConnection(server.host, server.port, timeout=60)
        slow = ask(connection, "GET", "/make?blocks=1024")
        slow.read(BLOCK_BYTES)
        assert peak_bytes() - before < SPARE_BYTES
        total, _ = hash_response(slow)
        assert total == (COUNT - 1) * BLOCK_BYTES
        assert peak_bytes() - before < SPARE_BYTES
        connection.close()


@measures_memory
def test_a_large_upload_costs_no_memory(file):
    with launch("transfer:app", "--app-dir", str(SITES), environment={"FREASTAL_TEST_FILE": str(file)}) as server:
        before = json.loads(server.get("/memory").body)["peak_bytes"]
        assert server.request("POST", "/take", blocks(COUNT)).status == 200
        assert json.loads(server.get("/memory").body)["peak_bytes"] - before < SPARE_BYTES


def test_uploads_and_downloads_at_the_same_time(connect):
    """Pieces of several transfers alternate on one worker and none gets a byte of another."""
    downloads = [ask(connect(), "GET", f"/make?blocks={count}") for count in (40, 50, 60)]
    totals = []
    for count, download in zip((40, 50, 60), downloads, strict=True):
        body = b"".join(blocks(count))
        assert ask(connect(), "POST", "/echo", body).read() == body
        totals.append(hash_response(download, 10_007))
    assert totals == [(count * BLOCK_BYTES, hash_of(count)) for count in (40, 50, 60)]
