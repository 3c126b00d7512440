"""freastal/_tls_rules.py: options of TLS that need each other, or exclude each other."""

from __future__ import annotations

import pytest

from freastal.config import Config
from freastal.errors import ConfigError

CLIENTS = {"certfile": "a", "cert_reqs": "required", "ca_certs": "b"}


@pytest.mark.parametrize(
    "options",
    [
        {"certfile": "a"},
        {"certfile": ["a", "b"], "keyfile": ["c", "d"], "ocsp_file": ["", "e"]},
        {"certfile": ["a", "b"]},
        {"certfile": "a", "keyfile": "b", "keyfile_password": "c", "reload_certs": True},
        {"certfile": "a", "ciphers": "HIGH", "redirect_http": ":80"},
        {"certfile": "a", "tls_min_version": "1.3"},
        {**CLIENTS, "crl_file": "c"},
        {"certfile": "a", "cert_reqs": 1, "ca_certs": "b"},
        {"tls_self_signed": True, "cert_reqs": "optional", "ca_certs": "b", "redirect_http": ":80"},
        {"http": "2", "h2_max_streams": 5, "handshake_timeout": 1, "limit_handshakes": 1},
    ],
)
def test_what_goes_together(options):
    Config(**options)


@pytest.mark.parametrize(
    ("options", "option", "problem"),
    [
        ({"keyfile": "k"}, "keyfile", "belongs to a certificate; name that with --certfile"),
        ({"keyfile_password": "p"}, "keyfile_password", "belongs to a certificate"),
        ({"ocsp_file": "o"}, "ocsp_file", "belongs to a certificate"),
        ({"reload_certs": True}, "reload_certs", "belongs to a certificate"),
        ({"tls_self_signed": True, "reload_certs": True}, "reload_certs", "belongs to a certificate"),
        ({"tls_self_signed": True, "keyfile": "k"}, "keyfile", "belongs to a certificate"),
        ({"ca_certs": "c"}, "ca_certs", "with TLS only; turn that on with --certfile or --tls-self-signed"),
        ({"cert_reqs": 2}, "cert_reqs", "with TLS only"),
        ({"crl_file": "c"}, "crl_file", "with TLS only"),
        ({"ciphers": "HIGH"}, "ciphers", "with TLS only"),
        ({"tls_min_version": "1.3"}, "tls_min_version", "with TLS only"),
        ({"redirect_http": ":80"}, "redirect_http", "with TLS only"),
        (
            {"certfile": "a", "tls_self_signed": True},
            "certfile",
            "and --tls-self-signed makes one; leave one of them out",
        ),
        ({"certfile": ""}, "certfile", "names no file"),
        ({"certfile": "a", "keyfile": ""}, "keyfile", "names no file"),
        ({"certfile": ["a", "b"], "keyfile": "k"}, "keyfile", "names 1 for 2 of --certfile; give one for each"),
        ({"certfile": "a", "keyfile": ["k", "l"]}, "keyfile", "names 2 for 1 of --certfile"),
        ({"certfile": ["a", "b"], "ocsp_file": "o"}, "ocsp_file", "in the same order, and '' where there is none"),
        ({"certfile": "a", "cert_reqs": "optional"}, "cert_reqs", "name them with --ca-certs"),
        ({"certfile": "a", "ca_certs": "c"}, "ca_certs", "ask for them with --cert-reqs required, or optional"),
        ({"certfile": "a", "crl_file": "c"}, "crl_file", "ask for them with --cert-reqs required, or optional"),
        ({"certfile": "a", "ciphers": "HIGH", "tls_min_version": "1.3"}, "ciphers", "is about TLS 1.2"),
    ],
)
def test_what_does_not(options, option, problem):
    with pytest.raises(ConfigError) as caught:
        Config(**options)
    assert caught.value.option == option
    assert problem in caught.value.problem
    assert caught.value.exit_code == 2


def test_a_password_is_not_repeated():
    with pytest.raises(ConfigError) as caught:
        Config(keyfile_password="correct horse")
    assert "correct horse" not in str(caught.value)
