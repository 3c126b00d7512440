"""A scripted peer: sends exactly the bytes it is told to, and reads answers as strictly as a client could.

It never waits by sleeping: a read ends when what was expected is there, when the other side closes, or when the
socket's timeout says that the expectation was wrong.
"""

from __future__ import annotations

import re
import socket
import struct
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.support.tls import TlsSocket

_STATUS_LINE = re.compile(rb"HTTP/(1\.[01]) ([1-9][0-9]{2}) ([\t \x21-\x7e\x80-\xff]*)")
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t \x21-\x7e\x80-\xff]*?)[ \t]*")
_BODILESS = (204, 304)


@dataclass
class Response:
    """One answer, as it came."""

    version: str
    status: int
    reason: str
    fields: list[tuple[str, str]]
    body: bytes = b""

    def all(self, name: str) -> list[str]:
        """The values of every field of that name."""
        return [value for other, value in self.fields if other.lower() == name.lower()]

    def __getitem__(self, name: str) -> str | None:
        """The value of the only field of that name, or None."""
        values = self.all(name)
        assert len(values) <= 1, f"{name} was sent {len(values)} times: {values}"
        return values[0] if values else None


class Peer:
    """The other end of a connected socket, encrypted or not."""

    def __init__(self, connected: socket.socket | TlsSocket) -> None:
        self.socket = connected
        self._received = bytearray()
        if connected.family != socket.AF_UNIX:
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    # What the peer says.

    def send(self, *lines: str, body: bytes = b"") -> Peer:
        """A head: the lines, each ended by CR LF, and the empty line; then a body."""
        return self.send_bytes("".join(f"{line}\r\n" for line in (*lines, "")).encode("latin-1") + body)

    def send_bytes(self, data: bytes) -> Peer:
        self.socket.sendall(data)
        return self

    def send_slowly(self, data: bytes) -> Peer:
        """Each byte by itself."""
        for at in range(len(data)):
            self.socket.sendall(data[at : at + 1])
        return self

    def end(self) -> Peer:
        """Says that no more will be sent; answers are still read."""
        self.socket.shutdown(socket.SHUT_WR)
        return self

    def reset(self) -> None:
        """Goes away without a word."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def close(self) -> None:
        self.socket.close()

    # What it expects to hear.

    def expect(
        self,
        status: int,
        *,
        headers: dict[str, str | None] | None = None,
        body: bytes | str | None = None,
        closed: bool = False,
        to: str = "GET",
    ) -> Response:
        """The next answer, whole: to a request of method `to`, with these fields (None: absent) and this body.

        With `closed` the connection must end behind it.
        """
        response = self.hear(to)
        assert response.status == status, f"{response.status}, not {status}: {response}"
        for name, value in (headers or {}).items():
            assert response[name] == value, f"{name} is {response[name]!r}, not {value!r}: {response}"
        if body is not None:
            wanted = body.encode("latin-1") if isinstance(body, str) else body
            assert response.body == wanted, f"the body is {response.body[:200]!r}, not {wanted[:200]!r}"
        if closed:
            self.expect_closed()
        return response

    def hear(self, to: str = "GET") -> Response:
        """The next answer, whatever it is, as long as it is well-formed and whole."""
        response = self._read_head()
        response.body = self._read_body(response, to)
        return response

    def expect_refusal(self, status: int, sentence: str) -> Response:
        """The server's own answer to a request that it does not accept, and the end of the connection."""
        return self.expect(status, headers={"Connection": "close"}, body=f"{sentence}\n", closed=True)

    def expect_closed(self) -> None:
        """The end of the connection, without another byte, and not by a reset."""
        assert self._received + self._receive() == b"", f"bytes before the end: {bytes(self._received[:200])!r}"

    def expect_bytes(self, count: int) -> bytes:
        """The next `count` bytes, whatever they are."""
        while len(self._received) < count:
            self._receive_more(f"{count} bytes")
        return self._take(count)

    # How it reads.

    def _receive(self) -> bytes:
        data = self.socket.recv(65536)
        self._received += data
        return data

    def _receive_more(self, wanted: str) -> None:
        before = bytes(self._received[-200:])
        assert self._receive(), f"the connection ended before {wanted}, after {before!r}"

    def _take(self, count: int) -> bytes:
        taken = bytes(self._received[:count])
        del self._received[:count]
        return taken

    def _read_line(self) -> bytes:
        while (end := self._received.find(b"\n")) < 0:
            self._receive_more("the end of a line")
        line = self._take(end + 1)
        assert line.endswith(b"\r\n"), f"a line that does not end in CR LF: {line!r}"
        return line[:-2]

    def _read_fields(self) -> list[tuple[str, str]]:
        fields = []
        while line := self._read_line():
            field = _FIELD.fullmatch(line)
            assert field, f"not a field: {line!r}"
            fields.append((field[1].decode(), field[2].decode("latin-1")))
        return fields

    def _read_head(self) -> Response:
        line = self._read_line()
        status = _STATUS_LINE.fullmatch(line)
        assert status, f"not a status line: {line!r}"
        return Response(status[1].decode(), int(status[2]), status[3].decode("latin-1"), self._read_fields())

    def _read_body(self, response: Response, method: str) -> bytes:
        length, coding = response["Content-Length"], response["Transfer-Encoding"]
        assert length is None or coding is None, f"two ways of framing: {response}"
        if method == "HEAD" or response.status in _BODILESS or response.status < 200:
            return b""
        if coding is not None:
            assert coding == "chunked", coding
            return self._read_chunks()
        if length is not None:
            return self.expect_bytes(int(length))
        while self._receive():
            pass
        return self._take(len(self._received))

    def _read_chunks(self) -> bytes:
        body = bytearray()
        while size := int(self._read_line(), 16):
            body += self.expect_bytes(size)
            assert self._read_line() == b"", "a chunk that is longer than it says"
        self._read_fields()
        return bytes(body)
