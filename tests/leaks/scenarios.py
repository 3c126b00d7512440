"""What is done a hundred thousand times to see whether anything stays behind; a program, for a process of its own.

    python -m tests.leaks.scenarios NAME ROUNDS

A worker and its peers share one thread, turn by turn, so that nothing else runs. Prints what the process held after
a warm-up and what it holds after the rounds, as JSON.
"""

from __future__ import annotations

import ctypes
import gc
import io
import json
import os
import sys
import tempfile
from collections.abc import Callable
from typing import Any

from freastal import _core
from tests.leaks.asgi import ASGI_SCENARIOS
from tests.leaks.http2 import REFUSED, UPLOAD, joining, streaming
from tests.leaks.scene import BATCH, CHUNKED, CLIENTS, FIELDS, GET, POST, Round, Scene, connecting, repeating
from tests.leaks.tls import TlsScene, tls_scenarios

WARM_UP = 0.2
"""Of the rounds: caches, free lists and pools fill."""
WARM_UP_MIN = 21 * BATCH
"""Four times as many as clients are remembered, and whole batches: how many calls are kept for the next request depends
on how full the last one was."""
TLS_WARM_UP = CLIENTS
PIECE = b"p" * 3000
HEADERS = [("Content-Type", "text/plain"), ("X-Marker", "marker")]

Environ = dict[str, Any]
StartResponse = Callable[..., Any]


def as_list(environ: Environ, start_response: StartResponse) -> list[bytes]:
    start_response("200 OK", HEADERS)
    return [b"x" * 500]


def as_large_list(environ: Environ, start_response: StartResponse) -> list[bytes]:
    start_response("200 OK", HEADERS)
    return [PIECE, PIECE + b"!"]


def as_generator(environ: Environ, start_response: StartResponse) -> Any:
    start_response("200 OK", HEADERS)
    yield b"first"
    yield PIECE
    yield b"".join([b"x"] * 3000)


def by_write(environ: Environ, start_response: StartResponse) -> list[bytes]:
    write = start_response("200 OK", HEADERS)
    write(b"first")
    write(b"".join([b"x"] * 3000))
    return []


def echo(environ: Environ, start_response: StartResponse) -> list[bytes]:
    body = environ["wsgi.input"]
    parts = [body.read(10), body.readline(), *body.readlines(), *body]
    start_response("200 OK", HEADERS)
    return parts


def of_file(environ: Environ, start_response: StartResponse) -> Any:
    start_response("200 OK", HEADERS)
    return environ["wsgi.file_wrapper"](open(__file__, "rb"))


def of_memory_file(environ: Environ, start_response: StartResponse) -> Any:
    start_response("200 OK", HEADERS)
    return environ["wsgi.file_wrapper"](io.BytesIO(b"x" * 20_000))


class Keeping:
    """Makes a cycle of everything it is given, and has them collected before the collector would think of it."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, environ: Environ, start_response: StartResponse) -> list[bytes]:
        write = start_response("200 OK", HEADERS)
        environ["cycle"] = [environ, start_response, write, environ["wsgi.input"]]
        self.calls += 1
        if self.calls % 500 == 0:
            gc.collect()
        return [b"x"]


def never_ending(environ: Environ, start_response: StartResponse) -> Any:
    start_response("200 OK", HEADERS)
    while True:
        yield PIECE * 30


MISTAKES: list[Callable[[StartResponse], Any]] = [
    lambda start_response: 1 / 0,
    lambda start_response: start_response("nonsense", []),
    lambda start_response: start_response("200 OK", [("A", "b\n")]),
    lambda start_response: start_response("200 OK", [("A", "b"), ("Connection", "close")]),
    lambda start_response: start_response("200 OK", [("A", 1)]),
    lambda start_response: [start_response("200 OK", HEADERS), start_response("200 OK", HEADERS)],
    lambda start_response: [b"no head"],
    lambda start_response: start_response("200 OK", HEADERS) and None,
    lambda start_response: start_response("200 OK", HEADERS) and "text",
    lambda start_response: start_response("200 OK", HEADERS) and [b"a", "text"],
    lambda start_response: start_response("200 OK", HEADERS) and iter([1]),
    lambda start_response: start_response("200 OK", [("Content-Length", "1")]) and [b"abc"],
    lambda start_response: start_response("200 OK", [("Content-Length", "1")]) and iter([b"abc", b"d"]),
]


class Mistaken:
    """Makes another mistake each time; the answer is complete, so that the connection goes on."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, environ: Environ, start_response: StartResponse) -> Any:
        self.calls += 1
        return MISTAKES[self.calls % len(MISTAKES)](start_response)


