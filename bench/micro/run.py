"""Builds and runs the micro benches: python bench/micro/run.py [NAME ...] [--json FILE] [--cpu N].

Compiled with -O3 -DNDEBUG and nothing else, so what is measured is what a user's machine gets without
link-time optimisation. The least of many rounds is the figure; the median shows how quiet the machine was.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
SRC = HERE.parents[1] / "src"
CORE_TESTS = HERE.parents[1] / "tests" / "core"
BENCHES = ("parse", "scan", "outbox", "mask", "utf8", "tls")


def sources() -> list[Path]:
    """What most benches are about, and no outside library."""
    http1 = [*SRC.glob("http1/scan*.c"), *SRC.glob("http1/request_*.c")]
    http = [SRC / "http" / f"{name}.c" for name in ("names", "headers", "target", "status")]
    websocket = [SRC / "websocket" / f"{name}.c" for name in ("frame", "mask", "utf8", "utf8_blocks")]
    return [*SRC.glob("base/*.c"), *http, *http1, *websocket]


def tls() -> tuple[list[Path], list[str]]:
    """What the bench of TLS needs besides: our side, the client of the tests, and OpenSSL."""
    answer = subprocess.run(["pkg-config", "--cflags", "--libs", "openssl"], check=True, capture_output=True, text=True)
    return [*SRC.glob("tls/*.c"), *CORE_TESTS.glob("fakes/tls_*.c")], answer.stdout.split()


def build(name: str, folder: Path) -> Path:
    program = folder / name
    compiler = shlex.split(os.environ.get("CC", "cc"))
    flags = ["-std=c11", "-D_GNU_SOURCE", "-O3", "-DNDEBUG", f"-I{SRC}", f"-I{HERE}"]
    others, libraries = tls() if name == "tls" else ([], [])
    command = [*compiler, *flags, f"-I{CORE_TESTS}", HERE / f"{name}.c", *sources(), *others, "-o", program]
    subprocess.run([*command, *libraries], check=True)
    return program


def run(program: Path, cpu: int | None) -> list[dict[str, object]]:
    pin = ["taskset", "-c", str(cpu)] if cpu is not None else []
    answer = subprocess.run([*pin, program], check=True, capture_output=True, text=True)
    return [json.loads(line) for line in answer.stdout.splitlines()]


def format_row(row: dict[str, object]) -> str:
    nanoseconds, size = float(str(row["ns_min"])), int(str(row["bytes"]))
    return (
        f"{row['subject']:<18} {row['set']:<7} {size:>5} B {nanoseconds:>8.1f} ns "
        f"(median {float(str(row['ns_median'])):>7.1f}) {float(str(row['cycles_min'])):>8.0f} cycles "
        f"{size / nanoseconds:>6.2f} GB/s"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="measure the small pieces of the core")
    parser.add_argument("bench", nargs="*", choices=[*BENCHES, []], help="all of them when none is named")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.add_argument("--cpu", type=int, metavar="N", help="run on this processor only")
    options = parser.parse_args()

    results: dict[str, list[dict[str, object]]] = {}
    with tempfile.TemporaryDirectory(prefix="freastal-micro-") as folder:
        for name in options.bench or BENCHES:
            results[name] = run(build(name, Path(folder)), options.cpu)
            print("\n".join(map(format_row, results[name])), flush=True)
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
