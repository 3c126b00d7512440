"""How to start freastal, its rivals and the ceilings: the same application, one worker, one port.

Each rival lives in a virtual environment of its own under bench/rivals/, so that none sees another's
dependencies; `python bench/servers.py` installs what is missing. A rival that cannot be installed here is
reported and left out.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
APPS = HERE / "apps"
RIVALS = HERE / "rivals"


@dataclass(frozen=True)
class Server:
    """One contender. `command` takes a port and the size a ceiling answers with."""

    name: str
    command: Callable[[int, int], list[str]]
    requirement: str | None = None  # what pip installs into its own environment
    ceiling: bool = False  # answers one fixed size, whatever is asked
    note: str = ""
    keeps_alive: bool = True

    @property
    def home(self) -> Path:
        return RIVALS / (self.requirement or "")

    @property
    def available(self) -> bool:
        return self.requirement is None or (self.home / ".installed").exists()

    def version(self) -> str:
        if self.ceiling:
            return "C"
        python = sys.executable if self.requirement is None else str(self.home / "bin" / "python")
        package = "freastal" if self.requirement is None else self.requirement.partition("==")[0].partition("[")[0]
        code = f"from importlib.metadata import version; print(version({package!r}))"
        return subprocess.run([python, "-c", code], capture_output=True, text=True, cwd="/").stdout.strip() or "?"


def freastal(port: int, size: int) -> list[str]:
    script = Path(sys.executable).with_name("freastal")
    return [str(script), "plain_wsgi:application", "-b", f"127.0.0.1:{port}", "-w", "1", "--app-dir", str(APPS),
            "--keep-alive", "300"]  # fmt: skip


def ceiling(name: str) -> Callable[[int, int], list[str]]:
    def command(port: int, size: int) -> list[str]:
        sys.path.insert(0, str(HERE / "ceiling"))
        from build import build  # type: ignore[import-not-found]

        return [str(build(name)), "--port", str(port), "--size", str(size)]

    return command


def in_rival(requirement: str, program: str, *arguments: str) -> Callable[[int, int], list[str]]:
    def command(port: int, size: int) -> list[str]:
        return [
            str(RIVALS / requirement / "bin" / program),
            *(argument.format(port=port, apps=APPS) for argument in arguments),
        ]

    return command


def by_code(requirement: str, code: str) -> Callable[[int, int], list[str]]:
    return in_rival(requirement, "python", "-c", "import sys; sys.path.insert(0, '{apps}'); " + code)


GUNICORN = ("-b", "127.0.0.1:{port}", "-w", "1", "--pythonpath", "{apps}", "plain_wsgi:application")

# fmt: off
SERVERS = [
    Server("epoll", ceiling("epoll_server"), ceiling=True, note="bare C: epoll, recv, send"),
    Server("libuv", ceiling("uv_server"), ceiling=True, note="bare C: libuv, uv_try_write"),
    Server("core", ceiling("core_server"), ceiling=True, note="freastal's C core without Python"),
    Server("freastal", freastal),
    Server(
        "bjoern",
        by_code("bjoern", "import bjoern, plain_wsgi; bjoern.run(plain_wsgi.application, '127.0.0.1', {port})"),
        "bjoern",
    ),
    Server(
        "fastpysgi",
        by_code("fastpysgi", "import fastpysgi, plain_wsgi; s = fastpysgi.server; s.max_content_length = 100_000_000; "
                "fastpysgi.run(plain_wsgi.application, '127.0.0.1', {port}, loglevel=0)"),
        "fastpysgi",
    ),
    Server(
        "freastal-0.0.3",
        by_code("freastal==0.0.3", "import freastal, plain_wsgi; "
                "freastal.serve(plain_wsgi.application, host='127.0.0.1', port={port})"),
        "freastal==0.0.3", note="the prototype published earlier",
    ),
    Server(
        "granian",
        in_rival("granian", "granian", "--interface", "wsgi", "--port", "{port}", "--working-dir", "{apps}", "--no-ws",
                 "--backlog", "20000", "--backpressure", "20000", "plain_wsgi:application"),
        "granian",
    ),
    Server(
        "gunicorn-gthread",
        in_rival("gunicorn", "gunicorn", "-k", "gthread", "--threads", "4", "--keep-alive", "300",
                 "--worker-connections", "20000", *GUNICORN),
        "gunicorn",
    ),
    Server(
        "gunicorn-sync",
        in_rival("gunicorn", "gunicorn", *GUNICORN),
        "gunicorn", note="a connection for every request", keeps_alive=False,
    ),
    Server(
        "uvicorn-asgi",
        in_rival("uvicorn[standard]", "uvicorn", "--port", "{port}", "--app-dir", "{apps}",
                 "--timeout-keep-alive", "300", "--no-access-log", "plain_asgi:application"),
        "uvicorn[standard]", note="uvloop and httptools, the ASGI twin of the application",
    ),
]
# fmt: on

BY_NAME = {server.name: server for server in SERVERS}


def install(server: Server) -> str | None:
    """Installs a rival into its own environment; returns why that failed, or None."""
    if server.available or server.requirement is None:
        return None
    home = server.home
    subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
    pip = [str(home / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", server.requirement]
    done = subprocess.run(pip, capture_output=True, text=True)
    if done.returncode:
        return (done.stderr.strip().splitlines() or ["pip failed"])[-1]
    (home / ".installed").touch()
    return None


def main() -> None:
    os.makedirs(RIVALS, exist_ok=True)
    for server in SERVERS:
        problem = install(server)
        print(f"{server.name:18} {'not here: ' + problem if problem else server.version()}")


if __name__ == "__main__":
    main()
