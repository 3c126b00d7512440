"""Config, application and sockets -> one freastal._core.Worker. The only place that knows both sets of names."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from . import _core
from ._listen import CoreBind, Listeners
from ._log import Log, open_for_appending
from ._tls import CoreTls, Renewal
from .config import Config

_LIMITS = {
    "request_line_bytes_max": "limit_request_line",
    "field_bytes_max": "limit_request_field_size",
    "head_bytes_max": "limit_request_head",
    "fields_max": "limit_request_fields",
    "body_bytes_max": "max_body_size",
    "connections_max": "limit_concurrency",
    "tls_handshakes_max": "limit_handshakes",
    "h2_streams_max": "h2_max_streams",
    "ws_message_bytes_max": "ws_max_size",
    "ws_queue_messages_max": "ws_max_queue",
    "ws_deflate_window_bits": "ws_deflate_window_bits",
}
_TIMEOUTS = {
    "head_timeout_ms": "head_timeout",
    "body_timeout_ms": "body_timeout",
    "write_timeout_ms": "write_timeout",
    "keep_alive_timeout_ms": "keep_alive",
    "tls_handshake_timeout_ms": "handshake_timeout",
    "ws_ping_interval_ms": "ws_ping_interval",
    "ws_ping_timeout_ms": "ws_ping_timeout",
}

_LAST_TURNS_MAX = 512
"""Turns before a drain, 16 connections each: a full queue of 4096 twice over, and an end under any load."""


def core_limits(config: Config) -> dict[str, int]:
    """The limits in the words of struct fr_limits; those that are no option keep the default of the core."""
    limits = {name: getattr(config, option) for name, option in _LIMITS.items()}
    limits.update((name, round(getattr(config, option) * 1000)) for name, option in _TIMEOUTS.items())
    limits["ws_deflate_takeover"] = int(config.ws_deflate_takeover)
    if not config.ws_per_message_deflate:
        limits["ws_deflate_window_bits"] = 0
    return limits


def open_access_log(config: Config) -> int:
    """The descriptor that access lines go to, -1 for none. The caller's, but for stdout."""
    if not config.access_logfile:
        return -1
    return 1 if config.access_logfile == "-" else open_for_appending(config.access_logfile, "access_logfile")


@contextmanager
def access_log(config: Config) -> Iterator[int]:
    """The same, closed in the end."""
    fd = open_access_log(config)
    try:
        yield fd
    finally:
        if fd > 2:
            os.close(fd)


def open_worker(
    application: Callable[..., Any],
    interface: str,
    config: Config,
    binds: list[CoreBind],
    log: Log,
    *,
    tls: CoreTls | None = None,
    access_fd: int = -1,
    stats: object | None = None,
    **hosting: Any,
) -> _core.Worker:
    """A worker that is ready to run. In `hosting` is what only ASGI needs: the loop, and what is told to whom."""
    return _core.Worker(
        application,
        interface=interface,
        binds=binds,
        limits=core_limits(config),
        transport=config.io,
        tls=tls,
        http=config.http,
        server_header="freastal" if config.server_header else None,
        date_header=config.date_header,
        access_format=config.access_logformat if access_fd >= 0 else "off",
        access_fd=access_fd,
        log=log.write,
        log_exception=log.exception,
        stats=stats,
        root_path=config.root_path,
        multithread=False,
        multiprocess=config.workers > 1,
        body_memory_max=config.max_body_memory,
        log_level=log.level,
        **hosting,
    )


def run(worker: _core.Worker, listeners: Listeners, renewal: Renewal | None = None) -> None:
    """Serves until stopped; pause() asks for the drain, from a signal handler or another thread.

    The drain is begun here and not in the core because the sockets are the caller's: as long as one is open, the
    kernel goes on to queue connections that nobody will accept.
    """
    while worker.state != "stopped":
        worker.run()
        if renewal is not None and renewal.take():
            continue
        if worker.state == "serving":
            for _ in last_turns(worker):
                worker.turn()
            worker.drain()
            worker.turn()
            listeners.close()


def last_turns(worker: _core.Worker) -> Iterator[None]:
    """The turns to make before a drain, one for each step: until one brings nobody new.

    Who was queued when the drain was asked for is so accepted, and answered.
    """
    accepted = -1
    for _ in range(_LAST_TURNS_MAX):
        before, accepted = accepted, worker.stats()["connections_accepted"]
        if accepted == before:
            return
        yield
