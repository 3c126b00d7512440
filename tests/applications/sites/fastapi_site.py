"""The site as a FastAPI application: models, dependencies with a database, background tasks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import aiosqlite
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
from fastapi import BackgroundTasks, Body, Depends, FastAPI, Form, Request, Response, UploadFile, WebSocket
from fastapi.responses import FileResponse, StreamingResponse
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
    yield {"started": "fastapi"}


app = FastAPI(lifespan=lifespan)
app.mount("/static", StaticFiles(directory=data_folder(), check_dir=False))


class Note(BaseModel):
    text: str


async def notes_of_request() -> AsyncIterator[aiosqlite.Connection]:
    async with open_notes() as notes:
        yield notes


# The transaction ends before the answer leaves, so that whoever has read the answer finds the note.
Notes = Annotated[aiosqlite.Connection, Depends(notes_of_request, scope="function")]


@app.get("/items/{name:path}")
async def item(name: str, n: int = 0) -> dict[str, Any]:
    return {"name": name, "n": n}


@app.post("/json")
async def json(received: Annotated[Any, Body()]) -> dict[str, Any]:
    return {"received": received}


@app.post("/form")
async def form(a: Annotated[list[str], Form()], b: Annotated[list[str], Form()]) -> dict[str, Any]:
    return {"a": a, "b": b}


@app.post("/upload")
async def upload(file: UploadFile, note: Annotated[str, Form()]) -> dict[str, Any]:
    return describe_upload(file.filename, file.content_type, await file.read(), note)


@app.post("/take")
async def take(request: Request) -> dict[str, Any]:
    return await describe(request.stream())


@app.post("/echo")
async def echo(request: Request) -> StreamingResponse:
    return StreamingResponse(request.stream(), media_type="application/octet-stream")


@app.get("/count")
async def count(to: int) -> StreamingResponse:
    return StreamingResponse(lines(to), media_type="text/plain")


@app.get("/events")
async def events(port: int) -> StreamingResponse:
    return StreamingResponse(ticks(port), media_type="text/event-stream")


@app.get("/file")
async def file() -> FileResponse:
    return FileResponse(file_path(), media_type="application/octet-stream")


@app.get("/fail")
async def fail() -> None:
    raise LookupError("asked to fail")


@app.get("/fail-late")
async def fail_late() -> StreamingResponse:
    return StreamingResponse(lines_that_fail())


@app.get("/started")
def started(request: Request) -> dict[str, str]:
    return {"started": request.state.started}


@app.get("/seen")
def seen(request: Request) -> dict[str, Any]:
    return {
        "path": request.url.path,
        "query": request.url.query,
        "host": request.url.netloc,
        "scheme": request.url.scheme,
        "client": request.client.host,
    }


@app.post("/later", status_code=202)
async def later(port: int, tasks: BackgroundTasks) -> dict[str, bool]:
    tasks.add_task(tell, port, "done")
    return {"accepted": True}


@app.post("/notes/{name}", status_code=201)
async def add(name: str, note: Note, notes: Notes) -> dict[str, str]:
    await add_note(notes, name, note.text)
    return {"name": name}


@app.get("/notes/{name}")
async def listed(name: str, notes: Notes) -> dict[str, list[str]]:
    return {"texts": await texts_of(notes, name)}


@app.delete("/nothing", status_code=204)
def nothing() -> Response:
    return Response(status_code=204)


@app.websocket("/ws/echo")
async def echo_messages(socket: WebSocket) -> None:
    await socket.accept(subprotocol="echo" if "echo" in socket.scope["subprotocols"] else None)
    while (message := await socket.receive())["type"] != "websocket.disconnect":
        if message.get("text") == "close":
            await socket.close(4001, "asked to close")
            return
        if message.get("text") is not None:
            await socket.send_text(message["text"])
        else:
            await socket.send_bytes(message["bytes"])


@app.websocket("/ws/refuse")
async def refuse(socket: WebSocket) -> None:
    await socket.close()
