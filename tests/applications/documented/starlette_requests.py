"""In the manner of Starlette's documentation: the bare interface, routing, requests, responses, exceptions."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import (
    FileResponse,
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Host, Mount, Route, Router
from starlette.staticfiles import StaticFiles

from tests.applications.documented import Ask, Example, get, post

HERE = Path(__file__).parent


async def first(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """An application on the bare interface, with a response object."""
    await PlainTextResponse("Hello, world!")(scope, receive, send)


async def bare(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """An application on the bare interface, with a request object."""
    request = Request(scope, receive)
    body = b""
    async for chunk in request.stream():
        body += chunk
    content = f"{request.method} {request.url.path} {request.headers.get('x-a')} {len(body)}"
    await Response(content, media_type="text/plain")(scope, receive, send)


# Routing.


async def user(request: Request) -> PlainTextResponse:
    return PlainTextResponse(f"Hello, {request.path_params['username']!r}!")


def number(request: Request) -> JSONResponse:
    return JSONResponse({"type": type(request.path_params["n"]).__name__, "n": str(request.path_params["n"])})


def url_of(request: Request) -> JSONResponse:
    return JSONResponse({"url": str(request.url_for("user", username="tove").path), "root": request.scope["root_path"]})


class Notes(HTTPEndpoint):
    async def get(self, request: Request) -> PlainTextResponse:
        return PlainTextResponse("notes")

    async def post(self, request: Request) -> JSONResponse:
        return JSONResponse(await request.json(), status_code=201)


routing = Starlette(
    routes=[
        Route("/user/{username}", user, name="user"),
        Route("/int/{n:int}", number),
        Route("/float/{n:float}", number),
        Route("/uuid/{n:uuid}", number),
        Route("/path/{n:path}", number),
        Route("/url", url_of),
        Route("/notes/", Notes),
        Mount("/sub", routes=[Route("/{username}", user, name="inner"), Mount("/deep", app=bare)]),
        Mount("/static", StaticFiles(directory=HERE)),
        Host("api.example.org", Router([Route("/", lambda request: PlainTextResponse("api"))])),
    ]
)


# Requests and responses.


async def show(request: Request) -> JSONResponse:
    return JSONResponse(
        {
            "method": request.method,
            "path": request.url.path,
            "query": dict(request.query_params),
            "lists": request.query_params.getlist("a"),
            "cookies": request.cookies,
            "accept": request.headers.getlist("x-many"),
            "body": (await request.body()).decode("latin-1"),
        }
    )


async def form(request: Request) -> JSONResponse:
    async with request.form(max_files=5) as fields:
        files = {name: value for name, value in fields.items() if not isinstance(value, str)}
        return JSONResponse(
            {
                "fields": [[name, value] for name, value in fields.multi_items() if isinstance(value, str)],
                "files": {name: [file.filename, (await file.read()).decode()] for name, file in files.items()},
            }
        )


async def left(request: Request) -> PlainTextResponse:
    await request.body()
    return PlainTextResponse(str(await request.is_disconnected()))


async def cookies(request: Request) -> Response:
    response = PlainTextResponse("set")
    response.set_cookie("a", "1", max_age=60, httponly=True, samesite="strict")
    response.set_cookie("b", "2", path="/b")
    return response


async def slow_numbers(least: int, most: int) -> AsyncIterator[str]:
    yield "<ul>"
    for n in range(least, most + 1):
        yield f"<li>{n}</li>"
        await asyncio.sleep(0)
    yield "</ul>"


def blocking_numbers() -> Iterator[bytes]:
    for n in range(100):
        yield b"%d " % n


requests = Starlette(
    routes=[
        Route("/show", show, methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
        Route("/form", form, methods=["POST"]),
        Route("/left", left, methods=["GET", "POST"]),
        Route("/cookies", cookies),
        Route("/html", lambda request: HTMLResponse("<html><body><h1>Hello, wörld!</h1></body></html>")),
        Route("/redirect", lambda request: RedirectResponse(url="/html")),
        Route("/file", lambda request: FileResponse(__file__, filename="a file.py")),
        Route("/empty", lambda request: Response(status_code=204)),
        Route("/not-modified", lambda request: Response(status_code=304)),
        Route("/stream", lambda request: StreamingResponse(slow_numbers(1, 10), media_type="text/html")),
        Route("/blocking", lambda request: StreamingResponse(blocking_numbers())),
        Route("/bytes", lambda request: Response(b"\x00\xff", media_type="image/png", headers={"X-A": "b"})),
    ]
)


# Exceptions.


async def not_found(request: Request, error: Exception) -> HTMLResponse:
    return HTMLResponse("custom not found", status_code=404)


async def unexpected(request: Request, error: Exception) -> PlainTextResponse:
    return PlainTextResponse(f"custom {error}", status_code=500)


async def teapot(request: Request) -> Response:
    raise HTTPException(418, detail="short and stout", headers={"X-Pot": "yes"})


async def fails(request: Request) -> Response:
    raise ValueError("unexpected")


exceptions = Starlette(
    routes=[Route("/teapot", teapot), Route("/fails", fails)],
    exception_handlers={404: not_found, Exception: unexpected},
)


JSON = json.dumps({"a": [1, {"b": "å"}]})


EXAMPLES = [
    Example("first", first, [get("/"), get("/x")], has_lifespan=False),
    Example("bare", bare, [get("/a", headers={"X-A": "b"}), post("/a/b", content=b"x" * 100_000)], has_lifespan=False),
    Example(
        "routing",
        routing,
        [
            get("/user/tove"),
            get("/user/t%20%C3%B8"),
            get("/int/42"),
            get("/int/x"),
            get("/float/1.5"),
            get("/uuid/00000000-0000-0000-0000-000000000001"),
            get("/path/a/b%2Fc"),
            get("/url"),
            get("/notes/"),
            get("/notes"),
            post("/notes/", content=JSON),
            get("/sub/tove"),
            get("/sub/deep/er/still"),
            get("/static/__init__.py"),
            get("/static/../../conftest.py"),
            get("/static/missing"),
            get("/", headers={"Host": "api.example.org"}),
        ],
    ),
    Example(
        "requests",
        requests,
        [
            get("/show?a=1&a=2&b=%20"),
            get("/show", headers=[("X-Many", "1"), ("X-Many", "2"), ("Cookie", "a=1; b=2")]),
            *[Ask("/show", method) for method in ("PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")],
            Ask("/html", "HEAD"),
            Ask("/stream", "HEAD"),
            Ask("/file", "HEAD"),
            post("/show", content=b"a\xffb"),
            post("/form", data={"a": ["1", "2"], "b": "å"}),
            post("/form", data={"a": "1"}, files={"f": ("name.txt", b"content", "text/plain")}),
            get("/left"),
            post("/left", content=b"x"),
            get("/cookies"),
            get("/html"),
            get("/redirect"),
            get("/file"),
            get("/file", headers={"Range": "bytes=10-20"}),
            get("/file", headers={"Range": "bytes=10-20,30-40"}),
            get("/file", headers={"Range": "bytes=1000000-"}),
            get("/empty"),
            get("/not-modified"),
            get("/stream"),
            get("/blocking"),
            get("/bytes"),
            post("/html"),
        ],
    ),
    Example("exceptions", exceptions, [get("/teapot"), get("/fails"), get("/nowhere"), get("/teapot")]),
]
