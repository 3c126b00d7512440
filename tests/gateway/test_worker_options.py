"""The arguments of Worker(): what they mean, and the sentence for each that cannot be."""

from __future__ import annotations

import mmap
import socket
import struct

import pytest

from freastal import _core
from tests.gateway.gateway import Raw, bind_of, listen, plain

accepting = plain()
GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.fixture
def make():
    """make(**changes): a worker of valid options but for these."""
    with listen() as listener:

        def make(application=accepting, **changes):
            options = {"interface": "wsgi", "binds": [bind_of(listener)], "limits": {}}
            worker = _core.Worker(application, **{**options, **changes})
            worker.close()

        yield make


def test_the_least(make):
    make()


@pytest.mark.parametrize(
    ("changes", "kind", "part"),
    [
        ({"application": None}, TypeError, "application must be callable"),
        ({"application": 3}, TypeError, "application must be callable, not int"),
        ({"interface": "rsgi"}, ValueError, "interface must be wsgi or asgi, not 'rsgi'"),
        ({"interface": None}, TypeError, "not None"),
        ({"binds": []}, TypeError, "binds must be a list"),
        ({"binds": None}, TypeError, "binds must be a list"),
        ({"binds": ((3, "", 0, False),)}, TypeError, "binds must be a list"),
        ({"binds": [3]}, TypeError, "a bind must be a tuple"),
        ({"binds": [(3,)]}, TypeError, "(fd, host, port, is_unix)"),
        ({"binds": [(3, "a", "80", False)]}, TypeError, "int"),
        ({"binds": [(-1, "a", 80, False)]}, ValueError, "a bind cannot be (-1"),
        ({"binds": [(3, "a", -1, False)]}, ValueError, "a bind cannot be"),
        ({"binds": [(3, "a", 65536, False)]}, ValueError, "a bind cannot be"),
        ({"binds": [(987654, "a", 80, False)]}, OSError, "cannot be opened"),
        ({"limits": []}, TypeError, "limits must be a dict"),
        ({"limits": {"nonsense": 1}}, ValueError, "there is no limit 'nonsense'"),
        ({"limits": {1: 1}}, ValueError, "there is no limit 1"),
        ({"limits": {"fields_max": -1}}, ValueError, "limit fields_max cannot be -1"),
        ({"limits": {"fields_max": 1 << 32}}, ValueError, "limit fields_max cannot be"),
        ({"limits": {"fields_max": "1"}}, ValueError, "limit fields_max cannot be '1'"),
        ({"limits": {"body_bytes_max": 1 << 64}}, ValueError, "limit body_bytes_max cannot be"),
        ({"transport": "tcp"}, ValueError, "transport must be auto, uv or uring, not 'tcp'"),
        ({"transport": None}, TypeError, "str"),
        ({"server_header": "a\r\nb"}, ValueError, "server_header"),
        ({"server_header": "\u20ac"}, ValueError, "server_header"),
        ({"server_header": 1}, ValueError, "server_header"),
        ({"access_format": "json"}, ValueError, "access_format must be off, common or combined, not 'json'"),
        ({"log": 1}, TypeError, "log must be callable, not int"),
        ({"log_exception": 1}, TypeError, "log_exception must be callable, not int"),
        ({"stats": b"x" * 1000}, BufferError, "writable"),
        ({"stats": 1}, TypeError, "bytes-like"),
        ({"stats": bytearray(8)}, ValueError, "stats must be a buffer of"),
        ({"root_path": "app"}, ValueError, "root_path must begin with '/'"),
        ({"root_path": b"/app"}, TypeError, "str"),
        ({"body_memory_max": -1}, ValueError, "body_memory_max cannot be -1"),
        ({"body_memory_max": 1 << 64}, OverflowError, ""),
        ({"nonsense": 1}, TypeError, "nonsense"),
        ({"binds": [(3, "a", 80, False, 65536)]}, ValueError, "a bind cannot be"),
        ({"binds": [(3, "a", 80, False, -1)]}, ValueError, "a bind cannot be"),
        ({"binds": [(3, "a", 80, False, 443, 1)]}, TypeError, "or have a port to redirect to"),
        ({"http": "3"}, ValueError, "http must be auto, 1 or 2, not '3'"),
        ({"http": None}, TypeError, "not None"),
    ],
)
def test_refused(make, changes, kind, part):
    with pytest.raises(kind) as caught:
        make(**changes)
    assert part in str(caught.value)


