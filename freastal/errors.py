"""What a user of freastal may catch. Each error is one sentence, and knows the exit code it stands for."""

from __future__ import annotations

from ._core import ClientDisconnected as ClientDisconnected


class FreastalError(Exception):
    """Anything that keeps the server from running."""

    exit_code = 1


class ConfigError(FreastalError, ValueError):
    """An option has a value that it cannot have."""

    exit_code = 2

    def __init__(self, option: str, value: object, problem: str) -> None:
        super().__init__(f"{option}={value!r}: {problem}")
        self.option = option
        self.value = value
        self.problem = problem


class CertificateError(FreastalError):
    """A certificate, its key, or what else TLS is told by files cannot be used."""

    exit_code = 2


class LoadError(FreastalError):
    """The application named cannot be found, or is not one."""

    exit_code = 2


class ListenError(FreastalError):
    """An address cannot be listened at."""


class BootError(FreastalError):
    """The application or its workers failed before the first request could be served."""

    exit_code = 3
