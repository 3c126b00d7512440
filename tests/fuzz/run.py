"""Lets libFuzzer look for new inputs: python tests/fuzz/run.py NAME SECONDS [--keep].

Needs clang. What it finds stays in build/fuzz/found/NAME; --keep adds what reaches new code to
tests/fuzz/corpus/NAME. A crashing input is written to build/fuzz and its path is printed.
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.core.build import ROOT, Toolchain
from tests.fuzz.harnesses import build_harness, corpus_of, harness_names

INPUT_BYTES_MAX = 16384


def main() -> int:
    parser = argparse.ArgumentParser(description="fuzz one parser with libFuzzer")
    parser.add_argument("name", choices=harness_names())
    parser.add_argument("seconds", type=int)
    parser.add_argument("--keep", action="store_true", help="add what reaches new code to the corpus")
    options = parser.parse_args()

    directory = Path(os.environ.get("FREASTAL_BUILD_DIR", ROOT / "build")) / "fuzz"
    toolchain = Toolchain(
        compiler=tuple(shlex.split(os.environ.get("CC", "clang"))),
        sanitize="address,undefined",
        directory=directory,
        compile_flags=("-fsanitize=fuzzer-no-link",),
        link_flags=("-fsanitize=fuzzer",),
    )
    program = build_harness(options.name, toolchain)
    found, corpus = directory / "found" / options.name, corpus_of(options.name)
    found.mkdir(parents=True, exist_ok=True)
    corpus.mkdir(parents=True, exist_ok=True)

    limits = [f"-max_len={INPUT_BYTES_MAX}", "-timeout=10", f"-artifact_prefix={directory}/"]
    search = [program, *limits, f"-max_total_time={options.seconds}", "-print_final_stats=1", found, corpus]
    failed = subprocess.run(search, check=False).returncode
    if options.keep and not failed:
        failed = subprocess.run([program, *limits, "-merge=1", corpus, found], check=False).returncode
    return failed


if __name__ == "__main__":
    sys.exit(main())
