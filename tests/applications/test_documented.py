"""Starlette's and FastAPI's documented ways of writing applications answer over freastal as without a server.

The oracle is Starlette's TestClient: it calls the application directly. What a server adds (Date, Server, how the
body is framed) and what httpx says of itself is left out of the comparison; everything else must be equal.
"""

from __future__ import annotations

import warnings
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from tests.applications.asgi_hosts import LOOPS, host_app
from tests.applications.documented import Talk, fastapi_parts, fastapi_requests, starlette_parts, starlette_requests

if TYPE_CHECKING:
    from tests.applications.documented import Ask, Example
    from tests.support.server import RunningServer

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # Starlette would rather have its client use a successor of httpx.
    from starlette.testclient import TestClient, WebSocketDenialResponse, WebSocketTestSession
    from starlette.websockets import WebSocketDisconnect

TIMEOUT_S = 30
EXAMPLES = {
    f"{module.__name__.rpartition('.')[2].partition('_')[0]}-{example.name}": example
    for module in (starlette_requests, starlette_parts, fastapi_requests, fastapi_parts)
    for example in module.EXAMPLES
}
HOST = "testserver"
OF_THE_SERVER = {"date", "server", "connection", "transfer-encoding"}
BOUNDARY = "multipart/byteranges; boundary="


def as_compared(response: httpx.Response) -> dict[str, Any]:
    """What must be equal. Of a body that says no length, the length is for the server to say or not."""
    fields = sorted((name, value) for name, value in response.headers.multi_items() if name not in OF_THE_SERVER)
    content: bytes = response.content
    for _, value in fields:
        if value.startswith(BOUNDARY):  # drawn by lot for each answer
            content = content.replace(value.removeprefix(BOUNDARY).encode(), b"boundary")
    return {
        "status": response.status_code,
        "fields": [(name, value.partition("boundary=")[0]) for name, value in fields],
        "content": content,
    }


def directly(example: Example) -> list[Any]:
    answers = []
    client = TestClient(example.app, raise_server_exceptions=False, follow_redirects=False)
    with client if example.has_lifespan else nullcontext():
        for ask in example.asks:
            if isinstance(ask, Talk):
                answers.append(talk_directly(client, ask))
            else:
                answers.append(as_compared(client.request(ask.method, ask.path, **ask.more)))
    return answers


def talk_directly(client: TestClient, talk: Talk) -> dict[str, Any]:
    heard: list[Any] = []
    answer: dict[str, Any] = {"status": 403, "content": b""}
    try:
        with client.websocket_connect(talk.path, subprotocols=talk.subprotocols or None) as socket:
            answer = {"subprotocol": socket.accepted_subprotocol, "heard": heard}
            try:
                say_directly(socket, talk, heard)
            except WebSocketDisconnect as left:
                heard.append((left.code, left.reason))
    except WebSocketDenialResponse as denied:
        return {"status": denied.status_code, "content": denied.content}
    except WebSocketDisconnect:
        pass  # Before it was accepted; or the application did not expect that the client leaves.
    return answer


def say_directly(socket: WebSocketTestSession, talk: Talk, heard: list[Any]) -> None:
    for message in talk.says:
        if isinstance(message, bytes):
            socket.send_bytes(message)
        else:
            socket.send_text(message)
        heard += [hear_directly(socket) for _ in range(talk.hears)]
    if not talk.says:
        heard += [hear_directly(socket) for _ in range(talk.hears)]
        hear_directly(socket)


def hear_directly(socket: WebSocketTestSession) -> str | bytes:
    event = socket.receive()
    if event["type"] == "websocket.close":
        raise WebSocketDisconnect(event["code"], event["reason"])
    return event["text"] if event.get("text") is not None else event["bytes"]


def over(server: RunningServer, example: Example) -> list[Any]:
    answers = []
    with httpx.Client(base_url=server.url, timeout=TIMEOUT_S, headers={"User-Agent": "testclient"}) as client:
        for ask in example.asks:
            if isinstance(ask, Talk):
                answers.append(talk_over(server, ask))
            else:
                answers.append(as_compared(ask_over(client, ask)))
    return answers


def ask_over(client: httpx.Client, ask: Ask) -> httpx.Response:
    """The oracle's host is in absolute URLs, in redirects for one."""
    more = {**ask.more}
    headers = httpx.Headers(more.pop("headers", None))
    headers.setdefault("Host", HOST)
    return client.request(ask.method, ask.path, headers=headers, **more)


def talk_over(server: RunningServer, talk: Talk) -> dict[str, Any]:
    heard: list[Any] = []
    address = server.url.replace("http", "ws", 1) + talk.path
    try:
        with connect(address, subprotocols=talk.subprotocols or None, max_size=None) as socket:
            try:
                for message in talk.says:
                    socket.send(message)
                    heard += [socket.recv(TIMEOUT_S) for _ in range(talk.hears)]
                if not talk.says:
                    heard += [socket.recv(TIMEOUT_S) for _ in range(talk.hears)]
                    socket.recv(TIMEOUT_S)
            except ConnectionClosed as closed:
                heard.append((closed.rcvd.code, closed.rcvd.reason))
            return {"subprotocol": socket.subprotocol, "heard": heard}
    except InvalidStatus as refused:
        response = refused.response
        return {"status": response.status_code, "content": b"" if response.status_code == 403 else response.body}


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("name", EXAMPLES)
def test_the_answers_are_those_of_the_application(name: str, loop: str) -> None:
    example = EXAMPLES[name]
    wanted = directly(example)
    with host_app(example.app, loop) as server:
        answers = over(server, example)
    for ask, expected, answer in zip(example.asks, wanted, answers, strict=True):
        assert answer == expected, ask
