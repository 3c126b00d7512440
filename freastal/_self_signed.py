"""--tls-self-signed: a certificate for development, made in memory when the server starts and gone when it ends."""

from __future__ import annotations

import datetime
import ipaddress

from ._bind import parse_binds
from .config import Config
from .errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cryptography.x509 import GeneralName

_NAMES = ("localhost", "127.0.0.1", "::1")
_LIFE = datetime.timedelta(days=365)
_SKEW = datetime.timedelta(hours=1)
"""How far the clocks of clients may be behind."""


def make_identity(config: Config) -> tuple[tuple[None, None, None, None, str, str], str]:
    """A new key with a certificate for this machine and the addresses that are listened at; a sentence about it."""
    names = list(dict.fromkeys((*_NAMES, *_hosts(config))))
    try:
        certificate, key, fingerprint = _make(names)
    except ImportError:
        problem = "needs the package cryptography; get it with: pip install 'freastal[tls]'"
        raise ConfigError("tls_self_signed", True, problem) from None
    notice = (
        f"a certificate that nobody trusts was made for {', '.join(names)}, for development only; "
        f"its SHA-256 fingerprint is {fingerprint}"
    )
    return (None, None, None, None, certificate, key), notice


def _hosts(config: Config) -> list[str]:
    """What --bind names, without addresses that mean every address, and names that no certificate can hold."""
    hosts = [bind.host for bind in parse_binds(config) if bind.host]
    return [host for host in hosts if host.isascii() and not _is_wildcard(host)]


def _is_wildcard(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


def _make(names: list[str]) -> tuple[str, str, str]:
    """PEM of the certificate, PEM of its key, and the fingerprint as browsers show it."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "freastal, self-signed for development")])
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = x509.CertificateBuilder(
        issuer_name=name,
        subject_name=name,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=now - _SKEW,
        not_valid_after=now + _LIFE,
    )
    usage = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "crl_sign", "encipher_only",
         "decipher_only", "key_cert_sign"), False,
    )  # fmt: skip
    for extension, critical in (
        (x509.SubjectAlternativeName([_general_name(each) for each in names]), False),
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (x509.KeyUsage(digital_signature=True, **usage), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
        (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), False),
    ):
        builder = builder.add_extension(extension, critical)
    certificate = builder.sign(key, hashes.SHA256())
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    fingerprint = certificate.fingerprint(hashes.SHA256()).hex(":").upper()
    return certificate.public_bytes(pem).decode(), secret.decode(), fingerprint


def _general_name(name: str) -> GeneralName:
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
