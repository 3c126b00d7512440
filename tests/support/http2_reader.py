"""How a client reads the frames of a server (RFC 9113): as strictly as it could. tests/support/http2.py speaks.

Whatever is read is checked: sizes, states, windows, fields. Nothing waits by sleeping: a read ends when a frame is
whole, when the other side closes, or when the socket's timeout says that the expectation was wrong.
"""

from __future__ import annotations

import socket
import struct
from collections import Counter
from dataclasses import dataclass, field

import hpack

from tests.support.frames import (
    ACK,
    END_HEADERS,
    END_STREAM,
    PADDED,
    Fields,
    Frame,
    Kind,
    Setting,
    ping,
    settings_ack,
    window_update,
)
from tests.support.peer import Response

WINDOW = 65535
FRAME_BYTES = 16384
_HOP_BY_HOP = {"connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"}


@dataclass
class Answer(Response):
    """What has come on one stream so far."""

    window: int = WINDOW
    informational: list[Fields] = field(default_factory=list)
    trailers: Fields = field(default_factory=list)
    ended: bool = False
    reset: int | None = None

    @property
    def over(self) -> bool:
        return self.ended or self.reset is not None


@dataclass
class Goaway:
    last: int
    code: int
    debug: bytes


class Http2Reader:
    """What the server has said; of each stream in `answers`. Settings, pings and data are acknowledged."""

    def __init__(self, connected: socket.socket) -> None:
        self.socket = connected
        self.decoder = hpack.Decoder()
        self.answers: dict[int, Answer] = {}
        self.settings: dict[int, int] = {}
        """Those of the server."""
        self.goaways: list[Goaway] = []
        self.window = WINDOW
        """What the server may still send, on all streams together."""
        self.given: Counter[int] = Counter()
        """By how much the server has opened the windows of streams, and that of the connection (0)."""
        self.generous = True
        """Whether windows are opened again as data comes."""
        self.unacknowledged: list[dict[int, int]] = []
        """Settings of the client that are on their way."""
        self._initial_window = WINDOW
        self._frame_bytes = FRAME_BYTES
        self._received = bytearray()

    def answer_of(self, stream: int) -> Answer:
        if stream not in self.answers:
            self.answers[stream] = Answer("2", 0, "", [], window=self._initial_window)
        return self.answers[stream]

    def hear(self) -> Frame:
        """The next frame, whatever it is, as long as a server may send it now."""
        heard = self.hear_or_end()
        assert heard is not None, f"the connection ended, after {self.goaways}"
        return heard

    def hear_or_end(self) -> Frame | None:
        """The same, or None at the end of the connection."""
        heard = self._read_frame()
        if heard is not None:
            _TAKE.get(heard.kind, _take_unknown)(self, heard)
        return heard

    def _read_frame(self) -> Frame | None:
        if not self._fill(9):
            assert not self._received, f"the connection ended within a frame: {bytes(self._received)!r}"
            return None
        high, low, kind, flags, stream = struct.unpack("!BHBBI", self._received[:9])
        size = high << 16 | low
        assert size <= self._frame_bytes, f"a frame of {size} bytes"
        assert stream < 1 << 31, "the reserved bit is set"
        assert self._fill(9 + size), "the connection ended within a frame"
        payload = bytes(self._received[9 : 9 + size])
        del self._received[: 9 + size]
        return Frame(kind, flags, stream, payload)

    def _fill(self, count: int) -> bool:
        while len(self._received) < count:
            more = self.socket.recv(1 << 18)
            if not more:
                return False
            self._received += more
        return True

    def _open_answer(self, heard: Frame) -> Answer:
        assert heard.stream % 2, heard
        assert heard.stream in self.answers, f"a stream that nobody opened: {heard}"
        answer = self.answer_of(heard.stream)
        assert not answer.over, f"a frame after the end of its stream: {heard}"
        return answer

    def _take_data(self, heard: Frame) -> None:
        answer = self._open_answer(heard)
        assert answer.status, f"DATA before HEADERS: {heard}"
        answer.window -= len(heard.payload)
        self.window -= len(heard.payload)
        assert not heard.payload or answer.window >= 0, f"{-answer.window} bytes over the window of the stream"
        assert not heard.payload or self.window >= 0, f"{-self.window} bytes over the window of the connection"
        answer.body += (
            heard.payload[1 : len(heard.payload) - heard.payload[0]] if heard.flags & PADDED else heard.payload
        )
        answer.ended = heard.ends
        if self.generous and heard.payload:
            self.give(0, len(heard.payload))
            if not answer.ended:
                self.give(heard.stream, len(heard.payload))

    def give(self, stream: int, increment: int) -> None:
        """Opens the window of a stream, or of the connection (0)."""
        if stream == 0:
            self.window += increment
        else:
            self.answer_of(stream).window += increment
        self.socket.sendall(window_update(stream, increment))

    def _take_headers(self, heard: Frame) -> None:
        assert not heard.flags & ~(END_STREAM | END_HEADERS), f"flags that no server needs: {heard}"
        answer = self._open_answer(heard)
        whole = heard
        while not whole.flags & END_HEADERS:
            more = self._read_frame()
            assert more, "the connection ended within a header block"
            assert (more.kind, more.stream) == (Kind.CONTINUATION, heard.stream), f"{more} within a header block"
            heard.payload += more.payload
            whole = more
        heard.fields = [(str(name), str(value)) for name, value in self.decoder.decode(heard.payload)]
        answer.ended = heard.ends
        if answer.status:
            assert heard.ends, "trailers that end nothing"
            assert not [name for name, _ in heard.fields if name.startswith(":")], heard.fields
            answer.trailers = heard.fields
            return
        check_response(heard.fields)
        status = int(heard.fields[0][1])
        if status < 200:
            assert status != 101, "there is no 101 here"
            assert not heard.ends, "the end before a final answer"
            answer.informational.append(heard.fields)
        else:
            answer.status, answer.fields = status, heard.fields[1:]

    def _take_reset(self, heard: Frame) -> None:
        assert len(heard.payload) == 4, heard
        answer = self.answer_of(heard.stream)
        assert answer.reset is None, f"reset twice: {heard}"
        (answer.reset,) = struct.unpack("!I", heard.payload)

    def _take_settings(self, heard: Frame) -> None:
        assert heard.stream == 0, heard
        if heard.flags & ACK:
            assert not heard.payload, heard
            assert self.unacknowledged, "an acknowledgement of nothing"
            self._apply(self.unacknowledged.pop(0))
            return
        assert len(heard.payload) % 6 == 0, heard
        self.settings.update(struct.iter_unpack("!HI", heard.payload))
        self.socket.sendall(settings_ack())

    def _apply(self, changed: dict[int, int]) -> None:
        self.decoder.max_allowed_table_size = changed.get(
            Setting.HEADER_TABLE_SIZE, self.decoder.max_allowed_table_size
        )
        self._frame_bytes = changed.get(Setting.MAX_FRAME_SIZE, self._frame_bytes)
        window = changed.get(Setting.INITIAL_WINDOW_SIZE, self._initial_window)
        for answer in self.answers.values():
            answer.window += window - self._initial_window
        self._initial_window = window

    def _take_ping(self, heard: Frame) -> None:
        assert (heard.stream, len(heard.payload)) == (0, 8), heard
        if not heard.flags & ACK:
            self.socket.sendall(ping(heard.payload, ack=True))

    def _take_goaway(self, heard: Frame) -> None:
        assert heard.stream == 0, heard
        last, code = struct.unpack("!II", heard.payload[:8])
        assert not self.goaways or last <= self.goaways[-1].last, "a last stream that grows"
        self.goaways.append(Goaway(last, code, heard.payload[8:]))

    def _take_window_update(self, heard: Frame) -> None:
        (increment,) = struct.unpack("!I", heard.payload)
        assert 0 < increment < 1 << 31, heard
        self.given[heard.stream] += increment


def check_response(fields: Fields) -> None:
    """RFC 9113 sections 8.2 and 8.3.2."""
    names = [name for name, _ in fields]
    assert names[:1] == [":status"], names
    assert not [name for name in names[1:] if name.startswith(":")], names
    assert not [name for name in names if name != name.lower()], names
    assert not _HOP_BY_HOP & set(names), names


def _take_unknown(_peer: Http2Reader, heard: Frame) -> None:
    raise AssertionError(f"a frame that no server sends here: {heard}")


_TAKE = {
    Kind.DATA: Http2Reader._take_data,
    Kind.HEADERS: Http2Reader._take_headers,
    Kind.RST_STREAM: Http2Reader._take_reset,
    Kind.SETTINGS: Http2Reader._take_settings,
    Kind.PING: Http2Reader._take_ping,
    Kind.GOAWAY: Http2Reader._take_goaway,
    Kind.WINDOW_UPDATE: Http2Reader._take_window_update,
}
