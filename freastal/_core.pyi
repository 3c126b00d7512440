"""freastal._core: the C extension, on one page. A worker is a loop with its listeners, connections and counters."""

from collections.abc import Callable
from typing import Any, final

STATS_FIELDS: tuple[str, ...]
"""The names of the 64-bit counters of a worker, in the order of its slot."""
STATS_BYTES: int
"""The size of a slot."""
SIMD: str
"""Which scan the parser uses on this machine."""
LIBRARIES: dict[str, str]
"""The C libraries in use, with their versions."""
LIMITS: dict[str, int]
"""Every limit with its default, as in src/base/limits.h."""

@final
class Worker:
    """Belongs to the thread that runs it. ValueError for what it cannot be told, OSError for bad descriptors."""

    wakeup_fd: int
    """For signal.set_wakeup_fd: a byte written here ends the loop's sleep."""
    state: str
    """ready, serving, draining or stopped."""

    def __init__(
        self,
        application: Callable[..., Any],
        *,
        interface: str,
        binds: list[tuple[int, str, int, bool]],
        limits: dict[str, int],
        transport: str = "auto",
        server_header: str | None = "freastal",
        date_header: bool = True,
        access_format: str = "off",
        access_fd: int = -1,
        log: Callable[[int, str], None] | None = None,
        log_exception: Callable[[str, BaseException], None] | None = None,
        stats: object | None = None,
        root_path: str = "",
        url_scheme: str = "http",
        multithread: bool = False,
        multiprocess: bool = False,
        body_memory_max: int = 1048576,
        log_level: int = 0,
    ) -> None:
        """`binds` are listening descriptors, which stay the caller's, each with host or path, port, is_unix."""

    def run(self) -> None:
        """Accepts and turns until stopped. Signal handlers run between turns; what one raises comes out here."""

    def start(self) -> None:
        """Begins to accept; run does it."""

    def turn(self, timeout_ms: int = 0) -> None:
        """One turn of the loop, sleeping at most this long; -1: until something happens."""

    def fileno(self) -> int:
        """A descriptor that is readable when a turn would find work."""

    def timeout_ms(self) -> int:
        """How long until a turn is due without any event; -1: never."""

    def drain(self) -> None:
        """Stops accepting and lets open requests finish. From any thread or signal handler."""

    def stop(self) -> None:
        """Closes everything now. From any thread or signal handler."""

    def pause(self) -> None:
        """Makes run return, and changes nothing else; run again to go on. From any thread or signal handler."""

    def wake(self) -> None:
        """Ends the loop's sleep. From any thread or signal handler."""

    def stats(self) -> dict[str, int]:
        """The counters by name."""

    def close(self) -> None:
        """Closes what is open, gives everything back. Not from inside a turn."""
