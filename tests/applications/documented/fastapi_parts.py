"""In the manner of FastAPI's tutorial: dependencies, errors, middleware, sub-applications, WebSocket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import (
    APIRouter,
    BackgroundTasks,
    Cookie,
    Depends,
    FastAPI,
    Header,
    HTTPException,
    Query,
    Request,
    Response,
    WebSocket,
    WebSocketDisconnect,
    WebSocketException,
    status,
)
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, StreamingResponse
from fastapi.security import OAuth2PasswordBearer

from tests.applications.documented import Example, Talk, get, post

# Dependencies, with yield, of classes, of routers; background tasks.

LOG: list[str] = []


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    LOG.clear()
    app.state.model = {"answer": 42}
    app.state.notified = asyncio.Event()
    yield


dependencies = FastAPI(lifespan=lifespan)
oauth2_scheme = OAuth2PasswordBearer(tokenUrl="token")


class OwnerError(Exception):
    pass


class Common:
    def __init__(self, q: str | None = None, limit: int = 100) -> None:
        self.q, self.limit = q, limit


async def session() -> AsyncIterator[str]:
    LOG.append("open")
    try:
        yield "session"
    except OwnerError:
        LOG.append("failed")
        raise HTTPException(status_code=400, detail="owner error") from None
    finally:
        LOG.append("closed")


async def verify_token(x_token: Annotated[str, Header()]) -> None:
    if x_token != "secret":
        raise HTTPException(status_code=400, detail="X-Token header invalid")


async def write_log(request: Request, message: str) -> None:
    LOG.append(message)
    request.app.state.notified.set()


@dependencies.get("/commons")
async def commons(commons: Annotated[Common, Depends()]) -> Any:
    return {"q": commons.q, "limit": commons.limit}


@dependencies.get("/session/{name}")
def with_session(name: str, opened: Annotated[str, Depends(session)]) -> Any:
    if name == "wrong":
        raise OwnerError(name)
    return {"session": opened, "log": list(LOG)}


@dependencies.get("/log")
async def log(request: Request) -> Any:
    await request.app.state.notified.wait()
    return {"log": LOG, "model": request.app.state.model}


@dependencies.get("/me")
async def me(token: Annotated[str, Depends(oauth2_scheme)]) -> Any:
    return {"token": token}


@dependencies.post("/send-notification/{email}")
async def send_notification(email: str, request: Request, tasks: BackgroundTasks) -> Any:
    tasks.add_task(write_log, request, f"notification to {email}")
    return {"message": "Notification sent in the background"}


router = APIRouter(prefix="/admin", dependencies=[Depends(verify_token)])


@router.post("/")
async def update_admin() -> Any:
    return {"message": "Admin getting schwifty"}


dependencies.include_router(router)


# Errors, responses, middleware, sub-applications.

responses = FastAPI()
inner = FastAPI()


class UnicornError(Exception):
    pass


@responses.exception_handler(UnicornError)
async def unicorn(request: Request, error: UnicornError) -> JSONResponse:
    return JSONResponse({"message": f"Oops! {error} did something."}, status_code=418)


@responses.exception_handler(RequestValidationError)
async def invalid(request: Request, error: RequestValidationError) -> PlainTextResponse:
    return PlainTextResponse("; ".join(one["msg"] for one in error.errors()), status_code=400)


@responses.middleware("http")
async def add_process_header(request: Request, call_next: Any) -> Response:
    response = await call_next(request)
    response.headers["X-Process"] = f"{request.method} {response.status_code}"
    return response


@responses.get("/unicorns/{name}")
async def read_unicorn(name: str) -> Any:
    if name == "yolo":
        raise UnicornError(name)
    return {"unicorn_name": name}


@responses.get("/checked")
async def checked(number: int) -> Any:
    return number


@responses.get("/missing")
async def missing() -> Any:
    raise HTTPException(404, detail="Item not found", headers={"X-Error": "There goes my error"})


@responses.get("/html", response_class=HTMLResponse)
async def html() -> str:
    return "<h1>Look ma! HTML!</h1>"


@responses.get("/stream")
async def stream() -> StreamingResponse:
    async def fake_video() -> AsyncIterator[bytes]:
        for _ in range(10):
            yield b"some fake video bytes"

    return StreamingResponse(fake_video())


@responses.get("/headers")
async def headers(response: Response) -> Any:
    response.headers["X-Cat-Dog"] = "alone in the world"
    response.set_cookie("fakesession", "fake-cookie-session-value")
    response.status_code = 203
    return {"message": "Hello"}


@inner.get("/sub")
def read_sub(request: Request) -> Any:
    return {"message": "Hello from sub", "root_path": request.scope["root_path"]}


responses.mount("/subapi", inner)


# WebSocket, with dependencies.

websockets = FastAPI()


class Room:
    def __init__(self) -> None:
        self.members: list[WebSocket] = []

    async def tell(self, text: str) -> None:
        for member in self.members:
            await member.send_text(text)


room = Room()


async def cookie_or_token(
    socket: WebSocket, token: Annotated[str | None, Query()] = None, session: Annotated[str | None, Cookie()] = None
) -> str:
    if token is None and session is None:
        raise WebSocketException(code=status.WS_1008_POLICY_VIOLATION)
    return token or session or ""


@websockets.websocket("/items/{item_id}/ws")
async def of_item(
    socket: WebSocket, item_id: str, token: Annotated[str, Depends(cookie_or_token)], q: int | None = None
) -> None:
    await socket.accept()
    while True:
        data = await socket.receive_text()
        await socket.send_text(f"{token} {q} {data} {item_id}")


@websockets.websocket("/room/{name}")
async def chat(socket: WebSocket, name: str) -> None:
    await socket.accept()
    room.members.append(socket)
    try:
        while True:
            text = await socket.receive_text()
            await socket.send_text(f"You wrote: {text}")
            await room.tell(f"{name} says: {text}")
    except WebSocketDisconnect:
        room.members.remove(socket)


EXAMPLES = [
    Example(
        "dependencies",
        dependencies,
        [
            get("/commons?q=foo"),
            get("/session/right"),
            get("/session/wrong"),
            get("/me"),
            get("/me", headers={"Authorization": "Bearer token"}),
            post("/send-notification/tove@example.org"),
            get("/log"),
            post("/admin/", headers={"X-Token": "secret"}),
            post("/admin/", headers={"X-Token": "guess"}),
            post("/admin/"),
        ],
    ),
    Example(
        "responses",
        responses,
        [
            get("/unicorns/yolo"),
            get("/unicorns/blue"),
            get("/checked?number=x"),
            get("/missing"),
            get("/html"),
            get("/stream"),
            get("/headers"),
            get("/subapi/sub"),
            get("/subapi/openapi.json"),
        ],
    ),
    Example(
        "websockets",
        websockets,
        [
            Talk("/items/foo/ws?token=fake-token&q=3", ["one", "two"]),
            Talk("/items/foo/ws", ["one"]),
            Talk("/items/foo/ws?token=t&q=x", ["one"]),
            Talk("/room/tove", ["hello", "again"], hears=2),
        ],
    ),
]
