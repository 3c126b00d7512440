"""Which certificate is shown to whom, what comes with it, and what is spoken then: SNI, chains, OCSP, ALPN."""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable

import pytest

from tests.support.certs import Certificates, Identity
from tests.support.openssl import s_client
from tests.support.peer import Peer
from tests.support.server import RunningServer

ServeTls = Callable[..., RunningServer]

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


def files_of(*identities: Identity) -> dict[str, list[str]]:
    return {"certfile": [str(one.certfile) for one in identities], "keyfile": [str(one.keyfile) for one in identities]}


def shown_to(server: RunningServer, context: ssl.SSLContext, name: str | None) -> bytes | None:
    """The certificate that a client gets who asks for this name, as DER."""
    context.check_hostname = False
    with server.tls(context, server_name=name) as client:
        return client.handshake().tls.getpeercert(binary_form=True)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_name_chooses_the_certificate(
    serve_tls: ServeTls, certificates: Certificates, version: ssl.TLSVersion
) -> None:
    first, shop, wildcard = certificates.server, certificates.shop, certificates.wildcard
    server = serve_tls(**files_of(first, shop, wildcard))
    wanted: dict[str | None, Identity] = {
        "localhost": first,
        "shop.test": shop,
        "www.shop.test": shop,
        "WWW.Shop.Test": shop,
        "a.wild.test": wildcard,
        "wild.test": first,
        "a.b.wild.test": first,
        "xshop.test": first,
        "nobody.test": first,
        None: first,
    }
    for name, identity in wanted.items():
        pem = ssl.DER_cert_to_PEM_cert(shown_to(server, certificates.context(version=version), name) or b"")
        assert pem == identity.pem, name


def test_a_chain_is_shown(serve_tls: ServeTls, certificates: Certificates) -> None:
    """A client that only knows the root can verify it."""
    server = serve_tls(identity=certificates.chained)
    assert server.get().status == 200
    report = s_client(server, "-showcerts", "-CAfile", str(certificates.ca_file))
    assert re.findall(r"^ (\d) s:", report.text, re.MULTILINE) == ["0", "1"]
    assert "Verify return code: 0 (ok)" in report.text


def test_a_key_with_a_password(serve_tls: ServeTls, certificates: Certificates) -> None:
    assert serve_tls(identity=certificates.encrypted).get().status == 200


def test_a_key_in_the_file_of_its_certificate(serve_tls: ServeTls, certificates: Certificates) -> None:
    both = certificates.folder / "both.pem"
    both.write_text(certificates.shop.keyfile.read_text() + certificates.shop.certfile.read_text())
    server = serve_tls(certfile=str(both), keyfile=())
    assert shown_to(server, certificates.context(), "shop.test")


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_an_ocsp_response_is_stapled(serve_tls: ServeTls, certificates: Certificates, version: str) -> None:
    """To those who ask for one, and only with the certificate that it is about."""
    identities = files_of(certificates.server, certificates.shop)
    server = serve_tls(**identities, ocsp_file=[str(certificates.ocsp_file), ""])
    report = s_client(server, version, "-status")
    assert "OCSP Response Status: successful" in report.text
    assert "Cert Status: good" in report.text
    assert "OCSP response: no response sent" in s_client(server, version, "-status", name="shop.test").text
    assert "OCSP" not in s_client(server, version).text


# What is spoken.


def agreed(server: RunningServer, certificates: Certificates, *offered: str) -> str | None:
    with server.tls(certificates.context(alpn=offered)) as client:
        return client.handshake().tls.selected_alpn_protocol()


def test_alpn(serve_tls: ServeTls, certificates: Certificates) -> None:
    server = serve_tls()
    assert agreed(server, certificates, "http/1.1") == "http/1.1"
    assert agreed(server, certificates, "http/1.1", "h2") == "h2"  # the server's choice
    assert agreed(server, certificates, "spdy/1", "h2") == "h2"
    assert agreed(server, certificates) is None


def test_alpn_with_only_http_1(serve_tls: ServeTls, certificates: Certificates) -> None:
    server = serve_tls(http="1")
    assert agreed(server, certificates, "h2", "http/1.1") == "http/1.1"
    assert agreed(server, certificates, "http/1.1") == "http/1.1"


def test_alpn_with_only_http_2(serve_tls: ServeTls, certificates: Certificates) -> None:
    server = serve_tls(http="2")
    assert agreed(server, certificates, "h2", "http/1.1") == "h2"
    with pytest.raises(ssl.SSLError, match=r"(?i)no.application.protocol"):
        agreed(server, certificates, "http/1.1")


def test_nothing_in_common(serve_tls: ServeTls, certificates: Certificates) -> None:
    """A client that speaks neither is told so (RFC 7301 section 3.2), and no other one suffers."""
    server = serve_tls()
    with pytest.raises(ssl.SSLError, match=r"(?i)no.application.protocol"):
        agreed(server, certificates, "spdy/1", "smtp")
    assert server.get().status == 200


@pytest.mark.parametrize("alpn", [(), ("http/1.1",)])
def test_http_1_is_spoken(serve_tls: ServeTls, certificates: Certificates, alpn: tuple[str, ...]) -> None:
    """Also to those who negotiate nothing."""
    with Peer(serve_tls().tls(certificates.context(alpn=alpn)).handshake()) as peer:
        peer.send("GET / HTTP/1.1", "Host: a", "Connection: close").expect(200, body="hello\n", closed=True)


def test_http_2_is_spoken(serve_tls: ServeTls, certificates: Certificates) -> None:
    """The first frame of a server is its SETTINGS (RFC 9113 section 3.4)."""
    with Peer(serve_tls().tls(certificates.context(alpn=("h2",))).handshake()) as peer:
        peer.send_bytes(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]))
        assert peer.expect_bytes(9)[3:5] == b"\x04\x00"
