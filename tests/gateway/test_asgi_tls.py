"""scope["extensions"]["tls"], as the ASGI TLS Extension 0.2 has it."""

from __future__ import annotations

import ssl

import pytest

from tests.gateway.asgi import body, start
from tests.support.certs import pem_of
from tests.support.peer import Peer

KEYS = ["server_cert", "client_cert_chain", "client_cert_name", "client_cert_error", "tls_version", "cipher_suite"]


class Site:
    """An ASGI application that keeps its scopes; `touch` is called with each extension."""

    def __init__(self, touch=lambda tls: None):
        self.scopes = []
        self.touch = touch
        self.keeps = True

    async def __call__(self, scope, receive, send):
        self.scopes = [*self.scopes, scope] if self.keeps else [scope["extensions"].get("tls")]
        if "tls" in scope["extensions"]:
            self.touch(scope["extensions"]["tls"])
        await send(start())
        await send(body(b"ok"))


def same(one, other):
    return ssl.PEM_cert_to_DER_cert(one) == ssl.PEM_cert_to_DER_cert(other)


@pytest.fixture
def site():
    return Site()


@pytest.fixture
def secured(asgi, site, certificates, tls):
    """secured(**more of tls): a gateway over TLS to the site."""

    def secured(**more):
        server = asgi(site, tls={**tls, "ca_file": str(certificates.ca_file), **more})
        server.context = certificates.context()
        return server

    return secured


def seen(site, server, context=None):
    with Peer(server.tls(context).handshake()) as peer:
        peer.send("GET / HTTP/1.1", "Host: a", "Connection: close").expect(200)
    return site.scopes[-1]["extensions"]["tls"]


def test_without_tls_there_is_none(asgi, site):
    assert asgi(site).get().status == 200
    assert "tls" not in site.scopes[-1]["extensions"]
    assert site.scopes[-1]["scheme"] == "http"


def test_without_a_certificate_of_the_client(secured, site, certificates):
    tls = seen(site, secured(), certificates.context(version=ssl.TLSVersion.TLSv1_3))
    assert site.scopes[-1]["scheme"] == "https"
    assert type(tls) is dict
    assert list(tls) == KEYS
    assert same(tls["server_cert"], certificates.server.pem)
    assert list(tls["client_cert_chain"]) == []
    assert tls["client_cert_name"] is None
    assert tls["client_cert_error"] is None
    assert tls["tls_version"] == 0x0304
    assert tls["cipher_suite"] in (0x1301, 0x1302, 0x1303)


def test_with_one(secured, site, certificates):
    client = certificates.chained_client
    tls = seen(site, secured(verify="required"), certificates.context(client))
    shown = [pem_of(one) for one in (client.certificate, *client.chain)]
    assert len(tls["client_cert_chain"]) == len(shown)
    assert all(map(same, tls["client_cert_chain"], shown))
    assert tls["client_cert_name"] == client.certificate.subject.rfc4514_string()
    assert tls["client_cert_error"] is None


def test_with_one_that_is_not_trusted(secured, site, certificates):
    tls = seen(site, secured(verify="optional"), certificates.context(certificates.expired_client))
    assert tls["client_cert_error"] == "certificate has expired"
    assert "CN=Gone" in tls["client_cert_name"]


def test_no_client_is_taken_for_another(secured, site, certificates):
    server = secured(verify="optional")
    who = {"Ada": certificates.client, "Rogue": certificates.revoked_client, None: None}
    contexts = {name: certificates.context(client) for name, client in who.items()}
    for name in [*contexts, *reversed(contexts), *contexts]:
        told = seen(site, server, contexts[name])["client_cert_name"]
        assert name in told if name else told is None


def test_connections_that_take_turns(secured, site, certificates):
    """On one keep-alive connection each, so that their requests alternate."""
    server = secured(verify="optional")
    with (
        Peer(server.tls(certificates.context(certificates.client)).handshake()) as known,
        server.peer() as unknown,
    ):
        for _ in range(3):
            for peer, expected in ((known, True), (unknown, False)):
                peer.send("GET / HTTP/1.1", "Host: a").expect(200)
                assert bool(site.scopes[-1]["extensions"]["tls"]["client_cert_name"]) is expected


@pytest.mark.parametrize("keeps", [True, False])
def test_what_an_application_changes_harms_nobody(secured, site, certificates, keeps):
    def spoil(tls):
        assert list(tls) == KEYS
        assert tls["tls_version"] in (0x0303, 0x0304)
        tls["tls_version"] = 0
        tls["more"] = 1
        del tls["server_cert"]

    site.keeps = keeps
    site.touch = spoil
    server = secured()
    with server.peer() as peer:
        for _ in range(3):
            peer.send("GET / HTTP/1.1", "Host: a").expect(200)
    assert server.failures.empty()


def test_a_websocket_has_it_too(secured, site, certificates):
    with secured().peer() as peer:
        key = "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="
        upgrade = ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"]
        peer.send("GET / HTTP/1.1", "Host: a", *upgrade, key)
        peer.expect(500)  # the site answers as if it were HTTP
    assert site.scopes[-1]["type"] == "websocket"
    assert site.scopes[-1]["scheme"] == "wss"
    assert list(site.scopes[-1]["extensions"]["tls"]) == KEYS
