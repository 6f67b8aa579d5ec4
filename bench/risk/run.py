"""The risk bench: from the event that breaks a limit to the cancellation of the account's orders, under load.

Account after account sells at a loss beyond its daily limit while others trade; the risk engine then lets it
only sell, which cancels its bids. Both ends are times of the order processor, as its events have them.
"""

import asyncio
import os
from collections.abc import Callable, Sequence
from time import perf_counter, sleep
from typing import Any

import httpx
from rich.console import Console
from sqlalchemy import select
from sqlalchemy.orm import Session

from bench.latency.load import ACCOUNTS, Run
from bench.latency.run import FUNDS, MARKET, WARM_S
from domain.event import Side
from stack.load.client import CommandClient, Place
from stack.load.measurements import Histogram
from stack.load.report import machine, version
from stack.load.session import admin_token, bring_up, client_of, new_run_id, run_async
from stack.load.venue import Funds, MarketSpec, prepare
from stack.ports import HOST
from stack.settings import Settings
from streams.risk.migrating import engine
from streams.risk.tables import Action

ORDERS_PER_S = 1_000.0
BREACHES_PER_S = 5.0
BIDS = 5
P99_MS_MAX = 250.0
DONE_S_MAX = 30.0
LOOK_S = 0.25
OWN = MarketSpec("RISKY-USD", "RISKY", "0.00000001", "1000000", maker_fee_ppm=0, taker_fee_ppm=0)
MAKER = "risk-maker"

Say = Callable[[str], None]


def run(settings: Settings, seconds: float, say: Say) -> dict[str, Any]:
    """Return what ``--json`` prints."""
    settings = bring_up(settings)
    busy_before = os.getloadavg()
    count = max(1, int(seconds * BREACHES_PER_S))
    one = Bench(settings, new_run_id(), seconds, count)
    run_async(one.play(say))
    actions = one.finished()
    results = [result("breach_to_cancelled", [(a.done_at_us or 0) - a.cause_at_us for a in actions])]
    results.append(result("decided", [a.decided_at_us - a.cause_at_us for a in actions]))
    results[0] |= {"breaches": count, "actions": len(actions), "not_done": count - len(actions)}
    results[0] |= {"orders_per_second": round(one.load.measured.ack_ms.total / seconds, 1)}
    return {
        "bench": "risk",
        "machine": machine(),
        "version": version(),
        "load": {
            "seconds": seconds,
            "orders_per_second_wanted": ORDERS_PER_S,
            "breaches_per_second": BREACHES_PER_S,
            "bids_cancelled_by_each": BIDS,
            "shares_the_machine": "load, services and servers run on the same processors",
            "machine_load_before": list(busy_before),
            "machine_load_after": list(os.getloadavg()),
        },
        "results": results,
        "ratios": {},
        "missed": missed(results[0]),
    }


def result(name: str, durations_us: Sequence[int]) -> dict[str, Any]:
    """Return a row; ``value`` is the P99."""
    found = Histogram()
    for duration_us in durations_us:
        found.add(duration_us / 1_000)
    return {"name": name, "unit": "ms", "value": found.percentile(99), "ms": found.percentiles()}


def missed(row: dict[str, Any]) -> list[str]:
    lines = []
    if row["value"] is None or row["value"] >= P99_MS_MAX:
        lines.append(f"{row['name']}: P99 of {P99_MS_MAX:g} ms: {row['value']} ms")
    if row["not_done"]:
        told = f"{row['not_done']} of {row['breaches']} breaches"
        lines.append(f"{told} without an action after {DONE_S_MAX:g} s")
    return lines


class Bench:
    """``count`` accounts break their limit, evenly spaced over ``seconds``."""

    def __init__(self, settings: Settings, run_id: str, seconds: float, count: int) -> None:
        self.settings = settings
        self.run_id = run_id
        self.seconds = seconds
        self.accounts = [f"risk-{run_id}-{number}" for number in range(count)]
        self.load = Run(run_id, ORDERS_PER_S, seconds, WARM_S)

    async def play(self, say: Say) -> None:
        async with client_of(self.settings) as client:
            say(f"Preparing {len(self.accounts)} accounts that are going to break their limit")
            await self._prepare(client)
            say(f"{ORDERS_PER_S:,.0f} orders/s, and {BREACHES_PER_S:g} breaches/s, for {self.seconds:g} s")
            await asyncio.gather(self.load.over_rest(client), self._break_limits(client))

    async def _prepare(self, client: CommandClient) -> None:
        funds = [Funds(account, asset, amount) for account in ACCOUNTS for asset, amount in FUNDS.items()]
        funds += [Funds(MAKER, "USD", "1000000"), Funds(MAKER, "RISKY", "100000")]
        funds += [Funds(account, "USD", "10000") for account in self.accounts]
        await prepare(client, self.run_id, [MARKET, OWN], funds)
        shown = len(self.accounts)
        await client.place(self._order(MAKER, "offer", "sell", str(shown), "100"))
        for account in self.accounts:
            await client.place(self._order(account, "buy", "buy", "1", "100"))
            for number in range(BIDS):
                await client.place(self._order(account, f"bid{number}", "buy", "1", "50"))
            limits = {"reason": "bench", "pre_trade": {"daily_loss": {"USD": "5"}}}
            await client.administer(f"/v1/accounts/{account}/limit-requests", limits)
        await client.place(self._order(MAKER, "bid", "buy", str(shown), "90"))
        await asyncio.to_thread(self._mark)

    def _mark(self) -> None:
        """At a mark price of its own, the loss of one account is not everybody's."""
        url = f"http://{HOST}:{self.settings.command_api_port}/v1/markets/{OWN.symbol}/mark-price"
        headers = {"Authorization": f"Bearer {admin_token(self.settings)}"}
        httpx.put(url, json={"price": "100"}, headers=headers, timeout=DONE_S_MAX).raise_for_status()

    async def _break_limits(self, client: CommandClient) -> None:
        began = perf_counter() + WARM_S
        for number, account in enumerate(self.accounts):
            await asyncio.sleep(max(0.0, began + number / BREACHES_PER_S - perf_counter()))
            await client.place(self._order(account, "loss", "sell", "1", "90"))

    def _order(self, account: str, name: str, side: Side, quantity: str, price: str) -> Place:
        return Place(account, f"{self.run_id}-{name}", OWN.symbol, side, "limit", quantity, price)

    def finished(self) -> list[Action]:
        """Wait, bounded, until all actions are done. Return those that are."""
        made = engine(self.settings.postgres_dsn)
        deadline = perf_counter() + DONE_S_MAX
        wanted = select(Action).where(Action.subject.in_(self.accounts), Action.done_at_us.is_not(None))
        while True:
            with Session(made, expire_on_commit=False) as session:
                found = list(session.scalars(wanted))
            if len(found) >= len(self.accounts) or perf_counter() > deadline:
                made.dispose()
                return found
            sleep(LOOK_S)


def show(console: Console, found: dict[str, Any]) -> None:
    """Print the result for a person."""
    for row in found["results"]:
        figures = ", ".join(f"{name.upper()} {ms} ms" for name, ms in row["ms"].items())
        console.print(f"{row['name']:<22} {figures}")
    row = found["results"][0]
    acted = f"{row['actions']} of {row['breaches']} breaches acted on"
    console.print(f"{acted}, at {row['orders_per_second']} orders/s")
    before, after = found["load"]["machine_load_before"][0], found["load"]["machine_load_after"][0]
    console.print(f"load of the machine: {before:.1f} before, {after:.1f} after")
    for line in found["missed"]:
        console.print(f"missed: {line}", style="red", markup=False)
