"""wsgiref.validate between the server and applications of several kinds: neither side breaks PEP 3333."""

from __future__ import annotations

import socket
import sys
import warnings
from wsgiref.util import FileWrapper
from wsgiref.validate import validator

import pytest

from tests.gateway.gateway import Gateway, listen

TYPE = [("Content-Type", "text/plain")]


@pytest.fixture(autouse=True)
def _complaints_are_errors():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def as_list(environ, start_response):
    start_response("200 OK", TYPE)
    return [b"a", b"b"]


def as_generator(environ, start_response):
    start_response("200 OK", TYPE)
    yield b"a"
    yield b"b"


def by_write(environ, start_response):
    write = start_response("200 OK", TYPE)
    write(b"a")
    write(b"b")
    return []


def with_length(environ, start_response):
    start_response("200 OK", [*TYPE, ("Content-Length", "2")])
    return iter([b"ab"])


def replaced(environ, start_response):
    start_response("200 OK", TYPE)
    try:
        raise ValueError
    except ValueError:
        start_response("200 Replaced", TYPE, sys.exc_info())
    return [b"ab"]


def echo(environ, start_response):
    body = environ["wsgi.input"]
    parts = [body.read(2), body.readline(), *body.readlines(), *body]
    environ["wsgi.errors"].write("")
    environ["wsgi.errors"].flush()
    start_response("200 OK", TYPE)
    return [b"".join(parts) or b"ab"]


@pytest.mark.parametrize("application", [as_list, as_generator, by_write, with_length, replaced, echo])
@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_valid(gateway, application, method, chunked):
    server: Gateway = gateway(validator(application))
    body = None if method == "GET" else iter([b"a", b"b"]) if chunked else b"ab"
    answer = server.request(method, "/path%20x?query", body)
    assert answer.body == b"ab", server.failures.get()
    server.expect_no_failure()


def test_head(gateway):
    def application(environ, start_response):
        start_response("200 OK", [*TYPE, ("Content-Length", "2")])
        return []

    server = gateway(validator(application))
    assert server.request("HEAD").status == 200
    server.expect_no_failure()


def test_no_content(gateway):
    def application(environ, start_response):
        start_response("204 No Content", [])
        return []

    server = gateway(validator(application))
    assert server.get().status == 204
    server.expect_no_failure()


def test_with_a_root_path(gateway):
    server = gateway(validator(as_list), root_path="/app")
    for path in ("/app", "/app/", "/app/x", "/other"):
        assert server.get(path).body == b"ab"
    server.expect_no_failure()


def test_a_unix_socket(gateway, tmp_path):
    server = gateway(validator(as_list), listener=listen(socket.AF_UNIX, str(tmp_path / "s")))
    assert server.get().body == b"ab"
    server.expect_no_failure()


def test_a_broken_application_is_found_out(gateway):
    """So that the tests above could have failed."""

    def application(environ, start_response):
        start_response("200 OK", [])
        return [b"no content type"]

    server = gateway(validator(application))
    assert server.get().status == 500
    assert isinstance(server.failure()[1], AssertionError)


def test_a_file_wrapper_of_the_standard_library(gateway, tmp_path):
    (tmp_path / "file").write_bytes(b"x" * 20_000)

    def application(environ, start_response):
        start_response("200 OK", TYPE)
        return FileWrapper(open(tmp_path / "file", "rb"))

    server = gateway(validator(application))
    assert server.get().body == b"x" * 20_000
    server.expect_no_failure()
