"""Measures freastal beside its rivals and the ceilings, and writes what it saw.

    python bench/run.py                       everything: about 35 minutes
    python bench/run.py --suites websocket    one interface: wsgi, asgi, fastapi, websocket, tls, h2
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
from load import h2load, handshake, idle, websocket, wrk
from process import LOAD_CORE, Process, free_port, running
from scenarios import BY_NAME as SCENARIO_BY_NAME
from scenarios import SCENARIOS, Scenario
from servers import BY_NAME as SERVER_BY_NAME
from servers import SERVERS, SUITES, Server, install

WARM_UP_S = 1
PROBE = "/500"  # what every server is asked first; any answer will do


def check_answer(process: Process, scenario: Scenario, ceiling: bool) -> None:
    """Refuses to measure a server that gives the wrong answer; of a ceiling only the size can be right."""
    if process.tls is not None and scenario.streams:
        return  # h2load looks itself
    status, body = process.ask(scenario.method, scenario.path, b"b" * scenario.body_bytes)
    expected = scenario.ceiling_bytes if ceiling else scenario.expected
    right = len(body) == expected if isinstance(expected, int) else body == expected
    if status != 200 or not right:
        raise RuntimeError(f"wrong answer: {status} with {len(body)} bytes")


AnyLoad = wrk.Load | websocket.Load | handshake.Load | h2load.Load


def sample_of(process: Process, count: int, result: AnyLoad, spent_ns: int) -> dict[str, float]:
    return {
        "requests_per_s": count / result.seconds,
        "cpu_us": spent_ns / 1000 / max(count, 1),
        "p50_ms": result.p50_ms,
        "p99_ms": result.p99_ms,
        "errors": getattr(result, "errors", 0),
        "memory_mib": process.memory_bytes() / 2**20,
    }


def load_http(process: Process, scenario: Scenario, seconds: int) -> dict[str, float]:
    url = f"{'https' if process.tls else 'http'}://127.0.0.1:{process.port}{scenario.path}"
    load = {"core": LOAD_CORE, "connections": scenario.connections, "body_bytes": scenario.body_bytes}
    wrk.run(url, seconds=WARM_UP_S, **load)
    before = process.cpu_ns()
    result = wrk.run(url, seconds=seconds, **load)
    return sample_of(process, result.requests, result, process.cpu_ns() - before)


def load_websocket(process: Process, scenario: Scenario, seconds: int) -> dict[str, float]:
    websocket.connect(process.port, message_bytes=scenario.message_bytes).close()
    load = {"connections": scenario.connections, "message_bytes": scenario.message_bytes}
    with websocket.generator(process.port, core=LOAD_CORE, **load) as run:
        run(WARM_UP_S)
        before = process.cpu_ns()
        result = run(seconds)
        return sample_of(process, result.messages, result, process.cpu_ns() - before)


def load_handshakes(process: Process, scenario: Scenario, seconds: int) -> dict[str, float]:
    load = {"connections": scenario.connections, "resume": scenario.handshakes == "resumed"}
    with handshake.generator(process.port, core=LOAD_CORE, **load) as run:
        run(WARM_UP_S)
        before = process.cpu_ns()
        result = run(seconds)
        return sample_of(process, result.handshakes, result, process.cpu_ns() - before)


def load_streams(process: Process, scenario: Scenario, seconds: int) -> dict[str, float]:
    url = f"https://127.0.0.1:{process.port}{scenario.path}"
    load = {"core": LOAD_CORE, "connections": scenario.connections, "streams": scenario.streams,
            "body_bytes": scenario.expected}  # fmt: skip
    h2load.run(url, seconds=WARM_UP_S, **load)
    before = process.cpu_ns()
    result = h2load.run(url, seconds=seconds, **load)
    return sample_of(process, result.requests, result, process.cpu_ns() - before)


def measure(server: Server, scenario: Scenario, seconds: int) -> dict[str, float]:
    port = free_port()
    tls = scenario.tls and not server.speaks_plain
    with running(server.command(port, scenario.ceiling_bytes or 0, scenario.suite), port, tls) as process:
        process.wait_for_answer(PROBE)
        if scenario.message_bytes:
            return load_websocket(process, scenario, seconds)
        check_answer(process, scenario, server.ceiling)
        if scenario.handshakes:
            return load_handshakes(process, scenario, seconds)
        if scenario.streams:
            return load_streams(process, scenario, seconds)
        return load_http(process, scenario, seconds)


def measure_idle(server: Server, connections: int) -> float:
    port = free_port()
    with running(server.command(port, 500, plain_suite(server)), port) as process:
        process.wait_for_answer(PROBE)
        return idle.bytes_per_connection(process, connections)


def measure_idle_websockets(server: Server, connections: int) -> float:
    port = free_port()
    with running(server.command(port, 0, "websocket"), port) as process:
        process.wait_for_answer(PROBE)
        return idle.bytes_per_connection(process, connections, websocket.connect)


def measure_start(server: Server) -> float:
    port = free_port()
    with running(server.command(port, 500, plain_suite(server)), port) as process:
        return process.wait_for_answer(PROBE) * 1000


def plain_suite(server: Server) -> str | None:
    """The one that says least about the application; None when it is there for TLS alone."""
    return next((suite for suite in ("asgi", "wsgi", "websocket") if suite in server.suites), None)


def plays(server: Server, scenario: Scenario) -> bool:
    able = scenario.message_bytes or not server.ceiling or scenario.ceiling_bytes is not None
    shakes_hands = not scenario.handshakes or not server.speaks_plain
    return bool(able) and shakes_hands and scenario.suite in server.suites


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


def run_idle(options, servers: list[Server], problems: dict[str, str]) -> dict[str, dict[str, float]]:
    descriptors = idle.raise_descriptor_limit() - 1000
    connections, websockets = min(options.idle, descriptors), min(options.idle_websockets, descriptors)
    found: dict[str, dict[str, float]] = {"idle_bytes": {}, "idle_websocket_bytes": {}}
    for server in servers:
        kinds = []
        if server.keeps_alive and {"wsgi", "asgi"}.intersection(server.suites):
            kinds.append(("idle_bytes", measure_idle, connections))
        if "websocket" in server.suites:
            kinds.append(("idle_websocket_bytes", measure_idle_websockets, websockets))
        for key, measurement, count in kinds:
            print(f"{key.replace('_', ' ')}: {server.name}", file=sys.stderr)
            cost = attempt(problems, f"{server.name} {key}", measurement, server, count)
            if cost is not None:
                found[key][server.name] = cost
    return found | {"idle_connections": {"all": connections, "websocket": websockets}}


def run_starts(servers: list[Server], problems: dict[str, str]) -> dict[str, float]:
    first_answer: dict[str, list[float]] = defaultdict(list)
    for _ in range(7):
        for server in filter(plain_suite, servers):
            took = attempt(problems, f"{server.name} start", measure_start, server)
            if took is not None:
                first_answer[server.name].append(took)
    return {name: statistics.median(times) for name, times in first_answer.items()}


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
    parser.add_argument("--suites", help="comma-separated; all by default")
    parser.add_argument("--idle", type=int, default=10_000, help="idle connections")
    parser.add_argument("--idle-websockets", type=int, default=2_000, help="idle WebSockets")
    parser.add_argument("--extras", choices=["all", "idle", "none"], default="all", help="idle memory, start")
    parser.add_argument("--output", type=Path, help="path without suffix; bench/results/<date>-<commit> by default")
    options = parser.parse_args()

    scenarios = chosen(options.scenarios, SCENARIO_BY_NAME, SCENARIOS)
    if options.suites:
        suites = chosen(options.suites, {name: name for name in SUITES}, [])
        scenarios = [scenario for scenario in scenarios if scenario.suite in suites]
    problems: dict[str, str] = {}
    servers = chosen(options.servers, SERVER_BY_NAME, SERVERS)
    servers = [server for server in servers if any(plays(server, scenario) for scenario in scenarios)]
    for server in list(servers):
        if reason := install(server):
            problems[server.name] = reason
            servers.remove(server)
    idle.raise_descriptor_limit()
    samples = run_scenarios(options, servers, scenarios, problems)
    extras: dict[str, dict[str, float]] = {}
    if options.extras in ("all", "idle"):
        extras |= run_idle(options, servers, problems)
    if options.extras == "all":
        extras["first_answer_ms"] = run_starts(servers, problems)
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
