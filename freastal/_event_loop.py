"""EventLoop: asyncio's loop, turned by the core. Its turn, queues and watches are C; all else is asyncio's own code."""

from __future__ import annotations

import asyncio
import logging
import os
import selectors
import signal
import sys
import threading
import warnings
from asyncio import base_events, events, format_helpers
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NoReturn, TypeVar

from . import _core

TYPE_CHECKING = False

_Args = tuple[Any, ...]
_AnyHandle = TypeVar("_AnyHandle", bound=asyncio.Handle)


class EventLoop(_core.EventLoop, asyncio.SelectorEventLoop):
    """An asyncio event loop on libuv: everything asyncio.SelectorEventLoop does, as quickly as the core turns.

    A worker can live in it, and then needs no loop and no descriptor of its own.
    """

    _csock: Any
    _current_handle: asyncio.Handle | None
    _signal_handlers: dict[int, asyncio.Handle]
    slow_callback_duration: float
    if TYPE_CHECKING:  # asyncio's too, and not in its stubs

        def _check_closed(self) -> None: ...
        def _check_running(self) -> None: ...
        def _check_thread(self) -> None: ...
        def _check_callback(self, callback: object, method: str) -> None: ...
        def _make_self_pipe(self) -> None: ...
        def _close_self_pipe(self) -> None: ...
        def _run_forever_setup(self) -> None: ...
        def _run_forever_cleanup(self) -> None: ...

    def __init__(self) -> None:
        _core.EventLoop.__init__(self)
        self._wakes_by_signals = False
        self._previous_fd: int | None = None
        self._pipe_process = os.getpid()
        super(_core.EventLoop, self).__init__(_Watched(self))

    # ---- running and closing ----

    def run_forever(self) -> None:
        """Turns until stop() is called."""
        self._leave_parent()
        self._check_running()  # 3.13.0 would undo the setup of the run that is under way
        if sys.version_info >= (3, 13):
            super().run_forever()
            return
        self._previous_fd = self._wake_by_signals()
        try:
            super().run_forever()
        finally:
            self._restore_wakeup_fd(self._previous_fd)

    if sys.version_info >= (3, 13):  # for those who make the turns themselves

        def _run_forever_setup(self) -> None:
            super()._run_forever_setup()
            self._previous_fd = self._wake_by_signals()

        def _run_forever_cleanup(self) -> None:
            self._restore_wakeup_fd(self._previous_fd)
            super()._run_forever_cleanup()

    def __del__(self, _warn: Any = warnings.warn) -> None:
        """A loop that was forgotten is closed, and before it the workers that were forgotten with it."""
        if not self.is_closed() and not self.is_running():
            for worker in self._workers:
                if worker.state in {"serving", "draining"}:
                    _warn(f"unclosed {worker!r}", ResourceWarning, stacklevel=2, source=worker)
                worker.close()
        super().__del__()

    def close(self) -> None:
        """RuntimeError while it runs, or a worker lives in it."""
        if self.is_closed() or self.is_running():
            super().close()
            return
        if self._workers:
            raise RuntimeError("Cannot close an event loop that a worker lives in")
        self._leave_parent()
        super().close()
        self._close_core()

    def _leave_parent(self) -> None:
        """After a fork: the parent's watches are left alone, and a signal of ours is not told to the parent."""
        self._check_closed()
        self._renew_after_fork()
        if self._pipe_process != os.getpid():
            self._pipe_process = os.getpid()
            self._close_self_pipe()
            self._make_self_pipe()

    # ---- signals ----

    def _wake_by_signals(self) -> int | None:
        """Has every signal end the core's sleep, so that Python's handlers run; the descriptor that was told before.

        asyncio can do without: its sleep ends with EINTR, libuv's goes on.
        """
        if threading.current_thread() is not threading.main_thread():
            return None
        try:
            previous_fd = signal.set_wakeup_fd(self._csock.fileno(), warn_on_full_buffer=False)
        except ValueError:  # the main thread of another interpreter
            return None
        self._wakes_by_signals = True
        return previous_fd

    def _restore_wakeup_fd(self, previous_fd: int | None) -> None:
        """Between two runs signals are kept for the next one only if there are handlers for them, as in asyncio."""
        self._wakes_by_signals = False
        if previous_fd is None or self._signal_handlers:
            return
        if previous_fd == self._csock.fileno():
            previous_fd = -1
        try:
            signal.set_wakeup_fd(previous_fd)
        except (ValueError, OSError):  # it was closed meanwhile
            signal.set_wakeup_fd(-1)

    def remove_signal_handler(self, sig: int) -> bool:
        """Whether there was one."""
        removed = super().remove_signal_handler(sig)
        if self._wakes_by_signals and not self._signal_handlers:
            self._wake_by_signals()
        return removed

    # ---- called by the core ----

    def _callback_failed(self, handle: asyncio.Handle, exception: BaseException) -> None:
        """As asyncio.Handle._run reports it."""
        callback = format_helpers._format_callback_source(handle._callback, handle._args)  # type: ignore[attr-defined]
        message = f"Exception in callback {callback}"
        self.call_exception_handler({"message": message, "exception": exception, "handle": handle})

    def _run_watched(self, handle: asyncio.Handle) -> None:
        """Runs a handle in debug mode."""
        if handle._cancelled:
            return
        self._current_handle = handle
        try:
            started = self.time()
            handle._run()
            seconds = self.time() - started
            if seconds >= self.slow_callback_duration:
                name = base_events._format_handle(handle)  # type: ignore[attr-defined]
                logger: logging.Logger = base_events.logger  # type: ignore[attr-defined]
                logger.warning("Executing %s took %.3f seconds", name, seconds)
        finally:
            self._current_handle = None
            del handle  # a task that failed would keep this frame, and the frame the task

    def _call_soon_debugged(self, args: _Args, context: Any) -> asyncio.Handle:
        self._check_thread()
        return self._queue_debugged("call_soon", args, context)

    def _call_soon_threadsafe_debugged(self, args: _Args, context: Any) -> asyncio.Handle:
        return self._queue_debugged("call_soon_threadsafe", args, context)

    def _queue_debugged(self, method: str, args: _Args, context: Any) -> asyncio.Handle:
        self._check_callback(args[0], method)
        handle = _without_our_frames(events.Handle(args[0], args[1:], self, context))
        self._add_callback(handle)
        return handle

    def _make_handle_debugged(self, args: _Args, context: Any) -> asyncio.Handle:
        return _without_our_frames(events.Handle(args[0], args[1:], self, context))

    def _call_later_debugged(self, args: _Args, context: Any) -> asyncio.TimerHandle:
        return self._call_at_debugged((self.time() + args[0], *args[1:]), context)

    def _call_at_debugged(self, args: _Args, context: Any) -> asyncio.TimerHandle:
        self._check_thread()
        self._check_callback(args[1], "call_at")
        timer = _without_our_frames(events.TimerHandle(args[0], args[1], args[2:], self, context))
        self._add_timer(timer)
        return timer


