"""What the scale benchmark prints: one object for programs, a table for people."""

import math
import os
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.write.usage import CLIENT
from stack.load.report import machine, version
from stack.services import FIRST_PROCESSOR

SHARDS = (1, 2, 4)
GOALS_ORDERS_PER_S = (50_000, 500_000)
EFFICIENCY_MIN = 0.8
"""Of one shard's orders per CPU-second, so many are left with several: else sharding costs too much."""

Row = dict[str, Any]


def as_object(rows: Sequence[Row], load: dict[str, Any]) -> dict[str, Any]:
    """Add what follows from the measured CPU time. Ratios are those of each row to the one with one shard."""
    results = [{**row, **capacity(row)} for row in rows]
    first = results[0]
    ratios = {
        f"{name}_{row['name']}": round(row[key] / first[key], 3)
        for row in results[1:]
        for name, key in (("throughput", "value"), ("orders_per_cpu_second", "orders_per_cpu_second"))
        if first[key]
    }
    return {
        "bench": "scale",
        "machine": machine(),
        "version": version(),
        "load": load,
        "results": results,
        "ratios": ratios,
        "notes": notes(os.cpu_count() or 1),
        "missed": missed(results),
    }


def capacity(row: Row) -> Row:
    """Return orders per CPU-second, and the cores that so many orders a second take: of all the system's own
    processes, without the client that makes the load. ``shards_at_...``: one processor is one core at most.
    """
    us = row["cpu_us_per_order"]
    ours = us["all"] - us.get(CLIENT, 0.0)
    # of all processors together, for one order: each order is decided by one of them
    processor = sum(each for name, each in us.items() if is_processor(name))
    found: Row = {
        "orders_per_cpu_second": round(1e6 / ours) if ours else 0,
        "cpu_us_per_order_without_client": round(ours, 2),
        "orders_per_processor_core": round(1e6 / processor) if processor else 0,
    }
    for goal in GOALS_ORDERS_PER_S:
        found[f"cores_at_{goal}"] = round(goal * ours / 1e6, 1)
        found[f"shards_at_{goal}"] = math.ceil(goal * processor / 1e6)
    return found


def is_processor(name: str) -> bool:
    return name == FIRST_PROCESSOR or name.startswith(f"{FIRST_PROCESSOR}-")


def notes(cpus: int) -> list[str]:
    """Say what the figures can and cannot show on a machine with so many CPUs."""
    shared = (
        f"this machine has {cpus} CPUs, which the load, the API, PostgreSQL, Kafka and Redis share: more "
        "shards cannot give more throughput here; what counts is orders per CPU-second"
    )
    cores = (
        "cores_at_... is the CPU time an order was measured to take, times the rate: it holds as long as "
        "more shards cost no more for each order; the rows show how far that is so here"
    )
    servers = (
        "one PostgreSQL and one Kafka broker serve all shards here; 500,000/s would need several of each, "
        "which sharding allows and this does not measure"
    )
    return [*([shared] if cpus <= max(SHARDS) else []), cores, servers]


def missed(results: Sequence[Row]) -> list[str]:
    """Name each row that costs much more CPU time an order than one shard does."""
    least = EFFICIENCY_MIN * results[0]["orders_per_cpu_second"]
    return [
        f"{row['name']}: {row['orders_per_cpu_second']:,} orders per CPU-second, {EFFICIENCY_MIN:.0%} of one "
        f"shard's are {least:,.0f}"
        for row in results[1:]
        if row["orders_per_cpu_second"] < least
    ]


def show(console: Console, found: dict[str, Any]) -> None:
    """Print the result for a person."""
    results = found["results"]
    for table in (_rates(results), _cpu(results)):
        console.print(table)
        console.print()
    for note in found["notes"]:
        console.print(note, markup=False)
    for line in found["missed"]:
        console.print(f"missed: {line}", style="red", markup=False)


def _rates(results: Sequence[Row]) -> Table:
    keys = ("value", "orders_per_cpu_second", *(f"cores_at_{goal}" for goal in GOALS_ORDERS_PER_S))
    table = Table(box=None, pad_edge=False)
    for column in ("", "orders/s", "orders/CPU-s", *(f"cores at {goal:,}/s" for goal in GOALS_ORDERS_PER_S)):
        table.add_column(column, justify="right" if column else "left")
    for row in results:
        table.add_row(row["name"], *(f"{row[key]:,}" for key in keys))
    return table


def _cpu(results: Sequence[Row]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("µs CPU an order")
    for row in results:
        table.add_column(row["name"], justify="right")
    names = dict.fromkeys(name for row in reversed(results) for name in row["cpu_us_per_order"])
    for name in names:
        table.add_row(name, *(str(row["cpu_us_per_order"].get(name, "-")) for row in results))
    return table