def failing_late(environ: Environ, start_response: StartResponse) -> Any:
    start_response("200 OK", HEADERS)
    yield b"first"
    raise ValueError("late")


def replacing(environ: Environ, start_response: StartResponse) -> list[bytes]:
    start_response("200 OK", HEADERS)
    try:
        raise ValueError("x")
    except ValueError:
        start_response("500 Replaced", list(HEADERS), sys.exc_info())
    return [b"x"]


LEAKED: list[Any] = []


def leaking(environ: Environ, start_response: StartResponse) -> list[bytes]:
    LEAKED.append([environ["PATH_INFO"]])
    return as_list(environ, start_response)


SCENARIOS: dict[str, tuple[Any, Round, dict[str, Any]]] = {
    "list": (as_list, repeating(GET), {}),
    "large_list": (as_large_list, repeating(GET), {}),
    "generator": (as_generator, repeating(GET), {}),
    "write": (by_write, repeating(GET), {}),
    "head": (as_generator, repeating(GET.replace(b"GET", b"HEAD")), {}),
    "upload": (echo, repeating(POST), {}),
    "upload_chunked": (echo, repeating(CHUNKED), {}),
    "upload_to_file": (echo, repeating(POST), {"body_memory_max": 10}),
    "file": (of_file, repeating(GET), {}),
    "memory_file": (of_memory_file, repeating(GET), {}),
    "cycles": (Keeping(), repeating(GET), {}),
    "mistakes": (Mistaken(), repeating(GET), {}),
    "replaced": (replacing, repeating(GET), {}),
    "fields": (as_list, repeating(FIELDS), {}),
    "connections": (as_list, connecting(GET), {}),
    "failing_late": (failing_late, connecting(GET), {}),
    "too_short": (lambda e, s: s("200 OK", [("Content-Length", "9")]) and [b"abc"], connecting(GET), {}),
    "refused": (as_list, connecting(b"rubbish\r\n\r\n"), {}),
    "left_stream": (never_ending, connecting(GET, reset=True), {}),
    "left_stream_politely": (never_ending, connecting(GET), {}),
    "left_upload": (echo, connecting(POST[:-1]), {}),
    "left_upload_to_file": (echo, connecting(POST[:-1], reset=True), {"body_memory_max": 10}),
    "h2_list": (as_list, streaming(), {}),
    "h2_generator": (as_generator, streaming(), {}),
    "h2_upload": (echo, streaming(UPLOAD), {}),
    "h2_upload_to_file": (echo, streaming(UPLOAD), {"body_memory_max": 10}),
    "h2_file": (of_file, streaming(), {}),
    "h2_mistakes": (Mistaken(), streaming(), {}),
    "h2_failing_late": (failing_late, joining(), {}),
    "h2_refused": (as_list, joining(REFUSED), {}),
    "h2_left_stream": (never_ending, joining(leave="reset"), {}),
    "h2_left_upload": (echo, joining(UPLOAD[:-1]), {}),
    **ASGI_SCENARIOS,
    **tls_scenarios(as_list, never_ending),
}


def resident_bytes() -> int:
    """Without what malloc keeps for the next one who asks, which is a megabyte or two, now and then."""
    if not os.path.exists("/proc/self/statm"):
        return 0
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
    with open("/proc/self/statm", "rb") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0


def holdings(application: Any) -> dict[str, int]:
    gc.collect()
    resident = resident_bytes()
    shared = [application, *HEADERS, HEADERS, HEADERS[0][1], PIECE, _core.Worker]
    return {
        "objects": len(gc.get_objects()),
        "blocks": sys.getallocatedblocks(),
        "references": sum(map(sys.getrefcount, shared)),
        "total_references": getattr(sys, "gettotalrefcount", lambda: 0)(),
        "descriptors": descriptors(),
        "resident_bytes": resident,
    }


def main(name: str, rounds: int) -> None:
    application, run, options = SCENARIOS[name] if name in SCENARIOS else (leaking, repeating(GET), {})
    tempfile.gettempdir()
    scene = (TlsScene if "tls" in options else Scene)(application, **options)
    run(scene, max(int(rounds * WARM_UP), min(rounds, TLS_WARM_UP) if "tls" in options else WARM_UP_MIN))
    before = holdings(application)
    run(scene, rounds)
    after = holdings(application)
    stats = scene.worker.stats()
    scene.close()
    print(json.dumps({"before": before, "after": after, "failures": scene.failures, "stats": stats}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
