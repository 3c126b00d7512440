"""In the manner of FastAPI's tutorial: parameters and bodies."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import Enum
from typing import Annotated, Any
from uuid import UUID

from fastapi import (
    Body,
    Cookie,
    FastAPI,
    File,
    Form,
    Header,
    Path,
    Query,
    UploadFile,
    status,
)
from pydantic import BaseModel, Field

from tests.applications.documented import Ask, Example, get, post

# Parameters of the path and of the query.

parameters = FastAPI()


class ModelName(str, Enum):
    alexnet = "alexnet"
    lenet = "lenet"


@parameters.get("/items/{item_id}")
async def read_item(item_id: Annotated[int, Path(ge=1)], q: Annotated[list[str] | None, Query()] = None) -> Any:
    return {"item_id": item_id, "q": q}


@parameters.get("/models/{name}")
async def get_model(name: ModelName) -> Any:
    return {"name": name}


@parameters.get("/files/{file_path:path}")
async def read_file(file_path: str) -> Any:
    return {"file_path": file_path}


@parameters.get("/page")
def page(skip: int = 0, limit: Annotated[int, Query(le=100)] = 10, short: bool = False) -> Any:
    return [skip, limit, short]


@parameters.get("/sent")
async def sent(
    user_agent: Annotated[str | None, Header()] = None,
    x_token: Annotated[list[str] | None, Header()] = None,
    ads_id: Annotated[str | None, Cookie()] = None,
) -> Any:
    return {"agent": user_agent, "tokens": x_token, "ads": ads_id}


# Bodies.

bodies = FastAPI()


class Image(BaseModel):
    url: str
    name: str


class Item(BaseModel):
    name: str = Field(examples=["Foo"])
    price: float = Field(gt=0)
    tax: float | None = None
    tags: set[str] = set()
    image: Image | None = None


@bodies.post("/items", status_code=status.HTTP_201_CREATED, response_model_exclude_unset=True)
async def create_item(item: Item) -> Item:
    return item


@bodies.put("/items/{item_id}")
async def update_item(item_id: int, item: Item, importance: Annotated[int, Body()]) -> Any:
    return {"item_id": item_id, "price": item.price, "importance": importance}


@bodies.post("/times/{id}")
async def times(id: UUID, start: Annotated[datetime, Body()], after: Annotated[timedelta, Body()]) -> Any:  # noqa: A002
    return {"id": id, "end": start + after}


@bodies.post("/login")
async def login(username: Annotated[str, Form()], password: Annotated[str, Form()]) -> Any:
    return {"username": username, "length": len(password)}


@bodies.post("/files")
async def create_files(files: Annotated[list[bytes], File()], token: Annotated[str, Form()]) -> Any:
    return {"sizes": [len(file) for file in files], "token": token}


@bodies.post("/upload")
async def create_upload(file: UploadFile) -> Any:
    return {"filename": file.filename, "type": file.content_type, "start": (await file.read(10)).decode()}


ITEM = {"name": "Foo", "price": 45.2, "tags": ["a"], "image": {"url": "http://example.com/baz.jpg", "name": "Foo"}}


EXAMPLES = [
    Example(
        "parameters",
        parameters,
        [
            get("/items/3?q=foo&q=b%C3%A5r"),
            get("/items/0"),
            get("/items/foo"),
            get("/models/lenet"),
            get("/models/unknown"),
            get("/files//home/johndoe/my%20file.txt"),
            get("/page?limit=101"),
            get("/page?short=on&skip=20"),
            get("/sent", headers=[("User-Agent", "me"), ("X-Token", "1"), ("X-Token", "2"), ("Cookie", "ads_id=7")]),
            get("/openapi.json"),
            get("/docs"),
            Ask("/page", "DELETE"),
        ],
    ),
    Example(
        "bodies",
        bodies,
        [
            post("/items", json=ITEM),
            post("/items", json={"name": "Foo", "price": -1}),
            post("/items", content=b"{broken", headers={"Content-Type": "application/json"}),
            post("/items"),
            Ask("/items/5", "PUT", {"json": {"item": ITEM, "importance": 3}}),
            post(
                "/times/00000000-0000-0000-0000-000000000001",
                json={"start": "2026-01-01T00:00:00Z", "after": 3600},
            ),
            post("/login", data={"username": "tove", "password": "å" * 10}),
            post("/login", data={"username": "tove"}),
            post("/files", data={"token": "t"}, files=[("files", b"x" * 100), ("files", b"y" * 200_000)]),
            post("/upload", files={"file": ("a.txt", b"0123456789abc", "text/plain")}),
        ],
    ),
]
