"""The file that tells other programs the server's process id. Written once it serves, removed when it ends."""

from __future__ import annotations

import os

from ..errors import ConfigError

_PID_MAX = (1 << 31) - 1


class PidFile:
    """`path` may be empty: then there is none."""

    def __init__(self, path: str) -> None:
        self._path = os.path.abspath(path) if path else ""
        self._pid = os.getpid()

    def __enter__(self) -> PidFile:
        if self._path:
            self._refuse_if_running()
            self._write()
        return self

    def __exit__(self, *_: object) -> None:
        if self._path and self._read() == self._pid:
            os.unlink(self._path)

    def _refuse_if_running(self) -> None:
        other = self._read()
        if other is not None and other != self._pid and _is_alive(other):
            raise ConfigError("pid", self._path, f"names process {other}, which is running; stop it or choose another")

    def _read(self) -> int | None:
        try:
            with open(self._path, "rb") as file:
                content = file.read(32).strip()
        except OSError:
            return None
        pid = int(content) if content.isdigit() else 0
        return pid if 0 < pid <= _PID_MAX else None

    def _write(self) -> None:
        """Whole or not at all: a reader never sees half a number."""
        fresh = f"{self._path}.{self._pid}"
        try:
            with open(fresh, "w", encoding="ascii") as file:
                file.write(f"{self._pid}\n")
            os.replace(fresh, self._path)
        except OSError as error:
            problem = f"cannot be written ({error.strerror}); choose a file that can"
            raise ConfigError("pid", self._path, problem) from None


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
