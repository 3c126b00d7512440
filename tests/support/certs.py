"""A small world of certificates: an authority, servers and clients that it trusts, and those it should not.

All keys are on P-256, made when first asked for, and written as the files that a server is configured with.
"""

from __future__ import annotations

import datetime
import ssl
from dataclasses import dataclass
from functools import cached_property
from ipaddress import ip_address
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

if TYPE_CHECKING:
    from pathlib import Path

PASSWORD = "correct horse"
NOW = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
DAY = datetime.timedelta(days=1)
SERVER, CLIENT = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH


@dataclass(frozen=True)
class Identity:
    """A certificate with its chain and key, as objects and as files."""

    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...]
    """Of authorities between it and the root, its issuer first."""
    key: ec.EllipticCurvePrivateKey
    certfile: Path
    keyfile: Path
    password: str | None = None

    @property
    def pem(self) -> str:
        """The certificate alone."""
        return pem_of(self.certificate)

    @property
    def options(self) -> dict[str, object]:
        """What a server is told."""
        password = {"keyfile_password": self.password} if self.password else {}
        return {"certfile": str(self.certfile), "keyfile": str(self.keyfile), **password}

    @property
    def arguments(self) -> list[str]:
        """The same on the command line."""
        password = ["--keyfile-password", self.password] if self.password else []
        return ["--certfile", str(self.certfile), "--keyfile", str(self.keyfile), *password]


def pem_of(*certificates: x509.Certificate) -> str:
    return "".join(one.public_bytes(serialization.Encoding.PEM).decode() for one in certificates)


def name_of(common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "IT"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "freastal, tests"),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def general_name(name: str) -> x509.GeneralName:
    if "@" in name:
        return x509.RFC822Name(name)
    return x509.IPAddress(ip_address(name)) if name[-1].isdigit() or ":" in name else x509.DNSName(name)


class Authority:
    """Issues certificates: by itself, or below another."""

    def __init__(self, name: str, above: Authority | None = None) -> None:
        self.above = above
        self.key = ec.generate_private_key(ec.SECP256R1())
        signer = above or self
        subject = name_of(name)
        issuer = above.certificate.subject if above else subject
        builder = _builder(subject, issuer, self.key, signer.key).add_extension(x509.BasicConstraints(True, None), True)
        self.certificate = builder.add_extension(_usage(authority=True), True).sign(signer.key, hashes.SHA256())

    @property
    def chain(self) -> tuple[x509.Certificate, ...]:
        """What has to be shown with a certificate of this authority: all but the root."""
        return (self.certificate, *self.above.chain) if self.above else ()

    def issue(
        self,
        folder: Path,
        file_name: str,
        *names: str,
        purpose: x509.ObjectIdentifier = SERVER,
        valid_days: tuple[int, int] = (-2, 88),
        password: str | None = None,
    ) -> Identity:
        """A certificate for these names, the first as common name; in files of `file_name`.crt and .key."""
        key = ec.generate_private_key(ec.SECP256R1())
        first, last = (NOW + days * DAY for days in valid_days)
        certificate = (
            _builder(name_of(names[0]), self.certificate.subject, key, self.key, first, last)
            .add_extension(x509.BasicConstraints(False, None), True)
            .add_extension(_usage(), True)
            .add_extension(x509.ExtendedKeyUsage([purpose]), False)
            .add_extension(x509.SubjectAlternativeName([general_name(name) for name in names]), False)
            .sign(self.key, hashes.SHA256())
        )
        certfile, keyfile = folder / f"{file_name}.crt", folder / f"{file_name}.key"
        certfile.write_text(pem_of(certificate, *self.chain))
        keyfile.write_text(pem_of_key(key, password))
        return Identity(certificate, self.chain, key, certfile, keyfile, password)

    def revoke(self, *revoked: Identity) -> str:
        """A list of certificates that are no longer good, as PEM."""
        builder = x509.CertificateRevocationListBuilder(self.certificate.subject, NOW - DAY, NOW + 30 * DAY)
        for identity in revoked:
            entry = x509.RevokedCertificateBuilder(identity.certificate.serial_number, NOW - DAY).build()
            builder = builder.add_revoked_certificate(entry)
        signed = builder.sign(self.key, hashes.SHA256())
        return signed.public_bytes(serialization.Encoding.PEM).decode()

    def vouch_for(self, identity: Identity) -> bytes:
        """An OCSP response that says it is good, as DER."""
        builder = ocsp.OCSPResponseBuilder().add_response(
            identity.certificate,
            self.certificate,
            hashes.SHA1(),
            ocsp.OCSPCertStatus.GOOD,
            NOW - DAY,
            NOW + 7 * DAY,
            None,
            None,
        )
        response = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, self.certificate)
        return response.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def pem_of_key(key: ec.EllipticCurvePrivateKey, password: str | None = None) -> str:
    encryption = serialization.BestAvailableEncryption(password.encode()) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption).decode()


