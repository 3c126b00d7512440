"""The site as a Litestar application: data from the body, dependencies, state, background tasks."""

from __future__ import annotations

import warnings
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
    pieces_of,
    tell,
    texts_of,
    ticks,
)
from litestar import Litestar, Request, WebSocket, delete, get, post, websocket
from litestar.background_tasks import BackgroundTask
from litestar.datastructures import State, UploadFile
from litestar.di import Provide
from litestar.enums import RequestEncodingType
from litestar.params import Body
from litestar.response import File, Response, Stream
from litestar.static_files import create_static_files_router


@asynccontextmanager
async def lifespan(app: Litestar) -> AsyncIterator[None]:
    app.state.started = "litestar"
    yield


async def notes_of_request() -> AsyncIterator[aiosqlite.Connection]:
    async with open_notes() as notes:
        yield notes


@get("/items/{name:path}")
async def item(name: str, n: int = 0) -> dict[str, Any]:
    return {"name": name.removeprefix("/"), "n": n}


@post("/json", status_code=200)
async def json(data: Any) -> dict[str, Any]:
    return {"received": data}


@post("/form", status_code=200)
async def form(request: Request) -> dict[str, Any]:
    fields = await request.form()
    return {name: fields.getall(name) for name in fields}


@post("/upload", status_code=200)
async def upload(
    data: Annotated[dict[str, Any], Body(media_type=RequestEncodingType.MULTI_PART)],
) -> dict[str, Any]:
    file: UploadFile = data["file"]
    return describe_upload(file.filename, file.content_type, await file.read(), data["note"])


@post("/take", status_code=200)
async def take(request: Request) -> dict[str, Any]:
    return await describe(request.stream())


@post("/echo", status_code=200)
async def echo(request: Request) -> Stream:
    """Stream waits for the client to leave, and would take pieces of the body for that: the body is read first."""
    return Stream(pieces_of(await request.body()), media_type="application/octet-stream")


@get("/count")
async def count(to: int) -> Stream:
    return Stream(lines(to), media_type="text/plain")


@get("/events")
async def events(port: int) -> Stream:
    return Stream(ticks(port), media_type="text/event-stream")


@get("/file")
async def file() -> File:
    return File(file_path(), media_type="application/octet-stream")


@get("/fail")
async def fail() -> None:
    raise LookupError("asked to fail")


@get("/fail-late")
async def fail_late() -> Stream:
    return Stream(lines_that_fail())


@get("/started")
async def started(state: State) -> dict[str, str]:
    return {"started": state.started}


@get("/seen")
async def seen(request: Request) -> dict[str, Any]:
    return {
        "path": request.url.path,
        "query": request.url.query,
        "host": request.url.netloc,
        "scheme": request.url.scheme,
        "client": request.client.host,
    }


@post("/later")
async def later(port: int) -> Response[dict[str, bool]]:
    return Response({"accepted": True}, status_code=202, background=BackgroundTask(tell, port, "done"))


@post("/notes/{name:str}")
async def add(name: str, data: dict[str, str], notes: aiosqlite.Connection) -> dict[str, str]:
    await add_note(notes, name, data["text"])
    await notes.commit()
    return {"name": name}


@get("/notes/{name:str}")
async def listed(name: str, notes: aiosqlite.Connection) -> dict[str, list[str]]:
    return {"texts": await texts_of(notes, name)}


@delete("/nothing")
async def nothing() -> None:
    return None


@websocket("/ws/echo")
async def echo_messages(socket: WebSocket) -> None:
    await socket.accept(subprotocols="echo" if "echo" in socket.scope["subprotocols"] else None)
    while (message := await socket.receive())["type"] != "websocket.disconnect":
        if message.get("text") == "close":
            await socket.close(4001, "asked to close")
            return
        if message.get("text") is not None:
            await socket.send_text(message["text"])
        else:
            await socket.send_bytes(message["bytes"])


@websocket("/ws/refuse")
async def refuse(socket: WebSocket) -> None:
    await socket.close()


with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # newer versions would rather be told where each parameter is from
    app = Litestar(
        route_handlers=[
            item,
            json,
            form,
            upload,
            take,
            echo,
            count,
            events,
            file,
            fail,
            fail_late,
            started,
            seen,
            later,
            add,
            listed,
            nothing,
            echo_messages,
            refuse,
            create_static_files_router(path="/static", directories=[data_folder()]),
        ],
        dependencies={"notes": Provide(notes_of_request)},
        lifespan=[lifespan],
        request_max_body_size=None,
        openapi_config=None,
    )
