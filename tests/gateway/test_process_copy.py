"""src/python/process_copy.c: a process that an application forks, and that comes back, does not answer for us."""

from __future__ import annotations

import asyncio
import os
import sys

import pytest

from tests.gateway.asgi import body, start
from tests.gateway.gateway import plain

pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")


def fail():
    raise LookupError("lost")


ENDS = {
    "nothing": (sys.exit, 0),
    "a number": (lambda: sys.exit(7), 7),
    "words": (lambda: sys.exit("words"), 1),
    "a failure": (fail, 1),
}


def forked(end):
    """The status with which the child ended, which here only comes back in the parent."""
    child = os.fork()
    if child == 0:
        end()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("late", [False, True])
def test_of_asgi(asgi, end, late):
    function, status = ENDS[end]

    async def application(scope, receive, send):
        if late:
            await asyncio.sleep(0)
        ended = forked(function)
        await send(start())
        await send(body(str(ended).encode()))

    gateway = asgi(application)
    for _ in range(2):
        answer = gateway.get()
        assert (answer.status, answer.body) == (200, str(status).encode())


@pytest.mark.parametrize("end", ENDS)
def test_of_wsgi(gateway, end):
    function, status = ENDS[end]

    def application(environ, start_response):
        return plain(str(forked(function)).encode())(environ, start_response)

    answer = gateway(application).get()
    assert (answer.status, answer.body) == (200, str(status).encode())
