"""src/python/asgi_files.c: http.response.pathsend and http.response.zerocopysend."""

from __future__ import annotations

import io
import os

import pytest

from tests.gateway.asgi import Told, body, sending, start

GET = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
DATA = bytes(range(256)) * 4000


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "f\u00efle"
    path.write_bytes(DATA)
    return path


def path_message(path):
    return {"type": "http.response.pathsend", "path": str(path)}


def file_message(file, **more):
    return {"type": "http.response.zerocopysend", "file": file, **more}


def descriptors():
    return len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0


def descriptors_at_rest(gateway):
    while gateway.worker.stats()["connections_open"]:
        pass
    return descriptors()


# ---- pathsend ----


@pytest.mark.each_http
def test_a_path_is_the_body(asgi, file):
    gateway = asgi(sending(start(), path_message(file)))
    for _ in range(3):
        answer = gateway.get()
        assert answer.headers["Content-Length"] == str(len(DATA))
        assert answer.body == DATA
    gateway.expect_no_failure()


@pytest.mark.each_http
def test_nothing_stays_open(asgi, file):
    gateway = asgi(sending(start(), path_message(file)))
    assert gateway.get().body == DATA
    before = descriptors_at_rest(gateway)
    for _ in range(5):
        assert gateway.get().body == DATA
    assert descriptors_at_rest(gateway) == before


@pytest.mark.each_http
def test_a_declared_length_is_compared(asgi, file):
    headers = [(b"content-length", b"%d" % len(DATA))]
    assert asgi(sending(start(headers=headers), path_message(file))).get().body == DATA


@pytest.mark.each_http
@pytest.mark.parametrize("declared", [len(DATA) - 1, len(DATA) + 1])
def test_a_wrong_length_is_a_failure_before_the_head(asgi, file, declared):
    gateway = asgi(sending(start(headers=[(b"content-length", b"%d" % declared)]), path_message(file)))
    assert gateway.get().status == 500
    assert "than Content-Length" in str(gateway.failure()[1])


@pytest.mark.each_http
def test_an_empty_file(asgi, tmp_path):
    empty = tmp_path / "empty"
    empty.touch()
    answer = asgi(sending(start(), path_message(empty))).get()
    assert (answer.headers["Content-Length"], answer.body) == ("0", b"")


def test_head_sends_no_file(asgi, file):
    raw = asgi(sending(start(), path_message(file))).send(GET.replace("GET", "HEAD") + GET)
    assert f"Content-Length: {len(DATA)}\r\n" in raw.read_head()
    assert raw.read_head().startswith("HTTP/1.1 200 OK")


@pytest.mark.each_http
def test_a_file_behind_pieces(asgi, file):
    gateway = asgi(sending(start(), body(b"first", more=True), path_message(file)))
    assert gateway.get().body == b"first" + DATA


@pytest.mark.each_http
def test_the_call_may_go_on_with_another_answer(asgi, tmp_path):
    """A missing file is told before the head leaves."""

    async def application(scope, receive, send):
        await send(start())
        try:
            await send(path_message(tmp_path / "none"))
        except FileNotFoundError as error:
            await send(body(str(error.filename).encode()))

    assert asgi(application).get().body.endswith(b"none")


@pytest.mark.each_http
def test_a_missing_file_that_nobody_expects(asgi, tmp_path):
    gateway = asgi(sending(start(), path_message(tmp_path / "none")))
    assert gateway.get().status == 500
    assert isinstance(gateway.failure()[1], FileNotFoundError)


@pytest.mark.each_http
def test_what_is_no_file(asgi, tmp_path):
    gateway = asgi(sending(start(), path_message(tmp_path)))
    assert gateway.get().status == 500
    assert isinstance(gateway.failure()[1], IsADirectoryError)


