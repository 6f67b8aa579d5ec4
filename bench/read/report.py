"""What the read benchmark prints: one object for programs, tables for people."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from stack.load.report import machine, version

FOLDED_PER_S_MIN = 50_000
MILLION_S_MAX = 60.0

Row = dict[str, Any]

_OTHERS = {"vs_replace_one_per_event": "orders-replace-one", "vs_not_coalesced": "orders-not-coalesced"}


def as_object(rows: Sequence[Row], parts: Mapping[str, Any], load: dict[str, Any]) -> dict[str, Any]:
    """``parts``: workers, server_calls, fold_only, rebuild. Ratios are those of orders, end to end."""
    by_name = {row["name"]: row for row in rows}
    ours = by_name["orders"]["end_to_end"]["events_per_second"]
    return {
        "bench": "read",
        "machine": machine(),
        "version": version(),
        "load": load,
        "results": list(rows),
        "ratios": {name: round(ours / by_name[other]["value"], 3) for name, other in _OTHERS.items()},
        "rebuild_events_per_second": parts["rebuild"]["events_per_second"],
        **parts,
        "missed": missed(rows, parts),
    }


def missed(rows: Sequence[Row], parts: Mapping[str, Any]) -> list[str]:
    """Name each target that is not met, and by how much."""
    folded = [(row["name"], row["value"]) for row in rows if row["unit"] == "events/s folded"]
    workers = [(f"worker of {row['topic']}", row["events_per_second"]) for row in parts["workers"]]
    lines = [
        f"{FOLDED_PER_S_MIN:,} events/s folded, {name}: {value:,}, {_short(value, FOLDED_PER_S_MIN)} % short"
        for name, value in (*folded, *workers)
        if value is not None and value < FOLDED_PER_S_MIN
    ]
    million_s = parts["rebuild"]["seconds_for_a_million"]
    if million_s >= MILLION_S_MAX:
        lines.append(f"a million events rebuilt in {MILLION_S_MAX:g} s: {million_s} s")
    return lines


def _short(value: float, target: float) -> int:
    return round(100 * (1 - value / target))


def show(console: Console, found: dict[str, Any]) -> None:
    """Print the result for a person."""
    rows = found["results"]
    for table in (_projections(rows), _others(rows, found["ratios"]), _workers(found), _calls(found)):
        console.print(table)
        console.print()
    for name, what in (("fold_only", "read, decoded and folded"), ("rebuild", "and written, one process")):
        one = found[name]
        console.print(
            f"{what}: {one['events_per_second']:,} events/s ({one['events']:,} in {one['seconds']} s; CPU an"
            f" event: ours {one['our_cpu_us']} µs, server {one['server_cpu_us']} µs)"
        )
    before, after = found["load"]["machine_load_before"][0], found["load"]["machine_load_after"][0]
    console.print(f"load of the machine: {before:.1f} before, {after:.1f} after")
    for target in found["missed"]:
        console.print(f"missed: {target}", style="red", markup=False)


def _projections(rows: Sequence[Row]) -> Table:
    table = _table("events/s folded", "end to end", "our CPU, µs", "server, µs", "documents an event")
    for row in rows:
        if "end_to_end" in row:
            one = row["end_to_end"]
            each = round(one["documents"] / max(1, one["events"]), 3)
            figures = (row["value"], one["events_per_second"], one["our_cpu_us"], one["server_cpu_us"], each)
            table.add_row(row["name"], *map(_number, figures))
    return table


def _others(rows: Sequence[Row], ratios: dict[str, float]) -> Table:
    table = _table("events/s end to end", "our CPU, µs", "server, µs", "ours is x")
    others = [row for row in rows if "end_to_end" not in row]
    for row, ratio in zip(others, ratios.values(), strict=True):
        figures = (row["value"], row["our_cpu_us"], row["server_cpu_us"], ratio)
        table.add_row(row["name"], *map(_number, figures))
    return table


def _workers(found: dict[str, Any]) -> Table:
    table = _table("projections", "events/s decoded and folded", "µs an event")
    for row in found["workers"]:
        figures = (row["projections"], row["events_per_second"], row["decode_and_fold_us"])
        table.add_row(f"worker of {row['topic']}", *map(_number, figures))
    return table


def _calls(found: dict[str, Any]) -> Table:
    table = _table("indexes", "documents/s", "server, µs", "our CPU, µs")
    for row in found["server_calls"]:
        figures = (row["indexes"], row["per_second"], row["server_cpu_us"], row["our_cpu_us"])
        table.add_row(row["call"], *map(_number, figures))
    return table


def _number(figure: float | None) -> str:
    return "-" if figure is None else f"{figure:,}"


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    for column in columns:
        table.add_column(column, justify="right")
    return table
