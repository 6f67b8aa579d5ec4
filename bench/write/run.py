"""Runs the write benchmark on servers of its own, which it brings up and forgets."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.write import alone, included, limits, report
from stack import compiled
from stack.running import running_stack
from stack.settings import CHECKOUT, Settings

SERVERS = ("postgres", "kafka", "redis")
LIMIT_SECONDS_MAX = 5.0

Say = Callable[[str], None]


def run(folder: Path, seconds: float, seed: int, say: Say) -> dict[str, Any]:
    """Return what ``--json`` prints. ``folder`` is made, on the disk that commits have to reach, and removed
    at the end.
    """
    busy_before = os.getloadavg()
    shutil.rmtree(folder, ignore_errors=True)
    settings = Settings.with_free_ports(folder)
    compiled.prepare(settings)
    say("Bringing up PostgreSQL, Kafka and Redis")
    try:
        with running_stack(settings, servers=SERVERS) as stack:
            stack.prepare()
            alone.open_markets(stack, (included.SYMBOL, alone.SYMBOL))
            everything = included.run(stack, seconds, seed, say)
            ours = alone.run(stack, seconds, seed, say)
            others = limits.run(stack.settings.postgres_dsn, ours, min(seconds, LIMIT_SECONDS_MAX), say)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    load = {
        "seconds": seconds,
        "seed": seed,
        "lanes": included.LANES,
        "commands_per_request": included.BATCH_COMMANDS,
        "domain_compiled": compiled.path(settings) != str(CHECKOUT),
        "read_side": "off",
        "synchronous_commit": "on",
        "fsync": "on",
        "machine_load_before": list(busy_before),
        "machine_load_after": list(os.getloadavg()),
    }
    return report.as_object([everything, ours, *others], load)
