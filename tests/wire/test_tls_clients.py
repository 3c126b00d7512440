"""Certificates of clients: good, absent, expired, of a wrong authority, revoked; asked for or not, needed or not."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.certs import Certificates, Identity, pem_of
from tests.support.peer import Peer
from tests.support.server import RunningServer

ServeTls = Callable[..., RunningServer]

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]
BAD = {"expired_client": "expired", "strange_client": "", "revoked_client": "revoked"}
"""And what the reason says; which one a stranger gets is OpenSSL's business."""


@pytest.fixture
def ask(serve_tls: ServeTls, certificates: Certificates) -> Callable[..., RunningServer]:
    """A server that looks at the certificates of clients, as far as it is told to."""

    def ask(mode: str) -> RunningServer:
        trusted = {"ca_certs": str(certificates.ca_file), "crl_file": str(certificates.crl_file)}
        return serve_tls(cert_reqs=mode, **({} if mode == "none" else trusted))

    return ask


def environ(server: RunningServer, context: ssl.SSLContext) -> dict[str, str]:
    with Peer(server.tls(context).handshake()) as peer:
        answer = peer.send("GET /environ HTTP/1.1", "Host: a", "Connection: close").expect(200)
        return json.loads(answer.body)  # type: ignore[no-any-return]


def refusal(server: RunningServer, context: ssl.SSLContext) -> str:
    """The alert; a client of TLS 1.3 has finished its handshake before it comes."""
    with pytest.raises(ssl.SSLError) as caught:
        environ(server, context)
    assert server.host  # and it still serves, which who calls this asks next
    return caught.value.reason.lower()


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("mode", ["optional", "required"])
def test_a_good_one(ask: Any, certificates: Certificates, version: ssl.TLSVersion, mode: str) -> None:
    seen = environ(ask(mode), certificates.context(certificates.client, version))
    assert seen["SSL_CLIENT_VERIFY"] == "SUCCESS"
    assert "Ada Lovelace" in seen["SSL_CLIENT_S_DN"]
    assert seen["SSL_CLIENT_S_DN_CN"] == "Ada Lovelace"
    assert "freastal test root" in seen["SSL_CLIENT_I_DN"]
    assert seen["SSL_CLIENT_M_SERIAL"].lower().lstrip("0") == f"{certificates.client.certificate.serial_number:x}"
    assert ssl.PEM_cert_to_DER_cert(seen["SSL_CLIENT_CERT"]) == ssl.PEM_cert_to_DER_cert(certificates.client.pem)


@pytest.mark.parametrize("version", VERSIONS)
def test_one_below_an_intermediate(ask: Any, certificates: Certificates, version: ssl.TLSVersion) -> None:
    client = certificates.chained_client
    seen = environ(ask("required"), certificates.context(client, version))
    assert seen["SSL_CLIENT_VERIFY"] == "SUCCESS"
    chain = seen["SSL_CLIENT_CERT_CHAIN_0"]
    assert ssl.PEM_cert_to_DER_cert(chain) == ssl.PEM_cert_to_DER_cert(pem_of(*client.chain))


@pytest.mark.parametrize("version", VERSIONS)
def test_none(ask: Any, certificates: Certificates, version: ssl.TLSVersion) -> None:
    context = certificates.context(version=version)
    assert environ(ask("optional"), context)["SSL_CLIENT_VERIFY"] == "NONE"
    assert "required" in refusal(ask("required"), context) or version == ssl.TLSVersion.TLSv1_2
    assert "SSL_CLIENT_S_DN" not in environ(ask("none"), context)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("who", BAD)
def test_a_bad_one_is_refused_when_one_is_required(
    ask: Any, certificates: Certificates, who: str, version: ssl.TLSVersion
) -> None:
    server = ask("required")
    reason = refusal(server, certificates.context(getattr(certificates, who), version))
    assert BAD[who] in reason
    assert environ(server, certificates.context(certificates.client))["SSL_CLIENT_VERIFY"] == "SUCCESS"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("who", BAD)
def test_a_bad_one_is_told_when_it_is_optional(
    ask: Any, certificates: Certificates, who: str, version: ssl.TLSVersion
) -> None:
    identity: Identity = getattr(certificates, who)
    seen = environ(ask("optional"), certificates.context(identity, version))
    assert seen["SSL_CLIENT_VERIFY"].startswith("FAILED:")
    assert BAD[who] in seen["SSL_CLIENT_VERIFY"]
    assert seen["SSL_CLIENT_S_DN_CN"] in identity.certificate.subject.rfc4514_string()


def test_one_that_nobody_asked_for(ask: Any, certificates: Certificates) -> None:
    seen = environ(ask("none"), certificates.context(certificates.client))
    assert "SSL_CLIENT_S_DN" not in seen
    assert seen.get("SSL_CLIENT_VERIFY", "NONE") == "NONE"


def test_a_certificate_of_a_server_does_not_make_a_client(ask: Any, certificates: Certificates) -> None:
    assert "certificate" in refusal(ask("required"), certificates.context(certificates.server))


@pytest.mark.parametrize("version", VERSIONS)
def test_a_resumed_session_remembers_who_it_was(ask: Any, certificates: Certificates, version: ssl.TLSVersion) -> None:
    """The certificate is not sent again, and is told all the same."""
    server = ask("required")
    context = certificates.context(certificates.client, version)
    with Peer(server.tls(context).handshake()) as peer:
        peer.send("GET / HTTP/1.1", "Host: a").expect(200)
        session = peer.socket.tls.session
    with Peer(server.tls(context, session=session).handshake()) as peer:
        assert peer.socket.tls.session_reused
        seen = json.loads(peer.send("GET /environ HTTP/1.1", "Host: a").expect(200).body)
    assert seen["SSL_SESSION_RESUMED"] == "Resumed"
    assert seen["SSL_CLIENT_VERIFY"] == "SUCCESS"
    assert seen["SSL_CLIENT_S_DN_CN"] == "Ada Lovelace"
