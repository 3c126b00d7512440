"""Config -> listening sockets, held by the process that starts the workers.

On Linux each worker slot has sockets of its own on the same TCP port (SO_REUSEPORT): the kernel spreads the
connections, and those waiting for a worker that died are kept for the next in its slot. Unix sockets and inherited
descriptors cannot be had twice, and elsewhere SO_REUSEPORT does not spread: there all workers share one socket.
"""

from __future__ import annotations

import errno
import os
import socket
import stat
import sys

from ._bind import Bind, parse_binds, parse_redirect, url_of
from .config import Config
from .errors import ConfigError, ListenError

CoreBind = tuple[int, str, int, bool] | tuple[int, str, int, bool, int]
"""As freastal._core.Worker takes it: descriptor, host or path, port, whether it is a unix socket; and for a listener
that only sends clients to https, the port there."""

_SPREADS = sys.platform == "linux"


class Listener:
    """One address that is listened at: a socket for each slot, or one that all share."""

    def __init__(self, bind: Bind, sockets: list[socket.socket], scheme: str) -> None:
        self.bind = bind
        self.sockets = sockets
        self.scheme = scheme
        self.redirect_port = 0
        """Where on this machine https is, for a listener that only sends clients there."""
        self._owner_pid = os.getpid()
        self._inode = _inode_of(bind.path) if bind.path else None
        self.is_unix = sockets[0].family == socket.AF_UNIX
        name = sockets[0].getsockname()
        self.host: str = (name or bind.path or bind.text) if self.is_unix else name[0]
        self.port: int = 0 if self.is_unix else name[1]

    @property
    def url(self) -> str:
        return url_of(self.host, self.port, self.is_unix, self.scheme)

    def socket_of(self, slot: int) -> socket.socket:
        return self.sockets[slot % len(self.sockets)]

    def core_bind(self, slot: int) -> CoreBind:
        ordinary = self.socket_of(slot).fileno(), self.host, self.port, self.is_unix
        return (*ordinary, self.redirect_port) if self.redirect_port else ordinary

    def keep_only(self, slot: int) -> None:
        """In a worker: lets go of the sockets of the other slots, or they would stay open as long as this process."""
        kept = self.socket_of(slot)
        for other in self.sockets:
            if other is not kept:
                other.close()
        self.sockets = [kept]

    def close(self) -> None:
        """Stops listening as far as this process is concerned; a unix socket's file goes with the one who made it."""
        for each in self.sockets:
            each.close()
        if self._inode is not None and os.getpid() == self._owner_pid and _inode_of(self.bind.path) == self._inode:
            os.unlink(self.bind.path)
            self._inode = None


class Listeners:
    """Every address of a configuration; the one that sends clients to https, if there is one, comes last."""

    def __init__(self, config: Config, slots: int) -> None:
        self.entries: list[Listener] = []
        binds = parse_binds(config)
        redirect = parse_redirect(config)
        everything = [*binds, redirect] if redirect is not None else binds
        try:
            for bind in everything:
                scheme = "https" if config.has_tls and bind is not redirect else "http"
                self.entries.append(_open(bind, everything, config, slots, scheme))
            if redirect is not None:
                self.entries[-1].redirect_port = self._https_port(config)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Listeners:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def urls(self) -> list[str]:
        """Where the application is."""
        return [entry.url for entry in self.entries if not entry.redirect_port]

    @property
    def description(self) -> str:
        """All URLs, for a line of the log."""
        return ", ".join(entry.url + " (leads there)" * bool(entry.redirect_port) for entry in self.entries)

    def _https_port(self, config: Config) -> int:
        ports = [entry.port for entry in self.entries[:-1] if entry.port]
        if not ports:
            problem = "has no port to send clients to; listen at host:port with --bind as well"
            raise ConfigError("redirect_http", config.redirect_http, problem)
        return ports[0]

    def core_binds(self, slot: int) -> list[CoreBind]:
        return [entry.core_bind(slot) for entry in self.entries]

    def keep_only(self, slot: int) -> None:
        for entry in self.entries:
            entry.keep_only(slot)

    def close(self) -> None:
        for entry in self.entries:
            entry.close()


