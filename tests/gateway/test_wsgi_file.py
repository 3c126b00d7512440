"""wsgi.file_wrapper (PEP 3333, "Optional Platform-Specific File Handling")."""

from __future__ import annotations

import bz2
import gzip
import io
import os
import tempfile
import threading

import pytest

from tests.gateway.gateway import TIMEOUT_S, driven

GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
CONTENT = bytes(range(256)) * 1000


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "content"
    path.write_bytes(CONTENT)
    return path


def wrapping(open_file, *size, headers=(), before=None):
    """An application that returns its wrapped file; `before` may do something to it first."""

    def application(environ, start_response):
        start_response("200 OK", list(headers))
        file = open_file()
        if before:
            before(file)
        return environ["wsgi.file_wrapper"](file, *size)

    return application


class Watched:
    """A file of ours that notes what is done to it."""

    def __init__(self, path):
        self.file = path.open("rb")
        self.reads = []
        self.closed = 0
        self.on_close = threading.Event()

    def read(self, size):
        self.reads.append(size)
        return self.file.read(size)

    def close(self):
        self.closed += 1
        self.file.close()
        self.on_close.set()


class WatchedWithDescriptor(Watched):
    def fileno(self):
        return self.file.fileno()

    def tell(self):
        return self.file.tell()


# ---- the type ----


@pytest.fixture
def wrapper(gateway):
    seen = []

    def application(environ, start_response):
        seen.append(environ["wsgi.file_wrapper"])
        start_response("200 OK", [])
        return []

    gateway(application).get()
    return seen[0]


def test_iterating_gives_blocks(wrapper):
    assert list(wrapper(io.BytesIO(b"abcdefg"), 3)) == [b"abc", b"def", b"g"]
    assert list(wrapper(io.BytesIO(b"x" * 20_000))) == [b"x" * 8192, b"x" * 8192, b"x" * 3616]
    assert list(wrapper(io.BytesIO())) == []


def test_attributes(wrapper):
    file = io.BytesIO()
    assert wrapper(file).filelike is file
    assert wrapper(file).blksize == 8192
    assert wrapper(file, blksize=5).blksize == 5
    assert wrapper(filelike=file).filelike is file


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [((), TypeError), ((1, 2, 3), TypeError), ((1, "x"), TypeError), ((1, 0), ValueError), ((1, -1), ValueError)],
)
def test_wrong_arguments(wrapper, arguments, kind):
    with pytest.raises(kind):
        wrapper(*arguments)


def test_close_closes(wrapper):
    file = io.BytesIO()
    wrapper(file).close()
    assert file.closed
    wrapper(object()).close()


def test_errors_of_the_file_come_through(wrapper):
    class Bad:
        def read(self, size):
            raise ValueError("read")

        def close(self):
            raise ValueError("close")

    with pytest.raises(ValueError, match="read"):
        next(wrapper(Bad()))
    with pytest.raises(ValueError, match="close"):
        wrapper(Bad()).close()
    with pytest.raises(AttributeError):
        next(wrapper(object()))


# ---- by the kernel ----


@pytest.mark.each_http
@pytest.mark.parametrize("buffering", [0, -1])
def test_a_file_is_sent_whole_with_its_length(gateway, path, buffering):
    answer = gateway(wrapping(lambda: path.open("rb", buffering))).get()
    assert answer.body == CONTENT
    assert answer.headers["Content-Length"] == str(len(CONTENT))


@pytest.mark.each_http
def test_a_file_is_not_read_when_it_has_a_descriptor(gateway, path):
    file = WatchedWithDescriptor(path)
    assert gateway(wrapping(lambda: file)).get().body == CONTENT
    assert file.reads == []
    assert file.on_close.wait(TIMEOUT_S)
    assert file.closed == 1


@pytest.mark.each_http
def test_it_begins_at_the_position_of_the_file(gateway, path):
    assert gateway(wrapping(lambda: path.open("rb"), before=lambda file: file.seek(1000))).get().body == CONTENT[1000:]
    assert gateway(wrapping(lambda: path.open("rb"), before=lambda file: file.read(10))).get().body == CONTENT[10:]
    assert gateway(wrapping(lambda: path.open("rb"), before=lambda file: file.seek(0, 2))).get().body == b""


@pytest.mark.each_http
def test_a_declared_length_ends_it(gateway, path):
    answer = gateway(wrapping(lambda: path.open("rb"), headers=[("Content-Length", "777")])).get()
    assert answer.body == CONTENT[:777]


def test_a_declared_length_beyond_the_file_closes(gateway, path):
    server = gateway(wrapping(lambda: path.open("rb"), headers=[("Content-Length", str(len(CONTENT) + 1))]))
    assert server.send(GET + GET).read_to_end().count(b"HTTP/1.1") == 1
    assert "shorter" in str(server.failure()[1])


@pytest.mark.each_http
def test_empty_file(gateway, path):
    path.write_bytes(b"")
    answer = gateway(wrapping(lambda: path.open("rb"))).get()
    assert (answer.body, answer.headers["Content-Length"]) == (b"", "0")


