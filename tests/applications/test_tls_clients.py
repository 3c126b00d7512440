"""The clients that people use, over TLS: curl, http.client, urllib, httpx, websockets, OpenSSL's own."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import ssl
import subprocess
import urllib.request
from http.client import HTTPSConnection

import httpx
import pytest
import websockets

from tests.applications import SITES
from tests.applications.sites.transfer import BLOCK_BYTES, hash_of
from tests.support.server import BASIC, TIMEOUT_S, launch, tool_environment

ASGI = "tests.support.apps.asgi:app"


@pytest.fixture(scope="module")
def server(certificates, tmp_path_factory):
    """Many clients, one server: files, uploads and downloads."""
    path = tmp_path_factory.mktemp("tls") / "file"
    path.write_bytes(os.urandom(200_000))
    arguments = [*certificates.chained.arguments, "--app-dir", str(SITES)]
    variables = {"FREASTAL_TEST_FILE": str(path)}
    with launch("transfer:app", *arguments, environment=variables, context=certificates.context()) as server:
        yield server


@pytest.fixture(scope="module")
def guarded(certificates):
    """One that wants to know who comes."""
    arguments = [*certificates.server.arguments, "--cert-reqs", "required", "--ca-certs", str(certificates.ca_file)]
    with launch(BASIC, *arguments, context=certificates.context(certificates.client)) as server:
        yield server


@pytest.fixture
def curl(certificates):
    def curl(*arguments: str, given: bytes = b"", code: int = 0) -> subprocess.CompletedProcess[bytes]:
        command = ["curl", "-sS", "-m", "30", "--cacert", str(certificates.ca_file), *arguments]
        done = subprocess.run(command, input=given, env=tool_environment(), capture_output=True, check=False)
        assert done.returncode == code, done.stderr.decode()
        return done

    return curl


def summary(body: bytes) -> dict[str, object]:
    return {"bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()}


@pytest.mark.needs_tool("curl")
@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
def test_curl_uploads_and_downloads(server, curl, version):
    body = os.urandom(3 << 20)
    done = curl(version, "--data-binary", "@-", f"{server.url}/take", given=body)
    assert json.loads(done.stdout) == summary(body)
    done = curl(version, "-w", "%{stderr}%{http_version}", f"{server.url}/make?blocks=40")
    assert summary(done.stdout) == {"bytes": 40 * BLOCK_BYTES, "sha256": hash_of(40)}
    assert done.stderr.decode() == {"--http1.1": "1.1", "--http2": "2"}[version]
    done = curl(version, f"{server.url}/file")
    assert len(done.stdout) == 200_000


@pytest.mark.needs_tool("curl")
@pytest.mark.parametrize("version", ["--tlsv1.2", "--tlsv1.3"])
def test_curl_keeps_connections(server, curl, version):
    url = f"{server.url}/make?blocks=1"
    most = version.removeprefix("--tlsv")
    done = curl(
        "-v",
        "--http1.1",
        version,
        "--tls-max",
        most,
        "-o",
        os.devnull,
        url,
        "-o",
        os.devnull,
        url,
        "-o",
        os.devnull,
        url,
    )
    assert done.stderr.count(b"Connected to ") == 1
    assert f"SSL connection using TLSv{most}".encode() in done.stderr


@pytest.mark.needs_tool("curl")
def test_curl_does_not_trust_everybody(server, curl):
    curl("--cacert", os.devnull, server.url, code=77)


@pytest.mark.needs_tool("curl")
def test_curl_shows_a_certificate(guarded, curl, certificates):
    client = certificates.client
    done = curl("--cert", str(client.certfile), "--key", str(client.keyfile), f"{guarded.url}/environ")
    assert json.loads(done.stdout)["SSL_CLIENT_S_DN_CN"] == "Ada Lovelace"
    assert curl(f"{guarded.url}/environ", code=56).stdout == b""


def test_http_client(server, certificates):
    connection = HTTPSConnection(server.host, server.port, context=certificates.context(), timeout=TIMEOUT_S)
    for _ in range(3):
        body = os.urandom(300_000)
        connection.request("POST", "/take", body)
        assert json.loads(connection.getresponse().read()) == summary(body)
    connection.request("POST", "/take", iter([b"a", b"b"]), {"Transfer-Encoding": "chunked"}, encode_chunked=True)
    assert json.loads(connection.getresponse().read()) == summary(b"ab")
    connection.close()


def test_urllib(server, certificates):
    with urllib.request.urlopen(
        f"{server.url}/make?blocks=10", context=certificates.context(), timeout=TIMEOUT_S
    ) as got:
        assert hashlib.sha256(got.read()).hexdigest() == hash_of(10)


def test_httpx(server, certificates):
    with httpx.Client(verify=certificates.context(), timeout=TIMEOUT_S) as client:
        for _ in range(5):
            body = os.urandom(100_000)
            assert client.post(f"{server.url}/take", content=body).json() == summary(body)
            assert hashlib.sha256(client.get(f"{server.url}/make?blocks=3").content).hexdigest() == hash_of(3)


def test_httpx_shows_a_certificate(guarded, certificates):
    with httpx.Client(verify=certificates.context(certificates.client), timeout=TIMEOUT_S) as client:
        assert client.get(f"{guarded.url}/environ").json()["SSL_CLIENT_VERIFY"] == "SUCCESS"
    with httpx.Client(verify=certificates.context(), timeout=TIMEOUT_S) as client, pytest.raises(httpx.TransportError):
        client.get(guarded.url)


def test_httpx_many_at_once(server, certificates):
    async def run() -> list[str]:
        async with httpx.AsyncClient(verify=certificates.context(), timeout=TIMEOUT_S) as client:
            answers = await asyncio.gather(*(client.get(f"{server.url}/make?blocks=4") for _ in range(30)))
            return [hashlib.sha256(answer.content).hexdigest() for answer in answers]

    assert asyncio.run(run()) == [hash_of(4)] * 30


def test_asyncio_streams(server, certificates):
    async def run() -> bytes:
        context = certificates.context()
        reader, writer = await asyncio.open_connection(
            server.host, server.port, ssl=context, server_hostname="localhost"
        )
        writer.write(b"GET /make?blocks=5 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        return answer.partition(b"\r\n\r\n")[2]

    assert hash_of(5) in (hashlib.sha256(body).hexdigest() for body in unchunked(asyncio.run(run())))


def unchunked(body: bytes) -> list[bytes]:
    """The body as it is, and as it is when it is chunked."""
    pieces, rest = [], body
    while b"\r\n" in rest:
        size, _, rest = rest.partition(b"\r\n")
        try:
            length = int(size, 16)
        except ValueError:
            break
        pieces.append(rest[:length])
        rest = rest[length + 2 :]
    return [body, b"".join(pieces)]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_websockets(certificates, version):
    messages = ["text", "å" * 70_000, b"bytes", os.urandom(1 << 20), ""]

    async def talk(url: str) -> None:
        context = certificates.context(version=version)
        async with websockets.connect(url, ssl=context, max_size=None) as socket:
            for message in messages:
                await socket.send(message)
                assert await socket.recv() == message
            await (await socket.ping())

    with launch(ASGI, *certificates.server.arguments) as server:
        asyncio.run(talk(f"wss://127.0.0.1:{server.port}/"))
        server.wait_for_log("disconnected with 1000")
