"""A chat over WebSocket, in ASGI itself: `freastal --app-dir examples chat:app`, then http://127.0.0.1:8000/.

/               the page
/chat           the WebSocket; what one says, everybody hears

Everybody means everybody at this worker: with --workers a message would have to travel by other ways as well.
"""

from __future__ import annotations

from typing import Any

Scope = dict[str, Any]

PAGE = b"""<!doctype html>
<title>Chat</title>
<form><input autofocus autocomplete="off"><button>Say</button></form>
<ul></ul>
<script>
const socket = new WebSocket(location.href.replace("http", "ws") + "chat");
const [form, input, list] = ["form", "input", "ul"].map(name => document.querySelector(name));
function show(text) {
  list.prepend(Object.assign(document.createElement("li"), {textContent: text}));
}
socket.onmessage = event => show(event.data);
socket.onclose = event => show(`The server has closed: ${event.code} ${event.reason}`);
form.onsubmit = event => {
  event.preventDefault();
  socket.send(input.value);
  input.value = "";
};
</script>
"""


async def app(scope: Scope, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await live(receive, send)
    elif scope["type"] == "websocket":
        await chat(scope, receive, send)
    elif scope["path"] == "/":
        await answer(send, 200, b"text/html; charset=utf-8", PAGE)
    else:
        await answer(send, 404, b"text/plain", b"There is nothing here.\n")


async def live(receive: Any, send: Any) -> None:
    """Told of the start, and of the end: the place to open and close what all requests share."""
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


everybody: set[Any] = set()


async def chat(scope: Scope, receive: Any, send: Any) -> None:
    await receive()  # websocket.connect
    if scope["path"] != "/chat":
        await send({"type": "websocket.close"})  # before it was accepted: 403
        return
    await send({"type": "websocket.accept"})
    everybody.add(send)
    try:
        while (message := await receive())["type"] == "websocket.receive":
            await tell(message.get("text") or "(something that is not text)")
    finally:
        everybody.discard(send)


async def tell(text: str) -> None:
    for send in list(everybody):
        try:
            await send({"type": "websocket.send", "text": text})
        except OSError:
            everybody.discard(send)  # gone, and its own call of the application will find out


async def answer(send: Any, status: int, kind: bytes, body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", kind)]})
    await send({"type": "http.response.body", "body": body})
