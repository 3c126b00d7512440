"""The site as a BlackSheep application."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
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
from blacksheep import Application, Request, Response, StreamedContent, WebSocket, delete, get, json, post, ws
from blacksheep.server.responses import file as send_file
from blacksheep.server.websocket import WebSocketDisconnectError

app = Application()
app.serve_files(data_folder(), root_path="static", extensions={".bin"})
tasks: set[asyncio.Task[None]] = set()


@app.on_start
async def start(app: Application) -> None:
    app.started = "blacksheep"


def given(stream: AsyncGenerator[bytes, None]) -> Callable[[], AsyncGenerator[bytes, None]]:
    """BlackSheep asks for a function that is an asynchronous generator itself."""

    async def pieces() -> AsyncGenerator[bytes, None]:
        async with aclosing(stream):
            async for piece in stream:
                yield piece

    return pieces


@get("/items/{path:name}")
async def item(name: str, n: int = 0) -> Response:
    return json({"name": name, "n": n})


@post("/json")
async def take_json(request: Request) -> Response:
    return json({"received": await request.json()})


@post("/form")
async def form(request: Request) -> Response:
    fields = await request.form()
    return json({name: value if isinstance(value, list) else [value] for name, value in fields.items()})


@post("/upload")
async def upload(request: Request) -> Response:
    note, content, name, kind = "", b"", None, None
    for part in await request.multipart():
        if part.file_name:
            name, kind = part.file_name.decode(), part.content_type.decode()
            content = part.data if isinstance(part.data, bytes) else part.data.read()
        else:
            note = part.data.decode()
    return json(describe_upload(name, kind, content, note))


@post("/take")
async def take(request: Request) -> Response:
    return json(await describe(request.stream()))


@post("/echo")
async def echo(request: Request) -> Response:
    return Response(200, content=StreamedContent(b"application/octet-stream", request.stream))


@get("/count")
async def count(to: int) -> Response:
    return Response(200, content=StreamedContent(b"text/plain", given(lines(to))))


@get("/events")
async def events(port: int) -> Response:
    return Response(200, content=StreamedContent(b"text/event-stream", given(ticks(port))))


@get("/file")
async def file() -> Response:
    return send_file(str(file_path()), "application/octet-stream")


@get("/fail")
async def fail() -> Response:
    raise LookupError("asked to fail")


@get("/fail-late")
async def fail_late() -> Response:
    return Response(200, content=StreamedContent(b"text/plain", lines_that_fail))


@get("/started")
async def started() -> Response:
    return json({"started": app.started})


@get("/seen")
async def seen(request: Request) -> dict[str, Any]:
    return json(
        {
            "path": request.url.path.decode(),
            "query": (request.url.query or b"").decode(),
            "host": request.host,
            "scheme": request.scheme,
            "client": request.client_ip,
        }
    )


@post("/later")
async def later(port: int) -> Response:
    task = asyncio.create_task(tell(port, "done"))
    tasks.add(task)
    task.add_done_callback(tasks.discard)
    return json({"accepted": True}, 202)


@post("/notes/{name}")
async def add(name: str, request: Request) -> Response:
    async with open_notes() as notes:
        await add_note(notes, name, (await request.json())["text"])
    return json({"name": name}, 201)


@get("/notes/{name}")
async def listed(name: str) -> Response:
    async with open_notes() as notes:
        return json({"texts": await texts_of(notes, name)})


@delete("/nothing")
async def nothing() -> Response:
    return Response(204)


@ws("/ws/echo")
async def echo_messages(socket: WebSocket) -> None:
    await socket.accept(subprotocol="echo" if "echo" in socket.scope["subprotocols"] else None)
    try:
        while True:
            message = await socket.receive()
            if message.get("text") == "close":
                await socket.close(4001, "asked to close")
                return
            if message.get("text") is not None:
                await socket.send_text(message["text"])
            else:
                await socket.send_bytes(message["bytes"])
    except WebSocketDisconnectError:
        return


@ws("/ws/refuse")
async def refuse(socket: WebSocket) -> None:
    await socket.close()
