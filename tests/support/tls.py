"""The client's end of a TLS connection of which every record is in the hands of the test.

It stands where a socket does (tests/support/peer.py), and tells the two ends of a connection apart: close_notify is the
end, anything else is a cut.
"""

from __future__ import annotations

import socket
import ssl
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, APPLICATION_DATA = 20, 21, 22, 23
RECORD_BYTES_MAX = 16384
TICKETS = 2
"""How many session tickets OpenSSL gives a client of TLS 1.3."""


class TlsCut(ConnectionResetError):
    """The connection ended without close_notify, which is as good as a reset."""


class TlsSocket:
    """A TLS client over a connected socket, by OpenSSL on memory."""

    def __init__(
        self,
        connected: socket.socket,
        context: ssl.SSLContext,
        server_name: str | None = "localhost",
        session: ssl.SSLSession | None = None,
    ) -> None:
        self.raw = connected
        self.family = connected.family
        self.piece_bytes = 0  # how many bytes go out at once; 0: all
        self.damaged_byte = -1  # the number of one that has a wrong bit when it goes out; -1: none
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_name, session=session)

    def __enter__(self) -> TlsSocket:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # The handshake.

    def say_hello(self) -> bytes:
        """The ClientHello, as a record that is not sent."""
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            return self.take()
        raise AssertionError("a handshake without a server")

    def handshake(self) -> TlsSocket:
        """To its end, as far as the client sees it; one that fails closes the socket."""
        try:
            while not self._is_ready():
                self.flush()
                self.feed()
            self.flush()
        except BaseException:
            self.flush()
            self.close()
            raise
        return self

    # As a socket.

    def sendall(self, data: bytes) -> None:
        """In as few records as they fit in."""
        self._send(self.seal(data))

    def recv(self, size: int) -> bytes:
        """Plaintext; nothing after close_notify. A connection that is cut is an error."""
        while True:
            try:
                return self.tls.read(size)
            except ssl.SSLWantReadError:
                self.feed()
            except ssl.SSLZeroReturnError:
                return b""
            finally:
                self.flush()

    def recv_all(self) -> bytes:
        """To the end."""
        received = b""
        while data := self.recv(1 << 20):
            received += data
        return received

    def shutdown(self, how: int) -> None:
        """close_notify, and behind it the end of the stream."""
        assert how == socket.SHUT_WR
        self.say_close()
        self.raw.shutdown(how)

    def settimeout(self, timeout: float | None) -> None:
        self.raw.settimeout(timeout)

    def setsockopt(self, *arguments: int | bytes) -> None:
        self.raw.setsockopt(*arguments)  # type: ignore[call-overload]

    def close(self) -> None:
        self.raw.close()

    # Records.

    def seal(self, data: bytes, size: int = RECORD_BYTES_MAX) -> bytes:
        """The records of this data, `size` bytes in each, not sent."""
        for at in range(0, len(data), size):
            self.tls.write(data[at : at + size])
        return self.take()

    def take(self) -> bytes:
        """What OpenSSL wants to be sent."""
        return self._outgoing.read()

    def flush(self) -> None:
        """Sends it, unless the other side has gone: then there is something to be read about it."""
        if data := self.take():
            try:
                self._send(data)
            except (BrokenPipeError, ConnectionResetError):
                return

    def say_close(self) -> None:
        """close_notify, and no waiting for the answer."""
        try:
            self.tls.unwrap()
        except ssl.SSLWantReadError:
            pass
        self.flush()

    def _is_ready(self) -> bool:
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def _send(self, data: bytes) -> None:
        if 0 <= self.damaged_byte < len(data):
            at = self.damaged_byte
            data = data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1 :]
        self.damaged_byte -= len(data)
        size = self.piece_bytes or len(data) or 1
        for at in range(0, len(data), size):
            self.raw.sendall(data[at : at + size])

    def feed(self) -> None:
        """Takes what the other side has sent, as soon as there is something."""
        data = self.raw.recv(1 << 16)
        if not data:
            raise TlsCut("the connection ended without close_notify")
        self._incoming.write(data)


def records_of(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The type and the payload of each record."""
    while data:
        kind, _, size = struct.unpack("!BHH", data[:5])
        assert len(data) >= 5 + size, "half a record"
        yield kind, data[5 : 5 + size]
        data = data[5 + size :]


def record(kind: int, payload: bytes, version: int = 0x0301) -> bytes:
    return struct.pack("!BHH", kind, version, len(payload)) + payload


def in_fragments(hello: bytes, size: int) -> bytes:
    """A handshake message of one record in many records of `size` bytes (RFC 8446 section 5.1)."""
    ((kind, payload),) = records_of(hello)
    return b"".join(record(kind, payload[at : at + size]) for at in range(0, len(payload), size))
