"""A Django project with its admin, on SQLite, over WSGI and ASGI: what an editor does in a browser, up to deleting."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.applications import SITES
from tests.applications.browser import Browser

django = pytest.importorskip("django")

PREPARE = """
import django
django.setup()
from django.core.management import call_command
from django.contrib.auth.models import User
call_command("migrate", verbosity=0)
User.objects.create_superuser("editor", "editor@example.org", "correct horse")
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A folder with a fresh database in which there is one editor."""
    folder = tmp_path_factory.mktemp("django")
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "library.settings",
        "FREASTAL_TEST_DATA": str(folder),
        "PYTHONPATH": os.pathsep.join([str(SITES), os.environ.get("PYTHONPATH", "")]),
    }
    subprocess.run([sys.executable, "-c", PREPARE], env=environment, check=True)
    return folder


@pytest.fixture(params=["wsgi", "asgi"])
def browser(request, data, serve_site):
    url = serve_site(f"library.{request.param}:application", {"FREASTAL_TEST_DATA": str(data)})
    browser = Browser(url)
    yield browser
    browser.close()


def log_in(browser: Browser, password: str = "correct horse"):
    form = browser.get("/admin/login/?next=/admin/").form("csrfmiddlewaretoken")
    return browser.post("/admin/login/?next=/admin/", {**form, "username": "editor", "password": password})


def titles(browser: Browser) -> list[str]:
    return [title for title, _ in browser.get("/books/").json()["books"]]


def test_an_editor_creates_edits_finds_and_deletes(browser, data):
    page = log_in(browser)
    assert page.status == 200
    assert "Site administration" in page.text

    form = browser.get("/admin/library/author/add/").form("name")
    page = browser.post("/admin/library/author/add/", {**form, "name": "Ursula K. Le Guin"})
    assert "was added successfully" in page.text
    author = author_of(browser)

    scan = os.urandom(3 << 20)
    form = browser.get("/admin/library/book/add/").form("title")
    fields = {**form, "title": "The Dispossessed – Планета", "author": author, "published": "1974-05-01"}
    page = browser.post("/admin/library/book/add/", fields, {"scan": ("scan.pdf", "application/pdf", scan)})
    assert page.status == 200
    assert titles(browser) == ["The Dispossessed – Планета"]
    assert [path.read_bytes() for path in (data / "media" / "scans").iterdir()] == [scan]

    found = browser.get("/admin/library/book/?q=dispossessed").text
    number = found.split("/admin/library/book/")[1:]
    change = next(f"/admin/library/book/{rest.split('/')[0]}/change/" for rest in number if "/change/" in rest[:20])
    form = browser.get(change).form("title")
    assert form["title"] == "The Dispossessed – Планета"
    page = browser.post(change, {**form, "title": "The Dispossessed"})
    assert "was changed successfully" in page.text
    assert titles(browser) == ["The Dispossessed"]
    assert "1 book" in browser.get("/admin/library/book/?q=dispossessed").text
    assert "0 books" in browser.get("/admin/library/book/?q=Tehanu").text

    delete = change.replace("/change/", "/delete/")
    form = browser.get(delete).form("post")
    page = browser.post(delete, form)
    assert "was deleted successfully" in page.text
    assert titles(browser) == []

    delete = f"/admin/library/author/{author}/delete/"
    browser.post(delete, browser.get(delete).form("post"))
    for path in (data / "media" / "scans").iterdir():
        path.unlink()


def author_of(browser: Browser) -> str:
    """The number of the only author, from the choice that the form of a book offers."""
    page = browser.get("/admin/library/book/add/").text
    choice = page.split('name="author"')[1].split("</select>")[0]
    numbers = [part.split('"')[0] for part in choice.split('<option value="')[1:]]
    [number] = [number for number in numbers if number]
    return number


def test_a_wrong_password_does_not_log_in(browser):
    page = log_in(browser, "wrong horse")
    assert page.status == 200
    assert "Please enter the correct username and password" in page.text
    assert "sessionid" not in browser.cookies


def test_a_form_without_its_token_is_refused(browser):
    log_in(browser)
    page = browser.post("/admin/library/author/add/", {"name": "Mallory"})
    assert page.status == 403
    assert "CSRF verification failed" in page.text


def test_logging_out_ends_the_session(browser):
    page = log_in(browser)
    browser.post("/admin/logout/", page.form("csrfmiddlewaretoken"))
    assert browser.get("/admin/", follow=False).headers["Location"].startswith("/admin/login/")


def test_a_stranger_is_sent_to_log_in(browser):
    page = browser.get("/admin/library/book/", follow=False)
    assert page.status == 302
    assert page.headers["Location"] == "/admin/login/?next=/admin/library/book/"


def test_style_sheets_are_sent_byte_by_byte(browser):
    folder = Path(django.__file__).parent / "contrib/admin/static/admin"
    for name in ("css/base.css", "js/vendor/jquery/jquery.js", "img/search.svg"):
        page = browser.get(f"/static/admin/{name}")
        assert page.status == 200
        assert page.body == (folder / name).read_bytes()
    modified = page.headers["Last-Modified"]
    page = browser.get(f"/static/admin/{name}", headers={"If-Modified-Since": modified})
    assert page.status == 304
    assert page.body == b""


def test_a_missing_page_is_404(browser):
    assert browser.get("/nothing/here").status == 404
    assert browser.get("/static/admin/nothing.css").status == 404
