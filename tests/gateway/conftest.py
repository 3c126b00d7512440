"""Fixtures of the gateway's tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

import freastal
from tests.gateway.asgi import NEW_LOOP, AsgiGateway
from tests.gateway.gateway import Gateway, serving


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
