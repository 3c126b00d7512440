"""What was made of the facts of a connection is found again for the next one with the same, and only for that."""

from __future__ import annotations

import gc
import weakref

import pytest

from tests.gateway.asgi import AsgiGateway, body, start
from tests.support.peer import Peer


@pytest.fixture
def shown(certificates, tls):
    """shown(context...): the extension of a request over a connection of each."""

    def shown(*contexts, **more):
        seen = []

        async def site(scope, receive, send):
            seen.append(scope["extensions"]["tls"])
            await send(start())
            await send(body())

        told = {**tls, "verify": "optional", "ca_file": str(certificates.ca_file), **more}
        server = AsgiGateway(site, loop="freastal", tls=told)
        try:
            for context in contexts:
                with Peer(server.tls(context).handshake()) as peer:
                    peer.send("GET / HTTP/1.1", "Host: a", "Connection: close").expect(200)
        finally:
            server.close()
        return seen

    return shown


def test_the_same_facts_are_the_same_objects(shown, certificates):
    first, second = shown(certificates.context(), certificates.context())
    assert first == second
    assert first is not second
    assert first["server_cert"] is second["server_cert"]


def test_a_client_is_known_again(shown, certificates):
    ada, nobody, again = shown(*map(certificates.context, (certificates.client, None, certificates.client)))
    assert ada["client_cert_chain"] is again["client_cert_chain"]
    assert nobody["client_cert_chain"] == ()


def test_a_worker_that_is_gone_keeps_nothing(certificates, tls):
    class Site:
        async def __call__(self, scope, receive, send):
            scope["extensions"]["tls"]["site"] = self
            await send(start())
            await send(body())

    site = Site()
    gone = weakref.ref(site)
    server = AsgiGateway(site, loop="freastal", tls=tls)
    with Peer(server.tls(certificates.context()).handshake()) as peer:
        peer.send("GET / HTTP/1.1", "Host: a", "Connection: close").expect(200)
    server.close()
    del site, server
    gc.collect()
    assert gone() is None