def _open(bind: Bind, binds: list[Bind], config: Config, slots: int, scheme: str) -> Listener:
    try:
        if bind.fd >= 0:
            sockets = [_adopt(bind.fd)]
        elif bind.path:
            sockets = [_open_unix(bind.path, config.umask)]
        else:
            sockets = _open_tcp(bind, binds, slots)
        try:
            for each in sockets:
                each.listen(config.backlog)
                each.setblocking(False)
            return Listener(bind, sockets, scheme)
        except BaseException:
            for each in sockets:
                each.close()
            raise
    except OSError as error:
        raise ListenError(f"cannot listen at {bind.text}: {_explain(error)}") from error


def _open_tcp(bind: Bind, binds: list[Bind], slots: int) -> list[socket.socket]:
    family, address = _resolve(bind)
    # A second wildcard on the same port would collide with an IPv6 one that also takes IPv4.
    v6_only = family == socket.AF_INET6 and any(
        other.host is not None and other.port == bind.port and ":" not in other.host for other in binds
    )
    first = _bind_tcp(family, address, v6_only, share=False)
    if slots == 1 or not _SPREADS:
        return [first]
    # Bound alone first: with SO_REUSEPORT from the start a second server of the same user would not be refused
    # but quietly take a part of the connections.
    sockets: list[socket.socket] = []
    try:
        address = (*address[:1], first.getsockname()[1], *address[2:])
        for _ in range(slots):
            sockets.append(_bind_tcp(family, address, v6_only, share=True))
    except BaseException:
        for each in sockets:
            each.close()
        raise
    finally:
        first.close()
    return sockets


def _bind_tcp(family: int, address: tuple[object, ...], v6_only: bool, *, share: bool) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if share:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if v6_only:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(address)
    except BaseException:
        made.close()
        raise
    return made


def _resolve(bind: Bind) -> tuple[int, tuple[object, ...]]:
    """The first address of a host, IPv4 before IPv6: one address, so that port 0 means one port."""
    found = socket.getaddrinfo(bind.host, bind.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    found.sort(key=lambda entry: entry[0] != socket.AF_INET)
    return found[0][0], found[0][4]


def _open_unix(path: str, umask: int | None) -> socket.socket:
    _remove_stale(path)
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    previous = os.umask(umask) if umask is not None else None
    try:
        made.bind(path)
    except BaseException:
        made.close()
        raise
    finally:
        if previous is not None:
            os.umask(previous)
    return made


def _remove_stale(path: str) -> None:
    """Takes away the file of a server that is gone; one that still answers, or no socket at all, is left alone."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise OSError(errno.EEXIST, "the file exists and is not a socket; move it away or choose another path")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)
            return
        except BlockingIOError:
            pass  # Its backlog is full: somebody does listen.
    raise OSError(errno.EADDRINUSE, "")


def _adopt(fd: int) -> socket.socket:
    """A socket on a duplicate of `fd`, so that closing ours leaves the one that was inherited."""
    try:
        mode = os.fstat(fd).st_mode
    except OSError:
        mode = 0
    if not stat.S_ISSOCK(mode):
        reason = "is not a socket" if mode else "is not open"
        raise OSError(errno.EBADF, f"descriptor {fd} {reason}; pass a bound stream socket under this number")
    adopted = socket.socket(fileno=os.dup(fd))
    if adopted.type != socket.SOCK_STREAM or adopted.family not in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX):
        adopted.close()
        raise OSError(errno.EBADF, f"descriptor {fd} is not a TCP or unix stream socket")
    return adopted


def _inode_of(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _explain(error: OSError) -> str:
    """Reason and remedy, in one sentence."""
    if isinstance(error, socket.gaierror):
        return "the host is unknown; give an address of this machine, or 0.0.0.0 for all of them"
    if error.errno == errno.EADDRINUSE:
        return "it is in use already; stop the other server or choose another address with --bind"
    if error.errno == errno.EACCES:
        return "permission denied; choose a port above 1023, a folder that is writable, or run with the privilege"
    if error.errno == errno.EADDRNOTAVAIL:
        return "this machine has no such address; give one of its own, or 0.0.0.0 for all of them"
    if error.errno == errno.EAFNOSUPPORT:
        return "this machine does not support this family of addresses"
    if error.errno == errno.ENOENT:
        return "there is no such folder; create it or choose another path"
    text = error.strerror or str(error)
    return "the path is too long for a unix socket; choose a shorter one" if "too long" in text else text
