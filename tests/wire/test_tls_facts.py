"""What applications are told about TLS: the environ as mod_ssl names things, the scope as the ASGI extension does."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.certs import Certificates, pem_of
from tests.support.peer import Peer
from tests.support.server import RunningServer

ServeTls = Callable[..., RunningServer]

VERSIONS = {ssl.TLSVersion.TLSv1_2: (0x0303, "TLSv1.2"), ssl.TLSVersion.TLSv1_3: (0x0304, "TLSv1.3")}
SUITES = {"TLS_AES_128_GCM_SHA256": 0x1301, "ECDHE-ECDSA-AES256-GCM-SHA384": 0xC02C}


async def tell(scope: dict[str, Any], _receive: Any, send: Any) -> None:
    """The scope as JSON."""
    told = {name: scope[name] for name in ("scheme", "http_version", "extensions")}
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": json.dumps(told).encode()})


def ask(server: RunningServer, context: ssl.SSLContext | None = None, path: str = "/", **more: Any) -> dict[str, Any]:
    with Peer(server.tls(context, **more).handshake()) as peer:
        body = peer.send(f"GET {path} HTTP/1.1", "Host: a", "Connection: close").expect(200).body
        return json.loads(body)  # type: ignore[no-any-return]


def context_of(certificates: Certificates, version: ssl.TLSVersion, **more: Any) -> ssl.SSLContext:
    """Which suite it will be is settled."""
    context = certificates.context(version=version, **more)
    if version == ssl.TLSVersion.TLSv1_2:
        context.set_ciphers("ECDHE-ECDSA-AES256-GCM-SHA384")
    return context


def same_certificate(one: str, other: str) -> bool:
    return ssl.PEM_cert_to_DER_cert(one) == ssl.PEM_cert_to_DER_cert(other)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_environ(serve_tls: ServeTls, certificates: Certificates, version: ssl.TLSVersion) -> None:
    seen = ask(serve_tls(), context_of(certificates, version), "/environ")
    assert seen["HTTPS"] == "on"
    assert seen["wsgi.url_scheme"] == "https"
    assert seen["SSL_PROTOCOL"] == VERSIONS[version][1]
    assert seen["SSL_CIPHER"] in SUITES
    assert seen["SSL_TLS_SNI"] == "localhost"
    assert seen["SSL_SESSION_RESUMED"] == "Initial"
    assert seen["SERVER_PROTOCOL"] == "HTTP/1.1"


def test_the_environ_without_a_name(serve_tls: ServeTls, certificates: Certificates) -> None:
    context = certificates.context()
    context.check_hostname = False
    assert not ask(serve_tls(), context, "/environ", server_name=None).get("SSL_TLS_SNI")


@pytest.mark.parametrize("version", VERSIONS)
def test_the_environ_of_a_resumed_session(
    serve_tls: ServeTls, certificates: Certificates, version: ssl.TLSVersion
) -> None:
    server, context = serve_tls(), certificates.context(version=version)
    with Peer(server.tls(context).handshake()) as peer:
        peer.send("GET / HTTP/1.1", "Host: a").expect(200)
        session = peer.socket.tls.session
    seen = ask(server, context, "/environ", session=session)
    assert seen["SSL_SESSION_RESUMED"] == "Resumed"
    assert seen["SSL_PROTOCOL"] == VERSIONS[version][1]


def test_the_environ_in_plain_text(server: RunningServer) -> None:
    """The same application without TLS sees nothing of it."""
    seen = json.loads(server.get("/environ").body)
    assert seen["wsgi.url_scheme"] == "http"
    assert not [name for name in seen if name.startswith("SSL_") or name == "HTTPS"]


def test_a_client_cannot_pretend(serve_tls: ServeTls) -> None:
    """Fields that look like the variables stay fields."""
    answer = serve_tls().get("/environ", HTTPS="off", **{"SSL-CLIENT-VERIFY": "SUCCESS", "SSL-PROTOCOL": "none"})
    seen = json.loads(answer.body)
    assert seen["HTTPS"] == "on"
    assert seen["SSL_PROTOCOL"] == "TLSv1.3"
    assert seen.get("SSL_CLIENT_VERIFY", "NONE") == "NONE"


@pytest.mark.parametrize("version", VERSIONS)
def test_the_scope(serve_tls: ServeTls, certificates: Certificates, version: ssl.TLSVersion) -> None:
    server = serve_tls(tell, interface="asgi", lifespan="off")
    seen = ask(server, context_of(certificates, version))
    tls = seen["extensions"]["tls"]
    assert seen["scheme"] == "https"
    assert tls["tls_version"] == VERSIONS[version][0]
    assert tls["cipher_suite"] in SUITES.values()
    assert same_certificate(tls["server_cert"], certificates.server.pem)
    assert list(tls["client_cert_chain"]) == []
    assert tls["client_cert_name"] is None
    assert tls["client_cert_error"] is None


@pytest.mark.parametrize("mode", ["optional", "required"])
def test_the_scope_of_a_client_with_a_certificate(serve_tls: ServeTls, certificates: Certificates, mode: str) -> None:
    client = certificates.chained_client
    server = serve_tls(tell, interface="asgi", lifespan="off", cert_reqs=mode, ca_certs=str(certificates.ca_file))
    tls = ask(server, certificates.context(client))["extensions"]["tls"]
    shown = [pem_of(one) for one in (client.certificate, *client.chain)]
    assert len(tls["client_cert_chain"]) == len(shown)
    assert all(map(same_certificate, tls["client_cert_chain"], shown))
    assert tls["client_cert_name"] == client.certificate.subject.rfc4514_string()
    assert tls["client_cert_error"] is None


def test_the_scope_of_a_client_with_a_bad_certificate(serve_tls: ServeTls, certificates: Certificates) -> None:
    client = certificates.expired_client
    server = serve_tls(tell, interface="asgi", lifespan="off", cert_reqs="optional", ca_certs=str(certificates.ca_file))
    tls = ask(server, certificates.context(client))["extensions"]["tls"]
    assert "expired" in tls["client_cert_error"]
    assert tls["client_cert_name"] == client.certificate.subject.rfc4514_string()


def test_the_scope_shows_the_certificate_that_was_chosen(serve_tls: ServeTls, certificates: Certificates) -> None:
    files = {
        "certfile": [str(certificates.server.certfile), str(certificates.shop.certfile)],
        "keyfile": [str(certificates.server.keyfile), str(certificates.shop.keyfile)],
    }
    server = serve_tls(tell, interface="asgi", lifespan="off", **files)
    tls = ask(server, server_name="shop.test")["extensions"]["tls"]
    assert same_certificate(tls["server_cert"], certificates.shop.pem)


def test_the_scope_in_plain_text(serve: Callable[..., RunningServer]) -> None:
    seen = json.loads(serve(tell, interface="asgi", lifespan="off").get().body)
    assert seen["scheme"] == "http"
    assert "tls" not in seen["extensions"]
