"""The ASGI twin of plain_wsgi.py: the same paths, the same bytes."""

from plain_wsgi import CHUNK, CHUNKS, LARGE, SMALL

TEXT = (b"content-type", b"text/plain")


def fixed(body):
    start = {
        "type": "http.response.start",
        "status": 200,
        "headers": [TEXT, (b"content-length", str(len(body)).encode())],
    }
    end = {"type": "http.response.body", "body": body}

    async def respond(receive, send):
        await send(start)
        await send(end)

    return respond


async def upload(receive, send):
    length, more = 0, True
    while more:
        message = await receive()
        length += len(message.get("body", b""))
        more = message.get("more_body", False)
    await fixed(str(length).encode())(receive, send)


async def stream(receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": [TEXT]})
    for _ in range(CHUNKS):
        await send({"type": "http.response.body", "body": CHUNK, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def missing(receive, send):
    await send({"type": "http.response.start", "status": 404, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body"})


ROUTES = {"/500": fixed(SMALL), "/12k": fixed(LARGE), "/upload": upload, "/stream": stream}


async def application(scope, receive, send):
    if scope["type"] == "http":
        await ROUTES.get(scope["path"], missing)(receive, send)
