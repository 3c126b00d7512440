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


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """What serves ASGI runs in each kind of loop. Tests marked each_http run over HTTP/2 too, those of ASGI in one."""
    each_http = metafunc.definition.get_closest_marker("each_http") is not None
    if "asgi" in metafunc.fixturenames:
        pairs = [pytest.param(loop, "1", id=loop) for loop in NEW_LOOP]
        if each_http:
            pairs.append(pytest.param("freastal", "2", id="freastal-http2"))
        metafunc.parametrize(("asgi", "http"), pairs, indirect=True)
    elif each_http:
        versions = [pytest.param("1", id="http1"), pytest.param("2", id="http2")]
        metafunc.parametrize("http", versions, indirect=True)


@pytest.fixture
def http(request: pytest.FixtureRequest) -> str:
    """The version of HTTP in which gateways are asked; see each_http."""
    return str(getattr(request, "param", "1"))


@pytest.fixture
def gateway(http: str) -> Iterator[Callable[..., Gateway]]:
    """gateway(application, **options of Worker): a worker in a thread, until the test ends."""
    with ExitStack() as stack:

        def open_gateway(application: Any, **options: Any) -> Gateway:
            gateway = stack.enter_context(serving(application, **options))
            gateway.http = http
            return gateway

        yield open_gateway


@pytest.fixture
def event_loop() -> Iterator[freastal.EventLoop]:
    """A freastal.EventLoop, not running, closed when the test ends."""
    loop = freastal.new_event_loop()
    yield loop
    loop.close()


@pytest.fixture
def asgi(request: pytest.FixtureRequest, http: str) -> Iterator[Callable[..., AsgiGateway]]:
    """asgi(application, **options of Worker): the same for ASGI, in each kind of loop."""
    with ExitStack() as stack:

        def open_gateway(application: Any, **options: Any) -> AsgiGateway:
            gateway = AsgiGateway(application, **{"loop": request.param, **options})
            stack.callback(gateway.close)
            gateway.http = http
            return gateway

        yield open_gateway


@pytest.fixture
def tls(certificates: Certificates) -> dict[str, Any]:
    """What a Worker is told that shows the usual certificate."""
    server = certificates.server
    return {"identities": [(str(server.certfile), str(server.keyfile), None, None, None, None)]}
