"""A small HTTP client with what a site expects of a browser: cookies, redirects, forms, uploads.

On one kept connection, by http.client or, over HTTP/2, by httpx. It does not know which server it talks to.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from html.parser import HTMLParser
from http.client import HTTPConnection, HTTPMessage
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urljoin, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable

TIMEOUT_S = 30
REDIRECTS_MAX = 5


@dataclass
class Page:
    url: str
    status: int
    headers: HTTPMessage
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        return json.loads(self.body)

    def form(self, having: str) -> dict[str, str]:
        """The fields of the form that has a field of this name, as they stand."""
        parser = _Forms()
        parser.feed(self.text)
        return next(fields for fields in parser.forms if having in fields)


Answer = tuple[int, HTTPMessage, bytes]


class Browser:
    def __init__(self, url: str, *, http2: bool = False) -> None:
        self.url = url
        self.cookies: dict[str, str] = {}
        self._connection = _Http2(url) if http2 else _Http1(url)

    def close(self) -> None:
        self._connection.close()

    def get(self, path: str, **more: Any) -> Page:
        return self.request("GET", path, **more)

    def post(self, path: str, fields: dict[str, str] | None = None, files: Files | None = None, **more: Any) -> Page:
        """Fields as a form; with files as multipart/form-data."""
        content_type, body = encode(fields or {}, files)
        headers = {"Content-Type": content_type, "Referer": self.url, **more.pop("headers", {})}
        return self.request("POST", path, body=body, headers=headers, **more)

    def request(
        self,
        method: str,
        path: str,
        *,
        body: bytes | Iterable[bytes] | None = None,
        headers: dict[str, str] | None = None,
        follow: bool = True,
    ) -> Page:
        page = self._once(method, urljoin(self.url, path), body, headers or {})
        for _ in range(REDIRECTS_MAX):
            if not (follow and page.status in (301, 302, 303)):
                return page
            page = self._once("GET", urljoin(page.url, page.headers["Location"]), None, {})
        raise AssertionError(f"more than {REDIRECTS_MAX} redirects, the last to {page.url}")

    def _once(self, method: str, url: str, body: Any, headers: dict[str, str]) -> Page:
        parts = urlsplit(url)
        if self.cookies:
            headers = {**headers, "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        target = parts.path + ("?" + parts.query if parts.query else "")
        page = Page(url, *self._connection.ask(method, target, body, headers))
        for line in page.headers.get_all("Set-Cookie", []):
            name, _, value = line.split(";")[0].partition("=")
            if value in ("", '""'):
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value
        return page


class _Http1:
    def __init__(self, url: str) -> None:
        self._connection = HTTPConnection(urlsplit(url).netloc, timeout=TIMEOUT_S)
        self.close = self._connection.close

    def ask(self, method: str, target: str, body: Any, headers: dict[str, str]) -> Answer:
        self._connection.request(method, target, body=body, headers=headers)
        response = self._connection.getresponse()
        return response.status, response.headers, response.read()


class _Http2:
    """With prior knowledge, as a proxy speaks it to what is behind."""

    def __init__(self, url: str) -> None:
        import httpx

        self._client = httpx.Client(base_url=url, http1=False, http2=True, timeout=TIMEOUT_S)
        self.close = self._client.close

    def ask(self, method: str, target: str, body: Any, headers: dict[str, str]) -> Answer:
        response = self._client.request(method, target, content=body, headers=headers)
        self._client.cookies.clear()  # the browser keeps its own
        assert response.http_version == "HTTP/2"
        fields = HTTPMessage()
        for name, value in response.headers.multi_items():
            fields[name] = value
        return response.status_code, fields, response.content


Files = dict[str, tuple[str, str, bytes]]
"""Field -> file name, type, content."""


def encode(fields: dict[str, str], files: Files | None) -> tuple[str, bytes]:
    """The Content-Type and the body of a form."""
    if not files:
        return "application/x-www-form-urlencoded", urlencode(fields).encode()
    boundary = uuid.uuid4().hex
    parts = []
    for name, value in fields.items():
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'
        parts += [head.encode(), value.encode(), b"\r\n"]
    for name, (filename, content_type, content) in files.items():
        disposition = f'form-data; name="{name}"; filename="{filename}"'
        head = f"--{boundary}\r\nContent-Disposition: {disposition}\r\nContent-Type: {content_type}\r\n\r\n"
        parts += [head.encode(), content, b"\r\n"]
    parts.append(f"--{boundary}--\r\n".encode())
    return f"multipart/form-data; boundary={boundary}", b"".join(parts)


class _Forms(HTMLParser):
    """Collects the forms of a page: what a browser would send if nobody typed anything and no button was pressed."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[dict[str, str]] = []
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        name = attributes.get("name", "")
        if tag == "form":
            self.forms.append({})
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select and self.forms and "selected" in attributes:
            self.forms[-1][self._select] = attributes.get("value", "")
        elif tag == "input" and name and self.forms:
            kind = attributes.get("type", "text")
            if kind in ("checkbox", "radio") and "checked" not in attributes:
                return
            if kind not in ("submit", "button", "image", "reset", "file"):
                self.forms[-1][name] = attributes.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self._select = ""