class Certificates:
    """Everybody who appears in the tests; each is issued when first looked at."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = Authority("freastal test root")
        self.ca_file = folder / "root.crt"
        self.ca_file.write_text(pem_of(self.root.certificate))

    @cached_property
    def stranger(self) -> Authority:
        """Issues under the root's own name, and is not the root."""
        return Authority("freastal test root")

    @cached_property
    def intermediate(self) -> Authority:
        return Authority("freastal test intermediate", self.root)

    @cached_property
    def server(self) -> Identity:
        """For this machine."""
        return self.root.issue(self.folder, "server", "localhost", "127.0.0.1", "::1")

    @cached_property
    def shop(self) -> Identity:
        """With more than one name."""
        return self.root.issue(self.folder, "shop", "shop.test", "www.shop.test")

    @cached_property
    def wildcard(self) -> Identity:
        return self.root.issue(self.folder, "wildcard", "*.wild.test")

    @cached_property
    def chained(self) -> Identity:
        return self.intermediate.issue(self.folder, "chained", "localhost", "127.0.0.1")

    @cached_property
    def encrypted(self) -> Identity:
        """Its key needs a password."""
        return self.root.issue(self.folder, "encrypted", "localhost", "127.0.0.1", password=PASSWORD)

    @cached_property
    def client(self) -> Identity:
        return self._client("client", "Ada Lovelace", "ada@client.test")

    @cached_property
    def chained_client(self) -> Identity:
        return self._client("chained_client", "Charles Babbage", "charles@client.test", issuer=self.intermediate)

    @cached_property
    def expired_client(self) -> Identity:
        return self._client("expired_client", "Gone", "gone@client.test", valid_days=(-3, -1))

    @cached_property
    def revoked_client(self) -> Identity:
        return self._client("revoked_client", "Rogue", "rogue@client.test")

    @cached_property
    def strange_client(self) -> Identity:
        """Issued by somebody who only has the name of the authority."""
        return self._client("strange_client", "Stranger", "stranger@client.test", issuer=self.stranger)

    @cached_property
    def crl_file(self) -> Path:
        """Of the root and of the intermediate, whose clients are checked against it too."""
        path = self.folder / "revoked.crl"
        path.write_text(self.root.revoke(self.revoked_client) + self.intermediate.revoke())
        return path

    @cached_property
    def ocsp_file(self) -> Path:
        """For `server`."""
        path = self.folder / "server.ocsp"
        path.write_bytes(self.root.vouch_for(self.server))
        return path

    def context(
        self, client: Identity | None = None, version: ssl.TLSVersion | None = None, alpn: tuple[str, ...] = ()
    ) -> ssl.SSLContext:
        """A client that trusts the root; with a certificate, of one version only, or with ALPN if wanted."""
        context = ssl.create_default_context(cafile=str(self.ca_file))
        if client:
            context.load_cert_chain(client.certfile, client.keyfile, client.password)
        if version:
            context.minimum_version = context.maximum_version = version
        if alpn:
            context.set_alpn_protocols(list(alpn))
        return context

    def _client(
        self,
        file_name: str,
        *names: str,
        issuer: Authority | None = None,
        valid_days: tuple[int, int] = (-2, 88),
    ) -> Identity:
        issuer = issuer or self.root
        return issuer.issue(self.folder, file_name, *names, purpose=CLIENT, valid_days=valid_days)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    signer: ec.EllipticCurvePrivateKey,
    first: datetime.datetime = NOW - 2 * DAY,
    last: datetime.datetime = NOW + 365 * DAY,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number(), first, last)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), False)
    )


def _usage(authority: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )
