"""Who keeps workers alive. Here it is put together; processes.py does it."""

from __future__ import annotations

import gc
import mmap
from collections.abc import Callable
from functools import partial
from typing import Any

from .. import _core
from .._listen import Listeners
from .._load import enter_folder, load
from .._log import Log
from .._tls import OLD_ONES_STAY, CoreTls, check_tls, keep, open_tls
from .._worker import open_access_log
from ..config import Config
from ..errors import CertificateError
from .pid_file import PidFile
from .processes import Supervisor
from .worker import Job


def supervise(target: object, config: Config) -> None:
    """Serves `target` by worker processes until a signal ends it. Raises a FreastalError when that is not possible."""
    enter_folder(config)
    if config.loop == "uvloop":
        from .._loops import check_loop

        check_loop(config.loop)
    log = Log(config.log_level, config.error_logfile)
    try:
        access_fd = open_access_log(config)
        tls = open_tls(config, log)
        loaded = _preload(target, config) if config.preload else None
        with PidFile(config.pid), Listeners(config, config.workers) as listeners:
            job = Job(target, config, listeners, log)
            job.access_fd = access_fd
            job.loaded = loaded
            job.tls = _shared(tls)
            job.stats = mmap.mmap(-1, _core.STATS_BYTES * config.workers)
            supervisor = Supervisor(job.run, config, listeners, log, job.name)
            if job.tls is not None:
                supervisor.renew = partial(_may_renew, job.tls, log)
            supervisor.run()
    finally:
        log.close()


def _shared(tls: CoreTls | None) -> CoreTls | None:
    """The keys of session tickets lie in memory of all workers, so that a client may come back to any of them."""
    if tls is None:
        return None
    shared = {**tls, "tickets": mmap.mmap(-1, _core.ticket_ring_bytes())}
    keep(shared)
    return shared


def _may_renew(tls: CoreTls, log: Log) -> bool:
    """Whether the certificates that are there now can be used, before every worker has to find out."""
    try:
        check_tls(tls)
    except CertificateError as problem:
        log.error(f"{OLD_ONES_STAY}: {problem}")
        return False
    keep(tls)
    return True


def _preload(target: object, config: Config) -> tuple[Callable[..., Any], str]:
    """Loads the application, and keeps the collector off what all workers share: looking at it would copy it."""
    loaded = load(target, config)
    gc.collect()
    gc.freeze()
    return loaded
