"""HTTP/2 chosen by ALPN: what TLS changes for it, and what it does not. RFC 9113 sections 3.2, 3.3 and 9.2."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import pytest

from tests.support import frames
from tests.support.apps.streams import Streams
from tests.support.certs import Certificates
from tests.support.flooder import Flooder
from tests.support.frames import PREFACE, Code, head
from tests.support.http2 import Http2Peer
from tests.support.peer import Peer
from tests.support.server import serve_here
from tests.support.tunnel import Http2WebSocket

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    from tests.support.server import RunningServer


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def server(certificates: Certificates) -> Iterator[RunningServer]:
    with serve_here(Streams(), log_level="critical", **certificates.server.options) as server:
        yield server


@pytest.fixture
def h2(server: RunningServer, certificates: Certificates) -> Iterator[Http2Peer]:
    with Http2Peer(secured(server, certificates, "h2", "http/1.1")).open() as peer:
        yield peer


def secured(
    server: RunningServer, certificates: Certificates, *alpn: str, version: ssl.TLSVersion | None = None
) -> ssl.SSLSocket:
    """A connection that offers these protocols."""
    return certificates.context(alpn=alpn, version=version).wrap_socket(server.connect(), server_hostname="localhost")


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [(["h2", "http/1.1"], "h2"), (["http/1.1", "h2"], "h2"), (["h2"], "h2"), (["http/1.1"], "http/1.1"), ([], None)],
)
def test_the_server_chooses(
    server: RunningServer, certificates: Certificates, offered: list[str], chosen: str | None
) -> None:
    connected = secured(server, certificates, *offered)
    assert connected.selected_alpn_protocol() == chosen
    if chosen == "h2":
        with Http2Peer(connected) as peer:
            peer.open().get("/")
    else:
        with Peer(connected) as plain:
            plain.send("GET / HTTP/1.1", "Host: a").expect(200, body="hello\n")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_requests(server: RunningServer, certificates: Certificates, version: ssl.TLSVersion) -> None:
    with Http2Peer(secured(server, certificates, "h2", version=version)).open() as peer:
        peer.expect(peer.ask("/"), body=b"hello\n")
        assert b'"scheme": "https"' in peer.get("/scope").body
        peer.expect(peer.ask("/echo", method="POST", body=b"body"), body=b"body")


def test_the_settings_come_without_being_asked_for(server: RunningServer, certificates: Certificates) -> None:
    """Section 3.4: a client may wait for them before it says anything."""
    with Http2Peer(secured(server, certificates, "h2")) as peer:
        peer.socket.settimeout(5)
        assert peer.hear().kind == frames.Kind.SETTINGS


def test_what_is_agreed_on_and_not_spoken(server: RunningServer, certificates: Certificates) -> None:
    """After ALPN there is no doubt about the protocol: this is no HTTP/1.1."""
    for said in (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", PREFACE[:-1] + b"!", frames.settings()):
        with Http2Peer(secured(server, certificates, "h2")) as peer:
            peer.send(said).expect_goaway(Code.PROTOCOL_ERROR)


def test_the_preface_where_http_1_1_was_agreed_on(server: RunningServer, certificates: Certificates) -> None:
    with Peer(secured(server, certificates, "http/1.1")) as peer:
        assert peer.send_bytes(PREFACE + frames.settings()).hear().status in (400, 501, 505)


def test_long_bodies_both_ways(h2: Http2Peer) -> None:
    body = bytes(range(256)) * 8000
    assert h2.upload(h2.ask("/mirror", method="POST", end=False), body).body == body
    h2.expect(h2.ask("/bytes?3000000"), body=b"b" * 3_000_000)
    asked = [h2.ask("/stream?200000") for _ in range(20)]
    for stream in asked:
        h2.expect(stream, body=b"s" * 200_000)


def test_byte_by_byte(server: RunningServer, certificates: Certificates) -> None:
    """Each in a record of its own."""
    with Http2Peer(secured(server, certificates, "h2")) as peer:
        peer.unacknowledged.append({})
        peer.answer_of(1)
        for byte in PREFACE + frames.settings() + head(1):
            peer.send(bytes([byte]))
        peer.expect(1, body=b"hello\n")


def test_a_window_that_is_closed_and_opened(h2: Http2Peer) -> None:
    h2.generous = False
    stream = h2.ask("/bytes?100000")
    while h2.answers[stream].window:
        h2.hear()
    h2.expect_alive()
    h2.give(0, 100_000)
    h2.give(stream, 100_000)
    h2.expect(stream, body=b"b" * 100_000)


def test_a_websocket(h2: Http2Peer) -> None:
    peer = Http2WebSocket(h2).opened()
    peer.say("through TLS").expect_message("through TLS")
    peer.leave()


def test_a_goodbye_is_followed_by_that_of_tls(server: RunningServer, certificates: Certificates) -> None:
    """The end is one that nobody can have forged: close_notify, without which `ssl` would complain."""
    with Http2Peer(secured(server, certificates, "h2")).open() as peer:
        peer.get("/")
        peer.send(frames.goaway()).expect_closed()


def test_a_flood_is_cut_short(server: RunningServer, certificates: Certificates) -> None:
    connected: socket.socket = secured(server, certificates, "h2")
    resets = (
        b"".join(head(stream) + frames.rst_stream(stream) for stream in range(first, first + 200, 2))
        for first in range(1, 600_000, 200)
    )
    with Http2Peer(secured(server, certificates, "h2")).open() as bystander, connected:
        flooder = Flooder(connected).flood(resets, lambda: bystander.get("/"))
        assert flooder.goaway == Code.ENHANCE_YOUR_CALM
