"""Handshakes of every kind, a thousand times: full, resumed, failed, left in the middle; and certificates read anew."""

from __future__ import annotations

import socket
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from typing import Any

from freastal import _core
from tests.leaks.scene import GET, LAST_GET, Round, Scene
from tests.support.certs import Certificates, Identity

VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
CUT_STEP_BYTES = 37
"""Between the places where clients leave: no divisor of anything."""


class World:
    """The certificates of a scenario, and what its worker is told of them."""

    def __init__(self, verify: str = "none") -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.certificates = Certificates(Path(self.folder.name))
        self.verify = verify
        self.ring = bytearray(_core.ticket_ring_bytes())
        clients = [None, self.certificates.client, self.certificates.expired_client]
        shown = clients if verify == "optional" else clients[:1]
        self.contexts = [self.certificates.context(client, version) for client in shown for version in VERSIONS]
        for context in self.contexts:
            context.check_hostname = False

    def options(self) -> dict[str, Any]:
        identities = [self.certificates.chained, self.certificates.shop]
        return {
            "identities": [self._files(identity) for identity in identities],
            "verify": self.verify,
            "ca_file": None if self.verify == "none" else str(self.certificates.ca_file),
            "crl_file": None,
            "version_min": "1.2",
            "ciphers": None,
            "tickets": self.ring,
        }

    def _files(self, identity: Identity) -> tuple[str | None, ...]:
        return (str(identity.certfile), str(identity.keyfile), None, None, None, None)


class TlsScene(Scene):
    """A worker that speaks TLS; its peer is left alone, each visit has a connection of its own."""

    def __init__(self, application: Any, tls: str, **options: Any) -> None:
        self.world = World(tls)
        super().__init__(application, tls=self.world.options(), **options)
        self.contexts = cycle(self.world.contexts)

    def close(self) -> None:
        super().close()
        self.world.folder.cleanup()

    def visit(self, rounds: int, visit: Callable[[Visitor], None]) -> None:
        for number in range(rounds):
            with Visitor(self, next(self.contexts), number) as visitor:
                visit(visitor)
            while self.worker.stats()["connections_open"] > 1:
                self.turn(1)
        self.settle()


class Visitor:
    """A client of TLS in the same thread: whenever it has to wait, the worker is turned."""

    def __init__(self, scene: TlsScene, context: ssl.SSLContext, number: int) -> None:
        self.scene, self.context, self.number = scene, context, number
        self.peer = scene.connect()
        self.peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.left = -1  # how many bytes may still be sent; -1: all
        self.tls: ssl.SSLObject | None = None

    def __enter__(self) -> Visitor:
        return self

    def __exit__(self, *_: object) -> None:
        self.peer.close()

    def shake(self) -> ssl.SSLObject:
        self.tls = self.context.wrap_bio(self.incoming, self.outgoing, server_hostname="shop.test")
        self.run(self.tls.do_handshake)
        return self.tls

    def ask(self, request: bytes = LAST_GET) -> None:
        """One request, and all that comes until the worker closes."""
        assert self.tls
        self.tls.write(request)
        while self.run(lambda: self.tls.read(1 << 16)):
            pass

    def run(self, step: Callable[[], Any]) -> Any:
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:
                self.send(self.outgoing.read())
                self.feed()
            except ssl.SSLZeroReturnError:
                return b""
            finally:
                self.send(self.outgoing.read())

    def send(self, data: bytes) -> None:
        if self.left >= 0:
            data = data[: self.left]
            self.left -= len(data)
        while data:
            try:
                data = data[self.peer.send(data) :]
            except BlockingIOError:
                self.scene.turn()
        if self.left == 0:
            self.scene.turn()
            raise Left

    def feed(self) -> None:
        while True:
            self.scene.turn()
            try:
                data = self.peer.recv(1 << 16)
            except BlockingIOError:
                continue
            if not data:
                raise Left
            self.incoming.write(data)
            return


class Left(Exception):
    """One of the two has gone, as the scenario wants it."""


