"""serve_site: a site of tests/applications/sites, served in this process and by the command with two workers."""

from __future__ import annotations

import sys
from contextlib import ExitStack

import pytest

from tests.applications import SITES
from tests.support.server import launch, serve_here


@pytest.fixture(scope="module", params=["here", "command"])
def serve_site(request):
    """serve_site("module:app", environment) starts the site, once for each test file, and returns its URL.

    The environment says where its data is.
    """
    started: dict[str, str] = {}
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:

        def serve_site(target: str, environment: dict[str, str]) -> str:
            if target not in started:
                if request.param == "here":
                    for name, value in environment.items():
                        patch.setenv(name, value)
                    patch.setenv("DJANGO_SETTINGS_MODULE", "library.settings")
                    patch.setattr(sys, "path", [str(SITES), *sys.path])
                    server = stack.enter_context(serve_here(target))
                else:
                    arguments = [target, "--workers", "2", "--app-dir", str(SITES)]
                    server = stack.enter_context(launch(*arguments, environment=environment))
                started[target] = server.url + "/"
            return started[target]

        yield serve_site
