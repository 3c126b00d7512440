"""The bytes of TLS: in pieces, in records of every size, out of order, damaged, or not TLS at all."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Callable

import pytest

from tests.support.certs import Certificates
from tests.support.peer import Peer
from tests.support.server import RunningServer
from tests.support.tls import (
    ALERT,
    APPLICATION_DATA,
    CHANGE_CIPHER_SPEC,
    HANDSHAKE,
    TlsSocket,
    in_fragments,
    record,
    records_of,
)

ServeTls = Callable[..., RunningServer]

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]
GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
FATAL = 2
SOON_S = 0.1
HEARD = (ssl.SSLError, ConnectionResetError)
"""What a client may see after it has broken the protocol. A reset: its own bytes were still on the way."""


@pytest.fixture
def server(serve_tls: ServeTls) -> RunningServer:
    return serve_tls()


def expect_failure(client: TlsSocket) -> None:
    with pytest.raises(HEARD):
        client.recv_all()


def heard(connected: socket.socket) -> bytes:
    """All that comes until the end, which may be a reset."""
    received = b""
    try:
        while piece := connected.recv(1 << 16):
            received += piece
    except ConnectionResetError:
        pass
    return received


# In pieces.


@pytest.mark.parametrize("version", VERSIONS)
def test_every_byte_by_itself(server: RunningServer, certificates: Certificates, version: ssl.TLSVersion) -> None:
    """Handshake, request and close_notify."""
    with server.tls(certificates.context(version=version)) as client:
        client.piece_bytes = 1
        peer = Peer(client)
        client.handshake()
        peer.send_bytes(GET).expect(200, body="hello\n")
        peer.end().expect_closed()


@pytest.mark.parametrize("version", VERSIONS)
def test_a_record_cut_at_every_place(
    server: RunningServer, certificates: Certificates, version: ssl.TLSVersion
) -> None:
    """What comes before the cut is answered before the rest is sent."""
    with server.tls(certificates.context(version=version)) as client:
        peer = Peer(client.handshake())
        at, size = 0, 1
        while (at := at + 1) < size or at == 1:
            before, cut = client.seal(GET), client.seal(GET)
            size = len(cut)
            client.raw.sendall(before + cut[:at])
            peer.expect(200)
            client.raw.sendall(cut[at:])
            peer.expect(200)
        assert at > len(GET)


@pytest.mark.parametrize("size", [3, 5, 64])
@pytest.mark.parametrize("version", VERSIONS)
def test_a_client_hello_in_fragments(
    server: RunningServer, certificates: Certificates, version: ssl.TLSVersion, size: int
) -> None:
    with server.tls(certificates.context(version=version)) as client:
        client.raw.sendall(in_fragments(client.say_hello(), size))
        Peer(client.handshake()).send_bytes(GET).expect(200, body="hello\n")


@pytest.mark.parametrize("version", VERSIONS)
def test_records_of_a_byte_each(server: RunningServer, certificates: Certificates, version: ssl.TLSVersion) -> None:
    with server.tls(certificates.context(version=version)) as client:
        body = b"x" * 3000
        head = b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3000\r\n\r\n"
        client.handshake()
        client.raw.sendall(client.seal(head + body, 1))
        Peer(client).expect(200, body=body)


@pytest.mark.parametrize("version", VERSIONS)
def test_full_records(server: RunningServer, certificates: Certificates, version: ssl.TLSVersion) -> None:
    with server.tls(certificates.context(version=version)) as client:
        body = bytes(range(256)) * 800
        client.handshake()
        client.sendall(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        Peer(client).expect(200, body=body)


@pytest.mark.parametrize("version", VERSIONS)
def test_many_requests_in_one_record(
    server: RunningServer, certificates: Certificates, version: ssl.TLSVersion
) -> None:
    with server.tls(certificates.context(version=version)) as client:
        client.handshake()
        sealed = client.seal(GET * 500)
        assert len(list(records_of(sealed))) == 1
        client.raw.sendall(sealed)
        peer = Peer(client)
        for _ in range(500):
            peer.expect(200, body="hello\n")


def test_requests_behind_the_handshake(server: RunningServer) -> None:
    """The last flight of the client and its first request come in one segment."""
    with server.tls() as client:
        client.raw.sendall(client.say_hello())
        while True:
            try:
                client.tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                client.feed()
        client.raw.sendall(client.take() + client.seal(GET) + client.seal(GET))
        peer = Peer(client)
        peer.expect(200)
        peer.expect(200)


# Damaged.


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("place", ["payload", "type", "length", "version"])
def test_a_damaged_record(
    server: RunningServer, certificates: Certificates, version: ssl.TLSVersion, place: str
) -> None:
    """The connection fails at once, and what was damaged is not answered."""
    with server.tls(certificates.context(version=version)) as client:
        client.handshake()
        Peer(client).send_bytes(GET).expect(200)
        sealed = bytearray(client.seal(GET))
        damage = {"payload": (-1, sealed[-1] ^ 1), "type": (0, 99), "length": (3, 0x60), "version": (1, 9)}
        at, value = damage[place]
        sealed[at] = value
        client.raw.sendall(sealed)
        expect_failure(client)
    assert server.get().status == 200


@pytest.mark.parametrize("version", VERSIONS)
def test_a_wrong_bit_anywhere(serve_tls: ServeTls, certificates: Certificates, version: ssl.TLSVersion) -> None:
    """In either flight of the handshake or behind it: the connection fails, by an alert or for want of more bytes."""
    server = serve_tls(handshake_timeout=SOON_S, head_timeout=SOON_S, keep_alive=SOON_S)
    context = certificates.context(version=version)
    failures = 0
    for at in range(0, 700, 9):
        with server.tls(context) as client:
            client.damaged_byte = at
            try:
                Peer(client.handshake()).send_bytes(GET).expect(200)
            except HEARD:
                failures += 1
        assert client.damaged_byte < at, "nothing was sent"
    assert failures > 10
    assert server.get().status == 200


def test_a_record_said_twice(server: RunningServer) -> None:
    with server.tls() as client:
        client.handshake()
        sealed = client.seal(GET)
        client.raw.sendall(sealed + sealed)
        expect_failure(client)


@pytest.mark.parametrize(
    "first",
    [
        b"\x00" * 512,
        b"\xff" * 512,
        bytes(range(256)) * 8,
        record(HANDSHAKE, b"\x01\x00\x00\x02\x03\x03"),
        record(HANDSHAKE, b"\x01\xff\xff\xff" + b"x" * 12000) + record(HANDSHAKE, b"x" * 12000) * 20,
        record(HANDSHAKE, b"\x02\x00\x00\x02\x03\x03"),
        record(APPLICATION_DATA, b"x" * 100),
        record(CHANGE_CIPHER_SPEC, b"\x01"),
        record(ALERT, bytes([FATAL, 80])),
        record(ALERT, bytes([1, 0])),
        record(99, b"x"),
        b"\x16\x03\x01\xff\xff" + b"x" * 512,
        b"\x80\x2e\x01\x00\x02" + b"x" * 60,
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"EHLO example.test\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1 443\r\n",
    ],
    ids=lambda first: first[:8].hex(),
)
def test_something_else_than_a_client_hello(server: RunningServer, first: bytes) -> None:
    """The connection ends, with an alert at most, or words for what begins with a letter; no other suffers."""
    with server.connect() as connected:
        connected.sendall(first)
        said = heard(connected)
    if not said.startswith(b"HTTP/1.1 400 "):
        assert all(kind == ALERT for kind, _ in records_of(said)), said
    assert server.get().status == 200


@pytest.mark.parametrize(
    "flood",
    [record(CHANGE_CIPHER_SPEC, b"\x01"), record(ALERT, bytes([1, 90])), record(HANDSHAKE, b""), record(ALERT, b"")],
    ids=["change_cipher_spec", "warnings", "empty", "empty_alerts"],
)
@pytest.mark.parametrize("version", VERSIONS)
def test_records_that_carry_nothing(
    server: RunningServer, certificates: Certificates, version: ssl.TLSVersion, flood: bytes
) -> None:
    """Some are allowed between the flights of a handshake; nobody needs ten thousand."""
    with server.tls(certificates.context(version=version)) as client:
        client.raw.sendall(client.say_hello())
        client.feed()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            client.raw.sendall(flood * 10_000)
        heard(client.raw)
    assert server.get().status == 200


@pytest.mark.parametrize("size", [0, 1, 4, 5, 100])
def test_a_client_that_leaves_in_its_hello(server: RunningServer, size: int) -> None:
    with server.tls() as client:
        client.raw.sendall(client.say_hello()[:size])
        client.raw.shutdown(socket.SHUT_WR)
        assert all(kind == ALERT for kind, _ in records_of(heard(client.raw)))
    assert server.get().status == 200


@pytest.mark.parametrize("reset", [False, True])
def test_a_client_that_leaves_behind_its_hello(server: RunningServer, reset: bool) -> None:
    with server.tls() as client:
        client.raw.sendall(client.say_hello())
        assert client.raw.recv(1)
        if reset:
            Peer(client).reset()
    assert server.get().status == 200


# In plain text.


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "CONNECT", "TRACE"])
def test_plain_http_is_told(server: RunningServer, method: str) -> None:
    with Peer(server.connect()) as peer:
        target = "a:443" if method == "CONNECT" else "/"
        peer.send(f"{method} {target} HTTP/1.1", "Host: a")
        answer = peer.expect(400, headers={"Connection": "close"}, closed=True)
        assert b"TLS" in answer.body or b"https" in answer.body.lower(), answer


def test_plain_http_in_pieces_is_told(server: RunningServer) -> None:
    with Peer(server.connect()) as peer:
        peer.send_slowly(b"GET / HTTP/1.1\r\n").expect(400, closed=True)


def test_plain_http_2_is_not_served(server: RunningServer) -> None:
    with Peer(server.connect()) as peer:
        peer.send_bytes(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").expect(400, closed=True)