def _without_our_frames(handle: _AnyHandle) -> _AnyHandle:
    """A handle made in debug mode says where it comes from: not from here."""
    trace: Any = handle._source_traceback  # type: ignore[attr-defined]
    while trace and trace[-1].filename == __file__:
        del trace[-1]
    return handle


class _Watched(selectors.BaseSelector, Mapping[Any, selectors.SelectorKey]):
    """The loop's watches as what asyncio's code takes for its selector: they can be looked at, and no more."""

    def __init__(self, loop: EventLoop) -> None:
        self._loop = loop

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self

    def __getitem__(self, fileobj: Any) -> selectors.SelectorKey:
        return selectors.SelectorKey(*self._loop._watched(fileobj))

    def __iter__(self) -> Iterator[int]:
        return iter(self._loop._watched_all())

    def __len__(self) -> int:
        return len(self._loop._watched_all())

    def _refuse(self, *args: object, **kwargs: object) -> NoReturn:
        raise NotImplementedError("the selector of freastal.EventLoop can only be looked at; use add_reader()")

    register = unregister = modify = select = _refuse


def new_event_loop() -> EventLoop:
    """For asyncio.Runner(loop_factory=...) and whoever else makes loops."""
    return EventLoop()


if sys.version_info < (3, 14):

    class EventLoopPolicy(asyncio.DefaultEventLoopPolicy):
        """asyncio.set_event_loop_policy(freastal.EventLoopPolicy()): every new loop is a freastal.EventLoop.

        Where Python has deprecated policies there is none: asyncio.run(main(), loop_factory=freastal.new_event_loop).
        """

        _loop_factory: Callable[[], EventLoop] = EventLoop
