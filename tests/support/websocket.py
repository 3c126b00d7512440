"""A WebSocket peer that sends exactly the frames it is told to, and reads those of a server strictly (RFC 6455)."""

from __future__ import annotations

import base64
import hashlib
import os
import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.support.peer import Peer

if TYPE_CHECKING:
    import socket

    from tests.support.peer import Response

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
UPGRADE = (
    b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: " + KEY.encode() + b"\r\n\r\n"
)
"""The end of a head that asks for a WebSocket, for those who write to a socket themselves."""
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_DEFLATE_TAIL = b"\x00\x00\xff\xff"


@dataclass
class Frame:
    """One frame, unmasked."""

    opcode: int
    payload: bytes
    last: bool = True
    compressed: bool = False


def frame(opcode: int, payload: bytes = b"", *, last: bool = True, compressed: bool = False) -> bytes:
    """A frame as a client sends it: masked."""
    head = bytearray([opcode | last << 7 | compressed << 6])
    if len(payload) < 126:
        head.append(0x80 | len(payload))
    elif len(payload) < 1 << 16:
        head += struct.pack("!BH", 0x80 | 126, len(payload))
    else:
        head += struct.pack("!BQ", 0x80 | 127, len(payload))
    key = os.urandom(4)
    repeated = key * (len(payload) // 4 + 1)
    size = len(payload)
    masked = int.from_bytes(payload, "big") ^ int.from_bytes(repeated[:size], "big")
    return bytes(head) + key + masked.to_bytes(size, "big")


def accept_of(key: str) -> str:
    """The value of Sec-WebSocket-Accept (RFC 6455 section 4.2.2)."""
    return base64.b64encode(hashlib.sha1(key.encode() + _GUID).digest()).decode()


class WebSocketPeer(Peer):
    """The client's end of a WebSocket, perhaps not opened yet."""

    def __init__(self, connected: socket.socket) -> None:
        super().__init__(connected)
        self._inflate = zlib.decompressobj(-15)

    # The handshake.

    def ask(
        self, path: str = "/", *, headers: dict[str, str | None] | None = None, method: str = "GET"
    ) -> WebSocketPeer:
        """Sends a handshake; `headers` replace what is usual, or with None leave it out."""
        fields: dict[str, str | None] = {
            "Host": "test",
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Key": KEY,
            "Sec-WebSocket-Version": "13",
            **(headers or {}),
        }
        lines = [f"{name}: {value}" for name, value in fields.items() if value is not None]
        self.send(f"{method} {path} HTTP/1.1", *lines)
        return self

    def expect_accepted(self) -> Response:
        response = self.hear()
        assert response.status == 101, response
        assert (response["Upgrade"] or "").lower() == "websocket", response
        assert (response["Connection"] or "").lower() == "upgrade", response
        assert response["Sec-WebSocket-Accept"] == accept_of(KEY), response
        return response

    def open(self, path: str = "/", **headers: str) -> WebSocketPeer:
        """A handshake that is accepted."""
        self.ask(path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        self.expect_accepted()
        return self

    # What it says.

    def say(self, message: str | bytes) -> WebSocketPeer:
        """A message in one frame."""
        text = isinstance(message, str)
        self.send_bytes(frame(TEXT if text else BINARY, message.encode() if isinstance(message, str) else message))
        return self

    def say_close(self, code: int | None = 1000, reason: str = "") -> WebSocketPeer:
        payload = b"" if code is None else struct.pack("!H", code) + reason.encode()
        self.send_bytes(frame(CLOSE, payload))
        return self

    # What it hears.

    def hear_frame(self) -> Frame:
        """The next frame, whatever it is, as long as a server may send it."""
        first, second = self.expect_bytes(2)
        assert first & 0x30 == 0, "reserved bits"
        assert second & 0x80 == 0, "a server must not mask"
        size = second & 0x7F
        if size == 126:
            (size,) = struct.unpack("!H", self.expect_bytes(2))
            assert size > 125, "not the shortest form"
        elif size == 127:
            (size,) = struct.unpack("!Q", self.expect_bytes(8))
            assert size >= 1 << 16, "not the shortest form"
        found = Frame(first & 15, self.expect_bytes(size), bool(first & 0x80), bool(first & 0x40))
        assert found.opcode in (CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG), found
        if found.opcode >= CLOSE:
            assert found.last, found
            assert size < 126, found
        return found

    def hear_message(self) -> str | bytes:
        """The next message, whole."""
        found = self.hear_frame()
        assert found.opcode in (TEXT, BINARY), found
        payload, last = found.payload, found.last
        while not last:
            more = self.hear_frame()
            assert more.opcode == CONTINUATION, more
            payload, last = payload + more.payload, more.last
        if found.compressed:
            payload = self._inflate.decompress(payload + _DEFLATE_TAIL)
        return payload.decode() if found.opcode == TEXT else payload

    def expect_message(self, wanted: str | bytes) -> WebSocketPeer:
        message = self.hear_message()
        assert message == wanted, f"{message[:200]!r}, not {wanted[:200]!r}"
        return self

    def expect_close(self, code: int | None = 1000, reason: str | None = None) -> WebSocketPeer:
        """A close frame with this code (None: without one)."""
        found = self.hear_frame()
        assert found.opcode == CLOSE, found
        heard = struct.unpack("!H", found.payload[:2])[0] if found.payload else None
        assert heard == code, f"closed with {heard}, not {code}: {found.payload[2:]!r}"
        if reason is not None:
            assert found.payload[2:].decode() == reason
        return self

    def leave(self) -> None:
        """The closing handshake, begun here, to its end."""
        self.say_close()
        self.expect_close()
        self.expect_closed()
