"""A stream of HTTP/2 as if it were a socket of its own, for peers that want one: a WebSocket inside (RFC 8441)."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from tests.support.frames import Code, literal, rst_stream
from tests.support.websocket import WebSocketPeer

if TYPE_CHECKING:
    from tests.support.http2 import Http2Peer


class Tunnel:
    """What a peer needs of a socket: it sends and receives on one stream, while the others are heard too."""

    family = socket.AF_UNIX  # no option of TCP is for a stream

    def __init__(self, http2: Http2Peer, stream: int) -> None:
        self.http2 = http2
        self.stream = stream
        self._taken = 0

    def sendall(self, data: bytes) -> None:
        self.http2.say(self.stream, data)

    def recv(self, _size: int) -> bytes:
        answer = self.http2.answer_of(self.stream)
        while len(answer.body) == self._taken and not answer.over:
            self.http2.hear()
        assert answer.reset is None or answer.ended, f"reset by {Code(answer.reset or 0)!r}"
        received = bytes(answer.body[self._taken :])
        self._taken = len(answer.body)
        return received

    def shutdown(self, _how: int) -> None:
        self.http2.say(self.stream, end=True)

    def close(self) -> None:
        """As a socket that is closed with bytes unread."""
        if not self.http2.answer_of(self.stream).over:
            self.http2.send(rst_stream(self.stream))


class Http2WebSocket(WebSocketPeer):
    """The client's end of a WebSocket on a stream, perhaps not opened yet."""

    def __init__(self, http2: Http2Peer, path: str = "/ws", *fields: tuple[str, str], version: str = "13") -> None:
        pseudo = ((":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":path", path))
        asked = (*pseudo, (":authority", "test"), ("sec-websocket-version", version), *fields)
        block = b"".join(literal(name.encode(), value.encode()) for name, value in asked)
        self.http2 = http2
        self.stream = http2.ask_raw(block, end=False)
        super().__init__(Tunnel(http2, self.stream))  # type: ignore[arg-type]

    def opened(self) -> Http2WebSocket:
        """Once it is accepted."""
        answer = self.http2.hear_until_status(self.stream)
        assert answer.status == 200, answer
        assert answer["sec-websocket-accept"] is None, answer
        assert answer["content-length"] is None, answer
        return self
