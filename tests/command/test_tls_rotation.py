"""Certificates are replaced while clients come, stay and go: none of them notices but by the new certificate."""

from __future__ import annotations

import os
import shutil
import signal
import ssl
import threading
from contextlib import ExitStack

import pytest

from tests.support.certs import Authority, Identity
from tests.support.peer import Peer
from tests.support.server import BASIC, TIMEOUT_S

ROTATIONS = 6
PATHS = ("/", "/bytes?n=20000", "/stream?n=20")


@pytest.fixture
def files(tmp_path, certificates):
    """What the server reads; `install` puts another identity there, each file at once as a careful tool does."""
    return Files(tmp_path, certificates)


class Files:
    def __init__(self, folder, certificates) -> None:
        self.certificates = certificates
        self.folder = folder
        self.certfile, self.keyfile = folder / "tls.crt", folder / "tls.key"
        self.count = 0
        self.install(self.issue())

    @property
    def arguments(self) -> list[str]:
        return ["--certfile", str(self.certfile), "--keyfile", str(self.keyfile)]

    def issue(self, authority: Authority | None = None) -> Identity:
        self.count += 1
        return (authority or self.certificates.root).issue(
            self.folder, f"issued-{self.count}", "localhost", "127.0.0.1"
        )

    def install(self, identity: Identity) -> bytes:
        """The certificate as clients will see it."""
        for source, target in ((identity.keyfile, self.keyfile), (identity.certfile, self.certfile)):
            copy = shutil.copy(source, f"{target}.new")
            os.replace(copy, target)
        return ssl.PEM_cert_to_DER_cert(identity.pem)


def shown(server, context=None) -> bytes:
    with server.tls(context) as client:
        return client.handshake().tls.getpeercert(binary_form=True)


class Load:
    """Clients that ask all the time: some on one connection, some on a new one each time, some resumed."""

    def __init__(self, server) -> None:
        self.server = server
        self.failures: list[BaseException] = []
        self.done = 0
        self.seen: set[bytes] = set()
        self._stop = threading.Event()
        self._progress = threading.Condition()
        self._threads = [
            threading.Thread(target=self._run, args=(visit,))
            for visit in (self._stay, self._stay, self._come_and_go, self._come_and_go, self._resume)
        ]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(TIMEOUT_S)

    def go_on(self, count: int = 40) -> None:
        """Until so many more requests have been answered, or one has failed."""
        with self._progress:
            wanted = self.done + count
            assert self._progress.wait_for(lambda: self.done >= wanted or self.failures, TIMEOUT_S)

    def _run(self, visit) -> None:
        try:
            while not self._stop.is_set():
                visit()
        except BaseException as error:
            with self._progress:
                self.failures.append(error)
                self._progress.notify_all()

    def _ask(self, peer: Peer, last: bool = False) -> None:
        for path in PATHS:
            close = ["Connection: close"] if last and path == PATHS[-1] else []
            peer.send(f"GET {path} HTTP/1.1", "Host: a", *close).expect(200, closed=bool(close))
            with self._progress:
                self.done += 1
                self._progress.notify_all()

    def _note(self, peer: Peer) -> Peer:
        self.seen.add(peer.socket.tls.getpeercert(binary_form=True))
        return peer

    def _stay(self) -> None:
        with self._note(self.server.peer()) as peer:
            while not self._stop.is_set():
                self._ask(peer)

    def _come_and_go(self) -> None:
        with self._note(self.server.peer()) as peer:
            self._ask(peer, last=True)

    def _resume(self) -> None:
        with self.server.peer() as peer:
            self._ask(peer, last=True)
            session = peer.socket.tls.session
        with Peer(self.server.tls(session=session).handshake()) as peer:
            self._ask(peer, last=True)


def until_shown(server, wanted: bytes, times: int = 12, context=None) -> None:
    """Every worker shows it: so often in a row that none of two can be missed."""
    attempts = 0
    row = 0
    while row < times:
        row = row + 1 if shown(server, context) == wanted else 0
        attempts += 1
        assert attempts < 2000, server.log


@pytest.mark.parametrize("how", ["HUP", "watch"])
def test_rotation_under_load(launch, certificates, files, how):
    extra = ["--reload-certs"] if how == "watch" else []
    server = launch(BASIC, "-w", "2", *files.arguments, *extra, context=certificates.context())
    pids = server.worker_pids()
    with Load(server) as load:
        rotations = ROTATIONS if how == "HUP" else 1
        for _ in range(rotations):
            load.go_on()
            wanted = files.install(files.issue())
            if how == "HUP":
                server.send(signal.SIGHUP)
            until_shown(server, wanted)
    assert not load.failures, load.failures
    assert len(load.seen) > 1
    assert server.worker_pids() == pids  # the same workers: nobody was replaced
    assert server.stop() == 0


