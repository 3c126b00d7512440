"""freastal._core: the C extension, on one page. A worker is a loop with its listeners, connections and counters."""

from asyncio import AbstractEventLoop, Handle, TimerHandle
from collections.abc import Callable
from contextvars import Context
from typing import Any, final

from typing_extensions import TypeVarTuple, Unpack

_Args = TypeVarTuple("_Args")

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

def check_tls(tls: dict[str, Any], /) -> None:
    """Reads what a worker that is given this dict would. ValueError of one sentence for what it cannot use."""

def ticket_ring_bytes() -> int:
    """How long the memory for the keys of session tickets has to be."""

class EventLoop:
    """The turn of freastal.EventLoop, whose other base, asyncio.SelectorEventLoop, knows the underlined names too.

    Belongs to the thread that runs it, but for call_soon_threadsafe. In debug mode handles are asyncio's own, made by
    the `_*_debugged` methods of the class.
    """

    _stopping: bool
    _closed: bool
    _debug: bool
    @property
    def _workers(self) -> list[Worker]:
        """Those that live in the loop, which cannot be closed before they are; a new list."""

    def call_soon(
        self, callback: Callable[[Unpack[_Args]], object], *args: Unpack[_Args], context: Context | None = None
    ) -> Handle:
        """Calls it in the next turn."""

    def call_soon_threadsafe(
        self, callback: Callable[[Unpack[_Args]], object], *args: Unpack[_Args], context: Context | None = None
    ) -> Handle:
        """Calls it in the next turn. From any thread or signal handler."""

    def call_later(
        self,
        delay: float,
        callback: Callable[[Unpack[_Args]], object],
        *args: Unpack[_Args],
        context: Context | None = None,
    ) -> TimerHandle:
        """Calls it in `delay` seconds."""

    def call_at(
        self,
        when: float,
        callback: Callable[[Unpack[_Args]], object],
        *args: Unpack[_Args],
        context: Context | None = None,
    ) -> TimerHandle:
        """Calls it when time() has come to `when`."""

    def time(self) -> float:
        """The loop's clock: seconds, never going back."""

    def stop(self) -> None:
        """Makes run_forever return after this turn."""

    def _run_once(self) -> None:
        """One turn: events, then timers, then everything that was ready at that point."""

    def _close_core(self) -> None:
        """Gives everything back; nothing but the flags works afterwards."""

    def _renew_after_fork(self) -> bool:
        """True in the child of a fork, where the loop from now on has a queue of events of its own."""

    def _add_callback(self, handle: Handle) -> None:
        """Queues a handle that was made elsewhere."""

    def _add_timer(self, handle: TimerHandle) -> None:
        """The same, for when it is due."""

    def _timer_handle_cancelled(self, handle: TimerHandle) -> None:
        """Told by handles of asyncio's own."""

    def _add_reader(self, fd: Any, callback: Callable[..., object], *args: Any) -> Handle:
        """In place of the reader that there was; `fd` is a number or has fileno()."""

    def _add_writer(self, fd: Any, callback: Callable[..., object], *args: Any) -> Handle:
        """The same for a writer."""

    def _remove_reader(self, fd: Any) -> bool:
        """Whether there was one."""

    def _remove_writer(self, fd: Any) -> bool:
        """Whether there was one."""

    def _watched(self, fileobj: Any) -> tuple[Any, int, int, tuple[Handle | None, Handle | None]]:
        """What a selector calls the key of a file; KeyError when it is not watched."""

    def _watched_all(self) -> list[int]:
        """The descriptors that have a reader or a writer."""

class ClientDisconnected(ConnectionResetError):
    """The client has gone; what an application still sends does not reach it."""

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
        binds: list[tuple[int, str, int, bool] | tuple[int, str, int, bool, int]],
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
        loop: AbstractEventLoop | None = None,
        lifespan_state: dict[str, Any] | None = None,
        on_stopped: Callable[[], object] | None = None,
        on_stirred: Callable[[], object] | None = None,
        tls: dict[str, Any] | None = None,
        http: str = "auto",
    ) -> None:
        """`binds` are listening descriptors, which stay the caller's, each with host or path, port, is_unix; a fifth
        item is the port of https:// that all requests are sent to, over plain HTTP in any case.

        `tls` turns TLS on. "identities": list of (certfile, keyfile, password, ocsp_file, certificate_pem, key_pem),
        with None for what there is not, and a certificate either in a file or in memory. Optional: "verify": none,
        optional or required; "ca_file" and "crl_file"; "version_min": 1.2 or 1.3; "ciphers"; "tickets": memory that
        other workers have too; "watch_files": to read them again when they change; "kept": identities to begin with
        when the others cannot be used, until they can. `http` is auto, 1 or 2.

        An ASGI application runs in `loop`. When that is a freastal.EventLoop the worker lives there, and is turned and,
        until it has stopped, kept alive by it. Otherwise it is a guest: the loop watches fileno() and timeout_ms(), and
        calls turn() from callbacks, never from inside a task; `on_stirred` says that a turn is wanted although nothing
        watched tells so. `on_stopped` is called once, when no connection is open and no call of the application's goes
        on. A copy of `lifespan_state` is in each scope.
        """

    def run(self) -> None:
        """Accepts and turns until stopped; not for ASGI.

        Signal handlers run between turns; what one raises comes out here.
        """

    def start(self) -> None:
        """Begins to accept; run does it."""

    def turn(self, timeout_ms: int = 0) -> None:
        """One turn of the loop, sleeping at most this long; -1: until something happens. Not in a loop it lives in."""

    def fileno(self) -> int:
        """A descriptor that is readable when a turn would find work."""

    def timeout_ms(self) -> int:
        """How long until a turn is due without any event; -1: never."""

    def reload_tls(self) -> None:
        """Reads certificates again, for connections to come. ValueError for what is wrong: the old ones stay then.

        RuntimeError without TLS. Not from inside a turn.
        """

    def drain(self) -> None:
        """Stops accepting and lets open requests finish. From any thread or signal handler."""

    def stop(self) -> None:
        """Closes everything now; calls of an ASGI application are cancelled. From any thread or signal handler."""

    def pause(self) -> None:
        """Makes run return, and changes nothing else; run again to go on. From any thread or signal handler."""

    def wake(self) -> None:
        """Ends the loop's sleep. From any thread or signal handler."""

    def stats(self) -> dict[str, int]:
        """The counters by name."""

    def close(self) -> None:
        """Closes what is open, gives everything back. Not from inside a turn.

        A worker that lives in a running loop has to be stopped before.
        """
