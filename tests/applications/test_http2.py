"""What frameworks do over HTTP/1.1 they do over HTTP/2: a short pass through each, by a client that many use."""

from __future__ import annotations

import asyncio
import hashlib
import os
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.applications import SITES
from tests.applications.browser import Browser
from tests.applications.test_asgi_frameworks import LACKING, LARGE, TARGETS
from tests.applications.test_django import data as library_data
from tests.applications.test_django import log_in, titles
from tests.support.server import launch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.server import RunningServer

TIMEOUT_S = 30

__all__ = ["library_data"]


# ASGI: the same site in each framework.


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("http2") / "file.bin"
    path.write_bytes(os.urandom(300_000))
    return path


@pytest.fixture(scope="module", params=["starlette", "fastapi", "django"])
def framework(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def site(framework: str, file: Path) -> Iterator[RunningServer]:
    environment = {"FREASTAL_TEST_DATA": str(file.parent)}
    with launch(TARGETS[framework], "--app-dir", str(SITES), environment=environment) as server:
        yield server


@pytest.fixture(scope="module")
def client(site: RunningServer) -> Iterator[httpx.Client]:
    """All of it on one connection."""
    with httpx.Client(base_url=site.url, http1=False, http2=True, timeout=TIMEOUT_S) as client:
        yield client


def test_a_route_and_what_the_application_sees(client, framework):
    answer = client.get("/items/a%20b/%C3%A5?n=7")
    assert (answer.http_version, answer.json()) == ("HTTP/2", {"name": "a b/å", "n": 7})
    seen = client.get("/seen?x=%20&y").json()
    assert seen["host"] == f"127.0.0.1:{client.base_url.port}"
    assert (seen["path"], seen["query"], seen["scheme"]) == ("/seen", "x=%20&y", "http")
    assert client.get("/nowhere").status_code == 404


def test_bodies(client):
    assert client.post("/json", json={"å": [1, None]}).json() == {"received": {"å": [1, None]}}
    pieces = iter([b'{"in":', b" [1, 2", b"]}"])
    answer = client.post("/json", content=pieces, headers={"Content-Type": "application/json"})
    assert answer.json() == {"received": {"in": [1, 2]}}
    assert client.post("/form", data={"a": ["1", "2"], "b": "å +"}).json() == {"a": ["1", "2"], "b": ["å +"]}


@pytest.mark.parametrize("size", [0, 70_000, len(LARGE)])
def test_a_body_is_taken_as_it_comes(client, size):
    wanted = {"bytes": size, "sha256": hashlib.sha256(LARGE[:size]).hexdigest()}
    assert client.post("/take", content=LARGE[:size]).json() == wanted
    pieces = (LARGE[at : min(at + 100_000, size)] for at in range(0, size, 100_000))
    assert client.post("/take", content=pieces).json() == wanted


def test_a_body_comes_back_as_a_stream(client):
    with client.stream("POST", "/echo", content=LARGE[: 1 << 20]) as response:
        assert b"".join(response.iter_bytes()) == LARGE[: 1 << 20]
        assert "Transfer-Encoding" not in response.headers


def test_files(client, file):
    assert client.get("/file").content == file.read_bytes()


def test_failures_leave_the_connection(client, framework):
    assert client.get("/fail").status_code == 500
    if (framework, "cut") not in LACKING:
        with pytest.raises(httpx.RemoteProtocolError):
            client.get("/fail-late")
    response = client.delete("/nothing")
    assert (response.status_code, response.content) == (204, b"")
    assert client.get("/items/x").status_code == 200


def test_many_at_a_time(site):
    async def ask_all() -> list[httpx.Response]:
        limits = httpx.Limits(max_connections=1)
        async with httpx.AsyncClient(
            base_url=site.url, http1=False, http2=True, timeout=TIMEOUT_S, limits=limits
        ) as client:
            return await asyncio.gather(
                *(client.get(f"/items/{number}") for number in range(50)),
                *(client.post("/take", content=LARGE[: number * 1000]) for number in range(50)),
            )

    answers = [answer.json() for answer in asyncio.run(ask_all())]
    assert answers[:50] == [{"name": str(number), "n": 0} for number in range(50)]
    assert [answer["bytes"] for answer in answers[50:]] == [number * 1000 for number in range(50)]


# WSGI.


@pytest.fixture(scope="module")
def flask_url(file: Path) -> Iterator[str]:
    with launch("flask_site:app", "--app-dir", str(SITES), environment={"FREASTAL_TEST_FILE": str(file)}) as server:
        yield server.url + "/"


@pytest.fixture
def flask(flask_url: str) -> Iterator[Browser]:
    browser = Browser(flask_url, http2=True)
    yield browser
    browser.close()


def test_flask_answers(flask, file):
    assert flask.get("/?name=a%20b").text == "<title>Café</title><h1>Hello a b</h1>"
    assert flask.get("/pages/a%20b/%C3%A5/%252F/7").json()["url"] == f"{flask.url}pages/a%20b/%C3%A5/%252F/7"
    assert flask.get("/count?to=20000").text == "".join(f"{number}\n" for number in range(20000))
    assert flask.get("/file").body == file.read_bytes()
    assert flask.get("/file", headers={"Range": "bytes=1000-250999"}).body == file.read_bytes()[1000:251000]
    assert [flask.request(verb, "/verbs").text for verb in ("PUT", "PATCH", "DELETE")] == ["PUT", "PATCH", "DELETE"]


def test_flask_reads(flask):
    page = flask.post("/upload", {"note": "with å"}, {"file": ("photo.jpg", "image/jpeg", LARGE[: 5 << 20])})
    assert page.json()["sha256"] == hashlib.sha256(LARGE[: 5 << 20]).hexdigest()
    headers = {"Content-Type": "application/json"}
    page = flask.request("POST", "/json", body=iter([b'{"in":', b" [1, 2", b"]}"]), headers=headers)
    assert page.json() == {"received": {"in": [1, 2]}}


def test_flask_remembers(flask):
    assert flask.get("/whoami").status == 401
    assert flask.post("/login", {"user": "Tøve"}).json() == {"user": "Tøve"}
    flask.post("/logout")
    assert flask.cookies == {"farewell": "yes", "again": "soon"}


def test_flask_fails_and_goes_on(flask):
    assert flask.get("/fail").status == 500
    with pytest.raises(httpx.RemoteProtocolError):
        flask.get("/fail-late")
    assert flask.get("/verbs").text == "GET"


@pytest.fixture(params=["wsgi", "asgi"])
def library(request: pytest.FixtureRequest, library_data: Path) -> Iterator[Browser]:
    environment = {"FREASTAL_TEST_DATA": str(library_data), "DJANGO_SETTINGS_MODULE": "library.settings"}
    target = f"library.{request.param}:application"
    with launch(target, "--app-dir", str(SITES), environment=environment) as server:
        browser = Browser(f"{server.url}/", http2=True)
        yield browser
        browser.close()


def test_an_editor_of_django_logs_in_and_adds_an_author(library):
    assert titles(library) == []
    assert "Site administration" in log_in(library).text
    form = library.get("/admin/library/author/add/").form("name")
    page = library.post("/admin/library/author/add/", {**form, "name": "Ursula K. Le Guin"})
    assert "was added successfully" in page.text