def full(visitor: Visitor) -> None:
    visitor.shake()
    visitor.ask()


def left(visitor: Visitor) -> None:
    """After ever so many bytes, from nothing to the middle of the request."""
    visitor.left = 1 + visitor.number * CUT_STEP_BYTES % 1200
    if visitor.number % 2:
        visitor.peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    try:
        full(visitor)
    except Left:
        return


REFUSED = (
    lambda visitor: visitor.send(b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00" + b"x" * 100),
    lambda visitor: visitor.send(b"\xff" * 600),
    lambda visitor: visitor.send(GET),
    lambda visitor: (visitor.shake(), visitor.send(b"\x17\x03\x03\x00\x20" + b"x" * 32)),
    lambda visitor: (visitor.shake(), visitor.send(b"\x17\x03\x03\xff\xff" + b"x" * 32)),
)


def failed(visitor: Visitor) -> None:
    """Handshakes and records that are refused in each way."""
    try:
        REFUSED[visitor.number % len(REFUSED)](visitor)
        while True:
            visitor.feed()
    except (Left, ConnectionResetError):
        return


def left_answer(visitor: Visitor) -> None:
    """In the middle of an answer, with records waiting to be written."""
    tls = visitor.shake()
    tls.write(GET)
    visitor.run(lambda: tls.read(1))


def visiting(visit: Callable[[Visitor], None]) -> Round:
    def run(scene: Scene, rounds: int) -> None:
        assert isinstance(scene, TlsScene)
        scene.visit(rounds, visit)

    return run


def resuming(scene: Scene, rounds: int) -> None:
    """By a process of its own: see there."""
    assert isinstance(scene, TlsScene)
    world, port = scene.world, scene.listener.getsockname()[1]
    client = world.certificates.client
    shown = [str(client.certfile), str(client.keyfile)] if world.verify == "optional" else []
    command = [sys.executable, "-m", "tests.leaks.resuming", str(port), str(rounds), str(world.certificates.ca_file)]
    with subprocess.Popen([*command, *shown]) as process:
        while process.poll() is None:
            scene.turn(5)
    assert process.returncode == 0
    scene.settle()


def reloading(scene: Scene, rounds: int) -> None:
    """Some connections outlive the certificates that they began with."""
    assert isinstance(scene, TlsScene)
    for number in range(0, rounds, 2):
        with Visitor(scene, next(scene.contexts), number) as visitor:
            visitor.shake()
            scene.worker.reload_tls()
            visitor.ask()
        with Visitor(scene, next(scene.contexts), number) as visitor:
            full(visitor)
    scene.settle()


def bad_reloading(scene: Scene, rounds: int) -> None:
    """New certificates that are none: refused each time, and the old ones serve on."""
    assert isinstance(scene, TlsScene)
    certfile = scene.world.certificates.chained.certfile
    good = certfile.read_text()
    for number in range(rounds):
        certfile.write_text(good[: 50 + number % len(good[50:-50])])
        try:
            scene.worker.reload_tls()
        except ValueError:
            certfile.write_text(good)
        with Visitor(scene, next(scene.contexts), number) as visitor:
            full(visitor)
    scene.settle()


def tls_scenarios(small: Any, large: Any) -> dict[str, tuple[Any, Round, dict[str, Any]]]:
    """By two applications of WSGI: one that answers little, and one that answers more than fits on the way."""
    plain, clients = {"tls": "none"}, {"tls": "optional"}
    return {
        "tls_full": (small, visiting(full), plain),
        "tls_resumed": (small, resuming, plain),
        "tls_clients": (small, visiting(full), clients),
        "tls_clients_resumed": (small, resuming, clients),
        "tls_failed": (small, visiting(failed), clients),
        "tls_left": (small, visiting(left), clients),
        "tls_left_answer": (large, visiting(left_answer), plain),
        "tls_reload": (small, reloading, plain),
        "tls_bad_reload": (small, bad_reloading, plain),
    }
