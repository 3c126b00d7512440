"""Where to listen, as text: host:port, [::1]:port, :port, unix:/path or fd://N, and as a URL. Opens nothing."""

from __future__ import annotations

from ._kinds import digits
from .config import Config
from .errors import ConfigError

DEFAULT_PORT = 8000


class Bind:
    """One address. Exactly one of host, path and fd says what it is."""

    __slots__ = ("fd", "host", "path", "port", "text")

    def __init__(self, text: str, host: str | None = None, port: int = 0, path: str = "", fd: int = -1) -> None:
        self.text = text
        self.host = host
        self.port = port
        self.path = path
        self.fd = fd


def parse_bind(text: str) -> Bind:
    """The address that `text` names, or a ValueError with the remedy. As gunicorn reads it."""
    if text.startswith("unix:"):
        path = text[5:]
        path = path[2:] if path.startswith("//") else path
        if not path:
            raise ValueError("names no path; write unix:/run/app.sock")
        return Bind(text, path=path)
    if text.startswith("fd://"):
        fd = digits(text[5:])
        if fd is None:
            raise ValueError("must have the number of an open descriptor, as in fd://3")
        return Bind(text, fd=fd)
    if "/" in text:
        raise ValueError("is not an address; write host:port, or unix:PATH for a unix socket")
    return _parse_host(text)


def parse_binds(config: Config) -> list[Bind]:
    """The addresses of a configuration, each of them readable, or a ConfigError that names the one that is not."""
    binds = []
    for text in config.addresses:
        try:
            binds.append(parse_bind(text))
        except ValueError as problem:
            option, value = ("bind", text) if config.bind else ("host", config.host)
            raise ConfigError(option, value, str(problem)) from None
    return binds


def parse_redirect(config: Config) -> Bind | None:
    """Where plain HTTP is to be sent to https from, if anywhere; a ConfigError when that is no address."""
    if not config.redirect_http:
        return None
    try:
        return parse_bind(config.redirect_http)
    except ValueError as problem:
        raise ConfigError("redirect_http", config.redirect_http, str(problem)) from None


def _parse_host(text: str) -> Bind:
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or not host or (rest and not rest.startswith(":")):
            raise ValueError("must be [IPv6 address]:port, as in [::1]:8000")
        return Bind(text, host, _parse_port(rest[1:]) if rest else DEFAULT_PORT)
    host, colon, port = text.rpartition(":")
    if ":" in host:
        raise ValueError(f"looks like an IPv6 address; put it in brackets, as in [{text}]:{DEFAULT_PORT}")
    if colon:
        return Bind(text, host or "0.0.0.0", _parse_port(port))
    if not text or digits(text) is not None:
        raise ValueError(f"must be host:port; for a port of every address write :{text or DEFAULT_PORT}")
    return Bind(text, text, DEFAULT_PORT)


def _parse_port(text: str) -> int:
    port = digits(text)
    if port is None or port > 65535:
        raise ValueError(f"has the port {text!r}; it must be a number from 0 to 65535")
    return port


def url_of(host: str, port: int, is_unix: bool, scheme: str = "http") -> str:
    """What to type into a client; an address that means every address of the machine stays as it is."""
    if is_unix:
        return f"unix:{host}"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
