"""Config -> what freastal._core.Worker takes as `tls`: read and found good before any worker is there.

Paths are made absolute, because an application may change the folder and certificates are read again later.
"""

from __future__ import annotations

import os
import stat
from itertools import zip_longest
from typing import Any

from . import _core
from .config import Config
from .errors import CertificateError, ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._log import Log

CoreTls = dict[str, Any]
"""As Worker takes it: see _core.pyi."""

CoreIdentity = tuple[str | None, str | None, str | None, str | None, str | bytes | None, str | bytes | None]

_FILES = ("certfile", "keyfile", "ca_certs", "crl_file", "ocsp_file")


def open_tls(config: Config, log: Log | None = None) -> CoreTls | None:
    """None without TLS. A ConfigError or CertificateError when a worker could not use what is configured."""
    if not config.has_tls:
        return None
    _check_files(config)
    identities, notice = _identities(config), ""
    if config.tls_self_signed:
        from ._self_signed import make_identity

        identity, notice = make_identity(config)
        identities = [identity]
    tls = {
        "identities": identities,
        "verify": config.cert_reqs,
        "ca_file": _absolute(config.ca_certs),
        "crl_file": _absolute(config.crl_file),
        "version_min": config.tls_min_version,
        "ciphers": config.ciphers or None,
        "watch_files": config.reload_certs,
    }
    check_tls(tls)
    if notice and log is not None:
        log.warning(notice)
    return tls


def check_tls(tls: CoreTls) -> None:
    """Reads everything as a worker will; a CertificateError of one sentence."""
    try:
        _core.check_tls(tls)
    except ValueError as problem:
        raise CertificateError(str(problem)) from None


def keep(tls: CoreTls) -> None:
    """Remembers what stands in the files, which are good, for a worker that has to start when they are not."""
    try:
        kept = [_in_memory(identity) for identity in tls["identities"]]
        check_tls({**tls, "identities": kept})
    except (OSError, CertificateError):
        return  # They were replaced in this very moment: what was kept before is as good.
    tls["kept"] = kept


OLD_ONES_STAY = "certificates cannot be used, the old ones stay"


def renew(worker: _core.Worker, log: Log) -> None:
    """Has a worker read its certificates again. Those that cannot be used are told of, and the old ones stay."""
    try:
        worker.reload_tls()
    except ValueError as problem:
        log.error(f"{OLD_ONES_STAY}: {problem}")


def _check_files(config: Config) -> None:
    for option in _FILES:
        value = getattr(config, option)
        for file in value if isinstance(value, tuple) else (value,):
            if file:
                _check_readable(option, file)


class Renewal:
    """Has a worker that turns itself read its certificates again: asked for by a signal, done between two turns."""

    def __init__(self, worker: _core.Worker, log: Log) -> None:
        self._worker = worker
        self._log = log
        self._wanted = self._over = False

    def ask(self) -> None:
        """Also from a signal handler."""
        self._wanted = True
        self._worker.pause()

    def end(self) -> None:
        """The worker drains from here on. In place of its pause(), which would say no more than that of ask."""
        self._over = True
        self._worker.pause()

    def take(self) -> bool:
        """To be called when the worker has paused. Whether that was for certificates alone, and it goes on."""
        if not self._wanted:
            return False
        self._wanted = False
        renew(self._worker, self._log)
        return not self._over


def _in_memory(identity: CoreIdentity) -> CoreIdentity:
    """Without an OCSP response: by then that may be bad as well, or about the new certificate."""
    certfile, keyfile, password, _, certificate, key = identity
    return None, None, password, None, certificate or _contents(certfile), key or _contents(keyfile)


def _contents(file: str | None) -> bytes | None:
    if file is None:
        return None
    with open(file, "rb") as opened:
        return opened.read()


def _identities(config: Config) -> list[CoreIdentity]:
    password = config.keyfile_password or None
    return [
        (_absolute(certfile), _absolute(keyfile), password, _absolute(ocsp_file), None, None)
        for certfile, keyfile, ocsp_file in zip_longest(config.certfile, config.keyfile, config.ocsp_file, fillvalue="")
    ]


def _absolute(file: str) -> str | None:
    return os.path.abspath(file) if file else None


def _check_readable(option: str, file: str) -> None:
    """OpenSSL would say so too, but not for which option."""
    try:
        fd = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        problem = f"cannot be read ({error.strerror}); name a file that the server's user may read"
        raise ConfigError(option, file, problem) from None
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise ConfigError(option, file, "is not a file; it has to be one that can be read again and again")
    finally:
        os.close(fd)
