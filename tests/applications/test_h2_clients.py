"""Clients of HTTP/2 that others wrote: curl, nghttp, h2load, httpx, h2. What each does by itself."""

from __future__ import annotations

import hashlib
import json
import os
import re
import socket
import ssl
import subprocess
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import h2.config
import h2.connection
import h2.events
import httpx
import pytest

from tests.applications import SITES
from tests.applications.sites.transfer import BLOCK_BYTES, hash_of
from tests.support.certs import Certificates
from tests.support.server import launch, tool_environment

UPLOAD_BYTES = 10 << 20


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The WSGI application that moves much: tests/applications/sites/transfer.py."""
    path = tmp_path_factory.mktemp("h2") / "file"
    path.write_bytes(os.urandom(3_000_000))
    with launch("transfer:app", "--app-dir", str(SITES), environment={"FREASTAL_TEST_FILE": str(path)}) as server:
        server.file = path
        yield server


@pytest.fixture(scope="module")
def basic():
    """An ASGI application: tests/support/apps/streams.py."""
    with launch("tests.support.apps.streams:app") as server:
        yield server


@pytest.fixture(scope="module")
def secure(tmp_path_factory):
    """The first over TLS: its URL, and whom to trust."""
    certificates = Certificates(tmp_path_factory.mktemp("certificates"))
    with launch("transfer:app", "--app-dir", str(SITES), *certificates.server.arguments) as server:
        yield server.url.replace("127.0.0.1", "localhost"), str(certificates.ca_file)


@pytest.fixture(scope="module")
def upload(tmp_path_factory):
    path = tmp_path_factory.mktemp("upload") / "body"
    path.write_bytes(os.urandom(UPLOAD_BYTES))
    return path


def taken(path):
    body = path.read_bytes()
    return {"bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()}


def run(*command: str) -> subprocess.CompletedProcess[bytes]:
    done = subprocess.run(command, env=tool_environment(), capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, (done.stdout + done.stderr).decode(errors="replace")
    return done


# ---- curl ----


def curl(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    return run("curl", "-sS", "-m", "30", "--http2-prior-knowledge", *arguments)


@pytest.mark.needs_tool("curl")
def test_curl_gets(site):
    done = curl("-i", f"{site.url}/make?blocks=3")
    head, _, body = done.stdout.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/2 200")
    assert hashlib.sha256(body).hexdigest() == hash_of(3)


@pytest.mark.needs_tool("curl")
@pytest.mark.parametrize("way", [["--data-binary"], ["-T"], ["-H", "Expect: 100-continue", "--data-binary"]])
def test_curl_uploads_ten_megabytes(site, upload, way):
    source = str(upload) if way == ["-T"] else f"@{upload}"
    done = curl(*way, source, *(["-X", "POST"] if way == ["-T"] else []), f"{site.url}/take")
    assert json.loads(done.stdout) == taken(upload)


@pytest.mark.needs_tool("curl")
def test_curl_downloads(site):
    for path, wanted in (("make?blocks=200", hash_of(200)), ("make?blocks=200&length=1", hash_of(200))):
        assert hashlib.sha256(curl(f"{site.url}/{path}").stdout).hexdigest() == wanted
    assert curl(f"{site.url}/file").stdout == site.file.read_bytes()
    assert curl(f"{site.url}/file?from=1000001").stdout == site.file.read_bytes()[1000001:]


@pytest.mark.needs_tool("curl")
def test_curl_gets_back_what_it_sends_while_it_sends(site, upload):
    assert curl("--data-binary", f"@{upload}", f"{site.url}/echo").stdout == upload.read_bytes()


@pytest.mark.needs_tool("curl")
def test_curl_asks_in_parallel_on_one_connection(secure, tmp_path):
    url, ca_file = secure
    outputs = [tmp_path / str(number) for number in range(20)]
    asked = [argument for output in outputs for argument in ("-o", str(output), f"{url}/make?blocks=9")]
    done = run("curl", "-sS", "-m", "30", "-v", "--http2", "--cacert", ca_file, "--parallel", *asked)
    assert {hashlib.sha256(output.read_bytes()).hexdigest() for output in outputs} == {hash_of(9)}
    assert done.stderr.count(b"HTTP/2 200") == 20
    assert done.stderr.count(b"Connected to") == 1


@pytest.mark.needs_tool("curl")
def test_curl_asks_for_a_head(site):
    done = curl("-I", f"{site.url}/file")
    assert b"content-length: 3000000\r\n" in done.stdout
    assert done.stdout.endswith(b"\r\n\r\n")


@pytest.mark.needs_tool("curl")
def test_curl_offers_an_upgrade_and_is_answered_on_http_1_1(site):
    """--http2 on plain TCP asks to upgrade, which is out of use (RFC 9113 section 3.1)."""
    done = run("curl", "-sS", "-m", "30", "-v", "--http2", f"{site.url}/make?blocks=1")
    assert b"> Upgrade: h2c" in done.stderr
    assert b"< HTTP/1.1 200" in done.stderr
    assert hashlib.sha256(done.stdout).hexdigest() == hash_of(1)


# ---- nghttp2's own ----


@pytest.mark.needs_tool("nghttp")
def test_nghttp_asks_with_priorities_and_a_continuation(basic):
    done = run("nghttp", "-v", "--continuation", "-p", "200", "-m", "5", f"{basic.url}/")
    assert done.stdout.count(b":status: 200") == 5
    sizes = re.findall(rb"send HEADERS frame <length=(\d+)", done.stdout)
    assert max(map(int, sizes)) > 16384  # it says so much of a block of several frames
    assert b"error_code=NO_ERROR" in done.stdout


@pytest.mark.needs_tool("nghttp")
def test_nghttp_uploads_and_pads(site, upload):
    done = run("nghttp", "--no-dep", "-b", "255", "-d", str(upload), f"{site.url}/take")
    assert json.loads(done.stdout) == taken(upload)


@pytest.mark.needs_tool("nghttp")
@pytest.mark.parametrize("windows", [["-w", "10", "-W", "10"], ["-w", "24", "-W", "24"]])
def test_nghttp_downloads_through_windows_of_its_own(site, windows):
    done = run("nghttp", *windows, f"{site.url}/make?blocks=20")
    assert hashlib.sha256(done.stdout).hexdigest() == hash_of(20)


@pytest.mark.needs_tool("nghttp")
def test_nghttp_sends_trailers_and_hears_them(basic):
    done = run(
        "nghttp", "-v", "--trailer", "x-last: 1", "-d", os.devnull, "-H", "te: trailers", f"{basic.url}/trailers"
    )
    assert b"x-sum: 1" in done.stdout


@pytest.mark.needs_tool("h2load")
@pytest.mark.parametrize(("arguments", "path"), [([], "/"), (["-w", "16", "-W", "16"], "/bytes?20000")])
def test_h2load_loses_nothing(basic, arguments, path):
    done = run("h2load", "-n", "4000", "-c", "10", "-m", "20", *arguments, f"{basic.url}{path}")
    report = done.stdout.decode()
    assert "4000 succeeded, 0 failed, 0 errored, 0 timeout" in report, report
    assert re.search(r"4000 2xx, 0 3xx, 0 4xx, 0 5xx", report), report


@pytest.mark.needs_tool("h2load")
def test_h2load_over_tls(secure):
    done = run("h2load", "-n", "500", "-c", "5", "-m", "10", f"{secure[0]}/make?blocks=2")
    assert b"500 succeeded, 0 failed" in done.stdout, done.stdout.decode()
    assert b"Application protocol: h2" in done.stdout


@pytest.mark.needs_tool("nghttp")
def test_nghttp_over_tls(secure):
    assert hashlib.sha256(run("nghttp", f"{secure[0]}/make?blocks=20").stdout).hexdigest() == hash_of(20)


@pytest.mark.needs_tool("h2load")
def test_h2load_uploads(site, tmp_path):
    body = tmp_path / "body"
    body.write_bytes(os.urandom(50_000))
    done = run("h2load", "-n", "300", "-c", "4", "-m", "10", "-d", str(body), f"{site.url}/take")
    assert b"300 succeeded, 0 failed" in done.stdout, done.stdout.decode()


# ---- Python ----


@pytest.fixture
def client():
    with httpx.Client(http1=False, http2=True, timeout=30) as client:
        yield client


def test_httpx(site, basic, client, upload):
    answer = client.get(f"{basic.url}/scope", headers={"x-one": "1", "cookie": "a=1; b=2"})
    assert answer.http_version == "HTTP/2"
    assert ["x-one", "1"] in answer.json()["headers"]
    assert ["cookie", "a=1; b=2"] in answer.json()["headers"]
    assert client.post(f"{site.url}/take", content=upload.read_bytes()).json() == taken(upload)
    with client.stream("GET", f"{site.url}/make?blocks=100") as answer:
        assert sum(len(piece) for piece in answer.iter_bytes()) == 100 * BLOCK_BYTES


def test_httpx_over_tls(secure, upload):
    url, ca_file = secure
    with httpx.Client(http2=True, verify=ssl.create_default_context(cafile=ca_file), timeout=30) as client:
        answer = client.post(f"{url}/take", content=upload.read_bytes())
    assert answer.http_version == "HTTP/2"
    assert answer.json() == taken(upload)


def test_httpx_from_many_threads_on_one_connection(basic, client):
    with ThreadPoolExecutor(20) as pool:
        answers = list(
            pool.map(lambda number: client.post(f"{basic.url}/echo", content=str(number) * 5000), range(200))
        )
    assert [answer.text for answer in answers] == [str(number) * 5000 for number in range(200)]


def test_httpx_leaves_in_the_middle(site):
    for _ in range(10):
        with (
            httpx.Client(http1=False, http2=True) as client,
            client.stream("GET", f"{site.url}/make?blocks=500") as answer,
        ):
            next(answer.iter_raw())
    assert site.get("/make?blocks=1").status == 200


def test_the_state_machine_of_h2_has_no_complaint(basic):
    """It validates what it hears, and says what it does not like by an exception."""
    parts = urlsplit(basic.url)
    connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding="utf-8"))
    bodies: dict[int, bytes] = {}
    open_streams = set()
    with socket.create_connection((parts.hostname, parts.port), 20) as connected:
        connection.initiate_connection()
        for path in ("/", "/bytes?100000", "/hints", "/trailers", "/empty", "/fields", "/early"):
            stream = connection.get_next_available_stream_id()
            fields = [(":method", "GET"), (":scheme", "http"), (":authority", parts.netloc), (":path", path)]
            connection.send_headers(stream, fields, end_stream=True)
            open_streams.add(stream)
        while open_streams:
            connected.sendall(connection.data_to_send())
            for event in connection.receive_data(connected.recv(65536)):
                assert not isinstance(event, (h2.events.StreamReset, h2.events.ConnectionTerminated)), event
                if isinstance(event, h2.events.DataReceived):
                    bodies[event.stream_id] = bodies.get(event.stream_id, b"") + event.data
                    connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                elif isinstance(event, h2.events.StreamEnded):
                    open_streams.remove(event.stream_id)
    assert bodies[1] == b"hello\n"
    assert bodies[3] == b"b" * 100_000
