"""A client of HTTP/2 that asks whole requests, heeding the windows of the server, beside frames sent by hand."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from http.client import HTTPMessage
from typing import Any

from tests.support import server
from tests.support.frames import ACK, Code, Fields, Frame, Kind, Setting, data, head
from tests.support.http2 import Http2Peer
from tests.support.http2_reader import FRAME_BYTES, WINDOW

Body = bytes | str | Iterable[bytes] | None


class Http2Client(Http2Peer):
    """The client's end of a connection."""

    def __init__(self, connected: Any) -> None:
        self.room: dict[int, int] = {0: WINDOW}
        """What may still be sent on each stream, and on all together (0)."""
        self._first_room = WINDOW
        super().__init__(connected)

    def hear_or_end(self) -> Frame | None:
        heard = super().hear_or_end()
        if heard is not None and heard.kind == Kind.WINDOW_UPDATE:
            self.room_of(heard.stream)
            self.room[heard.stream] += struct.unpack("!I", heard.payload)[0]
        elif heard is not None and heard.kind == Kind.SETTINGS and not heard.flags & ACK:
            grown = self.settings.get(Setting.INITIAL_WINDOW_SIZE, self._first_room) - self._first_room
            self._first_room += grown
            for stream in self.room.keys() - {0}:
                self.room[stream] += grown
        return heard

    def room_of(self, stream: int) -> int:
        return min(self.room[0], self.room.setdefault(stream, self._first_room))

    def begin(
        self, method: str = "GET", path: str = "/", fields: Fields | None = None, *, end: bool = True, **pseudo: str
    ) -> int:
        """The head of a request; the number of its stream. `protocol`, `scheme` and `authority` may be said."""
        names = {"scheme": "http", "path": path, "authority": "test", **pseudo}
        first = [(":method", method), *((f":{name}", value) for name, value in names.items())]
        stream = self.new_stream()
        self.send(head(stream, self.encoder.encode([*first, *(fields or [])]), end=end))
        return stream

    def upload(self, stream: int, payload: bytes, *, end: bool = False) -> None:
        """All of it as fast as the windows open, unless the server ends the stream before."""
        answer, view = self.answer_of(stream), memoryview(payload)
        while view and not answer.over:
            size = min(len(view), self.room_of(stream), FRAME_BYTES)
            if size <= 0:
                self.hear()
                continue
            self.room[0] -= size
            self.room[stream] -= size
            self.send(data(stream, bytes(view[:size]), end=end and size == len(view)))
            view = view[size:]
        if end and not payload:
            self.send(data(stream, end=True))

    def finish(self, stream: int) -> server.Answer:
        """The answer on this stream, whole, as other clients give it; a ConnectionResetError when it was cut."""
        answer = self.hear_until_over(stream)
        if not answer.ended:
            raise ConnectionResetError(f"reset by {Code(answer.reset or 0)!r}")
        headers = HTTPMessage()
        for name, value in answer.fields:
            headers[name] = value
        return server.Answer(answer.status, headers, answer.body)

    def request(
        self, method: str = "GET", path: str = "/", body: Body = None, headers: dict[str, str] | None = None
    ) -> server.Answer:
        """One request. A body that is not all there has no length said."""
        fields = [(name.lower(), value) for name, value in (headers or {}).items()]
        body = body.encode() if isinstance(body, str) else body
        if isinstance(body, bytes) and not any(name == "content-length" for name, _ in fields):
            fields.append(("content-length", str(len(body))))
        stream = self.begin(method, path, fields, end=body is None)
        if body is not None:
            for piece in [body] if isinstance(body, bytes) else body:
                self.upload(stream, piece)
            if not self.answer_of(stream).over:
                self.send(data(stream, end=True))
        return self.finish(stream)
