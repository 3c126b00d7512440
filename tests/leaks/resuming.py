"""A client that comes back again and again with the session of the time before; a program, because Python's own ssl
grows with every session that is set.

    python -m tests.leaks.resuming PORT VISITS CA_FILE [CERTFILE KEYFILE]
"""

from __future__ import annotations

import socket
import ssl
import sys

from tests.leaks.scene import LAST_GET

VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)


def context_of(version: ssl.TLSVersion, ca_file: str, identity: list[str]) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca_file)
    context.minimum_version = context.maximum_version = version
    if identity:
        context.load_cert_chain(*identity)
    return context


def visit(context: ssl.SSLContext, port: int, session: ssl.SSLSession | None) -> ssl.SSLSession:
    connected = socket.create_connection(("127.0.0.1", port), 20)
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with context.wrap_socket(connected, server_hostname="localhost", session=session) as tls:
        assert tls.session_reused == (session is not None), "the session was not resumed"
        tls.sendall(LAST_GET)
        while tls.recv(1 << 16):
            pass
        assert tls.session
        return tls.session


def main(port: int, visits: int, ca_file: str, *identity: str) -> None:
    contexts = [context_of(version, ca_file, list(identity)) for version in VERSIONS]
    sessions: list[ssl.SSLSession | None] = [None for _ in contexts]
    for number in range(visits):
        which = number % len(contexts)
        sessions[which] = visit(contexts[which], port, sessions[which])


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])
