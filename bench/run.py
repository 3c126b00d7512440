"""Measures freastal beside its rivals and the ceilings, and writes what it saw.

    python bench/run.py                       everything: about 15 minutes
    python bench/run.py --servers epoll,freastal --scenarios 500 --rounds 9
    python bench/run.py --extras none         without idle connections and time to the first answer

The server runs on one core and the load on another. Rounds are interleaved (each round measures every
server once) so that a machine whose speed drifts is unfair to nobody, and a ratio is taken inside one round,
against the ceiling of that very round. Results: bench/results/<date>-<commit>.{json,md,svg}.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections import defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import machine
import report
from load import idle, wrk
from process import LOAD_CORE, free_port, running
from scenarios import BY_NAME as SCENARIO_BY_NAME
from scenarios import SCENARIOS, Scenario
from servers import BY_NAME as SERVER_BY_NAME
from servers import SERVERS, Server, install

WARM_UP_S = 1


def check_answer(process, scenario: Scenario) -> None:
    """Refuses to measure a server that gives the wrong answer."""
    status, body = process.ask(scenario.method, scenario.path, b"b" * scenario.body_bytes)
    right = len(body) == scenario.expected if isinstance(scenario.expected, int) else body == scenario.expected
    if status != 200 or not right:
        raise RuntimeError(f"wrong answer: {status} with {len(body)} bytes")


def measure(server: Server, scenario: Scenario, seconds: int) -> dict[str, float]:
    port = free_port()
    with running(server.command(port, scenario.ceiling_bytes or 0), port) as process:
        process.wait_for_answer("/500")
        check_answer(process, scenario)
        url = f"http://127.0.0.1:{port}{scenario.path}"
        load = {"core": LOAD_CORE, "connections": scenario.connections, "body_bytes": scenario.body_bytes}
        wrk.run(url, seconds=WARM_UP_S, **load)
        before = process.cpu_ns()
        result = wrk.run(url, seconds=seconds, **load)
        spent = process.cpu_ns() - before
        return {
            "requests_per_s": result.requests_per_s,
            "cpu_us": spent / 1000 / max(result.requests, 1),
            "p50_ms": result.p50_ms,
            "p99_ms": result.p99_ms,
            "errors": result.errors,
            "memory_mib": process.memory_bytes() / 2**20,
        }


def measure_idle(server: Server, connections: int) -> float:
    port = free_port()
    with running(server.command(port, 500), port) as process:
        process.wait_for_answer("/500")
        return idle.bytes_per_connection(process, connections)


def measure_start(server: Server) -> float:
    port = free_port()
    with running(server.command(port, 500), port) as process:
        return process.wait_for_answer("/500") * 1000


def plays(server: Server, scenario: Scenario) -> bool:
    return not server.ceiling or scenario.ceiling_bytes is not None


def attempt(problems: dict[str, str], label: str, measurement, *arguments):
    """A server that fails is reported once and left out; the others go on."""
    if label in problems:
        return None
    try:
        return measurement(*arguments)
    except (RuntimeError, OSError) as problem:
        problems[label] = str(problem)
        print(f"  {label}: {problem}", file=sys.stderr)
        return None


def run_scenarios(options, servers: list[Server], scenarios: list[Scenario], problems: dict[str, str]) -> dict:
    samples: dict[str, dict[str, list]] = {scenario.name: defaultdict(list) for scenario in scenarios}
    for number in range(options.rounds):
        for scenario in scenarios:
            print(f"round {number + 1}/{options.rounds}: {scenario.title}", file=sys.stderr)
            for server in servers:
                if not plays(server, scenario):
                    continue
                label = f"{server.name} {scenario.name}"
                sample = attempt(problems, label, measure, server, scenario, options.seconds)
                if sample:
                    samples[scenario.name][server.name].append(sample | {"round": number})
    return samples


def run_extras(options, servers: list[Server], problems: dict[str, str]) -> dict[str, dict[str, float]]:
    idle_bytes: dict[str, float] = {}
    first_answer: dict[str, list[float]] = defaultdict(list)
    connections = min(options.idle, idle.raise_descriptor_limit() - 1000)
    for server in servers:
        if server.keeps_alive:
            print(f"idle connections: {server.name}", file=sys.stderr)
            cost = attempt(problems, f"{server.name} idle", measure_idle, server, connections)
            if cost is not None:
                idle_bytes[server.name] = cost
    for _ in range(7):
        for server in servers:
            took = attempt(problems, f"{server.name} start", measure_start, server)
            if took is not None:
                first_answer[server.name].append(took)
    starts = {name: statistics.median(times) for name, times in first_answer.items()}
    return {"idle_bytes": idle_bytes, "first_answer_ms": starts, "idle_connections": {"all": connections}}


def chosen(names: str | None, known: dict, everything: list) -> list:
    if names is None:
        return everything
    unknown = [name for name in names.split(",") if name not in known]
    if unknown:
        raise SystemExit(f"unknown: {', '.join(unknown)}; there are {', '.join(known)}")
    return [known[name] for name in names.split(",")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--servers", help="comma-separated; all by default")
    parser.add_argument("--scenarios", help="comma-separated; all by default")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3, help="of load for one sample")
    parser.add_argument("--idle", type=int, default=10_000, help="idle connections")
    parser.add_argument("--extras", choices=["all", "none"], default="all", help="idle memory and time to first answer")
    parser.add_argument("--output", type=Path, help="path without suffix; bench/results/<date>-<commit> by default")
    options = parser.parse_args()

    problems: dict[str, str] = {}
    servers = chosen(options.servers, SERVER_BY_NAME, SERVERS)
    for server in list(servers):
        if reason := install(server):
            problems[server.name] = reason
            servers.remove(server)
    scenarios = chosen(options.scenarios, SCENARIO_BY_NAME, SCENARIOS)
    idle.raise_descriptor_limit()
    samples = run_scenarios(options, servers, scenarios, problems)
    extras = run_extras(options, servers, problems) if options.extras == "all" else {}
    result = {
        "machine": machine.facts(),
        "options": {"rounds": options.rounds, "seconds": options.seconds},
        "servers": {server.name: {"version": server.version(), "note": server.note} for server in servers},
        "samples": samples,
        "extras": extras,
        "problems": problems,
    }
    path = options.output or machine.result_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".json").write_text(json.dumps(result, indent=1) + "\n")
    text = report.markdown(result)
    path.with_suffix(".md").write_text(text)
    report.plot(result, path.with_suffix(".svg"))
    print(text)


if __name__ == "__main__":
    main()
