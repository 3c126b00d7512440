"""wsgi.input: like a file, in memory and in a temporary file alike (PEP 3333, "Input and Error Streams")."""

from __future__ import annotations

import gc
import io
import random
import sys

import pytest

TEXT = b"first\nsecond line\n\nno newline at the end"


class Reader:
    """An application that does something with wsgi.input and keeps what came out."""

    def __init__(self, action):
        self.action = action
        self.result = None

    def __call__(self, environ, start_response):
        self.result = self.action(environ["wsgi.input"])
        start_response("200 OK", [])
        return [b"ok"]


@pytest.fixture(params=["memory", "file"])
def read(request, gateway):
    """read(body, action): what action(wsgi.input) gave."""

    def read(body, action, chunked=False):
        reader = Reader(action)
        server = gateway(reader, body_memory_max=0 if request.param == "file" else 1 << 20)
        if chunked:
            body = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in (body[i : i + 7] for i in range(0, len(body), 7)))
            body += b"0\r\n\r\n"
            with server.connect() as connection:
                connection.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + body)
                answer = connection.recv(1000)
            assert answer.startswith(b"HTTP/1.1 200"), answer
        else:
            assert server.request("POST", "/", body).status == 200
        return reader.result

    return read


@pytest.mark.each_http
@pytest.mark.parametrize("chunked", [False, True])
def test_read_all(read, chunked):
    assert read(TEXT, lambda body: [body.read(), body.read(), body.read(5)], chunked) == [TEXT, b"", b""]


@pytest.mark.each_http
@pytest.mark.parametrize("argument", [(), (None,), (-1,), (1000,)])
def test_read_all_in_other_words(read, argument):
    assert read(TEXT, lambda body: body.read(*argument)) == TEXT


@pytest.mark.each_http
def test_read_in_pieces(read):
    assert read(TEXT, lambda body: [body.read(0), body.read(3), body.read(3), body.read(1), body.read()]) == [
        b"",
        b"fir",
        b"st\n",
        b"s",
        TEXT[7:],
    ]


@pytest.mark.each_http
def test_readline(read):
    lines = TEXT.splitlines(keepends=True)
    assert read(TEXT, lambda body: [body.readline() for _ in range(6)]) == [*lines, b"", b""]


@pytest.mark.each_http
def test_readline_with_a_size(read):
    assert read(TEXT, lambda body: [body.readline(n) for n in (3, 100, 0, 7, -1)]) == [
        b"fir",
        b"st\n",
        b"",
        b"second ",
        b"line\n",
    ]


@pytest.mark.each_http
def test_readlines(read):
    assert read(TEXT, lambda body: body.readlines()) == TEXT.splitlines(keepends=True)


@pytest.mark.each_http
def test_readlines_stops_at_the_hint(read):
    assert read(TEXT, lambda body: [body.readlines(1), body.readlines(14), body.readlines(0)]) == [
        [b"first\n"],
        [b"second line\n", b"\n", b"no newline at the end"],
        [],
    ]


@pytest.mark.each_http
def test_iteration(read):
    assert read(TEXT, lambda body: [*body, *body]) == TEXT.splitlines(keepends=True)


@pytest.mark.each_http
def test_iteration_after_reading(read):
    assert read(TEXT, lambda body: [body.read(3), next(body), next(body, None)]) == [b"fir", b"st\n", b"second line\n"]


@pytest.mark.each_http
def test_readinto(read):
    def action(body):
        target = bytearray(8)
        counts = [body.readinto(target), body.readinto(memoryview(target)[2:4])]
        return counts, bytes(target), body.readinto(bytearray())

    assert read(TEXT, action) == ([8, 2], TEXT[:2] + TEXT[8:10] + TEXT[4:8], 0)


@pytest.mark.each_http
def test_readinto_at_the_end(read):
    assert read(b"ab", lambda body: [body.readinto(bytearray(5)), body.readinto(bytearray(5))]) == [2, 0]


@pytest.mark.each_http
def test_empty_lines_only(read):
    assert read(b"\n\n\n", lambda body: body.readlines()) == [b"\n"] * 3


@pytest.mark.each_http
def test_lines_longer_than_a_window(read):
    body = b"a" * 200_000 + b"\n" + b"b" * 70_000
    assert read(body, lambda stream: stream.readlines()) == [b"a" * 200_000 + b"\n", b"b" * 70_000]


@pytest.mark.each_http
def test_large_body_in_mixed_reads_agrees_with_a_file(read):
    body = random.Random(1).randbytes(300_000)
    model = io.BytesIO(body)

    def action(stream):
        chance = random.Random(2)
        while True:
            name = chance.choice(["read", "readline"])
            size = chance.choice([0, 1, 10, 4095, 70_000])
            got, wanted = getattr(stream, name)(size), getattr(model, name)(size)
            assert got == wanted
            if size and not wanted:
                return True

    assert read(body, action) is True


@pytest.mark.each_http
@pytest.mark.parametrize("call", [lambda b: b.read("x"), lambda b: b.read(1, 2), lambda b: b.readinto(b"constant")])
def test_wrong_arguments(read, call):
    def action(body):
        with pytest.raises(TypeError):
            call(body)
        return body.read()

    assert read(TEXT, action) == TEXT


@pytest.mark.each_http
def test_readable_by_the_standard_library(read):
    """Not asked for by PEP 3333, but many wrap the stream so."""

    class Raw(io.RawIOBase):
        def __init__(self, stream):
            self.stream = stream

        def readable(self):
            return True

        def readinto(self, target):
            return self.stream.readinto(target)

    assert read(TEXT, lambda body: io.TextIOWrapper(io.BufferedReader(Raw(body))).read()) == TEXT.decode()


@pytest.mark.each_http
def test_the_whole_body_is_not_copied(gateway):
    reader = Reader(lambda body: [body.read(), body])
    server = gateway(reader)
    server.request("POST", "/", b"x" * 100_000)
    data, body = reader.result
    assert data == b"x" * 100_000
    assert gc.get_referents(body) == []  # nothing that the collector would have to look at
    if getattr(sys, "_is_gil_enabled", lambda: True)():  # else the count says little: threads keep it apart
        server.get()  # that request is over, and the list is another
        before = sys.getrefcount(data)
        del body
        assert sys.getrefcount(data) == before - 1  # the stream's: it was the same object


@pytest.mark.each_http
def test_without_a_body_it_is_empty(gateway):
    reader = Reader(lambda body: [body.read(), body.readline(), body.readlines(), list(body), body.read(3)])
    gateway(reader).get()
    assert reader.result == [b"", b"", [], [], b""]


@pytest.mark.each_http
def test_it_may_be_kept_after_the_request(gateway):
    kept = []
    server = gateway(Reader(kept.append), body_memory_max=0)
    server.request("POST", "/", b"first")
    server.request("POST", "/", b"second")
    assert [stream.read() for stream in kept] == [b"first", b"second"]


@pytest.mark.each_http
def test_it_cannot_be_made_by_hand(gateway):
    kept = []
    gateway(Reader(kept.append)).get()
    with pytest.raises(TypeError):
        type(kept[0])()
