"""A Flask application, driven like a site: routes, forms, sessions, uploads, streams, files, failures."""

from __future__ import annotations

import hashlib
import os

import pytest

from tests.applications.browser import Browser

pytest.importorskip("flask")


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("flask") / "file.bin"
    path.write_bytes(os.urandom(300_000))
    return path


@pytest.fixture
def browser(file, serve_site):
    browser = Browser(serve_site("flask_site:app", {"FREASTAL_TEST_FILE": str(file)}))
    yield browser
    browser.close()


def test_a_template_is_rendered(browser):
    page = browser.get("/?name=%3CTove%20%26%20Co%3E")
    assert page.status == 200
    assert page.text == "<title>Café</title><h1>Hello &lt;Tove &amp; Co&gt;</h1>"
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert int(page.headers["Content-Length"]) == len(page.body)


def test_parts_of_the_path_are_decoded_once(browser):
    page = browser.get("/pages/a%20b/%C3%A5/%252F/7")
    assert page.json()["page"] == "a b/å/%2F"
    assert page.json()["number"] == 7
    assert page.json()["url"] == browser.url.rstrip("/") + "/pages/a%20b/%C3%A5/%252F/7"


def test_a_form_is_read(browser):
    body = "a=1&a=2&b=%C3%A5+%2B"
    page = browser.request(
        "POST", "/form", body=body.encode(), headers={"Content-Type": "application/x-www-form-urlencoded"}
    )
    assert page.json() == {"a": ["1", "2"], "b": ["å +"]}


def test_json_is_read_also_in_chunks(browser):
    headers = {"Content-Type": "application/json"}
    page = browser.request("POST", "/json", body=b'{"deep": [1, {"x": "\\u00e5"}]}', headers=headers)
    assert page.json() == {"received": {"deep": [1, {"x": "å"}]}}
    page = browser.request("POST", "/json", body=iter([b'{"in":', b" [1, 2", b"]}"]), headers=headers)
    assert page.json() == {"received": {"in": [1, 2]}}


def test_a_session_lives_from_login_to_logout(browser):
    assert browser.get("/whoami").status == 401
    page = browser.post("/login", {"user": "Tøve"})
    assert page.url.endswith("/whoami")
    assert page.json() == {"user": "Tøve"}
    assert browser.get("/whoami").json() == {"user": "Tøve"}
    browser.post("/logout")
    assert "session" not in browser.cookies
    assert browser.cookies == {"farewell": "yes", "again": "soon"}
    assert browser.get("/whoami").status == 401


def test_a_forged_session_is_not_believed(browser):
    browser.cookies["session"] = "eyJ1c2VyIjoicm9vdCJ9.Zm9v.forged"
    assert browser.get("/whoami").status == 401


def test_a_stream_arrives_whole(browser):
    page = browser.get("/count?to=20000")
    assert page.headers["Transfer-Encoding"] == "chunked"
    assert page.text == "".join(f"{number}\n" for number in range(20000))


@pytest.mark.parametrize("size", [0, 1, 70_000, 5 << 20])
def test_an_upload_arrives_byte_by_byte(browser, size):
    content = os.urandom(size)
    page = browser.post("/upload", {"note": "with å"}, {"file": ("photo.jpg", "image/jpeg", content)})
    assert page.json() == {
        "name": "photo.jpg",
        "type": "image/jpeg",
        "bytes": size,
        "sha256": hashlib.sha256(content).hexdigest(),
        "note": "with å",
    }


def test_a_file_is_sent_whole_in_parts_or_not_at_all(browser, file):
    content = file.read_bytes()
    whole = browser.get("/file")
    assert whole.status == 200
    assert whole.body == content
    part = browser.get("/file", headers={"Range": "bytes=1000-250999"})
    assert part.status == 206
    assert part.body == content[1000:251000]
    assert part.headers["Content-Range"] == "bytes 1000-250999/300000"
    unchanged = browser.get("/file", headers={"If-None-Match": whole.headers["ETag"]})
    assert unchanged.status == 304
    assert unchanged.body == b""
    head = browser.request("HEAD", "/file")
    assert head.headers["Content-Length"] == "300000"
    assert head.body == b""


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_every_method_arrives(browser, method):
    assert browser.request(method, "/verbs").text == method


def test_what_is_not_allowed_says_what_is(browser):
    page = browser.request("POST", "/verbs")
    assert page.status == 405
    assert {"GET", "PUT", "PATCH", "DELETE"} <= set(page.headers["Allow"].split(", "))
    assert browser.request("OPTIONS", "/verbs").status == 200


def test_no_content_has_no_body_and_the_connection_goes_on(browser):
    page = browser.request("DELETE", "/nothing")
    assert page.status == 204
    assert page.body == b""
    assert "Transfer-Encoding" not in page.headers
    assert browser.get("/verbs").text == "GET"


def test_a_failing_view_is_500_and_the_next_request_is_fine(browser):
    assert browser.get("/fail").status == 500
    assert browser.get("/verbs").text == "GET"


def test_a_stream_that_fails_is_cut_visibly(browser):
    from http.client import IncompleteRead

    with pytest.raises(IncompleteRead):
        browser.get("/fail-late")
    browser.close()
    assert browser.get("/verbs").text == "GET"


def test_what_the_application_sees_of_the_request(browser):
    browser.cookies["a"] = "1"
    seen = browser.get("/seen?x=%20&y", headers={"User-Agent": "curl/8"}).json()
    assert browser.url.startswith(f"http://{seen['host']}")
    assert seen["scheme"] == "http"
    assert seen["path"] == "/seen"
    assert seen["root"] == ""
    assert seen["query"] == "x=%20&y"
    assert seen["remote"] == "127.0.0.1"
    assert seen["agent"] == "curl/8"
    assert seen["cookies"] == {"a": "1"}
