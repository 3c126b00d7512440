"""Samples to a table and a plot. Medians, ratios inside a round, and the spread of those ratios."""

from __future__ import annotations

import statistics
from pathlib import Path

import targets
from scenarios import BY_NAME


def ceiling_of(scenario: str) -> str:
    return BY_NAME[scenario].ceiling if scenario in BY_NAME else "epoll"


def title_of(scenario: str) -> str:
    return BY_NAME[scenario].title if scenario in BY_NAME else scenario


def median(samples: list[dict], key: str) -> float:
    return statistics.median(sample[key] for sample in samples)


def ratios(samples: list[dict], ceiling: list[dict]) -> list[float]:
    """CPU per request over the ceiling's in the same round."""
    by_round = {sample["round"]: sample["cpu_us"] for sample in ceiling}
    return [sample["cpu_us"] / by_round[sample["round"]] for sample in samples if sample["round"] in by_round]


def spread(values: list[float]) -> str:
    if not values:
        return ""
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def scenario_table(name: str, by_server: dict[str, list[dict]]) -> list[str]:
    unit = BY_NAME[name].unit if name in BY_NAME else "request"
    compared = f"x {ceiling_of(name)}, same round (spread)"
    lines = [
        f"### {title_of(name)}",
        "",
        f"| server | {unit}s/s | CPU us/{unit} | {compared} | p50 ms | p99 ms | MiB | errors |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    ceiling = by_server.get(ceiling_of(name), [])
    for server, samples in sorted(by_server.items(), key=lambda item: median(item[1], "cpu_us")):
        lines.append(
            f"| {server} | {median(samples, 'requests_per_s'):,.0f} | {median(samples, 'cpu_us'):.1f} "
            f"| {spread(ratios(samples, ceiling))} | {median(samples, 'p50_ms'):.2f} | {median(samples, 'p99_ms'):.2f} "
            f"| {median(samples, 'memory_mib'):.0f} | {sum(sample['errors'] for sample in samples):.0f} |"
        )
    return [*lines, ""]


def extras_table(extras: dict) -> list[str]:
    idle, sockets, start = (extras.get(key, {}) for key in ("idle_bytes", "idle_websocket_bytes", "first_answer_ms"))
    names = sorted({*idle, *sockets, *start}, key=lambda name: (start.get(name, float("inf")), name))
    if not names:
        return []
    counts = extras["idle_connections"]
    lines = [
        "### Idle connections and start",
        "",
        "Bytes of user memory for each connection, and milliseconds until a trivial application answers.",
        "",
        f"| server | idle keep-alive ({counts['all']}) | idle WebSocket ({counts.get('websocket', 0)}) | start, ms |",
        "|---|--:|--:|--:|",
    ]
    for name in names:
        figures = [f"{cost[name]:,.0f}" if name in cost else "" for cost in (idle, sockets, start)]
        lines.append(f"| {' | '.join([name, *figures])} |")
    return [*lines, ""]


def markdown(result: dict) -> str:
    machine, options = result["machine"], result["options"]
    lines = [
        f"## {machine['date']}, commit {machine['commit']}",
        "",
        (
            f"{machine['cpu']}, {machine['cores']} cores, Linux {machine['kernel']}, CPython {machine['python']}, "
            f"{machine['compiler']}. Medians of {options['rounds']} interleaved rounds of {options['seconds']} s; "
            "server on one core, load on the other."
        ),
        "",
    ]
    versions = ", ".join(f"{name} {facts['version']}" for name, facts in result["servers"].items())
    lines += [f"Versions: {versions}.", ""]
    for name, by_server in result["samples"].items():
        if by_server:
            lines += scenario_table(name, by_server)
    lines += extras_table(result["extras"])
    lines += targets.table(result, {name: title_of(name) for name in result["samples"]})
    if result["problems"]:
        lines += ["Left out:", ""] + [f"- {label}: {why}" for label, why in result["problems"].items()] + [""]
    return "\n".join(lines)


def is_ours(server: str) -> bool:
    return server.startswith("freastal") and not targets.is_rival(server)


def plot(result: dict, path: Path) -> None:
    """Bars of CPU per request, one panel per scenario; nothing where matplotlib is missing."""
    try:
        import matplotlib
    except ImportError:
        print(f"no plot: matplotlib is not installed (pip install matplotlib), so {path.name} was not written")
        return
    matplotlib.use("svg")
    import matplotlib.pyplot as plt

    panels = [(name, servers) for name, servers in result["samples"].items() if servers]
    figure, axes = plt.subplots(1, len(panels), figsize=(4.2 * len(panels), 3.6), squeeze=False)
    for axis, (name, by_server) in zip(axes[0], panels, strict=True):
        ordered = sorted(by_server, key=lambda server: -median(by_server[server], "cpu_us"))
        values = [median(by_server[server], "cpu_us") for server in ordered]
        low = [
            value - min(s["cpu_us"] for s in by_server[server]) for server, value in zip(ordered, values, strict=True)
        ]
        high = [
            max(s["cpu_us"] for s in by_server[server]) - value for server, value in zip(ordered, values, strict=True)
        ]
        colours = ["#c8553d" if is_ours(server) else "#8d99ae" for server in ordered]
        axis.barh(ordered, values, xerr=[low, high], color=colours, ecolor="#333333", capsize=2)
        axis.set_title(title_of(name), fontsize=10)
        axis.set_xlabel(f"CPU us per {BY_NAME[name].unit if name in BY_NAME else 'request'}", fontsize=8)
        axis.tick_params(labelsize=8)
    figure.tight_layout()
    figure.savefig(path)
    plt.close(figure)
