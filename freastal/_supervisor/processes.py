"""Worker processes: fork them, wait, start a crashed one again with backoff, end them all when told to.

The loop only waits: for signals, for the reports of workers, for the next moment at which something is due. What a
worker does is not known here: it is a function of its slot and its lifeline that returns an exit code.

Stopping goes by stages, each begun at a deadline: DRAIN (TERM: finish what is open), CLOSE (QUIT: close everything),
KILL. TERM drains for graceful_timeout, and so does HUP without TLS; INT or QUIT for at most two seconds, and a second
one kills at once.
"""

from __future__ import annotations

import atexit
import enum
import os
import select
import signal
import sys
import time
from collections.abc import Callable

from .. import __version__
from .._listen import Listeners
from .._log import Log, traceback_text
from ..config import Config
from ..errors import BootError, FreastalError, LoadError
from .lifeline import Lifeline
from .signals import Signals, name_of
from .worker import leave

_GRACEFUL = (signal.SIGTERM, signal.SIGHUP)
_FAST = (signal.SIGINT, signal.SIGQUIT)
_IGNORED = (signal.SIGUSR1, signal.SIGUSR2, signal.SIGTTIN, signal.SIGTTOU)
"""What means something to other servers, and would end this one by default."""

_FAST_S = 2.0
_CLOSE_S = 0.5
_CLOSE_ASGI_S = 3.0
"""After its requests were cut off an ASGI application still has its shutdown to run."""
_STABLE_S = 10.0
_BACKOFF_FIRST_S = 0.1
_BACKOFF_MOST_S = 5.0
"""Not long: connections that the kernel gives to an empty slot wait there."""


class Stage(enum.IntEnum):
    RUN = 0
    DRAIN = 1
    CLOSE = 2
    KILL = 3


_SIGNAL_OF = {Stage.DRAIN: signal.SIGTERM, Stage.CLOSE: signal.SIGQUIT, Stage.KILL: signal.SIGKILL}


class Slot:
    """A place for one worker, and who is in it."""

    def __init__(self, index: int) -> None:
        self.index = index
        self.pid = 0
        self.lifeline: Lifeline | None = None
        self.listening = False
        """Whether the lifeline may still say something."""
        self.started_s = 0.0
        self.failures = 0
        """Deaths in a row, none of them after a stable life."""
        self.start_s = 0.0
        """When to start the next one, if there is none."""


