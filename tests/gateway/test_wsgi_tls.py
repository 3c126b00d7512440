"""environ over TLS: the variables of mod_ssl, each of its own connection."""

from __future__ import annotations

import io
import ssl
import sys

import pytest

from tests.gateway.gateway import Recorder
from tests.support.peer import Peer

OF_TLS = {"HTTPS", "SSL_PROTOCOL", "SSL_CIPHER", "SSL_SESSION_RESUMED", "SSL_SERVER_CERT", "SSL_CLIENT_VERIFY"}


@pytest.fixture
def recorder():
    return Recorder()


@pytest.fixture
def secured(gateway, recorder, certificates, tls):
    """secured(**more of tls): a gateway over TLS to the recorder."""

    def secured(**more):
        server = gateway(recorder, tls={**tls, "ca_file": str(certificates.ca_file), **more})
        server.context = certificates.context()
        return server

    return secured


@pytest.fixture
def seen(recorder):
    """seen(server, context): the environ of a request over a connection of its own."""

    def seen(server, context=None, **more):
        with Peer(server.tls(context, **more).handshake()) as peer:
            peer.send("GET / HTTP/1.1", "Host: a", "Connection: close").expect(200)
        return recorder.environs[-1]

    return seen


def of_tls(environ):
    return {name: value for name, value in environ.items() if name.startswith("SSL_") or name == "HTTPS"}


def test_without_tls_there_is_nothing(gateway, recorder):
    assert of_tls(recorder.seen(gateway(recorder))) == {}


def test_the_variables(secured, seen, certificates):
    environ = seen(secured(), certificates.context(version=ssl.TLSVersion.TLSv1_3))
    assert environ["wsgi.url_scheme"] == "https"
    told = of_tls(environ)
    assert set(told) == {*OF_TLS, "SSL_TLS_SNI"}
    assert told["HTTPS"] == "on"
    assert told["SSL_PROTOCOL"] == "TLSv1.3"
    assert told["SSL_CIPHER"] in ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")
    assert told["SSL_SESSION_RESUMED"] == "Initial"
    assert told["SSL_TLS_SNI"] == "localhost"
    assert told["SSL_CLIENT_VERIFY"] == "NONE"
    assert ssl.PEM_cert_to_DER_cert(told["SSL_SERVER_CERT"]) == ssl.PEM_cert_to_DER_cert(certificates.server.pem)


def test_without_a_name_there_is_no_sni(secured, seen, certificates):
    context = certificates.context()
    context.check_hostname = False
    assert set(of_tls(seen(secured(), context, server_name=None))) == OF_TLS


def test_the_certificate_of_a_client(secured, seen, certificates):
    client = certificates.client
    told = of_tls(seen(secured(verify="required"), certificates.context(client)))
    assert told["SSL_CLIENT_VERIFY"] == "SUCCESS"
    assert told["SSL_CLIENT_S_DN_CN"] == "Ada Lovelace"
    assert ssl.PEM_cert_to_DER_cert(told["SSL_CLIENT_CERT"]) == ssl.PEM_cert_to_DER_cert(client.pem)


def test_a_certificate_that_is_not_trusted(secured, seen, certificates):
    told = of_tls(seen(secured(verify="optional"), certificates.context(certificates.expired_client)))
    assert told["SSL_CLIENT_VERIFY"] == "FAILED:certificate has expired"
    assert told["SSL_CLIENT_S_DN_CN"] == "Gone"


def test_no_client_is_taken_for_another(secured, seen, certificates):
    server = secured(verify="optional")
    who = {"Ada Lovelace": certificates.client, "Rogue": certificates.revoked_client, None: None}
    contexts = {name: certificates.context(client) for name, client in who.items()}
    for name in [*contexts, *reversed(contexts), *contexts]:
        told = of_tls(seen(server, contexts[name]))
        assert told.get("SSL_CLIENT_S_DN_CN") == name
        assert told["SSL_CLIENT_VERIFY"] == ("SUCCESS" if name else "NONE")


def test_more_names_than_are_kept(secured, seen, certificates):
    server, context = secured(), certificates.context()
    context.check_hostname = False
    for number in range(100):
        name = f"host-{number}.test"
        assert seen(server, context, server_name=name)["SSL_TLS_SNI"] == name


def test_each_request_has_an_environ_of_its_own(secured, recorder):
    server = secured()
    with server.peer() as peer:
        peer.send("GET /a HTTP/1.1", "Host: a").expect(200)
        recorder.environs[-1].clear()
        peer.send("GET /b HTTP/1.1", "Host: a").expect(200)
    environ = recorder.environs[-1]
    assert environ["PATH_INFO"] == "/b"
    assert environ["HTTPS"] == "on"
    assert environ["REMOTE_PORT"]


def test_wsgi_errors_follow_stderr(secured, seen, monkeypatch):
    server = secured()
    assert seen(server)["wsgi.errors"] is sys.stderr
    other = io.StringIO()
    monkeypatch.setattr(sys, "stderr", other)
    environ = seen(server)
    assert environ["wsgi.errors"] is other
    assert environ["HTTPS"] == "on"


def test_a_field_is_no_variable(secured, recorder):
    with secured().peer() as peer:
        peer.send("GET / HTTP/1.1", "Host: a", "SSL-CLIENT-VERIFY: SUCCESS", "Https: off").expect(200)
    environ = recorder.environs[-1]
    assert (environ["SSL_CLIENT_VERIFY"], environ["HTTPS"]) == ("NONE", "on")
    assert (environ["HTTP_SSL_CLIENT_VERIFY"], environ["HTTP_HTTPS"]) == ("SUCCESS", "off")