@pytest.mark.each_http
def test_head(gateway, path):
    answer = gateway(wrapping(lambda: path.open("rb"))).request("HEAD")
    assert (answer.body, answer.headers["Content-Length"]) == (b"", str(len(CONTENT)))


def test_a_large_file(gateway, tmp_path):
    path = tmp_path / "large"
    with open(path, "wb") as file:
        for i in range(200):
            file.write(bytes([i]) * 100_000)
    assert gateway(wrapping(lambda: path.open("rb"))).get().body == path.read_bytes()


def test_pipelined_files(gateway, path):
    raw = gateway(wrapping(lambda: path.open("rb"))).send(GET * 5)
    for _ in range(5):
        raw.read_head()
        assert raw.read_until(CONTENT) == CONTENT


@pytest.mark.each_http
def test_a_temporary_file(gateway):
    def open_file():
        file = tempfile.TemporaryFile()  # noqa: SIM115  (the server closes it)
        file.write(CONTENT)
        file.seek(0)
        return file

    assert gateway(wrapping(open_file)).get().body == CONTENT


@pytest.mark.each_http
def test_a_named_temporary_file(gateway):
    def open_file():
        file = tempfile.NamedTemporaryFile()  # noqa: SIM115
        file.write(CONTENT)
        file.seek(5)
        return file

    assert gateway(wrapping(open_file)).get().body == CONTENT[5:]


def test_closing_the_file_at_once_does_not_cut_it(gateway, path):
    """close() of the wrapper comes when all is queued, which may be long before all is sent."""
    closed = threading.Event()

    class File(WatchedWithDescriptor):
        def close(self):
            closed.set()
            super().close()

    raw = gateway(wrapping(lambda: File(path))).send(GET)
    raw.read_head()
    assert raw.read_until(CONTENT) == CONTENT
    assert closed.wait(TIMEOUT_S)


def test_peers_that_leave_leave_no_descriptor(path):
    if not os.path.isdir("/proc/self/fd"):
        pytest.skip("no /proc")
    with open(path, "ab") as file:
        file.truncate(50_000_000)
    with driven(wrapping(lambda: path.open("rb"))) as (worker, connect):
        for _ in range(5):
            with connect() as peer:
                peer.sendall(GET.encode())
                while not worker.stats()["bytes_sent"]:
                    worker.turn(-1)
            while worker.stats()["connections_open"]:
                worker.turn(-1)
        links = [os.path.realpath(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")]
        assert str(path) not in links


# ---- by reading ----


@pytest.mark.each_http
def test_a_file_without_a_descriptor_is_read_in_blocks(gateway, path):
    file = Watched(path)
    answer = gateway(wrapping(lambda: file, 100_000)).get()
    assert answer.body == CONTENT
    assert file.reads == [100_000] * 4
    assert file.on_close.wait(TIMEOUT_S)
    assert file.closed == 1


@pytest.mark.each_http
def test_bytes_io(gateway):
    assert gateway(wrapping(lambda: io.BytesIO(CONTENT))).get().body == CONTENT


@pytest.mark.each_http
@pytest.mark.parametrize("module", [gzip, bz2])
def test_a_compressed_file_is_not_sent_compressed(gateway, tmp_path, module):
    """It has a fileno(), which is that of the compressed file."""
    with module.open(tmp_path / "z", "wb") as file:
        file.write(CONTENT)
    assert gateway(wrapping(lambda: module.open(tmp_path / "z", "rb"))).get().body == CONTENT
    assert gateway(wrapping(lambda: io.BufferedReader(module.open(tmp_path / "z", "rb")))).get().body == CONTENT


@pytest.mark.each_http
def test_a_pipe_is_read(gateway):
    reader, writer = os.pipe()
    os.write(writer, b"through a pipe")
    os.close(writer)
    assert gateway(wrapping(lambda: os.fdopen(reader, "rb"))).get().body == b"through a pipe"


@pytest.mark.each_http
@pytest.mark.parametrize("fileno", [lambda self: -1, lambda self: "x", lambda self: 1 << 40, lambda self: 1 / 0])
def test_a_strange_fileno_means_reading(gateway, path, fileno):
    kind = type("Strange", (WatchedWithDescriptor,), {"fileno": fileno})
    assert gateway(wrapping(lambda: kind(path))).get().body == CONTENT


@pytest.mark.each_http
def test_a_file_opened_as_text_is_a_mistake(gateway, path):
    path.write_text("text")
    server = gateway(wrapping(path.open))
    assert server.get().status == 500
    assert "bytes, not str" in str(server.failure()[1])


@pytest.mark.each_http
def test_a_wrapper_that_is_wrapped_is_iterated(gateway, path):
    def application(environ, start_response):
        start_response("200 OK", [])
        with open(path, "rb") as file:
            yield from (block.upper() for block in environ["wsgi.file_wrapper"](file))

    assert gateway(application).get().body == CONTENT.upper()


@pytest.mark.each_http
def test_a_wrapper_after_write(gateway, path):
    def application(environ, start_response):
        start_response("200 OK", [])(b"first ")
        return environ["wsgi.file_wrapper"](open(path, "rb"))

    assert gateway(application).get().body == b"first " + CONTENT