def test_options_are_by_name_only():
    with pytest.raises(TypeError):
        _core.Worker(plain(), "wsgi")


def test_limits_are_passed_on(gateway):
    server = gateway(plain(b"ok"), limits={"fields_max": 2, "request_line_bytes_max": 30})
    assert server.send("GET / HTTP/1.1\r\nHost: a\r\nA: 1\r\n\r\n").read_head().startswith("HTTP/1.1 200")
    assert server.send("GET / HTTP/1.1\r\nHost: a\r\nA: 1\r\nB: 1\r\n\r\n").read_head().startswith("HTTP/1.1 431")
    assert server.send(f"GET /{'x' * 30} HTTP/1.1\r\nHost: a\r\n\r\n").read_head().startswith("HTTP/1.1 414")


def test_server_header(gateway):
    assert "Server: freastal\r\n" in gateway(plain()).send(GET).read_head()
    assert "Server: mine\r\n" in gateway(plain(), server_header="mine").send(GET).read_head()
    assert "Server:" not in gateway(plain(), server_header=None).send(GET).read_head()


def test_date_header(gateway):
    assert "Date: " in gateway(plain()).send(GET).read_head()
    assert "Date: " not in gateway(plain(), date_header=False).send(GET).read_head()


@pytest.mark.parametrize(("access_format", "end"), [("common", " 200 2\n"), ("combined", ' 200 2 "-" "me"\n')])
def test_access_log(gateway, tmp_path, access_format, end):
    with open(tmp_path / "log", "wb") as file:
        server = gateway(plain(b"ok"), access_format=access_format, access_fd=file.fileno())
        server.get("/path", **{"User-Agent": "me"})
        server.close()
        text = (tmp_path / "log").read_text()
    assert '"GET /path HTTP/1.1"' in text
    assert text.endswith(end)


def test_stats_go_to_the_buffer_given(gateway):
    with mmap.mmap(-1, _core.STATS_BYTES * 2) as shared:
        slot = memoryview(shared)[_core.STATS_BYTES :]
        server = gateway(plain(b"ok"), stats=slot)
        server.get()
        numbers = dict(zip(_core.STATS_FIELDS, struct.unpack(f"={len(_core.STATS_FIELDS)}Q", slot), strict=True))
        assert numbers["requests_begun"] == server.worker.stats()["requests_begun"] == 1
        assert bytes(shared[: _core.STATS_BYTES]) == bytes(_core.STATS_BYTES)
        server.close()
        slot.release()  # the worker has let go of it


def test_failed_workers_let_go_of_the_buffer(make):
    buffer = bytearray(_core.STATS_BYTES)
    with pytest.raises(ValueError, match="transport"):
        make(stats=buffer, transport="none")
    buffer.append(1)


def test_a_bind_that_redirects(gateway):
    with listen() as redirect:
        server = gateway(plain(b"ok"), binds=[(*bind_of(redirect), 8443)])
        raw = Raw(socket.create_connection(redirect.getsockname(), 20), "GET /a?b HTTP/1.1\r\nHost: x.test:80\r\n\r\n")
        head = raw.read_head()
        raw.close()
        assert head.startswith("HTTP/1.1 30")
        assert "\r\nLocation: https://x.test:8443/a?b\r\n" in head
        server.close()


PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"
SETTINGS = 4


@pytest.mark.parametrize(("http", "first", "second"), [("auto", True, True), ("1", True, False), ("2", False, True)])
def test_versions_of_http(gateway, http, first, second):
    server = gateway(plain(b"ok"), http=http)
    assert server.send(GET).read_head().startswith("HTTP/1.1 200") is first
    raw = server.send(PREFACE)
    assert (raw.connection.recv(4)[3:] == bytes([SETTINGS])) is second


def test_versions_that_are_offered(gateway, tls, certificates):
    for http, chosen in {"auto": "h2", "1": "http/1.1", "2": "h2"}.items():
        server = gateway(plain(b"ok"), tls=tls, http=http)
        context = certificates.context(alpn=("h2", "http/1.1"))
        with server.tls(context).handshake() as client:
            assert client.tls.selected_alpn_protocol() == chosen
