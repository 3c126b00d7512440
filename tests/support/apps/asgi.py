"""An ASGI application with a path for each thing that a server's life may need. It says on stderr what it is told."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any

Scope = dict[str, Any]


async def app(scope: Scope, receive: Any, send: Any) -> None:
    """/, /pid, /loop, /state, /fail, /endless; with ?PORT of a gate: /hold, /stream, /background; WebSocket: /."""
    if scope["type"] == "http":
        answer = _PATHS.get(scope["path"].removeprefix(scope["root_path"]), _missing)
    else:
        answer = {"lifespan": _live, "websocket": _echo}[scope["type"]]
    await answer(scope, receive, send)


async def without_lifespan(scope: Scope, receive: Any, send: Any) -> None:
    """The same, for those that know only of requests."""
    if scope["type"] == "lifespan":
        raise ValueError("only requests here")
    await app(scope, receive, send)


async def _live(scope: Scope, receive: Any, send: Any) -> None:
    """What goes wrong is said by LIFESPAN in the environment, or the file that it names: refuse, raise, stuck, hang."""
    trouble = os.environ.get("LIFESPAN", "")
    if os.path.isabs(trouble):
        trouble = open(trouble).read() if os.path.exists(trouble) else ""  # noqa: SIM115
    await receive()
    _say("startup")
    if trouble == "raise":
        raise LookupError("no settings")
    if trouble == "refuse":
        await send({"type": "lifespan.startup.failed", "message": "no database today"})
        return
    if trouble == "stuck":
        await _wait_cancelled("stuck in its startup")
    scope["state"]["pid"] = os.getpid()
    await send({"type": "lifespan.startup.complete"})
    try:
        await receive()
    except asyncio.CancelledError:
        _say("cancelled in its lifespan")
        raise
    _say("shutdown")
    if trouble == "hang":
        await _wait_cancelled("stuck in its shutdown")
    if trouble == "shutdown":
        await send({"type": "lifespan.shutdown.failed", "message": "cannot close"})
        return
    await send({"type": "lifespan.shutdown.complete"})


async def _wait_cancelled(what: str) -> None:
    try:
        _say(what)
        await asyncio.Event().wait()
    finally:
        _say(f"{what}: cancelled")


async def _echo(_scope: Scope, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message.get("text"), "bytes": message.get("bytes")})
    _say(f"disconnected with {message['code']}")


async def _text(send: Any, text: str, status: int = 200) -> None:
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": text.encode()})


async def _missing(_scope: Scope, _receive: Any, send: Any) -> None:
    await _text(send, "nothing here\n", 404)


async def _hello(_scope: Scope, _receive: Any, send: Any) -> None:
    await _text(send, "hello\n")


async def _pid(_scope: Scope, _receive: Any, send: Any) -> None:
    await _text(send, str(os.getpid()))


async def _loop(_scope: Scope, _receive: Any, send: Any) -> None:
    kind = type(asyncio.get_running_loop())
    await _text(send, f"{kind.__module__}.{kind.__name__}")


async def _state(scope: Scope, _receive: Any, send: Any) -> None:
    scope["state"]["mine"] = True
    await _text(send, json.dumps({**scope["state"], "root_path": scope["root_path"]}))


async def _fail(_scope: Scope, _receive: Any, _send: Any) -> None:
    raise RuntimeError("asked to fail")


async def _endless(_scope: Scope, _receive: Any, send: Any) -> None:
    try:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while True:
            await send({"type": "http.response.body", "body": b"more\n" * 1000, "more_body": True})
            await asyncio.sleep(0)
    finally:
        _say("the endless stream ended")


async def _hold(scope: Scope, _receive: Any, send: Any) -> None:
    await _pass_gate(scope)
    await _text(send, str(os.getpid()))


async def _stream(scope: Scope, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"begin\n", "more_body": True})
    await _pass_gate(scope)
    await send({"type": "http.response.body", "body": b"end\n"})


async def _background(scope: Scope, _receive: Any, send: Any) -> None:
    await _text(send, "answered\n")
    try:
        await _pass_gate(scope)
    finally:
        _say("the background task ended")


async def _pass_gate(scope: Scope) -> None:
    """Waits until the gate opens: tests/support/gate.py."""
    if scope["query_string"]:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(scope["query_string"]))
        try:
            await reader.read(1)
        except ConnectionResetError:
            pass
        finally:
            writer.close()


def _say(what: str) -> None:
    sys.stderr.write(f"application {os.getpid()}: {what}\n")
    sys.stderr.flush()


_PATHS = {
    "/": _hello,
    "/pid": _pid,
    "/loop": _loop,
    "/state": _state,
    "/fail": _fail,
    "/endless": _endless,
    "/hold": _hold,
    "/stream": _stream,
    "/background": _background,
}