class Supervisor:
    """Keeps a worker in every slot. `work` is called in each forked one."""

    def __init__(
        self, work: Callable[[int, Lifeline], int], config: Config, listeners: Listeners, log: Log, name: str
    ) -> None:
        self._work = work
        self._config = config
        self._listeners = listeners
        self._log = log
        self._name = name
        self.renew: Callable[[], bool] | None = None
        """With it HUP does not end the server: it is called, and when it says so, all workers are asked to, too."""
        self._slots = [Slot(index) for index in range(config.workers)]
        self._signals = Signals((*_GRACEFUL, *_FAST, *_IGNORED, signal.SIGCHLD))
        self._stage = Stage.RUN
        self._deadline_s = 0.0
        self._interrupts = 0
        self._announced = False
        self._served = False
        """Whether any worker was ever ready."""
        self._failure: FreastalError | None = None

    def run(self) -> None:
        """Returns when a signal has ended the server; raises what kept it from beginning."""
        with self._signals:
            while self._stage is Stage.RUN or any(slot.pid for slot in self._slots):
                self._start_due()
                self._wait()
                for number in self._signals.take():
                    self._on_signal(number)
                for slot in self._slots:
                    self._look_after(slot)
                self._announce()
                self._advance()
        if self._failure is not None:
            raise self._failure
        self._log.info("stopped")

    # Starting.

    def _start_due(self) -> None:
        if self._stage is Stage.RUN:
            now = time.monotonic()
            for slot in self._slots:
                if not slot.pid and slot.start_s <= now:
                    self._start(slot)

    def _start(self, slot: Slot) -> None:
        try:
            lifeline = Lifeline()
        except OSError as error:
            self._put_off(slot, error)
            return
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
        # A signal between the fork and the worker's own handlers waits, instead of running the server's in it.
        mask: set[int] = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            pid = os.fork()
            if pid == 0:
                self._become_worker(slot, lifeline, mask)
        except OSError as error:
            lifeline.close()
            self._put_off(slot, error)
            return
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        lifeline.keep_upper()
        slot.pid, slot.lifeline, slot.listening, slot.started_s = pid, lifeline, True, time.monotonic()

    def _put_off(self, slot: Slot, error: OSError) -> None:
        self._log.error(f"worker {slot.index + 1} cannot be started: {error.strerror}")
        self._back_off(slot)

    def _become_worker(self, slot: Slot, lifeline: Lifeline, mask: set[int]) -> None:
        """In the child: never returns. Nothing of the server is left but what the worker shares on purpose."""
        code = 1
        try:
            atexit._clear()  # What is registered so far is for the server's process to do, once.
            self._signals.forget()
            for number in (*_FAST, signal.SIGHUP, *_IGNORED):
                signal.signal(number, _ignore)
            for other in self._slots:
                if other.lifeline is not None:
                    other.lifeline.close()
            lifeline.keep_lower()
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            code = self._work(slot.index, lifeline)
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else 1
        except BaseException as error:
            self._log.error(f"worker {slot.index + 1} failed:\n{traceback_text(error).rstrip()}")
        finally:
            leave(code)

    def _announce(self) -> None:
        """One line, once every worker is ready: what it says is true."""
        interfaces = [slot.lifeline.interface for slot in self._slots if slot.lifeline is not None]
        self._served = self._served or any(interfaces)
        if self._announced or len(interfaces) < len(self._slots) or not all(interfaces):
            return
        self._announced = True
        count = len(self._slots)
        self._log.info(
            f"freastal {__version__} serving {self._name} at {self._listeners.description} "
            f"({count} worker{'s' if count > 1 else ''}, {interfaces[0]}, pid {os.getpid()})"
        )

    # Waiting.

    def _wait(self) -> None:
        poll = select.poll()
        poll.register(self._signals.fileno(), select.POLLIN)
        for slot in self._slots:
            if slot.lifeline is not None and slot.listening:
                poll.register(slot.lifeline.fileno(), select.POLLIN)
        due_s = self._next_due()
        # Rounded up: waking a moment early would only mean to wait again.
        poll.poll(None if due_s is None else max(0, int((due_s - time.monotonic()) * 1000) + 1))

    def _next_due(self) -> float | None:
        if self._stage is Stage.RUN:
            return min((slot.start_s for slot in self._slots if not slot.pid), default=None)
        return self._deadline_s if self._stage is not Stage.KILL else None

    # What became of a worker.

    def _look_after(self, slot: Slot) -> None:
        if not slot.pid or slot.lifeline is None:
            return
        pid, status = os.waitpid(slot.pid, os.WNOHANG)
        if slot.listening:
            slot.listening = slot.lifeline.receive()
        if pid:
            self._bury(slot, slot.lifeline, os.waitstatus_to_exitcode(status))

    def _bury(self, slot: Slot, lifeline: Lifeline, code: int) -> None:
        pid, lived_s = slot.pid, time.monotonic() - slot.started_s
        was_ready, failure = bool(lifeline.interface), lifeline.failure
        self._served = self._served or was_ready
        lifeline.close()
        slot.pid, slot.lifeline = 0, None
        if self._stage is not Stage.RUN:
            return
        how = f"ended with code {code}" if code >= 0 else f"was killed by {name_of(-code)}"
        if not self._served:
            self._give_up(failure, how)
            return
        if was_ready and lived_s >= _STABLE_S:
            slot.failures = 0
        delay_s = self._back_off(slot)
        when = f"in {delay_s:g} s" if delay_s else "now"
        reason = f" before it was ready: {failure[1]}\n" if failure else "; "
        level = self._log.info if code == 0 else self._log.error
        level(f"worker {slot.index + 1} (pid {pid}) {how}{reason}another is started {when}")

    def _back_off(self, slot: Slot) -> float:
        """When the next one may start: at once after a first death, then later and later."""
        slot.failures += 1
        delay_s = 0.0
        if slot.failures > 1:
            delay_s = min(_BACKOFF_FIRST_S * 2.0 ** min(slot.failures - 2, 16), _BACKOFF_MOST_S)
        slot.start_s = time.monotonic() + delay_s
        return delay_s

    def _give_up(self, failure: tuple[int, str] | None, how: str) -> None:
        """A worker died before any was ever ready: the next would as well."""
        if failure is None:
            self._failure = BootError(f"a worker {how} before it was ready, so the server ends")
        else:
            code, reason = failure
            self._failure = LoadError(reason) if code == LoadError.exit_code else BootError(reason)
        self._end(Stage.KILL, 0.0)

    # Ending.

    def _on_signal(self, number: int) -> None:
        if number in _FAST:
            self._interrupts += 1
            if self._interrupts > 1:
                self._end(Stage.KILL, 0.0)
            else:
                self._end(Stage.DRAIN, min(_FAST_S, self._config.graceful_timeout))
        elif number == signal.SIGHUP and self.renew is not None:
            if self._stage is Stage.RUN and self.renew():
                for slot in self._slots:
                    if slot.lifeline is not None:
                        slot.lifeline.ask_to_renew()
        elif number in _GRACEFUL and self._stage is Stage.RUN:
            self._end(Stage.DRAIN, self._config.graceful_timeout)
        elif number in _IGNORED:
            self._log.warning(f"{name_of(number)} means nothing to this version, and is ignored")

    def _end(self, stage: Stage, within_s: float) -> None:
        """Goes to a stage, at most `within_s` from the one after it. Later calls can only hurry."""
        deadline_s = time.monotonic() + within_s
        if stage <= self._stage:
            self._deadline_s = min(self._deadline_s, deadline_s)
            return
        if self._stage is Stage.RUN:
            self._listeners.close()
            if stage is Stage.DRAIN:
                self._log.info(f"stopping: open requests may take {within_s:g} s")
        self._stage, self._deadline_s = stage, deadline_s
        for slot in self._slots:
            if slot.pid:
                os.kill(slot.pid, _SIGNAL_OF[stage])

    def _advance(self) -> None:
        """From one stage of the end to the next when its time is over."""
        if self._stage in (Stage.DRAIN, Stage.CLOSE) and time.monotonic() >= self._deadline_s:
            if self._stage is Stage.DRAIN:
                self._log.warning("open requests were not finished in time; they are cut off")
            is_asgi = any(slot.lifeline is not None and slot.lifeline.interface == "asgi" for slot in self._slots)
            self._end(Stage(self._stage + 1), _CLOSE_ASGI_S if is_asgi else _CLOSE_S)


def _ignore(*_: object) -> None:
    """What a terminal or a command sends to every process of the server is for the server alone to obey.

    A handler rather than SIG_IGN, which the programs that an application starts would inherit.
    """
