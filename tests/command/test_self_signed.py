"""freastal/_self_signed.py: a certificate for development, which clients can check if they are given it."""

from __future__ import annotations

import builtins
import hashlib
import re
import ssl

import pytest

from freastal import _core
from freastal._self_signed import make_identity
from freastal._tls import open_tls
from freastal.config import Config
from freastal.errors import ConfigError

x509 = pytest.importorskip("cryptography.x509")


def made(**options):
    """The certificate, its PEM, and the sentence."""
    identity, notice = make_identity(Config(tls_self_signed=True, **options))
    assert identity[:4] == (None, None, None, None)
    return x509.load_pem_x509_certificate(identity[4].encode()), identity[4], notice


def names_of(certificate):
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return [str(name.value) for name in names]


@pytest.mark.parametrize(
    ("bind", "more"),
    [
        (":0", []),
        ("[::]:0", []),
        ("unix:/run/x", []),
        ("127.0.0.1:0", []),
        ("dev.test:0", ["dev.test"]),
        (["192.0.2.1:1", "[2001:db8::1]:1"], ["192.0.2.1", "2001:db8::1"]),
        ("bücher.test:0", []),
    ],
)
def test_what_it_is_for(bind, more):
    certificate, _, _ = made(bind=bind)
    assert names_of(certificate) == ["localhost", "127.0.0.1", "::1", *more]


def test_what_is_said_of_it():
    _, pem, notice = made()
    shown = re.fullmatch(
        r"a certificate that nobody trusts was made for localhost, 127\.0\.0\.1, ::1, for development only; "
        r"its SHA-256 fingerprint is ([0-9A-F:]{95})",
        notice,
    )
    assert shown
    assert shown[1].replace(":", "").lower() == hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()


def test_two_are_never_the_same():
    assert made()[0].serial_number != made()[0].serial_number


def test_without_the_package(monkeypatch):
    real = builtins.__import__

    def without(name, *rest, **more):
        if name.startswith("cryptography"):
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ConfigError) as caught:
        make_identity(Config(tls_self_signed=True))
    assert str(caught.value) == (
        "tls_self_signed=True: needs the package cryptography; get it with: pip install 'freastal[tls]'"
    )


def test_a_worker_can_use_it():
    tls = open_tls(Config(tls_self_signed=True))
    assert _core.check_tls(tls) is None


def test_a_client_that_is_given_it_trusts_it(serve):
    context = ssl.create_default_context()
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    server = serve(tls_self_signed=True, context=context)
    shown = ssl.get_server_certificate((server.host, server.port))
    context.load_verify_locations(cadata=shown)
    assert server.url.startswith("https://127.0.0.1:")
    assert server.get().status == 200
