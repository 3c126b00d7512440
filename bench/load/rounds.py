"""Load in C: it says that it is ready, then takes numbers of seconds and tells what it did in each."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Callable, Iterator, Mapping

from ceiling.build import build


@contextlib.contextmanager
def generator(program: str, core: int, options: Mapping[str, int]) -> Iterator[Callable[[float], dict]]:
    """A function that makes a round of so many seconds; nothing is under way between rounds."""
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    command = ["taskset", "-c", str(core), str(build(program)), *words]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as popen:

        def read_line() -> str:
            assert popen.stdout is not None
            assert popen.stderr is not None
            if line := popen.stdout.readline():
                return line
            raise RuntimeError(f"the load says: {popen.stderr.read().strip()}")

        def run(seconds: float) -> dict:
            assert popen.stdin is not None
            popen.stdin.write(f"{seconds}\n")
            popen.stdin.flush()
            return json.loads(read_line())

        try:
            read_line()
            yield run
        finally:
            popen.kill()
