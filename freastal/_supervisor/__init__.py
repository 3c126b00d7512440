"""Who keeps workers alive. Here it is put together; processes.py does it."""

from __future__ import annotations

import gc
import mmap
from collections.abc import Callable
from typing import Any

from .. import _core
from .._listen import Listeners
from .._load import enter_folder, load
from .._log import Log
from .._worker import open_access_log
from ..config import Config
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
        loaded = _preload(target, config) if config.preload else None
        with PidFile(config.pid), Listeners(config, config.workers) as listeners:
            job = Job(target, config, listeners, log)
            job.access_fd = access_fd
            job.loaded = loaded
            job.stats = mmap.mmap(-1, _core.STATS_BYTES * config.workers)
            Supervisor(job.run, config, listeners, log, job.name).run()
    finally:
        log.close()


def _preload(target: object, config: Config) -> tuple[Callable[..., Any], str]:
    """Loads the application, and keeps the collector off what all workers share: looking at it would copy it."""
    loaded = load(target, config)
    gc.collect()
    gc.freeze()
    return loaded
