"""The site as a Starlette application, behind a BaseHTTPMiddleware."""

from __future__ import annotations

import contextvars
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from asgi_parts import (
    add_note,
    data_folder,
    describe,
    describe_upload,
    file_path,
    lines,
    lines_that_fail,
    open_notes,
    tell,
    texts_of,
    ticks,
)
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket

trace: contextvars.ContextVar[str] = contextvars.ContextVar("trace", default="none")


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[dict[str, Any]]:
    async with open_notes() as notes:
        yield {"started": "starlette", "notes": notes}


class Tracing(BaseHTTPMiddleware):
    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        trace.set(request.headers.get("x-trace", "none"))
        response = await call_next(request)
        response.headers["X-Trace"] = trace.get()
        return response


async def item(request: Request) -> JSONResponse:
    return JSONResponse({"name": request.path_params["name"], "n": int(request.query_params.get("n", "0"))})


async def json(request: Request) -> JSONResponse:
    return JSONResponse({"received": await request.json()})


async def form(request: Request) -> JSONResponse:
    async with request.form() as fields:
        return JSONResponse({name: fields.getlist(name) for name in fields})


async def upload(request: Request) -> JSONResponse:
    async with request.form() as fields:
        file = fields["file"]
        return JSONResponse(describe_upload(file.filename, file.content_type, await file.read(), fields["note"]))


async def take(request: Request) -> JSONResponse:
    return JSONResponse(await describe(request.stream()))


async def echo(request: Request) -> StreamingResponse:
    return StreamingResponse(request.stream(), media_type="application/octet-stream")


async def count(request: Request) -> StreamingResponse:
    return StreamingResponse(lines(int(request.query_params["to"])), media_type="text/plain")


async def events(request: Request) -> StreamingResponse:
    return StreamingResponse(ticks(int(request.query_params["port"])), media_type="text/event-stream")


async def file(request: Request) -> FileResponse:
    return FileResponse(file_path(), media_type="application/octet-stream")


async def fail(request: Request) -> Response:
    raise LookupError("asked to fail")


async def fail_late(request: Request) -> StreamingResponse:
    return StreamingResponse(lines_that_fail())


async def started(request: Request) -> JSONResponse:
    return JSONResponse({"started": request.state.started})


async def seen(request: Request) -> JSONResponse:
    return JSONResponse(
        {
            "path": request.url.path,
            "query": request.url.query,
            "host": request.url.netloc,
            "scheme": request.url.scheme,
            "client": request.client.host,
            "trace": trace.get(),
        }
    )


async def later(request: Request) -> JSONResponse:
    port = int(request.query_params["port"])
    return JSONResponse({"accepted": True}, status_code=202, background=BackgroundTask(tell, port, "done"))


async def note(request: Request) -> JSONResponse:
    notes, name = request.state.notes, request.path_params["name"]
    if request.method == "POST":
        await add_note(notes, name, (await request.json())["text"])
        await notes.commit()
        return JSONResponse({"name": name}, status_code=201)
    return JSONResponse({"texts": await texts_of(notes, name)})


async def nothing(request: Request) -> Response:
    return Response(status_code=204)


async def echo_messages(socket: WebSocket) -> None:
    await socket.accept(subprotocol="echo" if "echo" in socket.scope["subprotocols"] else None)
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            return
        if message.get("text") == "close":
            await socket.close(4001, "asked to close")
            return
        if message.get("text") is not None:
            await socket.send_text(message["text"])
        else:
            await socket.send_bytes(message["bytes"])


async def refuse(socket: WebSocket) -> None:
    await socket.close()


app = Starlette(
    lifespan=lifespan,
    middleware=[Middleware(Tracing)],
    routes=[
        Route("/items/{name:path}", item),
        Route("/json", json, methods=["POST"]),
        Route("/form", form, methods=["POST"]),
        Route("/upload", upload, methods=["POST"]),
        Route("/take", take, methods=["POST"]),
        Route("/echo", echo, methods=["POST"]),
        Route("/count", count),
        Route("/events", events),
        Route("/file", file),
        Route("/fail", fail),
        Route("/fail-late", fail_late),
        Route("/started", started),
        Route("/seen", seen),
        Route("/later", later, methods=["POST"]),
        Route("/notes/{name}", note, methods=["GET", "POST"]),
        Route("/nothing", nothing, methods=["DELETE"]),
        WebSocketRoute("/ws/echo", echo_messages),
        WebSocketRoute("/ws/refuse", refuse),
        Mount("/static", StaticFiles(directory=data_folder(), check_dir=False)),
    ],
)
