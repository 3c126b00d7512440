"""What the value of an option may be: from text or a Python value to the normal form, or a ValueError with the remedy.

A kind knows nothing of the options that use it. Command line, environment and files all bring text; Python
brings values: both come through here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

Kind = Callable[[Any], Any]

_SIZE_UNITS = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
_CERT_REQS = ("none", "optional", "required")
_TRUE = ("1", "true", "yes", "on")
_FALSE = ("0", "false", "no", "off")


def text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("must be text")
    if "\0" in value:
        raise ValueError("must not contain a NUL character")
    return value


def path(value: Any) -> str:
    """A file or folder; the empty path means none."""
    if hasattr(value, "__fspath__"):
        value = value.__fspath__()
    return text(value)


def texts(value: Any) -> tuple[str, ...]:
    """One text or several."""
    if isinstance(value, str):
        return (text(value),)
    if not isinstance(value, Iterable):
        raise ValueError("must be text, or a list of texts")
    return tuple(text(item) for item in value)


def paths(value: Any) -> tuple[str, ...]:
    """One file or several."""
    if isinstance(value, str) or hasattr(value, "__fspath__"):
        return (path(value),)
    if not isinstance(value, Iterable):
        raise ValueError("must be a file, or a list of files")
    return tuple(path(item) for item in value)


def boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in _TRUE + _FALSE:
        return value.lower() in _TRUE
    raise ValueError("must be true or false")


def choice(*allowed: str) -> Kind:
    def convert(value: Any) -> str:
        if value not in allowed:
            raise ValueError(f"must be one of {', '.join(allowed)}")
        return str(value)

    return convert


def integer(least: int, most: int, *, base: int = 10) -> Kind:
    def convert(value: Any) -> int:
        if isinstance(value, str):
            number = digits(value, base)
        else:
            number = value if isinstance(value, int) and not isinstance(value, bool) else None
        if number is None or not least <= number <= most:
            spelled = "an octal number" if base == 8 else "a whole number"
            raise ValueError(f"must be {spelled} from {_in_base(least, base)} to {_in_base(most, base)}")
        return number

    return convert


def seconds(least: float, most: float) -> Kind:
    """A duration; fractions are welcome."""

    def convert(value: Any) -> float:
        try:
            number = None if isinstance(value, bool) else float(value)
        except (TypeError, ValueError):
            number = None
        if number is None or not least <= number <= most:
            raise ValueError(f"must be a number of seconds from {least:g} to {most:g}")
        return number

    return convert


def size(least: int, most: int) -> Kind:
    """A number of bytes, as a number or as text with one of the binary suffixes k, m and g."""

    def convert(value: Any) -> int:
        number = value if isinstance(value, int) and not isinstance(value, bool) else None
        if isinstance(value, str):
            unit = _SIZE_UNITS.get(value[-1:].lower(), 1)
            number = digits(value[:-1] if unit > 1 else value, 10)
            number = None if number is None else number * unit
        if number is None or not least <= number <= most:
            raise ValueError(f"must be a number of bytes from {least} to {most}; k, m and g may follow it, as in 64k")
        return number

    return convert


def cert_reqs(value: Any) -> str:
    """Whether clients have to show a certificate: by name, or by gunicorn's numbers, which are those of module ssl."""
    given = str(int(value)) if isinstance(value, int) and not isinstance(value, bool) else value
    for number, name in enumerate(_CERT_REQS):
        if given in (str(number), name):
            return name
    raise ValueError("must be none, optional or required; 0, 1 and 2 mean the same")


def root_path(value: Any) -> str:
    """The part of the path that a proxy in front has taken away: empty, or /like/this."""
    prefix = text(value).rstrip("/")
    if prefix and (not prefix.startswith("/") or any(ord(char) < 33 or ord(char) > 126 for char in prefix)):
        raise ValueError("must begin with / and hold visible ASCII only, as in /app")
    return prefix


def digits(text: str, base: int = 10) -> int | None:
    """The number that plain digits mean, else None: int() also takes signs, spaces, underscores, other alphabets."""
    return int(text, base) if 0 < len(text) <= 20 and not text.strip("0123456789"[:base]) else None


def _in_base(number: int, base: int) -> str:
    return f"{number:o}" if base == 8 else str(number)
