"""What a result must say about where it was taken."""

from __future__ import annotations

import datetime
import os
import platform
import subprocess
import sys
import sysconfig
from pathlib import Path

HERE = Path(__file__).resolve().parent


def said(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, cwd=HERE)
    except OSError:
        return ""
    return done.stdout.strip()


def commit() -> str:
    dirty = "+" if said("git", "status", "--porcelain", "--untracked-files=no") else ""
    return (said("git", "rev-parse", "--short", "HEAD") or "unknown") + dirty


def cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def facts() -> dict[str, str | int]:
    compiler = said(os.environ.get("CC", "cc"), "--version").splitlines()
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "commit": commit(),
        "cpu": cpu_model(),
        "cores": os.cpu_count() or 0,
        "kernel": platform.release(),
        "python": sys.version.split()[0],
        "compiler": compiler[0] if compiler else "",
        "flags": os.environ.get("CFLAGS", "") or str(sysconfig.get_config_var("CFLAGS") or ""),
    }


def result_path() -> Path:
    return HERE / "results" / f"{datetime.date.today().isoformat()}-{commit().rstrip('+')}"
