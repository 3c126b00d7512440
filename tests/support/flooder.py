"""A peer of HTTP/2 that sends as fast as it is taken, and looks at nothing but how that ends."""

from __future__ import annotations

import select
import ssl
import struct
import time
from collections import Counter
from typing import TYPE_CHECKING

from tests.support.frames import PREFACE, Kind, settings, settings_ack

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterable

TIMEOUT_S = 30


class Flooder:
    """Its connection is open as soon as the first bytes are sent."""

    def __init__(self, connected: socket.socket, *, reads: bool = True) -> None:
        self.socket = connected
        self.reads = reads
        self.heard: Counter[int] = Counter()
        """Frames by kind."""
        self.goaway: int | None = None
        """The code of the last one."""
        self.ended = False
        self.sent_bytes = 0
        self._received = bytearray()
        connected.sendall(PREFACE + settings() + settings_ack())
        connected.setblocking(False)

    def flood(self, pieces: Iterable[bytes], meanwhile: Callable[[], object]) -> Flooder:
        """Sends all pieces, or until the server has had enough; `meanwhile` is called every hundred pieces.

        One that does not read looks at last at what has come.
        """
        for number, piece in enumerate(pieces):
            if number % 100 == 0:
                meanwhile()
            if not self._send(piece):
                break
        self.reads = True
        deadline = time.monotonic() + TIMEOUT_S
        while (
            not self.ended and self.goaway is None and time.monotonic() < deadline and self._wait(writing=False, s=0.5)
        ):
            pass
        meanwhile()
        return self

    def hear_end(self) -> None:
        """Until the connection is closed."""
        while not self.ended:
            assert self._wait(writing=False, s=TIMEOUT_S), "the connection stays open"

    def _send(self, piece: bytes) -> bool:
        """Whether the server may take more; without reading, one that takes nothing for a while does not."""
        while piece and not self.ended and self.goaway is None:
            if not self._wait(writing=True, s=TIMEOUT_S if self.reads else 1):
                return False
            try:
                sent = self.socket.send(piece)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                continue
            except OSError:  # reset; a GOAWAY may still be there to be read
                return False
            self.sent_bytes += sent
            piece = piece[sent:]
        return not self.ended and self.goaway is None

    def _wait(self, *, writing: bool, s: float) -> bool:
        readable, writable, _ = select.select(
            [self.socket] if self.reads else [], [self.socket] if writing else [], [], s
        )
        if readable:
            self._read()
        return bool(readable or writable)

    def _read(self) -> None:
        try:
            data = self.socket.recv(1 << 18)
        except (BlockingIOError, ssl.SSLWantReadError):
            return
        except OSError:
            data = b""
        self.ended = not data
        self._received += data
        while len(self._received) >= 9:
            high, low, kind, _, _ = struct.unpack("!BHBBI", self._received[:9])
            end = 9 + (high << 16 | low)
            if len(self._received) < end:
                break
            self.heard[kind] += 1
            if kind == Kind.GOAWAY:
                (self.goaway,) = struct.unpack("!I", self._received[13:17])
            del self._received[:end]
