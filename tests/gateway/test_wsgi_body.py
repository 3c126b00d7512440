"""Request bodies on their way to wsgi.input: in memory up to a limit, then in a file that has no name."""

from __future__ import annotations

import hashlib
import os
import random
import resource
import signal
import tempfile

import pytest

from tests.gateway.gateway import driven


def echo(environ, start_response):
    start_response("200 OK", [])
    return [environ["wsgi.input"].read()]


def digest(environ, start_response):
    start_response("200 OK", [])
    sha = hashlib.sha256()
    while piece := environ["wsgi.input"].read(100_000):
        sha.update(piece)
    return [sha.hexdigest().encode()]


def link_of(fd):
    try:
        return os.readlink(f"/proc/self/fd/{fd}")
    except FileNotFoundError:
        return ""


@pytest.mark.each_http
@pytest.mark.parametrize("memory_max", [0, 10, 100_000, 1 << 20])
@pytest.mark.parametrize("size", [1, 9, 10, 11, 65_535, 65_536, 65_537, 100_000, 100_001, 300_000])
def test_bodies_of_a_known_length(gateway, memory_max, size):
    body = random.Random(size).randbytes(size)
    assert gateway(echo, body_memory_max=memory_max).request("POST", "/", body).body == body


@pytest.mark.each_http
@pytest.mark.parametrize("memory_max", [0, 10, 100_000, 1 << 20])
@pytest.mark.parametrize("size", [0, 1, 10, 11, 70_000, 300_000])
def test_chunked_bodies(gateway, memory_max, size):
    body = random.Random(size).randbytes(size)
    pieces = [body[i : i + 33_333] for i in range(0, size, 33_333)]
    assert gateway(echo, body_memory_max=memory_max).request("POST", "/", iter(pieces)).body == body


def test_a_body_in_tiny_pieces(gateway):
    body = bytes(range(256)) * 4
    raw = gateway(echo).send(f"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n")
    for i in range(len(body)):
        raw.send(body[i : i + 1])
    raw.read_head()
    assert raw.read_until(body) == body


@pytest.mark.each_http
def test_a_large_body(gateway):
    body = random.Random(3).randbytes(20_000_000)
    answer = gateway(digest).request("POST", "/", body)
    assert answer.body.decode() == hashlib.sha256(body).hexdigest()


def test_a_promise_takes_no_memory():
    """10 000 peers that announce a megabyte and send a byte must not cost ten gigabytes."""
    with driven(echo) as (worker, connect):
        peers = [connect() for _ in range(50)]
        before = resident_bytes()
        for peer in peers:
            peer.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nx")
        while worker.stats()["requests_open"] < 50:
            worker.turn(-1)
        assert resident_bytes() - before < 50 * 200_000
        for peer in peers:
            peer.close()


def resident_bytes():
    with open("/proc/self/statm", "rb") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.each_http
@pytest.mark.linux
def test_the_file_has_no_name_and_is_closed(gateway, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    seen = []

    def application(environ, start_response):
        seen.append([link_of(fd) for fd in os.listdir("/proc/self/fd")])
        seen.append(os.listdir(tmp_path))
        start_response("200 OK", [])
        return [environ["wsgi.input"].read()]

    server = gateway(application, body_memory_max=1000)
    assert server.request("POST", "/", b"x" * 1001).body == b"x" * 1001
    links, names = seen
    assert any(link.startswith(str(tmp_path)) for link in links)
    assert names == []


@pytest.mark.each_http
def test_up_to_the_limit_there_is_no_file(gateway, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", "/nonexistent")
    assert gateway(echo, body_memory_max=1000).request("POST", "/", b"x" * 1000).body == b"x" * 1000


@pytest.mark.each_http
def test_without_a_place_for_the_file_the_answer_is_500(gateway, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", "/nonexistent")
    server = gateway(echo, body_memory_max=1000)
    assert server.request("POST", "/", b"x" * 1001).status == 500
    sentence, error = server.failure()
    assert sentence.startswith("POST /: ")
    assert isinstance(error, OSError)
    assert "/nonexistent" in str(error)
    assert server.request("POST", "/", b"x").body == b"x"


@pytest.mark.each_http
@pytest.mark.linux
def test_a_full_disk_is_answered_500(gateway, monkeypatch):
    server = gateway(echo, body_memory_max=1000)
    previous = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        assert server.request("POST", "/", b"x" * 50_000).status == 200
        raw = server.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n" + "x" * 200_000)
        assert raw.read_head().startswith("HTTP/1.1 500 ")
        assert isinstance(server.failure()[1], OSError)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, previous)
    assert server.request("POST", "/", b"x" * 200_000).status == 200


def test_peers_that_leave_leave_no_file(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with driven(echo, body_memory_max=10) as (worker, connect):
        for _ in range(5):
            with connect() as peer:
                peer.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n" + b"x" * 500)
                while not worker.stats()["requests_open"]:
                    worker.turn(-1)
            while worker.stats()["connections_open"]:
                worker.turn(-1)
        if os.path.isdir("/proc/self/fd"):
            assert not any(link_of(fd).startswith(str(tmp_path)) for fd in os.listdir("/proc/self/fd"))
        assert os.listdir(tmp_path) == []
