"""scope: what is in it, and how a request head becomes it (ASGI 3.0; HTTP and WebSocket spec 2.5)."""

from __future__ import annotations

import copy
import queue
import socket
from typing import Any
from urllib.parse import unquote

import pytest

from tests.gateway.gateway import listen
from tests.support.server import TIMEOUT_S
from tests.support.websocket import WebSocketPeer

HTTP_KEYS = {
    "type",
    "asgi",
    "http_version",
    "server",
    "client",
    "scheme",
    "method",
    "root_path",
    "path",
    "raw_path",
    "query_string",
    "headers",
    "extensions",
}
WEBSOCKET_KEYS = (HTTP_KEYS - {"method"}) | {"subprotocols"}


class Recorder:
    """An application that hands out its scopes, and answers 200 or closes."""

    def __init__(self) -> None:
        self.scopes: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        self.scopes.put(scope)
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
            await send({"type": "http.response.body"})
        else:
            await send({"type": "websocket.close"})

    def scope(self) -> dict[str, Any]:
        return self.scopes.get(timeout=TIMEOUT_S)

    def seen(self, server: Any, head: str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n") -> dict[str, Any]:
        """The scope of this head."""
        raw = server.send(head)
        assert raw.read_head().startswith("HTTP/1.1 200 ")
        return self.scope()

    def seen_target(self, server: Any, target: str) -> dict[str, Any]:
        return self.seen(server, f"GET {target} HTTP/1.1\r\nHost: a\r\n\r\n")

    def seen_fields(self, server: Any, *fields: str) -> list[tuple[bytes, bytes]]:
        lines = "".join(f"{field}\r\n" for field in fields)
        return list(self.seen(server, f"GET / HTTP/1.1\r\n{lines}\r\n")["headers"])

    def seen_websocket(self, server: Any, target: str = "/", **headers: str | None) -> dict[str, Any]:
        with WebSocketPeer(server.connect()) as peer:
            peer.ask(target, headers={name.replace("_", "-"): value for name, value in headers.items()})
            assert peer.hear().status == 403
        return self.scope()


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


def test_the_keys_of_http(asgi, recorder):
    scope = recorder.seen(asgi(recorder))
    assert type(scope) is dict
    assert set(scope) == HTTP_KEYS
    assert scope["type"] == "http"
    assert scope["asgi"] == {"version": "3.0", "spec_version": "2.5"}


def test_the_keys_of_websocket(asgi, recorder):
    scope = recorder.seen_websocket(asgi(recorder))
    assert type(scope) is dict
    assert set(scope) == WEBSOCKET_KEYS
    assert scope["type"] == "websocket"
    assert scope["asgi"] == {"version": "3.0", "spec_version": "2.5"}
    assert scope["http_version"] == "1.1"


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_http_version(asgi, recorder, version):
    scope = recorder.seen(asgi(recorder), f"GET / HTTP/{version}\r\nHost: a\r\n\r\n")
    assert scope["http_version"] == version


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"])
def test_method(asgi, recorder, method):
    scope = recorder.seen(asgi(recorder), f"{method} / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
    assert scope["method"] == method


def test_an_unknown_method_is_in_upper_case_too(asgi, recorder):
    scope = recorder.seen(asgi(recorder), "Prop-Find2 / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert scope["method"] == "PROP-FIND2"


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        ("/", "/", b""),
        ("/a/b", "/a/b", b""),
        ("/?", "/", b""),
        ("/a?b=c&d=%20+?x", "/a", b"b=c&d=%20+?x"),
        ("/a%20b%2Fc", "/a b/c", b""),
        ("/%C3%A4", "/\xe4", b""),
        ("/%e2%82%ac", "/\u20ac", b""),
        ("/%F0%9F%98%80", "/\U0001f600", b""),
        ("/%e4", "/\ufffd", b""),
        ("/100%", "/100%", b""),
        ("/%zz%4", "/%zz%4", b""),
        ("/a;p=1/b", "/a;p=1/b", b""),
        ("//a//b", "//a//b", b""),
        ("/a/../b", "/a/../b", b""),
        ("/%00", "/\0", b""),
        ("http://a/b?c", "/b", b"c"),
        ("http://a", "/", b""),
        ("/" + "long/" * 300, "/" + "long/" * 300, b""),
        ("/" + "%C3%A4" * 300, "/" + "\xe4" * 300, b""),
    ],
)
def test_target(asgi, recorder, target, path, query):
    scope = recorder.seen_target(asgi(recorder), target)
    raw = target.removeprefix("http://a").partition("?")[0] or "/"
    assert (scope["path"], scope["raw_path"], scope["query_string"]) == (path, raw.encode(), query)
    assert scope["path"] == unquote(raw)


def test_a_path_is_found_again_and_not_confused(asgi, recorder):
    server = asgi(recorder)
    paths = ["/a%20b", "/a b".replace(" ", "%20"), "/a%20c", "/" + "x" * 40, "/" + "x" * 20 + "y" + "x" * 19]
    for _ in range(3):
        for path in paths:
            scope = recorder.seen_target(server, path)
            assert (scope["path"], scope["raw_path"]) == (unquote(path), path.encode())


def test_bytes_that_are_no_utf8_in_the_path(asgi, recorder):
    raw = asgi(recorder).send(b"GET /\xc3\xa4\xff HTTP/1.1\r\nHost: a\r\n\r\n")
    raw.read_head()
    scope = recorder.scope()
    assert (scope["path"], scope["raw_path"]) == ("/\xe4\ufffd", b"/\xc3\xa4\xff")


def test_the_asterisk(asgi, recorder):
    scope = recorder.seen(asgi(recorder, root_path="/r"), "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n")
    assert (scope["path"], scope["raw_path"], scope["query_string"]) == ("*", b"*", b"")


def test_the_root_path_is_in_front_of_the_path(asgi, recorder):
    server = asgi(recorder, root_path="/root")
    for _ in range(2):
        scope = recorder.seen_target(server, "/a%20b?c")
        assert scope["root_path"] == "/root"
        assert scope["path"] == "/root/a b"
        assert scope["raw_path"] == b"/root/a%20b"
    scope = recorder.seen_websocket(server, "/ws")
    assert (scope["root_path"], scope["path"], scope["raw_path"]) == ("/root", "/root/ws", b"/root/ws")


def test_no_root_path(asgi, recorder):
    assert recorder.seen(asgi(recorder))["root_path"] == ""


@pytest.mark.parametrize(("scheme", "of_websocket"), [("http", "ws"), ("https", "wss")])
def test_scheme(asgi, recorder, scheme, of_websocket):
    server = asgi(recorder, url_scheme=scheme)
    assert recorder.seen(server)["scheme"] == scheme
    assert recorder.seen_websocket(server)["scheme"] == of_websocket


def test_server_and_client(asgi, recorder):
    server = asgi(recorder)
    raw = server.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    raw.read_head()
    scope = recorder.scope()
    assert scope["server"] == ("127.0.0.1", server.port)
    assert scope["client"] == raw.connection.getsockname()[:2]
    assert (type(scope["server"]), type(scope["client"])) == (tuple, tuple)


def test_every_connection_has_its_client(asgi, recorder):
    server = asgi(recorder)
    for _ in range(40):
        raw = server.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        raw.read_head()
        assert recorder.scope()["client"] == raw.connection.getsockname()


def test_ipv6(asgi, recorder):
    try:
        listener = listen(socket.AF_INET6, ("::1", 0))
    except OSError:
        pytest.skip("no IPv6 here")
    scope = recorder.seen(asgi(recorder, listener=listener))
    assert scope["server"][0] == "::1"
    assert scope["client"][0] == "::1"


def test_unix_socket(asgi, recorder, tmp_path):
    path = str(tmp_path / "s")
    server = asgi(recorder, listener=listen(socket.AF_UNIX, path))
    scope = recorder.seen(server)
    assert scope["server"] == (path[:63], None)
    assert scope["client"] is None
    assert recorder.seen_websocket(server)["client"] is None


def test_headers_are_as_received_with_names_in_lower_case(asgi, recorder):
    fields = recorder.seen_fields(
        asgi(recorder),
        "Host: a",
        "X-Some-Thing:  b c ",
        "ACCEPT: x",
        "Accept: y",
        "x_under: 1",
        "Empty:",
        "COOKIE: a=b",
    )
    assert fields == [
        (b"host", b"a"),
        (b"x-some-thing", b"b c"),
        (b"accept", b"x"),
        (b"accept", b"y"),
        (b"x_under", b"1"),
        (b"empty", b""),
        (b"cookie", b"a=b"),
    ]
    assert all(type(field) is tuple for field in fields)


def test_header_values_are_bytes_of_any_kind(asgi, recorder):
    raw = asgi(recorder).send(b"GET / HTTP/1.1\r\nHost: a\r\nX-Bytes: \xe4\xff\r\n\r\n")
    raw.read_head()
    assert (b"x-bytes", b"\xe4\xff") in recorder.scope()["headers"]


def test_fields_are_found_again_and_not_confused(asgi, recorder):
    server = asgi(recorder)
    values = ["a", "b", "", "x" * 100, "x" * 50 + "y" + "x" * 49, "z" * 600]
    names = ["Accept", "Accept-Language", "X-One", "X-Two", "x-one"]
    for _ in range(2):
        for value in values:
            fields = recorder.seen_fields(server, "Host: a", *(f"{name}: {value}" for name in names))
            assert fields[1:] == [(name.lower().encode(), value.encode()) for name in names]


def test_an_absolute_target_says_what_host_is(asgi, recorder):
    server = asgi(recorder)
    scope = recorder.seen(server, "GET http://b:81/x HTTP/1.1\r\nAccept: x\r\nHost: a\r\n\r\n")
    assert scope["headers"] == [(b"accept", b"x"), (b"host", b"b:81")]
    scope = recorder.seen(server, "GET http://b/x HTTP/1.0\r\nAccept: x\r\n\r\n")
    assert scope["headers"] == [(b"host", b"b"), (b"accept", b"x")]


def test_a_body_is_announced_by_its_fields(asgi, recorder):
    server = asgi(recorder)
    raw = server.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
    raw.read_head()
    assert (b"transfer-encoding", b"chunked") in recorder.scope()["headers"]


def test_extensions_of_http(asgi, recorder):
    server = asgi(recorder)
    of_every_version = {"http.response.pathsend": {}, "http.response.zerocopysend": {}, "http.response.debug": {}}
    of_newer_ones = {"http.response.early_hint": {}, "http.response.trailers": {}}
    assert recorder.seen(server)["extensions"] == of_every_version | of_newer_ones
    assert recorder.seen(server, "GET / HTTP/1.0\r\n\r\n")["extensions"] == of_every_version


def test_extensions_of_websocket(asgi, recorder):
    assert recorder.seen_websocket(asgi(recorder))["extensions"] == {"websocket.http.response": {}}


@pytest.mark.parametrize(
    ("offered", "subprotocols"),
    [(None, []), ("chat", ["chat"]), ("b, a ,c", ["b", "a", "c"]), (",a,,", ["a"])],
)
def test_subprotocols(asgi, recorder, offered, subprotocols):
    assert recorder.seen_websocket(asgi(recorder), Sec_WebSocket_Protocol=offered)["subprotocols"] == subprotocols


def test_no_state_without_a_lifespan(asgi, recorder):
    assert "state" not in recorder.seen(asgi(recorder))


def test_state_is_a_shallow_copy(asgi, recorder):
    shared: list[int] = []
    state = {"shared": shared}
    server = asgi(recorder, lifespan_state=state)
    first = recorder.seen(server)["state"]
    assert first == state
    assert first is not state
    assert first["shared"] is shared
    first["own"] = 1
    state["later"] = 2
    assert recorder.seen(server)["state"] == {"shared": shared, "later": 2}
    assert recorder.seen_websocket(server)["state"] == {"shared": shared, "later": 2}


def spoil(scope: dict[str, Any]) -> None:
    """Changes all that can be changed."""
    for value in scope.values():
        if isinstance(value, dict):
            for inner in value.values():
                if isinstance(inner, dict):
                    inner["spoilt"] = 1
            value.clear()
            value["spoilt"] = 1
        elif isinstance(value, list):
            value.append("spoilt")
    scope.clear()


@pytest.mark.parametrize("kept", [False, True])
def test_a_scope_may_be_changed_without_harm_to_the_next(asgi, recorder, kept):
    server = asgi(recorder)
    wanted = copy.deepcopy(recorder.seen(server))
    held = []
    for spoiler in (
        spoil,
        lambda scope: scope["extensions"].popitem(),
        lambda scope: scope["asgi"].update(version="9"),
    ):
        scope = recorder.seen(server)
        spoiler(scope)
        if kept:
            held.append(scope)
        scope = recorder.seen(server)
        assert scope | {"client": None} == wanted | {"client": None}
    assert len(held) == (3 if kept else 0)


def test_scopes_that_live_at_once_share_nothing_that_can_change(asgi, recorder):
    server = asgi(recorder)
    scopes = [recorder.seen(server) for _ in range(5)]
    for name in ("asgi", "extensions", "headers"):
        assert len({id(scope[name]) for scope in scopes}) == len(scopes)
    inner = [id(extension) for scope in scopes for extension in scope["extensions"].values()]
    assert len(set(inner)) == len(inner)


def test_what_is_kept_of_a_scope_is_not_handed_out_again(asgi, recorder):
    server = asgi(recorder)
    kept = recorder.seen(server)["extensions"]["http.response.debug"]
    kept["mine"] = 1
    assert recorder.seen(server)["extensions"]["http.response.debug"] == {}
    assert kept == {"mine": 1}
