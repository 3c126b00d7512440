"""A WSGI application with a path for each thing that a conversation may need."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qs

TEXT = ("Content-Type", "text/plain")


def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """/, /echo, /length, /environ, /pid, /status/N, /bytes?n=N, /stream?n=N, /fail"""
    path = environ["PATH_INFO"]
    answer = _PATHS.get(path)
    if answer is not None:
        return answer(environ, start_response)
    if path.startswith("/status/"):
        status = path.removeprefix("/status/")
        start_response(f"{status} As Asked", [TEXT])
        return [] if status in ("204", "304") else [b"as asked\n"]
    start_response("404 Not Found", [TEXT])
    return [b"nothing here\n"]


def _hello(_environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [TEXT])
    return [b"hello\n"]


def _echo(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", environ.get("CONTENT_TYPE") or "application/octet-stream")])
    return [environ["wsgi.input"].read()]


def _length(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [TEXT])
    return [str(len(environ["wsgi.input"].read())).encode()]


def _environ(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({name: value for name, value in environ.items() if isinstance(value, str | bool)}).encode()]


def _pid(_environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [TEXT])
    return [str(os.getpid()).encode()]


def _bytes(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    return [b"x" * _number(environ)]


def _stream(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [TEXT])
    return (f"chunk {number}\n".encode() for number in range(_number(environ)))


def _fail(_environ: dict[str, Any], _start_response: Any) -> Iterable[bytes]:
    raise RuntimeError("asked to fail")


def _number(environ: dict[str, Any]) -> int:
    return int(parse_qs(environ["QUERY_STRING"]).get("n", ["3"])[0])


_PATHS = {
    "/": _hello,
    "/echo": _echo,
    "/length": _length,
    "/environ": _environ,
    "/pid": _pid,
    "/bytes": _bytes,
    "/stream": _stream,
    "/fail": _fail,
}
