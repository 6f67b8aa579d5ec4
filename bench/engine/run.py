"""Runs the engine benchmark: one flow, each engine in a process of its own, one after the other."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench.engine import report
from bench.engine.contestants import OURS, PEERS, REPETITIONS, Contestant, Job, domain_environment
from bench.engine.flow import DEEP, THIN, Flow, Shape, generate
from bench.engine.messages import write

BOOKS = (THIN, DEEP)
RESTING = (10_000, 100_000, 1_000_000)
GROWTH_MESSAGES_MAX = 50_000
JOB_SECONDS_MAX = 600

Say = Callable[[str], None]


def chosen(names: Sequence[str]) -> list[Contestant]:
    """Return the peers of these names, or all. Raises ``ValueError`` for a name nobody has."""
    known = {peer.name: peer for peer in PEERS}
    if unknown := [name for name in names if name not in known]:
        raise ValueError(f"there is no peer {unknown[0]!r}; there are: {', '.join(known)}")
    return [known[name] for name in names] if names else list(PEERS)


def run(messages: int, seed: int, peers: Sequence[Contestant], say: Say) -> dict[str, Any]:
    """Return what ``--json`` prints; its ``load`` says what was played, and how busy the machine was."""
    busy_before = os.getloadavg()
    with tempfile.TemporaryDirectory(prefix="bench-engine-") as name:
        folder = Path(name)
        flows = [make_flow(shape, messages, seed, folder) for shape in BOOKS]
        rows = [contest(contestant, flows, folder, say) for contestant in (*OURS, *peers)]
        for row in rows[: len(OURS)]:
            row["resting"] = resting(str(row["name"]), min(messages, GROWTH_MESSAGES_MAX), seed, folder, say)
    load = {
        "messages": messages,
        "seed": seed,
        "repetitions": REPETITIONS,
        "books": [{"name": flow.shape.name, "resting": flow.shape.resting, **flow.mix()} for flow in flows],
        "machine_load_before": list(busy_before),
        "machine_load_after": list(os.getloadavg()),
    }
    return report.as_object(rows, load)


def make_flow(shape: Shape, messages: int, seed: int, folder: Path) -> Flow:
    flow = generate(shape, messages, seed)
    write(flow_file(shape, folder), flow.setup, flow.measured)
    return flow


def flow_file(shape: Shape, folder: Path) -> Path:
    return folder / f"{shape.name}.txt"


def contest(contestant: Contestant, flows: Sequence[Flow], folder: Path, say: Say) -> dict[str, Any]:
    """Play every book; return the contestant's row."""
    outcomes = []
    for flow in flows:
        say(f"{contestant.name}, {flow.shape.name} book")
        outcomes.append(outcome_of(contestant, flow_file(flow.shape, folder)))
    return report.row(contestant, list(zip(flows, outcomes, strict=True)))


def outcome_of(contestant: Contestant, flow: Path) -> dict[str, Any]:
    """Return what the contestant's process printed, or why there is nothing: ``{"failed": reason}``."""
    try:
        return played(contestant.job(flow))
    except (RuntimeError, OSError, subprocess.TimeoutExpired) as error:
        return {"failed": str(error)}


def played(job: Job) -> dict[str, Any]:
    """Raise ``RuntimeError`` with the last thing a process said that did not end well."""
    command, environment = job
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, env=environment, timeout=JOB_SECONDS_MAX
    )
    lines = done.stdout.strip().splitlines()
    if done.returncode != 0 or not lines:
        said = done.stderr.strip().splitlines() or ["nothing"]
        raise RuntimeError(f"ended with exit code {done.returncode} and said: {said[-1][:300]}")
    return dict(json.loads(lines[-1]))


def resting(name: str, messages: int, seed: int, folder: Path, say: Say) -> dict[str, Any]:
    """Measure one of our engines with more and more resting orders."""
    environment = domain_environment(name)
    sizes = []
    for size in RESTING:
        say(f"{name}, {size:,} resting orders")
        shape = Shape(f"resting-{size}", size)
        if not flow_file(shape, folder).exists():
            make_flow(shape, messages, seed, folder)
        command = [sys.executable, "-P", "-m", "bench.engine.growth", str(flow_file(shape, folder))]
        try:
            sizes.append(played((command, environment)))
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            return {"failed": f"{size:,} orders: {error}", "sizes": sizes}
    return report.growth(sizes)
