"""A page whose script talks over WebSocket, fetches streams and events, and reports what it saw to /report; and a page
with more scripts than a browser has connections, which report how they came.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

PAGE = """<!doctype html><meta charset="utf-8"><title>talk</title><script>
const report = { agent: navigator.userAgent };
const scheme = location.protocol === "https:" ? "wss" : "ws";

function talk(name, protocols, run) {
    return new Promise((resolve) => {
        const socket = new WebSocket(`${scheme}://${location.host}/echo`, protocols);
        const heard = [];
        socket.binaryType = "arraybuffer";
        socket.onopen = () => run(socket, heard);
        socket.onmessage = (event) => { heard.push(event.data); socket.more?.(); };
        socket.onclose = (event) => resolve({ code: event.code, reason: event.reason, clean: event.wasClean, heard,
            protocol: socket.protocol, extensions: socket.extensions });
    });
}

async function main() {
    const text = "å and 𝄞 ".repeat(131072).slice(0, 1 << 20);
    const noise = new Uint8Array(1 << 20);
    for (let at = 0; at < noise.length; at += 65536) crypto.getRandomValues(noise.subarray(at, at + 65536));
    const echoed = await talk("echo", ["other", "echo"], (socket, heard) => {
        socket.more = () => { if (heard.length === 4) socket.send("close"); };
        for (const message of ["hello", new Uint8Array([0, 255]), text, noise]) socket.send(message);
    });
    const [first, second, third, fourth] = echoed.heard;
    report.protocol = echoed.protocol;
    report.extensions = echoed.extensions;
    report.text = first === "hello";
    report.binary = new Uint8Array(second).join() === "0,255";
    report.large_text = third === text;
    report.large_binary = new Uint8Array(fourth).every((byte, at) => byte === noise[at]);
    report.closed = { code: echoed.code, reason: echoed.reason, clean: echoed.clean };

    const left = await talk("leave", [], (socket, heard) => {
        socket.more = () => socket.close(3001, "leaving");
        socket.send("x");
    });
    report.left = { code: left.code, clean: left.clean };

    const refused = await new Promise((resolve) => {
        const socket = new WebSocket(`${scheme}://${location.host}/refuse`);
        socket.onopen = () => resolve("opened");
        socket.onerror = () => resolve("refused");
    });
    report.refused = refused;

    report.stream = (await (await fetch("/stream")).text()).length;
    report.events = await new Promise((resolve) => {
        const source = new EventSource("/events"), seen = [];
        source.onmessage = (event) => {
            seen.push(event.data);
            if (seen.length === 3) { source.close(); resolve(seen); }
        };
    });
    const form = new FormData();
    form.append("note", "å");
    form.append("file", new Blob([noise]), "noise.bin");
    report.upload = await (await fetch("/upload", { method: "POST", body: form })).json();
}

main().catch((error) => { report.error = `${error}`; }).finally(() =>
    fetch("/report", { method: "POST", body: JSON.stringify(report) }));
</script>"""

RESOURCES = 200
RESOURCES_PAGE = """<!doctype html><meta charset="utf-8"><title>resources</title><script>
const ran = new Set();
addEventListener("load", () => {
    const entries = performance.getEntriesByType("resource");
    const protocols = new Set(entries.map((entry) => entry.nextHopProtocol));
    const page = performance.getEntriesByType("navigation")[0].nextHopProtocol;
    const report = { ran: ran.size, entries: entries.length, protocols: [...protocols], page };
    fetch("/report", { method: "POST", body: JSON.stringify(report) });
});
</script>
""" + "".join(f'<script src="/resource/{number}.js" async></script>\n' for number in range(RESOURCES))

resource_clients: set[tuple[str, int]] = set()
"""Whose connections the resources were asked for on."""
websocket_versions: set[str] = set()

reports: asyncio.Queue[dict[str, object]] = asyncio.Queue()


async def page(request: Request) -> HTMLResponse:
    return HTMLResponse(PAGE)


async def resources(request: Request) -> HTMLResponse:
    resource_clients.clear()
    return HTMLResponse(RESOURCES_PAGE)


async def resource(request: Request) -> Response:
    """Some are much longer than others."""
    number = int(request.path_params["number"])
    resource_clients.add(request.scope["client"])
    padding = "x" * (number * 997 % 20_000)
    return Response(f"ran.add({number}); // {padding}", media_type="text/javascript")


async def seen(request: Request) -> JSONResponse:
    """What the server knows of it."""
    return JSONResponse({"connections": len(resource_clients), "websocket_versions": sorted(websocket_versions)})


async def report(request: Request) -> Response:
    await reports.put(await request.json())
    return Response(status_code=204)


async def reported(request: Request) -> JSONResponse:
    """Answers when the page has reported."""
    return JSONResponse(await reports.get())


async def stream(request: Request) -> StreamingResponse:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(1000):
            yield b"x" * 1024

    return StreamingResponse(pieces(), media_type="application/octet-stream")


async def events(request: Request) -> StreamingResponse:
    async def numbers() -> AsyncIterator[bytes]:
        number = 0
        while True:
            yield b"data: %d\n\n" % number
            number += 1
            await asyncio.sleep(0)

    return StreamingResponse(numbers(), media_type="text/event-stream")


async def upload(request: Request) -> JSONResponse:
    async with request.form() as fields:
        return JSONResponse({"note": fields["note"], "name": fields["file"].filename, "bytes": fields["file"].size})


async def echo(socket: WebSocket) -> None:
    websocket_versions.add(socket.scope["http_version"])
    await socket.accept(subprotocol="echo" if "echo" in socket.scope["subprotocols"] else None)
    while (message := await socket.receive())["type"] != "websocket.disconnect":
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
    routes=[
        Route("/", page),
        Route("/resources", resources),
        Route("/resource/{number:int}.js", resource),
        Route("/seen", seen),
        Route("/report", report, methods=["POST"]),
        Route("/reported", reported),
        Route("/stream", stream),
        Route("/events", events),
        Route("/upload", upload, methods=["POST"]),
        WebSocketRoute("/echo", echo),
        WebSocketRoute("/refuse", refuse),
    ]
)