def test_connections_keep_what_they_began_with(launch, certificates, files):
    server = launch(BASIC, *files.arguments, context=certificates.context())
    with ExitStack() as stack:
        peers = [stack.enter_context(server.peer()) for _ in range(5)]
        half_open = stack.enter_context(server.tls())
        half_open.raw.sendall(half_open.say_hello())
        half_open.feed()
        wanted = files.install(files.issue())
        server.send(signal.SIGHUP)
        until_shown(server, wanted)
        for peer in (*peers, Peer(half_open.handshake())):
            peer.send("GET / HTTP/1.1", "Host: a").expect(200)
            assert peer.socket.tls.getpeercert(binary_form=True) != wanted


def test_many_signals_at_once(launch, certificates, files):
    """Some come while the files are being read, and some while they are being replaced."""
    server = launch(BASIC, "-w", "2", *files.arguments, context=certificates.context())
    pids = server.worker_pids()
    with Load(server) as load:
        for _ in range(10):
            wanted = files.install(files.issue())
            for _ in range(5):
                server.send(signal.SIGHUP)
        until_shown(server, wanted)
        load.go_on()
    assert not load.failures, load.failures
    assert server.worker_pids() == pids


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_client_that_was_revoked_is_known_no_more(launch, certificates, files, version):
    """Not by a ticket of better times either, nor on another worker."""
    crl_file = files.folder / "list.crl"
    crl_file.write_text(certificates.root.revoke())
    trust = ["--cert-reqs", "required", "--ca-certs", str(certificates.ca_file), "--crl-file", str(crl_file)]
    context = certificates.context(certificates.revoked_client, version)
    server = launch(BASIC, *files.arguments, *trust, context=context)
    with server.peer() as peer:
        peer.send("GET / HTTP/1.1", "Host: a").expect(200)
        session = peer.socket.tls.session
    with Peer(server.tls(session=session).handshake()) as peer:
        assert peer.socket.tls.session_reused
        peer.send("GET / HTTP/1.1", "Host: a").expect(200)
    crl_file.write_text(certificates.root.revoke(certificates.revoked_client))
    wanted = files.install(files.issue())
    server.send(signal.SIGHUP)
    good = certificates.context(certificates.client)
    until_shown(server, wanted, context=good)
    with pytest.raises(ssl.SSLError, match=r"(?i)revoked"):
        Peer(server.tls(session=session).handshake()).send("GET / HTTP/1.1", "Host: a").hear()
    with Peer(server.tls(good).handshake()) as peer:
        peer.send("GET / HTTP/1.1", "Host: a").expect(200)


BAD = {
    "not PEM": lambda files: files.certfile.write_text("not a certificate"),
    "cut": lambda files: files.certfile.write_text(files.certfile.read_text()[:300]),
    "empty": lambda files: files.certfile.write_text(""),
    "gone": lambda files: files.certfile.unlink(),
    "another key": lambda files: shutil.copy(files.issue().keyfile, files.keyfile),
    "key not PEM": lambda files: files.keyfile.write_text("not a key"),
    "key gone": lambda files: files.keyfile.unlink(),
}


def test_a_bad_one_changes_nothing(launch, certificates, files):
    """The old one stays, one line says why, and the next good one is taken."""
    server = launch(BASIC, *files.arguments, context=certificates.context())
    for what, spoil in BAD.items():
        good = shown(server)
        since = len(server.lines)
        spoil(files)
        server.send(signal.SIGHUP)
        line = server.wait_for_log(r"(?i)(error|warning): .*(certificate|key|tls)", since=since)
        assert str(files.folder) in line.string, (what, line.string)
        assert shown(server) == good, what
        complaints = [line for line in server.lines[since:] if str(files.folder) in line]
        assert len(complaints) == 1, (what, complaints)
        since = len(server.lines)
        wanted = files.install(files.issue())
        server.send(signal.SIGHUP)
        until_shown(server, wanted)
    assert server.stop() == 0


def test_a_bad_one_at_the_start(launch, certificates, files):
    """One sentence, and no worker is ever started."""
    for what in ("cut", "gone", "another key"):
        files.install(files.issue())
        BAD[what](files)
        server = launch(BASIC, *files.arguments, wait=False)
        assert server.wait() != 0, what
        lines = [line for line in server.lines if line.strip()]
        assert str(files.folder) in server.log, (what, server.log)
        assert len(lines) <= 2, (what, lines)
        assert "Traceback" not in server.log, what
