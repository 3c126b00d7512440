"""Fixtures of the gateway's tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

import freastal
from tests.gateway.asgi import NEW_LOOP, AsgiGateway
from tests.gateway.gateway import Gateway, serving

if TYPE_CHECKING:
    from tests.support.certs import Certificates


@pytest.fixture
def gateway() -> Iterator[Callable[..., Gateway]]:
    """gateway(application, **options of Worker): a worker in a thread, until the test ends."""
    with ExitStack() as stack:

        def open_gateway(application: Any, **options: Any) -> Gateway:
            return stack.enter_context(serving(application, **options))

        yield open_gateway


@pytest.fixture
def event_loop() -> Iterator[freastal.EventLoop]:
    """A freastal.EventLoop, not running, closed when the test ends."""
    loop = freastal.new_event_loop()
    yield loop
    loop.close()


@pytest.fixture(params=NEW_LOOP)
def asgi(request: pytest.FixtureRequest) -> Iterator[Callable[..., AsgiGateway]]:
    """asgi(application, **options of Worker): the same for ASGI, in each kind of loop."""
    with ExitStack() as stack:

        def open_gateway(application: Any, **options: Any) -> AsgiGateway:
            gateway = AsgiGateway(application, **{"loop": request.param, **options})
            stack.callback(gateway.close)
            return gateway

        yield open_gateway


@pytest.fixture
def tls(certificates: Certificates) -> dict[str, Any]:
    """What a Worker is told that shows the usual certificate."""
    server = certificates.server
    return {"identities": [(str(server.certfile), str(server.keyfile), None, None, None, None)]}
