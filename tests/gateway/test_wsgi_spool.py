"""Temporary files for long bodies: one is kept for the next, and nobody reads what another left behind."""

from __future__ import annotations

import os
import tempfile

import pytest

from tests.gateway.gateway import driven


@pytest.fixture
def spool(tmp_path, monkeypatch):
    """How many files are open in the folder where bodies go."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def count():
        links = []
        for fd in os.listdir("/proc/self/fd"):
            try:
                links.append(os.readlink(f"/proc/self/fd/{fd}"))
            except FileNotFoundError:
                continue
        return sum(link.startswith(str(tmp_path)) for link in links)

    return count


def echo(environ, start_response):
    start_response("200 OK", [])
    return [environ["wsgi.input"].read()]


pytestmark = pytest.mark.linux


@pytest.mark.each_http
def test_one_file_serves_body_after_body(gateway, spool):
    server = gateway(echo, body_memory_max=10)
    for size in (5000, 11, 4000, 12):
        body = bytes([size % 251]) * size
        assert server.request("POST", "/", body).body == body
        assert spool() == 1
    server.close()
    assert spool() == 0


@pytest.mark.each_http
def test_a_shorter_body_ends_where_it_ends(gateway, spool):
    def lines(environ, start_response):
        start_response("200 OK", [])
        stream = environ["wsgi.input"]
        return [b"|".join([stream.readline(), stream.read(5), *stream, stream.read(), stream.read(99)])]

    server = gateway(lines, body_memory_max=10)
    server.request("POST", "/", b"secret\n" * 1000)
    assert server.request("POST", "/", b"abc\ndefghijk").body == b"abc\n|defgh|ijk||"


@pytest.mark.each_http
def test_an_input_that_is_kept_keeps_its_file(gateway, spool):
    kept = []

    def keep(environ, start_response):
        kept.append(environ["wsgi.input"])
        start_response("200 OK", [])
        return [b""]

    server = gateway(keep, body_memory_max=10)
    server.request("POST", "/", b"first " * 100)
    server.request("POST", "/", b"second " * 100)
    server.get()
    assert spool() == 2
    assert [stream.read() for stream in kept[:2]] == [b"first " * 100, b"second " * 100]
    kept.clear()
    server.close()
    assert spool() == 0


@pytest.mark.each_http
def test_a_body_that_a_generator_reads_late(gateway, spool):
    def late(environ, start_response):
        start_response("200 OK", [])
        yield b"<"
        yield environ["wsgi.input"].read()
        yield b">"

    server = gateway(late, body_memory_max=10)
    for body in (b"a" * 999, b"b" * 99):
        assert server.request("POST", "/", body).body == b"<" + body + b">"
    assert spool() == 1


@pytest.mark.each_http
def test_a_huge_file_is_not_kept(gateway, spool):
    server = gateway(lambda environ, start_response: (start_response("200 OK", []), [b""])[1])
    server.request("POST", "/", b"x" * (16 * 1024 * 1024 + 1))
    server.get()
    assert spool() == 0


def test_a_peer_that_leaves_takes_its_file_along(spool):
    with driven(echo, body_memory_max=10) as (worker, connect):
        peer = connect()
        peer.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n" + b"x" * 500)
        while not spool():
            worker.turn(-1)
        peer.close()
        while worker.stats()["connections_open"]:
            worker.turn(-1)
        assert spool() == 0
