"""What the write benchmark prints: one object for programs, tables for people."""

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from stack.load.report import machine, version

ALONE_ORDERS_PER_S_MIN = 50_000
INCLUDED_ORDERS_PER_S_MIN = 20_000
RATIOS_MIN = {"vs_raw_copy_rows": 0.4, "vs_stock_recorder_single": 20.0, "vs_stock_recorder_batched": 3.0}
GOAL_ORDERS_PER_S = 50_000

_OTHERS = {
    "vs_raw_copy_rows": "raw-copy",
    "vs_stock_recorder_single": "stock-recorder-single",
    "vs_stock_recorder_batched": "stock-recorder-batched",
}

Row = dict[str, Any]


def as_object(rows: Sequence[Row], load: dict[str, Any]) -> dict[str, Any]:
    """Ratios are those of the processor alone, in rows/s: like the others it reads no HTTP."""
    by_name = {row["name"]: row for row in rows}
    included, alone = by_name["crypto-oms"], by_name["processor-alone"]
    for row in (included, alone):
        row["cores_at_50000"] = round(row["cpu_us_per_order"]["all"] * GOAL_ORDERS_PER_S / 1e6, 2)
    ratios = {
        name: round(alone["rows_per_second"] / by_name[other]["value"], 3) for name, other in _OTHERS.items()
    }
    return {
        "bench": "write",
        "machine": machine(),
        "version": version(),
        "load": load,
        "results": list(rows),
        "ratios": ratios,
        "cpu_us_per_order": included["cpu_us_per_order"],
        "missed": missed(included, alone, ratios),
    }


def missed(included: Row, alone: Row, ratios: dict[str, float]) -> list[str]:
    """Name each target that is not met, and by how much."""
    rates = ((alone, ALONE_ORDERS_PER_S_MIN), (included, INCLUDED_ORDERS_PER_S_MIN))
    return [
        *(
            f"{target:,} orders/s, {row['name']}: {row['value']:,}, {100 * (1 - row['value'] / target):.0f} %"
            f" short ({row['commands_per_second']:,} commands/s with the cancels)"
            for row, target in rates
            if row["value"] < target
        ),
        *(f"{name} {least}: {ratios[name]}" for name, least in RATIOS_MIN.items() if ratios[name] < least),
    ]


def show(console: Console, found: dict[str, Any]) -> None:
    """Print the result for a person."""
    included, alone, *others = found["results"]
    for table in (_rates(included, alone), _cpu(included, alone), _alternatives(others, found["ratios"])):
        console.print(table)
        console.print()
    latency = ", ".join(f"{name.upper()} {ms:,} ms" for name, ms in included["batch_ms"].items())
    console.print(f"a batch of {found['load']['commands_per_request']} commands, answered: {latency}")
    console.print("the read side is off; fsync and synchronous_commit are on")
    for row in others:
        console.print(f"{row['name']} leaves out: {row['leaves_out']}", markup=False)
    for target in found["missed"]:
        console.print(f"missed: {target}", style="red", markup=False)


def _rates(included: Row, alone: Row) -> Table:
    columns = ("value", "commands_per_second", "rows_per_second", "rows_per_order", "rows_per_commit")
    table = _table("orders/s", "commands/s", "rows/s", "rows an order", "rows a commit")
    for row in (included, alone):
        table.add_row(row["name"], *(f"{row[column]:,}" for column in columns))
    return table


def _cpu(included: Row, alone: Row) -> Table:
    """CPU microseconds an order, and the cores that so many orders take."""
    table = _table(*(f"{row['name']}, µs CPU an order" for row in (included, alone)))
    for name in included["cpu_us_per_order"]:
        table.add_row(name, *(_number(row["cpu_us_per_order"].get(name)) for row in (included, alone)))
    table.add_row("cores for 50,000/s", *(_number(row["cores_at_50000"]) for row in (included, alone)))
    return table


def _alternatives(others: Sequence[Row], ratios: dict[str, float]) -> Table:
    table = _table("rows/s", "rows a commit", "processor alone is x")
    for row, ratio in zip(others, ratios.values(), strict=True):
        table.add_row(row["name"], _number(row["value"]), _number(row["rows_per_commit"]), str(ratio))
    return table


def _number(figure: float | None) -> str:
    return "-" if figure is None else f"{figure:,}"


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    for column in columns:
        table.add_column(column, justify="right")
    return table
