"""Which options of TLS need each other, and which exclude each other. Opens nothing: files are _tls.py's."""

from __future__ import annotations

from .errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .config import Config

_OF_CERTIFICATES = ("keyfile", "keyfile_password", "ocsp_file", "reload_certs")
"""What is about files that --tls-self-signed does not have."""
_OF_TLS = ("ca_certs", "cert_reqs", "crl_file", "ciphers", "tls_min_version", "redirect_http")


def check_together(config: Config) -> None:
    """Refuses what would be ignored, and what cannot be meant. A ConfigError with the remedy."""
    if config.tls_self_signed and config.certfile:
        raise _refuse(config, "certfile", "names a certificate, and --tls-self-signed makes one; leave one of them out")
    for name in (*_OF_CERTIFICATES, *_OF_TLS):
        if _is_given(config, name):
            _check_basis(config, name)
    _check_pairs(config)
    _check_clients(config)
    if config.ciphers and config.tls_min_version == "1.3":
        raise _refuse(
            config, "ciphers", "is about TLS 1.2, which --tls-min-version 1.3 excludes; leave one of them out"
        )


def _check_basis(config: Config, name: str) -> None:
    if name in _OF_CERTIFICATES and not config.certfile:
        raise _refuse(config, name, "belongs to a certificate; name that with --certfile")
    if not config.has_tls:
        raise _refuse(config, name, "means something with TLS only; turn that on with --certfile or --tls-self-signed")


def _check_pairs(config: Config) -> None:
    count = len(config.certfile)
    if "" in config.certfile:
        raise _refuse(config, "certfile", "names no file; give the certificate, with its chain, as PEM")
    if "" in config.keyfile:
        raise _refuse(config, "keyfile", "names no file; give the key of each certificate, as PEM")
    if config.keyfile and len(config.keyfile) != count:
        remedy = "give one for each, in the same order, or none when the keys stand in the certificates' files"
        raise _refuse(config, "keyfile", f"names {len(config.keyfile)} for {count} of --certfile; {remedy}")
    if config.ocsp_file and len(config.ocsp_file) != count:
        remedy = "give one for each, in the same order, and '' where there is none"
        raise _refuse(config, "ocsp_file", f"names {len(config.ocsp_file)} for {count} of --certfile; {remedy}")


def _check_clients(config: Config) -> None:
    if config.cert_reqs != "none" and not config.ca_certs:
        raise _refuse(config, "cert_reqs", "needs to know whose certificates are trusted; name them with --ca-certs")
    for name in ("ca_certs", "crl_file"):
        if _is_given(config, name) and config.cert_reqs == "none":
            remedy = "ask for them with --cert-reqs required, or optional"
            raise _refuse(config, name, f"is about the certificates of clients, which are asked for none; {remedy}")


def _is_given(config: Config, name: str) -> bool:
    return bool(getattr(config, name) != type(config).__dataclass_fields__[name].default)


def _refuse(config: Config, name: str, problem: str) -> ConfigError:
    return ConfigError(name, config.shown(name), problem)
