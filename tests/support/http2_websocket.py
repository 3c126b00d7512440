"""A WebSocket peer whose WebSocket is a stream of HTTP/2 (RFC 8441): other heads, the same frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.frames import Code, Setting, rst_stream
from tests.support.http2_client import Http2Client
from tests.support.websocket import WebSocketPeer

if TYPE_CHECKING:
    from tests.support.peer import Response

_OF_HTTP_1 = {"host", "connection", "upgrade", "sec-websocket-key"}


class Http2WebSocketPeer(WebSocketPeer):
    """The client's end of one stream, on a connection of its own unless `client` says which."""

    def __init__(self, connected: Any, client: Http2Client | None = None) -> None:
        super().__init__(connected)
        self.client = client or Http2Client(connected).open()
        assert self.client.settings.get(Setting.ENABLE_CONNECT_PROTOCOL) == 1, self.client.settings
        self.stream = 0
        self._used = 0

    # The handshake.

    def ask(
        self, path: str = "/", *, headers: dict[str, str | None] | None = None, method: str = "CONNECT"
    ) -> Http2WebSocketPeer:
        fields = {"sec-websocket-version": "13", **{name.lower(): value for name, value in (headers or {}).items()}}
        said = [(name, value) for name, value in fields.items() if value is not None and name not in _OF_HTTP_1]
        self.stream = self.client.begin(method, path, said, end=False, protocol="websocket")
        self._used = 0
        return self

    def expect_accepted(self) -> Response:
        answer = self.client.hear_until_status(self.stream)
        assert answer.status == 200, answer
        assert answer["sec-websocket-accept"] is None, answer
        assert answer["content-length"] is None, answer
        return answer

    def hear(self, to: str = "CONNECT") -> Response:
        """An answer that refuses, whole."""
        answer = self.client.hear_until_over(self.stream)
        assert answer.ended, answer
        self._used = len(answer.body)
        return answer

    # The bytes.

    def send_bytes(self, data: bytes) -> Http2WebSocketPeer:
        self.client.upload(self.stream, data)
        return self

    def send_slowly(self, data: bytes) -> Http2WebSocketPeer:
        for at in range(len(data)):
            self.send_bytes(data[at : at + 1])
        return self

    def end(self) -> Http2WebSocketPeer:
        self.client.upload(self.stream, b"", end=True)
        return self

    def _receive(self) -> bytes:
        answer = self.client.answer_of(self.stream)
        while len(answer.body) == self._used and not answer.over:
            self.client.hear()
        if answer.reset and not answer.ended:
            raise ConnectionResetError(f"reset by {Code(answer.reset)!r}")
        fresh = answer.body[self._used :]
        self._used = len(answer.body)
        self._received += fresh
        return fresh

    # The end.

    def reset(self) -> None:
        """Of the stream; then of nothing else, but the connection is not needed any more."""
        self.client.send(rst_stream(self.stream))
        self.socket.close()
