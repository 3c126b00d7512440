"""Config: every option once, with its default, its check, its help and its place on the command line.

The command line is generated from the fields below; environment and files will be too. Where gunicorn has an
option it has gunicorn's name and meaning. Durations are in seconds, sizes in bytes. The numbers that limit a
request repeat src/base/limits.h, where each is explained; a test keeps the two equal.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from . import _kinds as kinds
from ._tls_rules import check_together
from .errors import ConfigError

BINDING, TLS, APPLICATION, WORKERS, LIMITS, TIMEOUTS, WEBSOCKETS, ANSWERS, LOGGING = (
    "Where to listen",
    "TLS and HTTP/2",
    "Application",
    "Workers",
    "Limits",
    "Timeouts",
    "WebSockets",
    "Answers",
    "Logging",
)

_DAY_S = 86400.0
_BYTES_MAX = 1 << 31
_BODY_BYTES_MAX = 1 << 62


@dataclass(frozen=True)
class Option:
    """What is known of an option beside its name and default."""

    kind: kinds.Kind
    help: str
    group: str
    metavar: str = ""
    flags: tuple[str, ...] = ()
    off_help: str = ""
    """For switches that are on: what the --no- flag does."""
    secret: bool = False
    """Not to be shown to anybody."""


def _option(default: Any, kind: kinds.Kind, group: str, help: str, **more: Any) -> Any:  # noqa: A002
    return field(default=default, repr=not more.get("secret"), metadata={"option": Option(kind, help, group, **more)})


@dataclass(frozen=True, kw_only=True)
class Config:
    """How to serve. Frozen and checked: a Config that exists is valid."""

    bind: tuple[str, ...] = _option(
        (), kinds.texts, BINDING, "HOST:PORT, [::1]:PORT, :PORT, unix:PATH or fd://N; repeat it for more than one.",
        metavar="ADDRESS", flags=("-b", "--bind"),
    )  # fmt: skip
    host: str = _option("127.0.0.1", kinds.text, BINDING, "Host to listen at when --bind is not given.")
    port: int = _option(
        8000, kinds.integer(0, 65535), BINDING, "Port to listen at when --bind is not given; 0 picks a free one."
    )
    backlog: int = _option(
        2048, kinds.integer(1, 65535), BINDING, "Connections that may wait to be accepted, for each socket."
    )
    umask: int | None = _option(
        None, kinds.integer(0, 0o777, base=8), BINDING,
        "Mask of the file mode of unix sockets and of files that the application makes, octal; as inherited.",
        metavar="OCTAL", flags=("-m", "--umask"),
    )  # fmt: skip

    certfile: tuple[str, ...] = _option(
        (), kinds.paths, TLS, "Certificate and its chain, PEM; repeat it for more names. Turns TLS on.",
        metavar="FILE",
    )  # fmt: skip
    keyfile: tuple[str, ...] = _option(
        (), kinds.paths, TLS, "Its key, PEM; one for each --certfile, in their order; without, it stands in those.",
        metavar="FILE",
    )  # fmt: skip
    keyfile_password: str = _option(
        "", kinds.text, TLS, "What the keys are encrypted with.", metavar="TEXT", secret=True
    )
    ca_certs: str = _option("", kinds.path, TLS, "Whose client certificates are trusted, PEM.", metavar="FILE")
    cert_reqs: str = _option(
        "none", kinds.cert_reqs, TLS, "Whether clients show a certificate; optional: a bad one is told, not refused.",
        metavar="none|optional|required",
    )  # fmt: skip
    crl_file: str = _option("", kinds.path, TLS, "Client certificates that were revoked, PEM.", metavar="FILE")
    ciphers: str = _option(
        "", kinds.text, TLS, "Suites for TLS 1.2, as OpenSSL lists them; Mozilla's intermediate ones.", metavar="LIST"
    )
    tls_min_version: str = _option(
        "1.2", kinds.choice("1.2", "1.3"), TLS, "Oldest version that is spoken.", metavar="1.2|1.3"
    )
    ocsp_file: tuple[str, ...] = _option(
        (), kinds.paths, TLS, "OCSP response to staple, DER; one for each --certfile, '' for none.", metavar="FILE"
    )
    reload_certs: bool = _option(
        False, kinds.boolean, TLS, "Read certificates and keys again when their files change; HUP does so at any time."
    )
    tls_self_signed: bool = _option(
        False, kinds.boolean, TLS, "Make a certificate for development, in memory; needs the package cryptography."
    )
    redirect_http: str = _option(
        "", kinds.text, TLS, "Where else to listen for plain HTTP, all of which is sent to https.", metavar="ADDRESS"
    )
    http: str = _option(
        "auto", kinds.choice("auto", "1", "2"), TLS,
        "Version to speak; auto: what the client chooses (ALPN, or HTTP/2 by prior knowledge).", metavar="auto|1|2",
    )  # fmt: skip

    interface: str = _option(
        "auto", kinds.choice("auto", "wsgi", "asgi"), APPLICATION, "What the application speaks; found out.",
        metavar="auto|wsgi|asgi",
    )  # fmt: skip
    lifespan: str = _option(
        "auto", kinds.choice("auto", "on", "off"), APPLICATION,
        "ASGI: whether the application is told of start and end; auto: if it wants to be.", metavar="auto|on|off",
    )  # fmt: skip
    loop: str = _option(
        "auto", kinds.choice("auto", "freastal", "asyncio", "uvloop"), APPLICATION,
        "ASGI: the event loop of a worker; auto: freastal, our own.", metavar="auto|freastal|asyncio|uvloop",
    )  # fmt: skip
    factory: bool = _option(
        False, kinds.boolean, APPLICATION, "The name is of a function that returns the application."
    )
    app_dir: str = _option(
        "", kinds.path, APPLICATION, "Folder to import the application from; the current one.", metavar="FOLDER"
    )
    chdir: str = _option(
        "", kinds.path, APPLICATION, "Change to this folder first; all other paths are relative to it.",
        metavar="FOLDER",
    )  # fmt: skip
    root_path: str = _option(
        "", kinds.root_path, APPLICATION, "Path below which the application is mounted (SCRIPT_NAME, root_path).",
        metavar="PATH",
    )  # fmt: skip

    workers: int = _option(
        1, kinds.integer(1, 1024), WORKERS, "Worker processes.", flags=("-w", "--workers")
    )  # fmt: skip
    preload: bool = _option(False, kinds.boolean, WORKERS, "Load the application once, before the workers are forked.")
    pid: str = _option(
        "", kinds.path, WORKERS, "File to write the server's process id to.", metavar="FILE", flags=("-p", "--pid")
    )
    io: str = _option("auto", kinds.choice("auto", "uv"), WORKERS, "How bytes are moved.", metavar="auto|uv")

    limit_request_line: int = _option(
        8190, kinds.size(64, _BYTES_MAX), LIMITS, "Bytes of the request line; 414.", metavar="SIZE"
    )
    limit_request_fields: int = _option(100, kinds.integer(1, 32768), LIMITS, "Header fields of a request; 431.")
    limit_request_field_size: int = _option(
        8190, kinds.size(64, _BYTES_MAX), LIMITS, "Bytes of one header field; 431.", metavar="SIZE",
        flags=("--limit-request-field_size", "--limit-request-field-size"),
    )  # fmt: skip
    limit_request_head: int = _option(
        65536, kinds.size(256, _BYTES_MAX), LIMITS, "Bytes of the request line and all fields; 431.", metavar="SIZE"
    )
    max_body_size: int = _option(
        1 << 30, kinds.size(0, _BODY_BYTES_MAX), LIMITS, "Bytes of a body; 413.", metavar="SIZE"
    )
    max_body_memory: int = _option(
        1 << 20,
        kinds.size(0, _BYTES_MAX),
        LIMITS,
        "WSGI: bytes of a body held in memory; more goes to a temporary file.",
        metavar="SIZE",
    )
    limit_concurrency: int = _option(
        10000, kinds.integer(0, 1 << 30), LIMITS, "Connections of one worker; 503 beyond; 0: no limit."
    )

    limit_handshakes: int = _option(
        1024,
        kinds.integer(0, 1 << 30),
        LIMITS,
        "TLS handshakes of one worker in progress; the oldest goes; 0: no limit.",
    )
    h2_max_streams: int = _option(
        100, kinds.integer(1, 1 << 30), LIMITS, "HTTP/2: requests of one connection at the same time."
    )

    keep_alive: float = _option(
        5.0, kinds.seconds(0, _DAY_S), TIMEOUTS, "Idle time between two requests of a connection; 0: close after one."
    )
    head_timeout: float = _option(
        10.0, kinds.seconds(0.001, _DAY_S), TIMEOUTS, "From the first byte of a request to the end of its head; 408."
    )
    body_timeout: float = _option(
        30.0, kinds.seconds(0.001, _DAY_S), TIMEOUTS, "Without progress of a body that is awaited; 408."
    )
    write_timeout: float = _option(
        30.0, kinds.seconds(0.001, _DAY_S), TIMEOUTS, "Without progress of an answer that the peer does not read."
    )
    graceful_timeout: float = _option(
        30.0, kinds.seconds(0, _DAY_S), TIMEOUTS, "For open requests to be finished when the server is told to stop."
    )

    handshake_timeout: float = _option(
        10.0, kinds.seconds(0.001, _DAY_S), TIMEOUTS, "From the connection to the end of the TLS handshake."
    )

    ws_max_size: int = _option(
        1 << 24, kinds.size(1, _BYTES_MAX), WEBSOCKETS, "Bytes of a message, decompressed; 1009.", metavar="SIZE"
    )
    ws_max_queue: int = _option(
        32, kinds.integer(1, 65535), WEBSOCKETS, "Messages that wait for the application; then the peer has to."
    )
    ws_ping_interval: float = _option(
        20.0, kinds.seconds(0, _DAY_S), WEBSOCKETS, "Silence after which a peer is sent a ping; 0: no pings."
    )
    ws_ping_timeout: float = _option(
        20.0, kinds.seconds(0.001, _DAY_S), WEBSOCKETS, "From a ping to the pong that answers it; 1011."
    )
    ws_per_message_deflate: bool = _option(
        True, kinds.boolean, WEBSOCKETS, "Compress messages when the peer offers it.",
        off_help="Compress no messages.",
    )  # fmt: skip
    ws_deflate_window_bits: int = _option(
        12, kinds.integer(9, 15), WEBSOCKETS,
        "How far back compression looks, as a power of two: memory of each connection.",
    )  # fmt: skip
    ws_deflate_takeover: bool = _option(
        True, kinds.boolean, WEBSOCKETS, "Compression looks back at earlier messages too.",
        off_help="Each message is compressed by itself: larger, and no memory between two.",
    )  # fmt: skip

    server_header: bool = _option(
        True, kinds.boolean, ANSWERS, "Send 'Server: freastal'.", off_help="Send no Server field."
    )
    date_header: bool = _option(True, kinds.boolean, ANSWERS, "Send Date.", off_help="Send no Date field.")

    access_logfile: str = _option(
        "", kinds.path, LOGGING, "File for a line about each request, - for stdout; none.", metavar="FILE"
    )
    access_logformat: str = _option(
        "combined", kinds.choice("common", "combined"), LOGGING, "Form of these lines.", metavar="common|combined"
    )
    error_logfile: str = _option(
        "-", kinds.path, LOGGING, "File for everything else, - for stderr.",
        metavar="FILE", flags=("--error-logfile", "--log-file"),
    )  # fmt: skip
    log_level: str = _option(
        "info", kinds.choice("debug", "info", "warning", "error", "critical"), LOGGING, "Least serious line to log.",
        metavar="debug|info|warning|error|critical",
    )  # fmt: skip

    def __post_init__(self) -> None:
        for name, option in OPTIONS.items():
            value = getattr(self, name)
            if value is None and DEFAULTS[name] is None:
                continue
            try:
                object.__setattr__(self, name, option.kind(value))
            except ValueError as problem:
                raise ConfigError(name, self.shown(name), str(problem)) from None
        if self.bind and (self.host != DEFAULTS["host"] or self.port != DEFAULTS["port"]):
            raise ConfigError("bind", self.bind, "says where to listen already; leave host and port out")
        check_together(self)

    def replace(self, **changes: Any) -> Config:
        """The same configuration with some options changed, checked again."""
        return dataclasses.replace(self, **changes)

    def shown(self, name: str) -> Any:
        """The value of an option, as far as anybody may see it."""
        return "(secret)" if OPTIONS[name].secret else getattr(self, name)

    @property
    def has_tls(self) -> bool:
        """Whether connections are encrypted."""
        return bool(self.certfile) or self.tls_self_signed

    @property
    def addresses(self) -> tuple[str, ...]:
        """Where to listen, from whichever of the options says it."""
        host = f"[{self.host}]" if ":" in self.host and not self.host.startswith("[") else self.host
        return self.bind or (f"{host}:{self.port}",)


OPTIONS: dict[str, Option] = {entry.name: entry.metadata["option"] for entry in dataclasses.fields(Config)}
DEFAULTS: dict[str, Any] = {entry.name: entry.default for entry in dataclasses.fields(Config)}


def config_from(config: Config | None, options: dict[str, Any]) -> Config:
    """`config` with `options` laid over it; a name that is no option is refused with the nearest that is."""
    for name in options:
        if name not in OPTIONS:
            raise TypeError(f"freastal has no option {name!r}{_nearest(name)}")
    return config.replace(**options) if config is not None else Config(**options)


def _nearest(name: str) -> str:
    from difflib import get_close_matches

    found = get_close_matches(name, OPTIONS, n=1)
    return f"; did you mean {found[0]!r}?" if found else ""
