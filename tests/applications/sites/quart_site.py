"""The site as a Quart application: the manner of Flask, with await."""

from __future__ import annotations

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
from quart import Quart, Response, current_app, request, send_file, send_from_directory, websocket

app = Quart(__name__)
app.config["MAX_CONTENT_LENGTH"] = 100 << 20


@app.before_serving
async def start() -> None:
    current_app.started = "quart"


@app.get("/items/<path:name>")
async def item(name: str) -> dict[str, Any]:
    return {"name": name, "n": int(request.args.get("n", "0"))}


@app.post("/json")
async def json() -> dict[str, Any]:
    return {"received": await request.get_json()}


@app.post("/form")
async def form() -> dict[str, Any]:
    fields = await request.form
    return {name: fields.getlist(name) for name in fields}


@app.post("/upload")
async def upload() -> dict[str, Any]:
    fields, files = await request.form, await request.files
    file = files["file"]
    return describe_upload(file.filename, file.content_type, file.read(), fields["note"])


@app.post("/take")
async def take() -> dict[str, Any]:
    return await describe(request.body)


@app.post("/echo")
async def echo() -> Response:
    response = Response(request.body, content_type="application/octet-stream")
    response.timeout = None
    return response


@app.get("/count")
async def count() -> Response:
    return Response(lines(int(request.args["to"])), content_type="text/plain")


@app.get("/events")
async def events() -> Response:
    response = Response(ticks(int(request.args["port"])), content_type="text/event-stream")
    response.timeout = None
    return response


@app.get("/file")
async def file() -> Response:
    return await send_file(file_path(), mimetype="application/octet-stream")


@app.get("/static-files/<path:name>")
async def files(name: str) -> Response:
    return await send_from_directory(data_folder(), name)


@app.get("/fail")
async def fail() -> Response:
    raise LookupError("asked to fail")


@app.get("/fail-late")
async def fail_late() -> Response:
    return Response(lines_that_fail())


@app.get("/started")
async def started() -> dict[str, str]:
    return {"started": current_app.started}


@app.get("/seen")
async def seen() -> dict[str, Any]:
    return {
        "path": request.path,
        "query": request.query_string.decode(),
        "host": request.host,
        "scheme": request.scheme,
        "client": request.remote_addr,
    }


@app.post("/later")
async def later() -> tuple[dict[str, bool], int]:
    app.add_background_task(tell, int(request.args["port"]), "done")
    return {"accepted": True}, 202


@app.post("/notes/<name>")
async def add(name: str) -> tuple[dict[str, str], int]:
    async with open_notes() as notes:
        await add_note(notes, name, (await request.get_json())["text"])
    return {"name": name}, 201


@app.get("/notes/<name>")
async def listed(name: str) -> dict[str, list[str]]:
    async with open_notes() as notes:
        return {"texts": await texts_of(notes, name)}


@app.delete("/nothing")
async def nothing() -> tuple[str, int]:
    return "", 204


@app.websocket("/ws/echo")
async def echo_messages() -> None:
    await websocket.accept(subprotocol="echo" if "echo" in websocket.requested_subprotocols else None)
    while (message := await websocket.receive()) != "close":
        await websocket.send(message)
    await websocket.close(4001, "asked to close")


@app.websocket("/ws/refuse")
async def refuse() -> tuple[str, int]:
    return "", 403
