"""How to start freastal, its rivals and the ceilings: the same application, one worker, one port.

A suite is an interface with its application: all servers of one suite do the same work. Each rival lives in a
virtual environment of its own under bench/rivals/, so that none sees another's dependencies; `python
bench/servers.py` installs what is missing. A rival that cannot be installed here is reported and left out.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import certificate
import nginx
from ceiling.build import build
from scenarios import ENCRYPTED

HERE = Path(__file__).resolve().parent
APPS = HERE / "apps"
RIVALS = HERE / "rivals"


# The application of each suite, for servers of WSGI and of ASGI.
OF_WSGI = ("wsgi", "tls", "h2")
WSGI = dict.fromkeys(OF_WSGI, "plain_wsgi:application")
ASGI = {
    "wsgi": "plain_asgi:application",  # its ASGI twin: as a comparison
    "asgi": "plain_asgi:application",
    "fastapi": "fastapi_json:app",
    "websocket": "echo_ws:app",
    "tls": "plain_asgi:application",  # beside WSGI, as a comparison
    "h2": "plain_asgi:application",
}

SUITES = tuple(ASGI)

Command = Callable[[int, int, str], list[str]]


@dataclass(frozen=True)
class Server:
    """One contender. `command` takes a port, the size a ceiling answers with, and the suite."""

    name: str
    command: Command
    requirement: str | None = None  # what pip installs into its own environment; the first word is the server
    suites: tuple[str, ...] = ("wsgi",)
    ceiling: bool = False  # answers one fixed size, whatever is asked
    note: str = ""
    keeps_alive: bool = True
    speaks_plain: bool = False  # also where the others speak TLS
    is_nginx: bool = False  # which no pip installs

    @property
    def home(self) -> Path:
        return home_of(self.requirement or "")

    @property
    def available(self) -> bool:
        if self.is_nginx:
            return nginx.program() is not None
        return self.requirement is None or (self.home / ".installed").exists()

    def version(self) -> str:
        if self.is_nginx:
            return nginx.version()
        if self.ceiling:
            return "C"
        python = sys.executable if self.requirement is None else str(self.home / "bin" / "python")
        package = re.split(r"[\[= ]", self.requirement or "freastal")[0]
        code = f"from importlib.metadata import version; print(version({package!r}))"
        return subprocess.run([python, "-c", code], capture_output=True, text=True, cwd="/").stdout.strip() or "?"


def home_of(requirement: str) -> Path:
    return RIVALS / requirement.replace(" ", "+")


def tls_words(suite: str, options: tuple[str, ...]) -> list[str]:
    """The options that make a server show our certificate, where it is to."""
    if suite not in ENCRYPTED:
        return []
    shown, key = certificate.files()
    return [option.format(certificate=shown, key=key) for option in options]


PAIR = ("--certfile", "{certificate}", "--keyfile", "{key}")
BARE_PAIR = ("{certificate}", "{key}")


def freastal(applications: dict[str, str], *options: str, tls: tuple[str, ...] = PAIR) -> Command:
    def command(port: int, size: int, suite: str) -> list[str]:
        script = Path(sys.executable).with_name("freastal")
        return [str(script), applications[suite], "-b", f"127.0.0.1:{port}", "-w", "1", "--app-dir", str(APPS),
                "--keep-alive", "300", *options, *tls_words(suite, tls)]  # fmt: skip

    return command


def ceiling(name: str, *, sized: bool = True) -> Command:
    def command(port: int, size: int, suite: str) -> list[str]:
        sizes = ["--size", str(size)] if sized else []
        return [str(build(name)), "--port", str(port), *sizes, *tls_words(suite, PAIR)]

    return command


def in_rival(
    requirement: str, applications: dict[str, str], program: str, *arguments: str, tls: tuple[str, ...] = ()
) -> Command:
    def command(port: int, size: int, suite: str) -> list[str]:
        module, _, name = applications[suite].partition(":")
        words = {"port": port, "apps": APPS, "app": applications[suite], "module": module, "name": name}
        start = [argument.format(**words) for argument in arguments]
        return [str(home_of(requirement) / "bin" / program), *start, *tls_words(suite, tls)]

    return command


def by_code(requirement: str, applications: dict[str, str], code: str, tls: tuple[str, ...] = ()) -> Command:
    prelude = "import sys; sys.path.insert(0, '{apps}'); "
    return in_rival(requirement, applications, "python", "-c", prelude + code, tls=tls)


GUNICORN = ("-b", "127.0.0.1:{port}", "-w", "1", "--pythonpath", "{apps}", "{app}")
ALL_OF_ASGI = ("asgi", "fastapi", "websocket")

FASTPYSGI = (
    "import fastpysgi, {module}; s = fastpysgi.server; s.max_content_length = 100_000_000; "
    "fastpysgi.run({module}.{name}, '127.0.0.1', {port}, loglevel=0)"
)
PROTOTYPE = "freastal==0.0.3"
UVICORN = "uvicorn[standard] fastapi"
GUNICORN_UVICORN = "gunicorn uvicorn-worker uvicorn[standard] fastapi"
GRANIAN = "granian[uvloop] fastapi"

GRANIAN_TLS = ("--ssl-certificate", "{certificate}", "--ssl-keyfile", "{key}")
UVICORN_TLS = ("--ssl-certfile", "{certificate}", "--ssl-keyfile", "{key}")
PROTOTYPE_TLS = "**dict(zip(('certfile', 'keyfile'), sys.argv[1:]))"
HYPERCORN = "hypercorn[uvloop] fastapi"

# fmt: off
SERVERS = [
    Server("epoll", ceiling("epoll_server"), suites=("wsgi", "asgi", "fastapi"), ceiling=True,
           note="bare C: epoll, recv, send"),
    Server("libuv", ceiling("uv_server"), suites=("wsgi", "asgi"), ceiling=True, note="bare C: libuv, uv_try_write"),
    Server("core", ceiling("core_server"), suites=("wsgi", "asgi", "tls", "h2"), ceiling=True,
           note="freastal's C core without Python"),
    Server("epoll-websocket", ceiling("ws_echo_server", sized=False), suites=("websocket",), ceiling=True,
           note="bare C: epoll, recv, the mask by words of 8 bytes, send"),
    Server("core-websocket", ceiling("core_echo_server", sized=False), suites=("websocket",), ceiling=True,
           note="freastal's C core without Python"),
    Server("nginx", nginx.command, suites=ENCRYPTED, ceiling=True, is_nginx=True,
           note="one process, the answer from memory"),
    Server("freastal-plain", freastal(WSGI, tls=()), suites=("tls",), speaks_plain=True,
           note="without TLS, for comparison"),
    Server("freastal", freastal(WSGI), suites=OF_WSGI),
    Server("freastal-asgi", freastal(ASGI, "--interface", "asgi"), suites=(*ALL_OF_ASGI, "tls", "h2"),
           note="on freastal's own event loop"),
    Server("freastal-uvloop", freastal(ASGI, "--interface", "asgi", "--loop", "uvloop"), suites=("asgi", "websocket"),
           note="as a guest of uvloop"),
    Server("bjoern",
           by_code("bjoern", WSGI, "import bjoern, {module}; bjoern.run({module}.{name}, '127.0.0.1', {port})"),
           "bjoern"),
    Server("fastpysgi", by_code("fastpysgi", WSGI, FASTPYSGI), "fastpysgi"),
    Server("fastpysgi-asgi", by_code("fastpysgi", ASGI, FASTPYSGI), "fastpysgi", suites=("asgi",),
           note="has no WebSocket"),
    Server("freastal-0.0.3",
           by_code(PROTOTYPE, WSGI, "import freastal, {module}; "
                   f"freastal.serve({{module}}.{{name}}, host='127.0.0.1', port={{port}}, {PROTOTYPE_TLS})",
                   tls=BARE_PAIR),
           PROTOTYPE, suites=("wsgi", "tls"), note="the prototype published earlier; has an OpenSSL 1.1.1 in it"),
    Server("freastal-0.0.3-asgi",
           by_code(PROTOTYPE, ASGI, "import freastal, {module}; "
                   "freastal.serve_asgi({module}.{name}, host='127.0.0.1', port={port})"),
           PROTOTYPE, suites=("asgi",), note="the prototype published earlier; has no WebSocket"),
    Server("granian",
           in_rival("granian", WSGI, "granian", "--interface", "wsgi", "--port", "{port}", "--working-dir", "{apps}",
                    "--no-ws", "--backlog", "20000", "--backpressure", "20000", "{app}", tls=GRANIAN_TLS),
           "granian", suites=OF_WSGI),
    Server("granian-asgi",
           in_rival(GRANIAN, ASGI, "granian", "--interface", "asgi", "--port", "{port}", "--working-dir", "{apps}",
                    "--loop", "uvloop", "--backlog", "20000", "--backpressure", "20000", "{app}", tls=GRANIAN_TLS),
           GRANIAN, suites=(*ALL_OF_ASGI, "tls", "h2"), note="uvloop"),
    Server("gunicorn-gthread",
           in_rival("gunicorn", WSGI, "gunicorn", "-k", "gthread", "--threads", "4", "--keep-alive", "300",
                    "--worker-connections", "20000", *GUNICORN, tls=PAIR),
           "gunicorn", suites=("wsgi", "tls")),
    Server("gunicorn-sync", in_rival("gunicorn", WSGI, "gunicorn", *GUNICORN), "gunicorn",
           note="a connection for every request", keeps_alive=False),
    Server("gunicorn-uvicorn",
           in_rival(GUNICORN_UVICORN, ASGI, "gunicorn", "-k", "uvicorn_worker.UvicornWorker", "--keep-alive", "300",
                    *GUNICORN),
           GUNICORN_UVICORN, suites=ALL_OF_ASGI, note="uvloop and httptools; WebSocket as the worker chooses"),
    Server("uvicorn-asgi",
           in_rival(UVICORN, ASGI, "uvicorn", "--port", "{port}", "--app-dir", "{apps}", "--loop", "uvloop",
                    "--http", "httptools", "--ws", "websockets-sansio", "--timeout-keep-alive", "300",
                    "--no-access-log", "{app}", tls=UVICORN_TLS),
           UVICORN, suites=("wsgi", *ALL_OF_ASGI, "tls"), note="uvloop, httptools, websockets-sansio"),
    Server("hypercorn-asgi",
           in_rival(HYPERCORN, ASGI, "hypercorn", "-b", "127.0.0.1:{port}", "-w", "0", "-k", "uvloop",
                    "--keep-alive", "300", "{apps}/{module}:{name}", tls=PAIR),
           HYPERCORN, suites=("h2",), note="uvloop"),
    Server("socketify", in_rival("socketify", {"websocket": ""}, "python", "{apps}/socketify_echo.py", "{port}"),
           "socketify", suites=("websocket",), note="its own interface, not ASGI"),
]
# fmt: on

BY_NAME = {server.name: server for server in SERVERS}


def install(server: Server) -> str | None:
    """Installs a rival into its own environment; returns why that failed, or None."""
    if server.is_nginx and not server.available:
        return "not installed: tools/system-packages --bench"
    if server.available or server.requirement is None:
        return None
    home = server.home
    subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
    pip = [str(home / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", *server.requirement.split()]
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
