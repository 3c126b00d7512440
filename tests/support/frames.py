"""The frames of HTTP/2 as bytes (RFC 9113 sections 4 and 6), also those that nobody should send."""

from __future__ import annotations

import enum
import struct
from dataclasses import dataclass, field

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

END_STREAM, ACK, END_HEADERS, PADDED, PRIORITIZED = 0x1, 0x1, 0x4, 0x8, 0x20

Fields = list[tuple[str, str]]


class Kind(enum.IntEnum):
    DATA = 0
    HEADERS = 1
    PRIORITY = 2
    RST_STREAM = 3
    SETTINGS = 4
    PUSH_PROMISE = 5
    PING = 6
    GOAWAY = 7
    WINDOW_UPDATE = 8
    CONTINUATION = 9
    PRIORITY_UPDATE = 16


class Code(enum.IntEnum):
    """Error codes: RFC 9113 section 7."""

    NO_ERROR = 0
    PROTOCOL_ERROR = 1
    INTERNAL_ERROR = 2
    FLOW_CONTROL_ERROR = 3
    SETTINGS_TIMEOUT = 4
    STREAM_CLOSED = 5
    FRAME_SIZE_ERROR = 6
    REFUSED_STREAM = 7
    CANCEL = 8
    COMPRESSION_ERROR = 9
    CONNECT_ERROR = 10
    ENHANCE_YOUR_CALM = 11
    INADEQUATE_SECURITY = 12
    HTTP_1_1_REQUIRED = 13


class Setting(enum.IntEnum):
    HEADER_TABLE_SIZE = 1
    ENABLE_PUSH = 2
    MAX_CONCURRENT_STREAMS = 3
    INITIAL_WINDOW_SIZE = 4
    MAX_FRAME_SIZE = 5
    MAX_HEADER_LIST_SIZE = 6
    ENABLE_CONNECT_PROTOCOL = 8
    NO_RFC7540_PRIORITIES = 9


@dataclass
class Frame:
    """One that was heard. HEADERS come whole, with what their CONTINUATION frames brought, and decoded."""

    kind: int
    flags: int
    stream: int
    payload: bytes
    fields: Fields = field(default_factory=list)

    @property
    def ends(self) -> bool:
        return self.kind in (Kind.DATA, Kind.HEADERS) and bool(self.flags & END_STREAM)


def frame(kind: int, flags: int = 0, stream: int = 0, payload: bytes = b"", *, length: int | None = None) -> bytes:
    """Any frame; `length` is what it says its length is, when that is not true."""
    size = len(payload) if length is None else length
    return struct.pack("!BHBBI", size >> 16, size & 0xFFFF, kind, flags, stream) + payload


def padded(payload: bytes, padding: int) -> bytes:
    return bytes([padding]) + payload + bytes(padding)


def priority(on: int = 0, weight: int = 16, *, exclusive: bool = False) -> bytes:
    """The five bytes of RFC 7540's priorities."""
    return struct.pack("!IB", on | exclusive << 31, weight - 1)


def data(stream: int, payload: bytes = b"", *, end: bool = False) -> bytes:
    return frame(Kind.DATA, END_STREAM if end else 0, stream, payload)


def settings(values: dict[int, int] | None = None) -> bytes:
    pairs = (struct.pack("!HI", name, value) for name, value in (values or {}).items())
    return frame(Kind.SETTINGS, payload=b"".join(pairs))


def settings_ack() -> bytes:
    return frame(Kind.SETTINGS, ACK)


def ping(opaque: bytes = b"12345678", *, ack: bool = False) -> bytes:
    return frame(Kind.PING, ACK if ack else 0, 0, opaque)


def rst_stream(stream: int, code: int = Code.CANCEL) -> bytes:
    return frame(Kind.RST_STREAM, 0, stream, struct.pack("!I", code))


def window_update(stream: int, increment: int) -> bytes:
    return frame(Kind.WINDOW_UPDATE, 0, stream, struct.pack("!I", increment))


def goaway(last: int = 0, code: int = Code.NO_ERROR, debug: bytes = b"") -> bytes:
    return frame(Kind.GOAWAY, 0, 0, struct.pack("!II", last, code) + debug)


def priority_update(stream: int, value: bytes, *, on: int = 0) -> bytes:
    """RFC 9218 section 7.1."""
    return frame(Kind.PRIORITY_UPDATE, 0, on, struct.pack("!I", stream) + value)


# Header blocks (RFC 7541) that need no state: for frames by the thousand, and for what an encoder refuses to write.


def integer(value: int, prefix: int, first: int = 0) -> bytes:
    """A number with a prefix of so many bits (section 5.1), in a byte whose other bits are `first`."""
    limit = (1 << prefix) - 1
    if value < limit:
        return bytes([first | value])
    out = bytearray([first | limit])
    value -= limit
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def text(value: bytes) -> bytes:
    return integer(len(value), 7) + value


def literal(name: bytes, value: bytes, *, first: int = 0x00, prefix: int = 4) -> bytes:
    """A field with a new name: not indexed, or with first=0x40, prefix=6 kept in the table."""
    return integer(0, prefix, first) + text(name) + text(value)


def indexed(index: int) -> bytes:
    return integer(index, 7, 0x80)


METHOD_GET, METHOD_POST, PATH_ROOT, SCHEME_HTTP = (indexed(index) for index in (2, 3, 4, 6))
BLOCK_GET = METHOD_GET + SCHEME_HTTP + PATH_ROOT + literal(b":authority", b"test")
"""GET / in 20 bytes that leave both tables alone."""


def block_of(method: str = "GET", path: str = "/", *fields: tuple[str, str]) -> bytes:
    """The block of a request, every field of it literal."""
    pseudo = ((":method", method), (":scheme", "http"), (":path", path), (":authority", "test"))
    return b"".join(literal(name.encode("latin-1"), value.encode("latin-1")) for name, value in pseudo + fields)


def head(stream: int, block: bytes = BLOCK_GET, *, end: bool = True, whole: bool = True) -> bytes:
    """A HEADERS frame with this block."""
    return frame(Kind.HEADERS, (END_STREAM if end else 0) | (END_HEADERS if whole else 0), stream, block)
