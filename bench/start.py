"""From exec to the first answer: how long freastal takes, and which imports take it.

    python bench/start.py [--starts 30] [--workers 1]

run.py compares this number with the rivals; here is what to look at when it grows.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys

import process
import servers


def measure_start(workers: int) -> float:
    port = process.free_port()
    with process.running([*servers.freastal(servers.WSGI)(port, 500, "wsgi"), "-w", str(workers)], port) as server:
        return server.wait_for_answer("/500") * 1000


def slowest_imports(count: int) -> list[tuple[float, str]]:
    """Milliseconds that a module takes itself, without what it imports."""
    code = "import freastal._cli, freastal._supervisor"
    done = subprocess.run([sys.executable, "-X", "importtime", "-c", code], capture_output=True, text=True, check=True)
    rows = [line.removeprefix("import time:").split("|") for line in done.stderr.splitlines()[1:]]
    return sorted(((int(own) / 1000, name.strip()) for own, _, name in rows), reverse=True)[:count]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--starts", type=int, default=30)
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    times = [measure_start(options.workers) for _ in range(options.starts)]
    print(f"first answer after {statistics.median(times):.1f} ms (median of {len(times)}; {min(times):.1f} at best)")
    for own_ms, name in slowest_imports(12):
        print(f"{own_ms:8.2f} ms  {name}")


if __name__ == "__main__":
    main()