@pytest.mark.each_http
def test_a_pipe_is_no_file_and_blocks_nobody(asgi, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    gateway = asgi(sending(start(), path_message(tmp_path / "pipe")))
    assert gateway.get().status == 500
    assert isinstance(gateway.failure()[1], OSError)


@pytest.mark.each_http
@pytest.mark.parametrize(
    ("path", "error"),
    [("relative", ValueError), ("", ValueError), ("/a\0b", ValueError), (b"/etc", TypeError), (None, TypeError)],
)
def test_paths_that_cannot_be(asgi, path, error):
    gateway = asgi(sending(start(), {"type": "http.response.pathsend", "path": path}))
    assert gateway.get().status == 500
    assert isinstance(gateway.failure()[1], error)


# ---- zerocopysend ----


def zero_copy(path, messages, opener=lambda path: path.open("rb")):
    """An application that sends messages(file) for a file that it closes right after."""

    async def application(scope, receive, send):
        await send(start())
        opened = opener(path)
        try:
            for message in messages(opened):
                await send(message)
        finally:
            os.close(opened) if isinstance(opened, int) else opened.close()

    return application


OPENERS = [
    lambda path: path.open("rb"),
    io.FileIO,
    lambda path: os.open(path, os.O_RDONLY),
]


@pytest.mark.each_http
@pytest.mark.parametrize("opener", OPENERS)
def test_an_open_file_is_the_body(asgi, file, opener):
    gateway = asgi(zero_copy(file, lambda opened: [file_message(opened)], opener))
    answer = gateway.get()
    assert answer.headers["Content-Length"] == str(len(DATA))
    assert answer.body == DATA
    gateway.expect_no_failure()


@pytest.mark.each_http
@pytest.mark.parametrize("opener", OPENERS)
def test_stretches(asgi, file, opener):
    gateway = asgi(
        zero_copy(
            file,
            lambda opened: [
                file_message(opened, offset=1000, count=3000, more_body=True),
                body(b"between", more=True),
                file_message(opened, offset=len(DATA) - 5, more_body=True),
                file_message(opened, offset=None, count=None),
            ],
            opener,
        )
    )
    assert gateway.get().body == DATA[1000:4000] + b"between" + DATA[-5:] + DATA


@pytest.mark.each_http
@pytest.mark.parametrize("opener", OPENERS)
def test_without_an_offset_reading_goes_on(asgi, file, opener):
    pieces = lambda opened: [file_message(opened, count=100, more_body=True) for _ in range(3)]  # noqa: E731
    gateway = asgi(zero_copy(file, lambda opened: [*pieces(opened), file_message(opened)], opener))
    assert gateway.get().body == DATA


@pytest.mark.each_http
def test_it_goes_on_where_python_has_read_to(asgi, file):
    """A buffered file has read ahead of its descriptor."""

    def messages(opened):
        assert opened.read(10) == DATA[:10]
        yield file_message(opened, count=10, more_body=True)
        assert opened.read(10) == DATA[20:30]
        yield file_message(opened)

    assert asgi(zero_copy(file, messages)).get().body == DATA[10:20] + DATA[30:]


@pytest.mark.each_http
@pytest.mark.parametrize(("offset", "count"), [(len(DATA), None), (len(DATA) + 5, 10), (0, 0)])
def test_nothing_of_a_file(asgi, file, offset, count):
    gateway = asgi(zero_copy(file, lambda opened: [file_message(opened, offset=offset, count=count)]))
    assert gateway.get().body == b""


@pytest.mark.each_http
@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"offset": -1}, ValueError),
        ({"count": -1}, ValueError),
        ({"offset": "1"}, TypeError),
        ({"count": 1.5}, TypeError),
    ],
)
def test_stretches_that_cannot_be(asgi, file, more, error):
    gateway = asgi(zero_copy(file, lambda opened: [file_message(opened, **more)]))
    assert gateway.get().status == 500
    assert isinstance(gateway.failure()[1], error)


@pytest.mark.each_http
@pytest.mark.parametrize(
    ("thing", "error"), [(None, TypeError), (io.BytesIO(b"x"), OSError), (-1, ValueError), (9999, OSError)]
)
def test_what_has_no_descriptor(asgi, thing, error):
    gateway = asgi(sending(start(), file_message(thing)))
    assert gateway.get().status == 500
    assert isinstance(gateway.failure()[1], error)


@pytest.mark.each_http
def test_a_pipe_cannot_be_sent_so(asgi):
    told = Told()
    reader, writer = os.pipe()

    async def application(scope, receive, send):
        await send(start())
        try:
            await send(file_message(reader))
        except OSError as error:
            told.put(type(error))
        await send(body(b"else"))

    try:
        assert asgi(application).get().body == b"else"
        assert told.get() is OSError
    finally:
        os.close(reader)
        os.close(writer)


def test_a_peer_that_leaves_closes_the_file(asgi, tmp_path):
    large = tmp_path / "large"
    with large.open("wb") as opened:
        opened.truncate(1 << 30)
    gateway = asgi(sending(start(), path_message(large)))
    before = descriptors()
    for _ in range(3):
        raw = gateway.send(GET)
        raw.read_head()
        raw.reset()
        while gateway.worker.stats()["connections_open"]:
            pass
    assert descriptors() == before
