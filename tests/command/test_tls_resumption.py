"""Session tickets: what one worker has sealed, another one opens; full handshakes and resumed ones side by side."""

from __future__ import annotations

import json
import os
import signal
import ssl

import pytest

from tests.support.openssl import s_client
from tests.support.peer import Peer
from tests.support.server import BASIC

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]
VISITS = 40
"""Enough for each of two workers to be met many times."""


def visit(server, context, session=None) -> tuple[str, bool, ssl.SSLSession]:
    """One request on a connection of its own: who answered, whether the session was resumed, and the next session."""
    with Peer(server.tls(context, session=session).handshake()) as peer:
        answer = peer.send("GET /pid HTTP/1.1", "Host: a", "Connection: close").expect(200, closed=True)
        return answer.body.decode(), peer.socket.tls.session_reused, peer.socket.tls.session


@pytest.mark.parametrize("version", VERSIONS)
def test_across_workers(launch_tls, certificates, version):
    server = launch_tls(BASIC, "-w", "2")
    context = certificates.context(version=version)
    first, resumed, session = visit(server, context)
    assert not resumed
    others = set()
    for _ in range(VISITS):
        pid, resumed, next_session = visit(server, context, session)
        assert resumed
        if version == ssl.TLSVersion.TLSv1_3:
            session = next_session  # each of its tickets is meant to be used once (RFC 8446 appendix C.4)
        others.add(pid)
    assert len(others) == 2
    assert first in others


def test_a_worker_that_comes_later_opens_them_too(launch_tls, certificates):
    server = launch_tls(BASIC)
    context = certificates.context()
    first, _, session = visit(server, context)
    os.kill(server.worker_pids()[0], signal.SIGKILL)
    server.wait_for_log("was killed by SIGKILL; another is started now")
    second, resumed, _ = visit(server, context, session)
    assert second != first
    assert resumed


def test_another_server_does_not_open_them(launch_tls, certificates):
    """Its ring has keys of its own: the handshake is a full one, and nobody fails."""
    context = certificates.context()
    _, _, session = visit(launch_tls(BASIC), context)
    _, resumed, _ = visit(launch_tls(BASIC), context, session)
    assert not resumed


def test_two_tickets_or_less(launch_tls, certificates):
    """What a connection costs before its first request: tickets are bytes and hashes."""
    text = s_client(launch_tls(BASIC), "-tls1_3").text
    assert 1 <= text.count("Post-Handshake New Session Ticket arrived") <= 2


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_openssl_resumes(launch_tls, tmp_path, version):
    server = launch_tls(BASIC, "-w", "2")
    session = str(tmp_path / "session")
    assert not s_client(server, version, "-sess_out", session).reused
    for _ in range(6):
        assert s_client(server, version, "-sess_in", session).reused


def test_a_resumed_connection_is_told(launch_tls, certificates):
    server = launch_tls(BASIC)
    context = certificates.context()
    _, _, session = visit(server, context)
    with Peer(server.tls(context, session=session).handshake()) as peer:
        seen = json.loads(peer.send("GET /environ HTTP/1.1", "Host: a").expect(200).body)
    assert seen["SSL_SESSION_RESUMED"] == "Resumed"
