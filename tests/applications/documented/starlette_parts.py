"""In the manner of Starlette's documentation: middleware, authentication, lifespan, background tasks, WebSocket."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from starlette.applications import Starlette
from starlette.authentication import AuthCredentials, AuthenticationBackend, AuthenticationError, SimpleUser, requires
from starlette.background import BackgroundTask, BackgroundTasks
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.endpoints import WebSocketEndpoint
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import (
    JSONResponse,
    PlainTextResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from tests.applications.documented import Example, Talk, get, post
from tests.applications.documented.starlette_requests import show, slow_numbers

# Middleware, on both interfaces.


class AddHeader(BaseHTTPMiddleware):
    async def dispatch(self, request: Request, call_next: Any) -> Response:
        if "x-refuse" in request.headers:
            return PlainTextResponse("refused", status_code=403)
        response = await call_next(request)
        response.headers["X-Custom"] = "Example"
        return response


class ReadBody(BaseHTTPMiddleware):
    async def dispatch(self, request: Request, call_next: Any) -> Response:
        body = await request.body()
        response = await call_next(request)
        response.headers["X-Body-Bytes"] = str(len(body))
        return response


class CountResponse:
    """Pure ASGI: looks at each message on its way out."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def counting(message: Any) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).append("X-Counted", "yes")
            await send(message)

        await self.app(scope, receive, counting)


middleware = Starlette(
    routes=[
        Route("/show", show, methods=["GET", "POST"]),
        Route("/large", lambda request: PlainTextResponse("x" * 5000)),
        Route("/stream", lambda request: StreamingResponse(slow_numbers(1, 100))),
    ],
    middleware=[
        Middleware(TrustedHostMiddleware, allowed_hosts=["testserver", "*.example.org"]),
        Middleware(CORSMiddleware, allow_origins=["https://example.org"], allow_methods=["GET"]),
        Middleware(GZipMiddleware, minimum_size=1000),
        Middleware(AddHeader),
        Middleware(ReadBody),
        Middleware(CountResponse),
    ],
)


class BasicBackend(AuthenticationBackend):
    async def authenticate(self, conn: Any) -> Any:
        if "authorization" not in conn.headers:
            return None
        scheme, _, name = conn.headers["authorization"].partition(" ")
        if scheme != "Basic":
            raise AuthenticationError("Invalid basic auth credentials")
        return AuthCredentials(["authenticated"]), SimpleUser(name)


@requires("authenticated")
async def private(request: Request) -> PlainTextResponse:
    return PlainTextResponse(f"You are {request.user.display_name}")


authentication = Starlette(
    routes=[Route("/private", private)],
    middleware=[Middleware(AuthenticationMiddleware, backend=BasicBackend())],
)


# Lifespan, background tasks, threads.


@contextlib.asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[dict[str, Any]]:
    yield {"done": [], "finished": asyncio.Event(), "http_client": "a client"}


async def append(request: Request, text: str) -> None:
    await asyncio.sleep(0)
    request.state.done.append(text)
    if text == "three":
        request.state.finished.set()


def append_in_thread(done: list[str], text: str) -> None:
    done.append(text)


async def one_task(request: Request) -> JSONResponse:
    return JSONResponse({"status": "ok"}, background=BackgroundTask(append, request, "one"))


async def two_tasks(request: Request) -> JSONResponse:
    tasks = BackgroundTasks()
    tasks.add_task(append_in_thread, request.state.done, text="two")
    tasks.add_task(append, request, text="three")
    return JSONResponse({"status": "ok"}, background=tasks)


async def state(request: Request) -> JSONResponse:
    await request.state.finished.wait()
    return JSONResponse({"done": request.state.done, "client": request.state.http_client})


async def threaded(request: Request) -> JSONResponse:
    return JSONResponse({"sum": await run_in_threadpool(sum, range(1000))})


background = Starlette(
    lifespan=lifespan,
    routes=[
        Route("/one", one_task),
        Route("/two", two_tasks),
        Route("/state", state),
        Route("/threaded", threaded),
        Route("/sync", lambda request: JSONResponse({"state": request.state.http_client})),
    ],
)


# WebSocket.


async def greet(socket: WebSocket) -> None:
    await socket.accept()
    async for text in socket.iter_text():
        await socket.send_text(f"{socket.path_params['name']}: {text} {socket.query_params.get('q')}")


async def echo_json(socket: WebSocket) -> None:
    await socket.accept(headers=[(b"x-accepted", b"yes")])
    while True:
        await socket.send_json({"echo": await socket.receive_json()})


async def says_goodbye(socket: WebSocket) -> None:
    await socket.accept(subprotocol="chat")
    await socket.send_text(",".join(socket.scope["subprotocols"]))
    await socket.close(3000, "goodbye")


async def denies(socket: WebSocket) -> None:
    await socket.send_denial_response(JSONResponse({"denied": True}, status_code=401, headers={"X-A": "b"}))


async def refuses(socket: WebSocket) -> None:
    await socket.close(1008)


class Echo(WebSocketEndpoint):
    encoding = "bytes"

    async def on_connect(self, websocket: WebSocket) -> None:
        await websocket.accept()

    async def on_receive(self, websocket: WebSocket, data: Any) -> None:
        await websocket.send_bytes(b"Message: " + data)


websockets = Starlette(
    routes=[
        WebSocketRoute("/greet/{name}", greet),
        WebSocketRoute("/json", echo_json),
        WebSocketRoute("/goodbye", says_goodbye),
        WebSocketRoute("/denied", denies),
        WebSocketRoute("/refused", refuses),
        WebSocketRoute("/endpoint", Echo),
    ]
)

EXAMPLES = [
    Example(
        "middleware",
        middleware,
        [
            get("/show", headers={"Host": "testserver"}),
            get("/show", headers={"Host": "a.example.org"}),
            get("/show", headers={"Host": "elsewhere.org"}),
            post("/show", content=b"x" * 70_000, headers={"Host": "testserver"}),
            get("/show", headers={"Host": "testserver", "X-Refuse": "1"}),
            get("/show", headers={"Host": "testserver", "Origin": "https://example.org"}),
            get("/large", headers={"Host": "testserver", "Accept-Encoding": "gzip"}),
            get("/large", headers={"Host": "testserver", "Accept-Encoding": "identity"}),
            get("/stream", headers={"Host": "testserver", "Accept-Encoding": "gzip"}),
        ],
    ),
    Example(
        "authentication",
        authentication,
        [
            get("/private"),
            get("/private", headers={"Authorization": "Basic tove"}),
            get("/private", headers={"Authorization": "Rubbish"}),
        ],
    ),
    Example(
        "background",
        background,
        [get("/one"), get("/two"), get("/state"), get("/threaded"), get("/sync")],
    ),
    Example(
        "websockets",
        websockets,
        [
            Talk("/greet/tove?q=a%20b", ["hello", "å", ""]),
            Talk("/json", ['{"a": 1}', "[]"]),
            Talk("/goodbye", [], hears=1, subprotocols=["chat", "other"]),
            Talk("/denied"),
            Talk("/refused"),
            Talk("/nowhere"),
            Talk("/endpoint", [b"a", b"\x00" * 100_000]),
        ],
    ),
]
