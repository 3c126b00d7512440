"""A WSGI application on one page: `make run`, or `freastal --app-dir examples hello:app`.

/               a greeting
/stream         ten lines, one every tenth of a second, sent as they are made
/echo           whatever was posted to it, with its type
/environ        what the server tells an application about a request
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from html import escape
from typing import Any

Environ = dict[str, Any]
StartResponse = Callable[..., Any]


def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    handler = {"/": greet, "/stream": stream, "/echo": echo, "/environ": show_environ}.get(environ["PATH_INFO"])
    if handler is None:
        return text(start_response, "404 Not Found", "There is nothing here.\n")
    return handler(environ, start_response)


def greet(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    page = f"""<!doctype html>
<title>freastal</title>
<h1>Hello from {escape(environ["SERVER_SOFTWARE"])}</h1>
<p>You are {escape(environ["REMOTE_ADDR"])}. See also
<a href="/stream">a stream</a> and <a href="/environ">the environ</a> of your request.
"""
    start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
    return [page.encode()]


def stream(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
    """A generator: each line leaves before the next is made, and without a Content-Length."""
    start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8")])
    for number in range(1, 11):
        yield f"line {number} of 10\n".encode()
        time.sleep(0.1)


def echo(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    body = environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Type", environ.get("CONTENT_TYPE") or "application/octet-stream")])
    return [body]


def show_environ(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    return text(start_response, "200 OK", "".join(f"{name} = {environ[name]!r}\n" for name in sorted(environ)))


def text(start_response: StartResponse, status: str, body: str) -> Iterable[bytes]:
    start_response(status, [("Content-Type", "text/plain; charset=utf-8")])
    return [body.encode()]
