"""One WSGI application for every server: the same bytes, whoever serves them.

GET  /500       500 bytes            GET  /12k      12 KiB
POST /upload    the length of what was sent, read in one go
GET  /stream    a generator of 1000 chunks of 1 KiB
"""

SMALL = b"x" * 500
LARGE = b"y" * 12288
CHUNK = b"z" * 1024
CHUNKS = 1000


def fixed(body):
    headers = [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))]
    chunks = [body]

    def respond(environ, start_response):
        start_response("200 OK", headers)
        return chunks

    return respond


def upload(environ, start_response):
    answer = str(len(environ["wsgi.input"].read())).encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(answer)))])
    return [answer]


def stream(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return (CHUNK for _ in range(CHUNKS))


def missing(environ, start_response):
    start_response("404 Not Found", [("Content-Type", "text/plain"), ("Content-Length", "0")])
    return [b""]


ROUTES = {"/500": fixed(SMALL), "/12k": fixed(LARGE), "/upload": upload, "/stream": stream}


def application(environ, start_response):
    return ROUTES.get(environ["PATH_INFO"], missing)(environ, start_response)
