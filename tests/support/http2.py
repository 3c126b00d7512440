"""A scripted peer of HTTP/2: sends exactly the frames it is told to, in conversations (RFC 9113)."""

from __future__ import annotations

import socket
from collections import Counter
from typing import TYPE_CHECKING

import hpack

from tests.support.frames import (
    ACK,
    BLOCK_GET,
    PREFACE,
    Code,
    Frame,
    Kind,
    Setting,
    data,
    head,
    ping,
    settings,
)
from tests.support.http2_reader import FRAME_BYTES, WINDOW, Answer, Goaway, Http2Reader

if TYPE_CHECKING:
    from tests.support.server import RunningServer

TIMEOUT_S = 20


class Http2Peer(Http2Reader):
    """The client's end of a connection."""

    def __init__(self, connected: socket.socket) -> None:
        super().__init__(connected)
        self.encoder = hpack.Encoder()
        self.next_stream = 1
        self.said: Counter[int] = Counter()
        """Bytes of bodies, of each stream and of all (0)."""
        if connected.family != socket.AF_UNIX:
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    @classmethod
    def of(cls, server: RunningServer, **values: int) -> Http2Peer:
        """Connected by prior knowledge, and open."""
        return cls(server.connect()).open(**values)

    def __enter__(self) -> Http2Peer:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def open(self, **values: int) -> Http2Peer:
        """The preface of both sides, and both acknowledgements; `values` are settings by name, lower case."""
        self.send(PREFACE).change(**values)
        first = self.hear()
        assert first.kind == Kind.SETTINGS, f"the server begins with {first}"
        assert not first.flags & ACK, "the server begins with an acknowledgement"
        while self.unacknowledged:
            self.hear()
        return self

    # What it says.

    def send(self, *pieces: bytes) -> Http2Peer:
        self.socket.sendall(b"".join(pieces))
        return self

    def change(self, **values: int) -> Http2Peer:
        """SETTINGS; in force when the server has acknowledged them."""
        changed = {int(Setting[name.upper()]): value for name, value in values.items()}
        self.unacknowledged.append(changed)
        return self.send(settings(changed))

    def block(self, method: str, path: str, *fields: tuple[str, str]) -> bytes:
        """The header block of a request. It must be sent: the tables of both sides move with it."""
        pseudo = [(":method", method), (":scheme", "http"), (":path", path), (":authority", "test")]
        return bytes(self.encoder.encode([*pseudo, *fields]))

    def new_stream(self) -> int:
        stream = self.next_stream
        self.next_stream += 2
        self.answer_of(stream)
        return stream

    def ask(
        self,
        path: str = "/",
        *fields: tuple[str, str],
        method: str = "GET",
        body: bytes | None = None,
        end: bool = True,
    ) -> int:
        """A request on a stream of its own, with all of its body; its number. Not ended when `end` is false."""
        stream = self.new_stream()
        self.send(head(stream, self.block(method, path, *fields), end=end and body is None))
        for at in range(0, len(body or b""), FRAME_BYTES):
            self.say(stream, (body or b"")[at : at + FRAME_BYTES])
        if body is not None and end:
            self.say(stream, end=True)
        return stream

    def ask_raw(self, block: bytes = BLOCK_GET, *, end: bool = True, stream: int = 0) -> int:
        """A request with this header block, on a stream of its own or on `stream`."""
        stream = stream or self.new_stream()
        self.answer_of(stream)
        self.next_stream = max(self.next_stream, stream + 2)
        self.send(head(stream, block, end=end))
        return stream

    def say(self, stream: int, payload: bytes = b"", *, end: bool = False) -> Http2Peer:
        """A piece of the body."""
        self.said[0] += len(payload)
        self.said[stream] += len(payload)
        return self.send(data(stream, payload, end=end))

    def room(self, stream: int) -> int:
        """How much of a body the server would take now."""
        connection = WINDOW + self.given[0] - self.said[0]
        initial = self.settings.get(Setting.INITIAL_WINDOW_SIZE, WINDOW)
        return min(connection, initial + self.given[stream] - self.said[stream])

    def upload(self, stream: int, body: bytes) -> Answer:
        """All of a body as its windows let it go, while the answer is read."""
        at = 0
        while not self.answer_of(stream).over:
            size = min(self.room(stream), len(body) - at, FRAME_BYTES)
            if size > 0:
                at += size
                self.say(stream, body[at - size : at], end=at == len(body))
            else:
                self.hear()
        return self.expect(stream)

    def say_trailers(self, stream: int, *fields: tuple[str, str]) -> Http2Peer:
        return self.send(head(stream, self.encoder.encode(fields)))

    # What it expects to hear.

    def get(self, path: str = "/", *fields: tuple[str, str]) -> Answer:
        return self.expect(self.ask(path, *fields))

    def expect(self, stream: int, status: int = 200, body: bytes | None = None) -> Answer:
        """The whole answer on this stream."""
        answer = self.hear_until_over(stream)
        assert answer.reset is None or answer.ended, f"reset by {Code(answer.reset or 0)!r}: {answer}"
        assert answer.status == status, f"{answer.status}, not {status}: {answer}"
        if body is not None:
            assert answer.body == body, f"the body is {answer.body[:200]!r}, not {body[:200]!r}"
        return answer

    def hear_until_over(self, stream: int) -> Answer:
        """Until this stream has been answered or reset."""
        answer = self.answer_of(stream)
        while not answer.over:
            self.hear()
        return answer

    def hear_until_status(self, stream: int) -> Answer:
        """Until the final head of this stream."""
        answer = self.answer_of(stream)
        while not answer.status:
            self.hear()
        return answer

    def expect_reset(self, stream: int, *codes: int) -> Answer:
        """The end of this stream, by RST_STREAM with one of these codes; the connection goes on."""
        answer = self.answer_of(stream)
        while answer.reset is None:
            self.hear()
        assert answer.reset in codes, f"reset by {Code(answer.reset)!r}"
        assert not self.goaways, self.goaways
        self.expect_alive()
        return answer

    def expect_error(self, stream: int, *codes: int) -> None:
        """A stream error, which a server may also take for one of the connection (RFC 9113 section 5.4.2)."""
        answer = self.answer_of(stream)
        while answer.reset is None and not self.goaways and self.hear_or_end() is not None:
            pass
        code = self.goaways[-1].code if self.goaways else answer.reset
        assert code is not None, "the connection ended without a word"
        assert code in codes, repr(Code(code))

    def expect_goaway(self, *codes: int) -> Goaway:
        """The end of the connection, by GOAWAY with one of these codes; the last one counts."""
        while self.hear_or_end() is not None:
            pass
        assert self.goaways, "the connection ended without a GOAWAY"
        assert self.goaways[-1].code in codes, f"{Code(self.goaways[-1].code)!r}: {self.goaways}"
        return self.goaways[-1]

    def expect_malformed(self, stream: int) -> Answer:
        """A request that must not be answered but with 400, and its stream reset (RFC 9113 section 8.1.1)."""
        answer = self.hear_until_over(stream)
        assert answer.status in (0, 400), f"answered with {answer.status}"
        if answer.status == 0:
            assert answer.reset == Code.PROTOCOL_ERROR, f"reset by {Code(answer.reset or 0)!r}"
        self.expect_alive()
        return answer

    def expect_alive(self, opaque: bytes = b"alive?!?") -> list[Frame]:
        """A PING comes back, and the connection is not about to end; what was heard before it."""
        self.send(ping(opaque))
        heard = []
        while (found := self.hear()).kind != Kind.PING or not found.flags & ACK or found.payload != opaque:
            heard.append(found)
        assert not [goaway for goaway in self.goaways if goaway.code], self.goaways
        return heard

    def expect_silence(self, seconds: float) -> None:
        """Nothing is heard for so long."""
        self.socket.settimeout(seconds)
        try:
            heard = self.hear_or_end()
        except TimeoutError:
            return
        finally:
            self.socket.settimeout(TIMEOUT_S)
        raise AssertionError(heard)

    def expect_closed(self) -> None:
        """The end of the connection, with nothing but GOAWAY before it, and not by a reset."""
        while (heard := self.hear_or_end()) is not None:
            assert heard.kind == Kind.GOAWAY, heard
