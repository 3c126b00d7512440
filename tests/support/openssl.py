"""`openssl s_client` against a server, and what it says about it."""

from __future__ import annotations

import re
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from tests.support.server import TIMEOUT_S, tool_environment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.server import RunningServer

LAST_REQUEST = "GET /environ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


@dataclass
class Report:
    """What it printed, and the exit status."""

    text: str
    code: int

    @property
    def connected(self) -> bool:
        """The handshake went through."""
        return "Cipher is (NONE)" not in self.text and "Cipher is " in self.text

    @property
    def version(self) -> str:
        return self._find(r"^(?:New|Reused), (TLSv[\d.]+), Cipher is")

    @property
    def cipher(self) -> str:
        return self._find(r"^(?:New|Reused), .*, Cipher is (\S+)")

    @property
    def reused(self) -> bool:
        return bool(re.search(r"^Reused, ", self.text, re.MULTILINE))

    @property
    def group(self) -> str:
        """What the keys were exchanged on."""
        return self._find(r"^Server Temp Key: (?:ECDH, )?([^,]+),")

    @property
    def subject(self) -> str:
        return self._find(r"^subject=.*CN = (.+)$")

    @property
    def alpn(self) -> str:
        """Nothing when none was agreed on."""
        found = re.search(r"^ALPN protocol: (\S+)", self.text, re.MULTILINE)
        return found[1] if found else ""

    @property
    def alert(self) -> str:
        """The name of the alert that ended it, as OpenSSL has it."""
        found = re.search(r"alert ([a-z ]+?)(?::|$)", self.text, re.MULTILINE)
        return found[1] if found else ""

    def _find(self, pattern: str) -> str:
        found = re.search(pattern, self.text, re.MULTILINE)
        assert found, f"nothing matches {pattern!r}:\n{self.text}"
        return found[1]


def _command(server: RunningServer, arguments: tuple[str, ...], name: str) -> list[str]:
    return ["openssl", "s_client", "-connect", f"{server.host}:{server.port}", "-servername", name, *arguments]


def s_client(server: RunningServer, *arguments: str, name: str = "localhost", request: str = LAST_REQUEST) -> Report:
    """A connection with one request, to its end."""
    ran = subprocess.run(
        [*_command(server, arguments, name), "-ign_eof"],
        input=request.encode(),
        env=tool_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=TIMEOUT_S,
        check=False,
    )
    return Report(ran.stdout.decode("latin-1"), ran.returncode)


class Conversation:
    """One that takes commands: a line "K" asks for new keys, "R" for a renegotiation."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._input: IO[bytes] = process.stdin  # type: ignore[assignment]
        self._output: IO[bytes] = process.stdout  # type: ignore[assignment]
        self.text = ""

    def say(self, text: str) -> Conversation:
        self._input.write(text.encode())
        self._input.flush()
        return self

    def hear(self, pattern: str) -> Conversation:
        """Until this was printed; what came before it is forgotten."""
        while not (found := re.search(pattern, self.text)):
            line = self._output.readline()
            assert line, f"it ended before {pattern!r}:\n{self.text}"
            self.text += line.decode("latin-1")
        self.text = self.text[found.end() :]
        return self

    def hear_the_end(self) -> str:
        self.text += self._output.read().decode("latin-1")
        return self.text


@contextmanager
def talking(server: RunningServer, *arguments: str, name: str = "localhost") -> Iterator[Conversation]:
    process = subprocess.Popen(
        _command(server, arguments, name),
        env=tool_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        yield Conversation(process)
    finally:
        process.kill()
        process.communicate()
