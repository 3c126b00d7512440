"""Two results side by side, and whether they differ.

    python bench/compare.py bench/results/before.json bench/results/after.json

Each server's CPU per request is first divided by the ceiling of its own round, so that two runs on a
machine whose speed drifted can be compared. A difference is called one only when the two ranges of those
ratios do not overlap; otherwise the table says "no difference".
"""

from __future__ import annotations

import json
import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from report import ceiling_of, ratios, spread


def verdict(before: list[float], after: list[float]) -> str:
    if max(after) < min(before) or min(after) > max(before):
        return f"{statistics.median(after) / statistics.median(before) - 1:+.1%}"
    return "no difference"


def compare(before: dict, after: dict) -> list[str]:
    lines = ["| scenario | server | before, x ceiling | after, x ceiling | |", "|---|---|--:|--:|--:|"]
    for scenario, by_server in after["samples"].items():
        earlier = before["samples"].get(scenario, {})
        ceiling = ceiling_of(scenario)
        for server, samples in by_server.items():
            if server == ceiling or server not in earlier or ceiling not in earlier or ceiling not in by_server:
                continue
            old = ratios(earlier[server], earlier[ceiling])
            new = ratios(samples, by_server[ceiling])
            lines.append(f"| {scenario} | {server} | {spread(old)} | {spread(new)} | {verdict(old, new)} |")
    return lines


def main() -> None:
    if len(sys.argv) != 3:
        raise SystemExit("usage: python bench/compare.py BEFORE.json AFTER.json")
    before, after = (json.loads(Path(name).read_text()) for name in sys.argv[1:])
    print("\n".join(compare(before, after)))


if __name__ == "__main__":
    main()
