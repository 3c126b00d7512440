"""What freastal promises to be, as comparisons of processor time inside one round, and whether it was."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

import servers

Samples = dict[str, list[dict]]

# A reference that stands for the best of them in each round.
RIVALS = "every rival"


@dataclass(frozen=True)
class Target:
    """In a scenario, `server` spends at most `factor` times what `reference` does."""

    scenario: str
    server: str
    reference: str
    factor: float
    elsewhere: str = ""  # the scenario of the reference, when that is another one

    @property
    def promise(self) -> str:
        where = f" in {self.elsewhere}" if self.elsewhere else ""
        return f"{self.server}: at most {self.factor:.2f} x {self.reference}{where}"


TARGETS = [
    Target("500", "freastal", "epoll", 1.4),
    Target("12k", "freastal", "epoll", 1.4),
    Target("asgi-500", "freastal-asgi", "epoll", 1.8),
    Target("asgi-500", "freastal-asgi", "uvicorn-asgi", 1 / 3),
    Target("asgi-500", "freastal-asgi", RIVALS, 1.0),
    Target("asgi-12k", "freastal-asgi", RIVALS, 1.0),
    Target("asgi-stream", "freastal-asgi", RIVALS, 1.0),
    Target("fastapi", "freastal-asgi", "uvicorn-asgi", 1 / 1.3),
    Target("fastapi", "freastal-asgi", "granian-asgi", 1 / 1.3),
    Target("ws-64", "freastal-asgi", "epoll-websocket", 2.0),
    Target("ws-64", "freastal-asgi", RIVALS, 1.0),
    Target("ws-4k", "freastal-asgi", "epoll-websocket", 2.0),
    Target("ws-4k", "freastal-asgi", RIVALS, 1.0),
    Target("tls-500", "freastal", "freastal-plain", 1.25),
    Target("tls-500", "freastal", RIVALS, 1.0),
    Target("tls-full", "freastal", "granian", 1.0),
    Target("tls-resumed", "freastal", "granian", 1 / 4, elsewhere="tls-full"),
    Target("h2-500", "freastal", "granian", 1.0),
    Target("h2-500", "freastal-asgi", "granian-asgi", 1.0),
    Target("h2-500", "freastal", "nginx", 1.4),
    Target("h2-500", "freastal-asgi", "nginx", 1.4),
]

# Bytes of user memory for an idle WebSocket, all told, by server.
IDLE_WEBSOCKET_BYTES_MAX = {"freastal-asgi": 8192, "core-websocket": 1024}


def is_rival(name: str) -> bool:
    """Of somebody else; the prototype counts, our own server on another loop does not."""
    server = servers.BY_NAME.get(name)
    return server is not None and server.requirement is not None


def references(target: Target, by_server: Samples) -> dict[int, float]:
    """Round to processor time of the reference, where there is one."""
    named = [name for name in by_server if (is_rival(name) if target.reference == RIVALS else name == target.reference)]
    times: dict[int, float] = {}
    for sample in (sample for name in named for sample in by_server[name]):
        times[sample["round"]] = min(sample["cpu_us"], times.get(sample["round"], float("inf")))
    return times


def seen(target: Target, samples: dict[str, Samples]) -> list[float]:
    """The ratio in each round that has both."""
    of_reference = references(target, samples.get(target.elsewhere or target.scenario, {}))
    of_server = samples.get(target.scenario, {}).get(target.server, [])
    ours = [sample for sample in of_server if sample["round"] in of_reference]
    return [sample["cpu_us"] / of_reference[sample["round"]] for sample in ours]


def verdict(ratios: list[float], factor: float) -> str:
    """A target that only some rounds keep is neither kept nor missed."""
    if max(ratios) <= factor:
        return "yes"
    if min(ratios) > factor:
        return "no"
    return f"{'yes' if statistics.median(ratios) <= factor else 'no'}, by the median"


def table(result: dict, titles: dict[str, str]) -> list[str]:
    """Lines of Markdown; none when nothing of what is promised was measured."""
    lines = []
    for target in TARGETS:
        if ratios := seen(target, result["samples"]):
            lines.append(
                f"| {titles[target.scenario]} | {target.promise} "
                f"| {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}) "
                f"| {verdict(ratios, target.factor)} |"
            )
    idle = result["extras"].get("idle_websocket_bytes", {})
    lines += [
        f"| Idle WebSocket | {server}: at most {most:,} bytes | {idle[server]:,.0f} "
        f"| {'yes' if idle[server] <= most else 'no'} |"
        for server, most in IDLE_WEBSOCKET_BYTES_MAX.items()
        if server in idle
    ]
    head = [
        "### What was promised",
        "",
        "| scenario | promise | seen, same round (spread) | kept |",
        "|---|---|--:|---|",
    ]
    return [*head, *lines, ""] if lines else []
