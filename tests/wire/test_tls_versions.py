"""What is agreed on: versions, cipher suites, groups; and what is not: compression, renegotiation, early data."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.openssl import LAST_REQUEST, s_client, talking
from tests.support.server import RunningServer

pytestmark = pytest.mark.needs_tool("openssl")

ServeTls = Callable[..., RunningServer]

ANY_CIPHER = ("-cipher", "ALL:@SECLEVEL=0")
INTERMEDIATE = ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305")
SUITES = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")
WEAK = (
    "ECDHE-ECDSA-AES128-SHA",
    "ECDHE-ECDSA-AES256-SHA384",
    "ECDHE-ECDSA-AES256-CCM8",
    "ECDHE-ECDSA-NULL-SHA",
    "AES128-GCM-SHA256",
    "ADH-AES128-GCM-SHA256",
)


@pytest.mark.parametrize("version", ["-tls1", "-tls1_1"])
def test_old_versions_are_refused(serve_tls: ServeTls, version: str) -> None:
    report = s_client(serve_tls(), version, *ANY_CIPHER)
    assert not report.connected
    assert report.alert == "protocol version", report.text


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_versions(serve_tls: ServeTls, version: str) -> None:
    report = s_client(serve_tls(), f"-tls{version.replace('.', '_')}")
    assert report.version == f"TLSv{version}"
    assert "HTTP/1.1 200 OK" in report.text
    assert "\nCompression: NONE\n" in report.text


def test_the_least_version_is_set(serve_tls: ServeTls) -> None:
    server = serve_tls(tls_min_version="1.3")
    assert s_client(server, "-tls1_2").alert == "protocol version"
    assert s_client(server).version == "TLSv1.3"


def test_cipher_suites(serve_tls: ServeTls) -> None:
    server = serve_tls()
    for cipher in INTERMEDIATE:
        assert s_client(server, "-tls1_2", "-cipher", cipher).cipher == cipher
    for suite in SUITES:
        assert s_client(server, "-tls1_3", "-ciphersuites", suite).cipher == suite


def test_weak_cipher_suites_are_refused(serve_tls: ServeTls) -> None:
    server = serve_tls()
    for cipher in WEAK:
        report = s_client(server, "-tls1_2", "-cipher", f"{cipher}:@SECLEVEL=0")
        assert not report.connected, cipher
        assert report.alert == "handshake failure", (cipher, report.text)


def test_cipher_suites_that_are_set(serve_tls: ServeTls) -> None:
    server = serve_tls(ciphers="ECDHE-ECDSA-CHACHA20-POLY1305")
    assert s_client(server, "-tls1_2").cipher == "ECDHE-ECDSA-CHACHA20-POLY1305"
    assert s_client(server, "-tls1_2", "-cipher", INTERMEDIATE[0]).alert == "handshake failure"
    assert s_client(server).version == "TLSv1.3"


def test_groups(serve_tls: ServeTls) -> None:
    server = serve_tls()
    for group, name in (("X25519", "X25519"), ("P-256", "prime256v1"), ("P-384", "secp384r1")):
        assert s_client(server, "-tls1_3", "-groups", group).group == name
    # In TLS 1.2 the certificate has to be on one of them too, and the server prefers the one that is faster.
    for groups, name in (("X25519:P-256", "X25519"), ("P-256", "prime256v1"), ("P-384:P-256", "prime256v1")):
        assert s_client(server, "-tls1_2", "-groups", groups).group == name
    report = s_client(server, "-groups", "P-521")
    assert report.alert == "handshake failure", report.text


def test_a_group_that_the_client_did_not_guess(serve_tls: ServeTls) -> None:
    """Its first is not ours: it is asked again (HelloRetryRequest), and answers with the second."""
    assert s_client(serve_tls(), "-groups", "P-521:P-256").group == "prime256v1"


def test_what_protects_tls_1_2(serve_tls: ServeTls) -> None:
    text = s_client(serve_tls(), "-tls1_2").text
    assert "Secure Renegotiation IS supported" in text
    assert "Extended master secret: yes" in text


def test_renegotiation_is_refused(serve_tls: ServeTls) -> None:
    server = serve_tls()
    with talking(server, "-tls1_2") as client:
        client.hear("Verify return code").say("R\n")
        assert "no renegotiation" in client.hear("RENEGOTIATING").hear_the_end()
    assert server.get().status == 200


def test_early_data_is_not_offered(serve_tls: ServeTls) -> None:
    assert "Max Early Data: 0\n" in s_client(serve_tls(), "-tls1_3").text


def test_new_keys_midway(serve_tls: ServeTls) -> None:
    """KeyUpdate, with and without asking for the server's (RFC 8446 section 4.6.3)."""
    with talking(serve_tls(), "-tls1_3") as client:
        client.hear("Verify return code")
        for command in ("K\n", "k\n", "K\n"):
            client.say(command).hear("KEYUPDATE")
            client.say("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").hear("HTTP/1.1 200 OK").hear("hello")
        client.say(LAST_REQUEST).hear("HTTP/1.1 200 OK")


def test_new_keys_without_end(serve_tls: ServeTls) -> None:
    """A client that does nothing else is let go of: each costs more than it carries."""
    server = serve_tls()
    with talking(server, "-tls1_3") as client:
        client.hear("Verify return code")
        for _ in range(500):
            try:
                client.say("K\n").hear("KEYUPDATE")
            except (AssertionError, BrokenPipeError):
                break
        else:
            raise AssertionError("all of them were taken")
    assert server.get().status == 200
