"""A WSGI application that moves much: uploads are hashed or sent back, downloads made as they go or from a file.

The bytes of a download are known to both sides: block N is the same for everybody, and every block differs.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import resource
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any
from urllib.parse import parse_qs

BLOCK_BYTES = 64 << 10


@cache
def _noise() -> bytes:
    return random.Random("freastal").randbytes(BLOCK_BYTES - 8)


def blocks(count: int) -> Iterator[bytes]:
    for number in range(count):
        yield number.to_bytes(8, "big") + _noise()


def hash_of(count: int) -> str:
    digest = hashlib.sha256()
    for block in blocks(count):
        digest.update(block)
    return digest.hexdigest()


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    query = {name: values[0] for name, values in parse_qs(environ["QUERY_STRING"]).items()}
    return PATHS[environ["PATH_INFO"]](environ, start_response, query)


def take(environ: dict[str, Any], start_response: Callable[..., Any], query: dict[str, str]) -> Iterable[bytes]:
    """Reads the body in pieces and answers what it was."""
    digest, total = hashlib.sha256(), 0
    while piece := environ["wsgi.input"].read(int(query.get("piece", BLOCK_BYTES))):
        digest.update(piece)
        total += len(piece)
    return answer_json(start_response, {"bytes": total, "sha256": digest.hexdigest()})


def echo(environ: dict[str, Any], start_response: Callable[..., Any], query: dict[str, str]) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    return iter(lambda: environ["wsgi.input"].read(BLOCK_BYTES), b"")


def make(environ: dict[str, Any], start_response: Callable[..., Any], query: dict[str, str]) -> Iterable[bytes]:
    """A generator; with ?length=1 it says how long it will be, otherwise it is chunked."""
    count = int(query["blocks"])
    headers = [("Content-Type", "application/octet-stream")]
    if "length" in query:
        headers.append(("Content-Length", str(count * BLOCK_BYTES)))
    start_response("200 OK", headers)
    return blocks(count)


def send_file(environ: dict[str, Any], start_response: Callable[..., Any], query: dict[str, str]) -> Iterable[bytes]:
    file = open(os.environ["FREASTAL_TEST_FILE"], "rb")  # noqa: SIM115 (the server closes it)
    file.seek(int(query.get("from", 0)))
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    wrapped: Iterable[bytes] = environ["wsgi.file_wrapper"](file, BLOCK_BYTES)
    return wrapped


def tell_memory(environ: dict[str, Any], start_response: Callable[..., Any], query: dict[str, str]) -> Iterable[bytes]:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return answer_json(start_response, {"peak_bytes": peak if sys.platform == "darwin" else peak << 10})


def answer_json(start_response: Callable[..., Any], value: object) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(value).encode()]


PATHS = {"/take": take, "/echo": echo, "/make": make, "/file": send_file, "/memory": tell_memory}
