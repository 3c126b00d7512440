"""What a process costs at this moment, as the kernel counts it. Linux only."""

from __future__ import annotations

import os
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
SANITIZED = "asan" in os.environ.get("LD_PRELOAD", "")
"""Whether memory that was freed is kept aside, so that nothing can be said about its size."""


class Vitals:
    """Of one process, since the last look at it."""

    def __init__(self, pid: int) -> None:
        self._folder = Path(f"/proc/{pid}")
        self._rss, self._cpu_s = self.rss_bytes, self.cpu_s

    @property
    def rss_bytes(self) -> int:
        return int((self._folder / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    @property
    def cpu_s(self) -> float:
        fields = (self._folder / "stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S

    def grown_bytes(self) -> int:
        """How much more memory it has; 0 where that cannot be said."""
        return 0 if SANITIZED else self.rss_bytes - self._rss

    def spent_s(self) -> float:
        """How long it has computed."""
        return self.cpu_s - self._cpu_s
