"""The examples do what they say."""

from __future__ import annotations

import json
import shutil
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.applications.browser import Browser
from tests.support.server import launch

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture
def browse(tmp_path):
    """browse("module:app"): a browser at an example that was copied to a folder of its own."""
    folder = shutil.copytree(EXAMPLES, tmp_path / "examples")
    with ExitStack() as stack:

        def browse(target: str, *arguments: str) -> Browser:
            server = stack.enter_context(launch(target, "--app-dir", str(folder), *arguments))
            return stack.enter_context(closing(Browser(server.url + "/")))

        yield browse


def test_hello(browse):
    browser = browse("hello:app")
    assert "<h1>Hello from freastal" in browser.get("/").text
    assert browser.get("/stream").text.splitlines() == [f"line {number} of 10" for number in range(1, 11)]
    page = browser.request("POST", "/echo", body=b"\x00\xff", headers={"Content-Type": "x/y"})
    assert (page.body, page.headers["Content-Type"]) == (b"\x00\xff", "x/y")
    assert "PATH_INFO = '/environ'" in browser.get("/environ").text
    assert browser.get("/nowhere").status == 404


def test_flask_notes(browse):
    pytest.importorskip("flask")
    browser = browse("flask_notes:app")
    assert "<li>milk &amp; honey</li>" in browser.post("/", {"note": "milk & honey"}).text
    browser.post("/", {"note": "bread"})
    assert browser.get("/notes.txt").text == "milk & honey\nbread\n"


def test_django_guestbook(browse):
    pytest.importorskip("django")
    browser = browse("django_guestbook:application", "--workers", "2")
    form = browser.get("/").form("csrfmiddlewaretoken")
    assert "<li>Tove &lt;3</li>" in browser.post("/", {**form, "name": "Tove <3"}).text
    assert browser.post("/", {"name": "Mallory"}).status == 403


def test_chat(browse):
    websockets = pytest.importorskip("websockets.sync.client")
    browser = browse("chat:app")
    assert "<title>Chat</title>" in browser.get("/").text
    assert browser.get("/nowhere").status == 404
    url = browser.url.replace("http", "ws")
    with websockets.connect(f"{url}chat") as one, websockets.connect(f"{url}chat") as other:
        for said in ("hello", "<3"):
            one.send(said)
            assert one.recv(20) == other.recv(20) == said
        other.close()
        one.send("alone")
        assert one.recv(20) == "alone"


def test_fastapi_notes(browse):
    pytest.importorskip("fastapi")
    browser = browse("fastapi_notes:app")
    for text in ("milk & honey", "bread"):
        note = json.dumps({"text": text})
        page = browser.request("POST", "/notes", body=note.encode(), headers={"Content-Type": "application/json"})
        assert (page.status, page.json()) == (201, {"text": text})
    assert browser.get("/notes").json() == [{"text": "milk & honey"}, {"text": "bread"}]
    assert browser.get("/notes/1").json() == {"text": "bread"}
    assert browser.get("/notes/2").status == 404
    assert browser.get("/notes/x").status == 422
    assert browser.get("/notes.txt").text == "milk & honey\nbread\n"
