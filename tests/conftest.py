"""Fixtures that every folder of tests shares. The extension is built by `make` or `pip install -e .`, not here."""

from __future__ import annotations

import shutil
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.certs import Certificates, Identity
    from tests.support.gate import Gate
    from tests.support.server import LaunchedServer, RunningServer


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers("needs_tool"):
        if shutil.which(marker.args[0]) is None:
            pytest.skip(f"{marker.args[0]} is not installed")
    if item.get_closest_marker("linux") and sys.platform != "linux":
        pytest.skip("only Linux has what this needs")


@pytest.fixture(params=["freastal", "asyncio", "uvloop"])
def loop(request: pytest.FixtureRequest) -> str:
    """What --loop takes: each kind of event loop that there is."""
    if request.param == "uvloop":
        pytest.importorskip("uvloop")
    return str(request.param)


@pytest.fixture
def gate() -> Iterator[Gate]:
    """What answers wait at until the test opens it."""
    from tests.support.gate import Gate

    with Gate() as gate:
        yield gate


@pytest.fixture
def serve() -> Iterator[Callable[..., RunningServer]]:
    """serve(application, **options): a server in this process, until the test ends."""
    from tests.support.server import serve_here

    with ExitStack() as stack:

        def serve(*application: object, **options: Any) -> RunningServer:
            return stack.enter_context(serve_here(*application, **options))

        yield serve


@pytest.fixture
def server(serve: Callable[..., RunningServer]) -> RunningServer:
    """tests/support/apps/basic.py in this process, with all defaults."""
    return serve()


@pytest.fixture
def launch() -> Iterator[Callable[..., LaunchedServer]]:
    """launch("module:app", *arguments): the command in a process of its own, until the test ends."""
    from tests.support.server import launch as launched

    with ExitStack() as stack:

        def launch(*arguments: str, **more: Any) -> LaunchedServer:
            return stack.enter_context(launched(*arguments, **more))

        yield launch


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """An authority, and everybody it has issued a certificate to."""
    from tests.support.certs import Certificates

    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def serve_tls(certificates: Certificates) -> Iterator[Callable[..., RunningServer]]:
    """serve() over TLS; serve_tls(application, identity=..., **options) shows another certificate than the usual."""
    from tests.support.server import serve_here

    with ExitStack() as stack:

        def serve_tls(*application: object, identity: Identity | None = None, **options: Any) -> RunningServer:
            shown = {**(identity or certificates.server).options, **options}
            return stack.enter_context(serve_here(*application, context=certificates.context(), **shown))

        yield serve_tls


@pytest.fixture
def launch_tls(launch: Callable[..., LaunchedServer], certificates: Certificates) -> Callable[..., LaunchedServer]:
    """launch() over TLS, in the same manner."""

    def launch_tls(application: str, *arguments: str, identity: Identity | None = None, **more: Any) -> LaunchedServer:
        shown = (identity or certificates.server).arguments
        return launch(application, *shown, *arguments, context=certificates.context(), **more)

    return launch_tls
