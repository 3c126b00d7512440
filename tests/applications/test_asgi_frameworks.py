"""One site, written for each of six frameworks, asked the same: routes, bodies, streams, files, WebSocket, tasks."""

from __future__ import annotations

import hashlib
import os
import socket
from typing import TYPE_CHECKING

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from tests.applications.asgi_hosts import HOSTS, host_site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.server import RunningServer

TIMEOUT_S = 30
TARGETS = {
    "starlette": "starlette_site:app",
    "fastapi": "fastapi_site:app",
    "litestar": "litestar_site:app",
    "quart": "quart_site:app",
    "blacksheep": "blacksheep_site:app",
    "django": "django_asgi_site:application",
}
LARGE = bytes(range(256)) * 40_000  # 10 MB

LACKING = {
    ("django", "lifespan"): "Django answers no lifespan events",
    ("django", "websocket"): "Django leaves WebSocket to Channels",
    ("django", "background"): "Django has no background tasks",
    ("starlette", "cut"): "Starlette's BaseHTTPMiddleware ends the stream before it raises",
    ("django", "events"): "Django leaves the generator of a stream that was cut to the collector of garbage",
    ("django", "static"): "Django's view takes part of a file only from a proxy",
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("asgi")
    (folder / "file.bin").write_bytes(os.urandom(300_000))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FREASTAL_TEST_DATA", str(folder))
        yield folder


@pytest.fixture(scope="module", params=HOSTS)
def host(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module", params=TARGETS)
def framework(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def server(framework: str, host: str, data: Path) -> Iterator[RunningServer]:
    if framework == "django" and host == "here":
        pytest.skip("the settings of Django are those of another test in this process")
    with host_site(host, TARGETS[framework], {"FREASTAL_TEST_DATA": str(data)}) as server:
        yield server


@pytest.fixture
def client(server: RunningServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=TIMEOUT_S) as client:
        yield client


@pytest.fixture(autouse=True)
def _has_what_it_needs(request: pytest.FixtureRequest, framework: str) -> None:
    for marker in request.node.iter_markers("needs_feature"):
        if reason := LACKING.get((framework, marker.args[0])):
            pytest.skip(reason)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """What a site tells, arrives here."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(TIMEOUT_S)
        yield listener


def told(listener: socket.socket) -> str:
    teller = listener.accept()[0]
    with teller, teller.makefile("r") as lines:
        return lines.read()


def test_a_route_with_parts_and_a_query(client):
    assert client.get("/items/a%20b/%C3%A5?n=7").json() == {"name": "a b/å", "n": 7}
    assert client.get("/nowhere").status_code == 404


def test_json_is_read_also_in_pieces(client):
    value = {"deep": [1, None, {"å": "x" * 100}]}
    assert client.post("/json", json=value).json() == {"received": value}
    headers = {"Content-Type": "application/json"}
    pieces = iter([b'{"in":', b" [1, 2", b"]}"])
    assert client.post("/json", content=pieces, headers=headers).json() == {"received": {"in": [1, 2]}}


def test_a_form_is_read(client):
    assert client.post("/form", data={"a": ["1", "2"], "b": "å +"}).json() == {"a": ["1", "2"], "b": ["å +"]}


@pytest.mark.parametrize("size", [1, 70_000, 3 << 20])
def test_an_upload_arrives_byte_by_byte(client, size):
    content = LARGE[:size]
    files = {"file": ("photo.jpg", content, "image/jpeg")}
    assert client.post("/upload", data={"note": "with å"}, files=files).json() == {
        "name": "photo.jpg",
        "type": "image/jpeg",
        "bytes": size,
        "sha256": hashlib.sha256(content).hexdigest(),
        "note": "with å",
    }


@pytest.mark.parametrize("size", [0, 1, 65_536, len(LARGE)])
def test_a_body_is_taken_as_it_comes(client, size):
    wanted = {"bytes": size, "sha256": hashlib.sha256(LARGE[:size]).hexdigest()}
    assert client.post("/take", content=LARGE[:size]).json() == wanted
    pieces = (LARGE[at : min(at + 100_000, size)] for at in range(0, size, 100_000))
    assert client.post("/take", content=pieces).json() == wanted


def test_a_body_comes_back_as_a_stream(client):
    with client.stream("POST", "/echo", content=LARGE[: 1 << 20]) as response:
        assert response.headers["Transfer-Encoding"] == "chunked"
        assert b"".join(response.iter_bytes()) == LARGE[: 1 << 20]


def test_a_stream_arrives_whole(client):
    with client.stream("GET", "/count?to=3000") as response:
        assert "".join(response.iter_text()) == "".join(f"{number}\n" for number in range(3000))


@pytest.mark.needs_feature("events")
def test_a_stream_of_events_ends_when_the_client_leaves(client, listener, server):
    """And nobody calls that a failure."""
    lines = getattr(server, "lines", [])
    since = len(lines)
    port = listener.getsockname()[1]
    with client.stream("GET", f"/events?port={port}") as response:
        assert response.headers["Content-Type"].startswith("text/event-stream")
        events = response.iter_lines()
        assert [next(events) for _ in range(4)] == ["data: tick", "", "data: tick", ""]
    assert told(listener) == "left"
    assert client.get("/items/x").json() == {"name": "x", "n": 0}
    assert "Traceback" not in "".join(lines[since:])


def test_a_file_is_sent(client, data):
    content = (data / "file.bin").read_bytes()
    whole = client.get("/file")
    assert whole.content == content
    assert whole.headers["Content-Type"] == "application/octet-stream"
    assert client.get("/file").content == content


@pytest.mark.needs_feature("static")
def test_a_folder_is_served(client, framework, data):
    content = (data / "file.bin").read_bytes()
    path = "/static-files/file.bin" if framework == "quart" else "/static/file.bin"
    whole = client.get(path)
    assert whole.content == content
    assert client.get(path.replace("file.bin", "missing.bin")).status_code == 404
    if framework in ("starlette", "fastapi", "quart"):
        part = client.get(path, headers={"Range": "bytes=1000-250999"})
        assert part.status_code == 206
        assert part.content == content[1000:251000]
        assert client.get(path, headers={"If-None-Match": whole.headers["ETag"]}).status_code == 304
    if framework in ("starlette", "fastapi", "litestar"):
        head = client.head(path)
        assert head.headers["Content-Length"] == "300000"
        assert head.content == b""


def test_what_the_application_sees(client, framework):
    seen = client.get("/seen?x=%20&y", headers={"X-Trace": "t-1"})
    assert seen.json() == {
        "path": "/seen",
        "query": "x=%20&y",
        "host": f"127.0.0.1:{client.base_url.port}",
        "scheme": "http",
        "client": "127.0.0.1",
        **({"trace": "t-1"} if framework == "starlette" else {}),
    }
    assert seen.headers.get("X-Trace") == ("t-1" if framework == "starlette" else None)


def test_no_content_has_no_body_and_the_connection_goes_on(client):
    for _ in range(2):
        response = client.delete("/nothing")
        assert (response.status_code, response.content) == (204, b"")
        assert "Transfer-Encoding" not in response.headers


def test_a_failing_handler_is_500_and_the_next_request_is_fine(client):
    assert client.get("/fail").status_code == 500
    assert client.get("/items/x").status_code == 200


@pytest.mark.needs_feature("cut")
def test_a_stream_that_fails_is_cut_visibly(client):
    with pytest.raises(httpx.RemoteProtocolError):
        client.get("/fail-late")
    assert client.get("/items/x").status_code == 200


@pytest.mark.needs_feature("lifespan")
def test_what_was_made_at_startup_is_there(client, framework):
    assert client.get("/started").json() == {"started": framework}


@pytest.mark.needs_feature("background")
def test_a_background_task_runs_after_the_answer(client, listener):
    response = client.post(f"/later?port={listener.getsockname()[1]}")
    assert (response.status_code, response.json()) == (202, {"accepted": True})
    assert told(listener) == "done"


def test_notes_are_kept_in_a_database(client, framework, host):
    name = f"{framework}-{host}"
    for text in ("first", "with å"):
        assert client.post(f"/notes/{name}", json={"text": text}).status_code == 201
    assert client.get(f"/notes/{name}").json() == {"texts": ["first", "with å"]}
    assert client.get("/notes/nobody").json() == {"texts": []}


def address_of(server: RunningServer, path: str) -> str:
    return server.url.replace("http://", "ws://") + path


@pytest.mark.needs_feature("websocket")
def test_messages_come_back(server):
    with connect(address_of(server, "/ws/echo"), subprotocols=["other", "echo"], max_size=None) as socket:
        assert socket.subprotocol == "echo"
        for message in ["å and 𝄞", b"\x00\xff", "x" * 200_000, LARGE[: 2 << 20]]:
            socket.send(message)
            assert socket.recv(TIMEOUT_S) == message
        socket.send(["in ", "several ", "pieces"])
        assert socket.recv(TIMEOUT_S) == "in several pieces"
        assert socket.ping().wait(TIMEOUT_S)


@pytest.mark.needs_feature("websocket")
def test_the_application_closes_with_its_code(server):
    with connect(address_of(server, "/ws/echo")) as socket:
        assert socket.subprotocol is None
        socket.send("close")
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(TIMEOUT_S)
        assert closed.value.rcvd.code == 4001


@pytest.mark.needs_feature("websocket")
def test_the_application_refuses(server):
    with pytest.raises(InvalidStatus) as refused, connect(address_of(server, "/ws/refuse")):
        raise AssertionError("it was accepted")
    assert refused.value.response.status_code == 403
