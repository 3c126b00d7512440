"""One line at a time to stderr or a file: `2026-01-31 12:00:00 +0000 [pid] level: message`.

Not the logging module, which costs a tenth of the start-up time and takes a lock per line. A line is one write to a
descriptor opened for appending, so lines of several processes do not mix.
"""

from __future__ import annotations

import os
import sys
import time

from .errors import ConfigError

DEBUG, INFO, WARNING, ERROR, CRITICAL = 10, 20, 30, 40, 50
LEVELS = {"debug": DEBUG, "info": INFO, "warning": WARNING, "error": ERROR, "critical": CRITICAL}
_NAMES = {number: name for name, number in LEVELS.items()}


class Log:
    """Where the server says what it does."""

    def __init__(self, level: str = "info", file: str = "-") -> None:
        self.level = LEVELS[level]
        self._fd = -1 if file == "-" else open_for_appending(file, "error_logfile")
        self._lost = 0

    def write(self, level: int, message: str) -> None:
        """One line, when it is serious enough."""
        if level >= self.level:
            name = _NAMES.get(level, str(level))
            stamp = time.strftime("%Y-%m-%d %H:%M:%S %z")
            self._put(f"{stamp} [{os.getpid()}] {name}: {message}\n")

    def debug(self, message: str) -> None:
        self.write(DEBUG, message)

    def info(self, message: str) -> None:
        self.write(INFO, message)

    def warning(self, message: str) -> None:
        self.write(WARNING, message)

    def error(self, message: str) -> None:
        self.write(ERROR, message)

    def exception(self, message: str, error: BaseException) -> None:
        """A failure of the application, with its traceback."""
        self.write(ERROR, f"{message}\n{traceback_text(error).rstrip()}")

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _put(self, line: str) -> None:
        """A full disk or a closed terminal must not end the server: lost lines are counted, and told of later."""
        if self._lost:
            line = f"({self._lost} lines before this one could not be written)\n{line}"
        try:
            if self._fd >= 0:
                os.write(self._fd, line.encode("utf-8", "backslashreplace"))
            elif sys.stderr is not None:
                sys.stderr.write(line)
                sys.stderr.flush()
            self._lost = 0
        except (OSError, ValueError):
            self._lost += 1


def open_for_appending(file: str, option: str) -> int:
    """A descriptor of the file an option names, made when it does not exist."""
    try:
        return os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    except OSError as error:
        problem = f"cannot be written ({error.strerror}); choose a file that can, or - for the terminal"
        raise ConfigError(option, file, problem) from None


def traceback_text(error: BaseException) -> str:
    """The traceback as Python prints it."""
    import traceback

    return "".join(traceback.format_exception(type(error), error, error.__traceback__))
