"""The latency benchmark: orders at fixed times, over HTTP and over the WebSocket, on the whole system."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.latency.load import ACCOUNTS, FRAME_MS, SYMBOL, Measured, Run
from bench.write.usage import Usage, per_order
from stack.load import bounds
from stack.load.client import LoadError, NotNowError
from stack.load.report import machine, version
from stack.load.session import Transport, bring_up, client_of, new_run_id, run_async
from stack.load.venue import Funds, MarketSpec, prepare
from stack.load.websocket import WebSocketClient
from stack.running import Stack
from stack.settings import Settings

WARM_S = 2.0
ACK_P99_MS_MAX = 100.0
VISIBLE_P99_MS_MAX = {"rest_1000": 200.0}
OTHERWISE_MAX = 0.001
PROGRAMS = (
    *("command-api", "order-processor", "read-models", "query-api"),
    *("postgres", "kafka", "redis", "mongo"),
)
MARKET = MarketSpec(SYMBOL, "LATENCY", "0.00000001", "1000000")
FUNDS = {"USD": "10000000", "LATENCY": "1000000"}

Say = Callable[[str], None]


@dataclass(frozen=True)
class Row:
    """``per_s`` orders a second over ``transport``."""

    name: str
    transport: Transport
    per_s: float


ROWS = (
    Row("rest_1000", "rest", 1_000),
    Row("ws_5000", "ws", 5_000),
    Row("ws_20000", "ws", 20_000),
)


def chosen(names: Sequence[str]) -> list[Row]:
    """Return the rows of these names; none named: all. Raises ``ValueError`` for a name that no row has."""
    known = {row.name: row for row in ROWS}
    if unknown := [name for name in names if name not in known]:
        message = f"there is no row {unknown[0]!r}; there are: {', '.join(known)}"
        raise ValueError(message)
    return [row for row in ROWS if not names or row.name in names]


def run(settings: Settings, seconds: float, rows: Sequence[Row], say: Say) -> dict[str, Any]:
    """Return what ``--json`` prints; its ``load`` says what was sent, and how busy the machine was."""
    settings = bring_up(settings)
    busy_before = os.getloadavg()
    results = [_result(settings, row, seconds, say) for row in rows]
    return {
        "bench": "latency",
        "machine": machine(),
        "version": version(),
        "load": {
            "seconds": seconds,
            "warm_s": WARM_S,
            "arrival": "open loop, evenly spaced; latency counts from the time an order was due",
            "frame_ms": FRAME_MS,
            "visible_samples_per_s": bounds.VISIBLE_SAMPLES_PER_S,
            "shares_the_machine": "load, services and servers run on the same processors",
            "machine_load_before": list(busy_before),
            "machine_load_after": list(os.getloadavg()),
        },
        "results": results,
        "ratios": {},
        "missed": [line for result in results for line in missed(result)],
    }


def _result(settings: Settings, row: Row, seconds: float, say: Say) -> dict[str, Any]:
    say(f"{row.name}: {row.per_s:,.0f} orders/s over {row.transport} for {seconds:g} s")
    one = Run(new_run_id(), row.per_s, seconds, WARM_S)
    usage = Usage(Stack(settings), PROGRAMS, client=True)
    before = usage.seconds()
    try:
        run_async(_play(settings, row, one))
    except (LoadError, NotNowError) as error:
        return {"name": row.name, "unit": "ms", "value": None, "failed": str(error)}
    used = per_order(before, usage.seconds(), max(1, one.measured.sent))
    return {**result(row, one.measured, seconds), "cpu_us_per_order": used}


async def _play(settings: Settings, row: Row, one: Run) -> None:
    async with client_of(settings, transport=row.transport) as client:
        funds = [Funds(account, asset, amount) for account in ACCOUNTS for asset, amount in FUNDS.items()]
        await prepare(client, one.run_id, [MARKET], funds)
        if isinstance(client, WebSocketClient):
            await one.over_websocket(client)
        else:
            await one.over_rest(client)


def result(row: Row, measured: Measured, seconds: float) -> dict[str, Any]:
    """Return a row; ``value`` is the P99 of the acknowledgement."""
    acknowledged = measured.ack_ms.percentiles()
    return {
        "name": row.name,
        "unit": "ms",
        "value": acknowledged["p99"],
        "ack_ms": acknowledged,
        "visible_ms": measured.probed.visible_ms.percentiles(),
        "visible_samples": measured.probed.visible_ms.total,
        "orders_per_second_wanted": row.per_s,
        "orders_per_second": round(measured.ack_ms.total / seconds, 1),
        "outcomes": dict(sorted(measured.outcomes.items())),
        "load_late_ms": measured.late_ms.percentiles(),
    }


def missed(result: dict[str, Any]) -> list[str]:
    """Name each target that is not met, and by how much."""
    name = result["name"]
    if "failed" in result:
        return [f"{name}: {result['failed']}"]
    lines = []
    p99_ms = result["ack_ms"]["p99"]
    if p99_ms is None or p99_ms >= ACK_P99_MS_MAX:
        lines.append(f"{name}: P99 of {ACK_P99_MS_MAX:g} ms to the acknowledgement: {p99_ms} ms")
    visible_ms, visible_max = result["visible_ms"]["p99"], VISIBLE_P99_MS_MAX.get(name)
    if visible_max is not None and (visible_ms is None or visible_ms >= visible_max):
        lines.append(f"{name}: P99 of {visible_max:g} ms until it is visible: {visible_ms} ms")
    outcomes = result["outcomes"]
    otherwise = sum(
        count
        for code, count in outcomes.items()
        if code not in {"open", "filled", "partially_filled", "cancelled"}
    )
    if otherwise > OTHERWISE_MAX * sum(outcomes.values()):
        lines.append(f"{name}: {otherwise} of {sum(outcomes.values())} orders were not taken: {outcomes}")
    return lines


def show(console: Console, found: dict[str, Any]) -> None:
    """Print the result for a person."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for column in ("load", "orders/s", "ack P50", "P99", "P999, ms", "visible P50", "P99", "P999, ms"):
        table.add_column(column, justify="left" if column == "load" else "right")
    for one in found["results"]:
        if "failed" in one:
            table.add_row(one["name"], "failed")
            continue
        figures = [*one["ack_ms"].values(), *one["visible_ms"].values()]
        table.add_row(one["name"], f"{one['orders_per_second']:,}", *map(str, figures))
    console.print(table)
    for one in found["results"]:
        each = ", ".join(f"{name} {us:g}" for name, us in one.get("cpu_us_per_order", {}).items())
        console.print(f"{one['name']}, µs CPU an order: {each or 'unknown'}")
    before, after = found["load"]["machine_load_before"][0], found["load"]["machine_load_after"][0]
    console.print(f"load of the machine: {before:.1f} before, {after:.1f} after")
    for line in found["missed"]:
        console.print(f"missed: {line}", style="red", markup=False)
