"""One account of the demo is reckless: it buys and sells at any price until the risk engine stops it.

It shows the closed loop: a limit on what it may lose in a day, a breach, its status, its orders cancelled.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import msgspec

from stack.load import bounds
from stack.load.client import CommandClient, Place
from stack.load.venue import Funds

SYMBOL = "BTC-USD"
MAY_LOSE_USD = "50"
BIDS = 3
BID_PRICE = "30000"
QUANTITY = "0.05"
RESTRICTED = "account_restricted"


@dataclass
class Reckless:
    """``told``: what became of it, once ``run`` has ended."""

    client: CommandClient
    run_id: str
    told: dict[str, Any] = field(default_factory=dict)

    @property
    def account(self) -> str:
        return f"demo-reckless-{self.run_id}"

    def funds(self) -> Funds:
        return Funds(self.account, "USD", "1000000")

    async def run(self, stop: asyncio.Event) -> None:
        """Trade until it is stopped, or the demo is; then wait, bounded, for what the risk engine did."""
        limits = {"reason": "demo", "pre_trade": {"daily_loss": {"USD": MAY_LOSE_USD}}}
        await self.client.administer(f"/v1/accounts/{self.account}/limit-requests", limits)
        for number in range(BIDS):
            await self.client.place(self._order(f"bid{number}", "buy", BID_PRICE))
        bought = await self._trade(stop)
        self.told = await self._what_was_done(bought)

    async def _trade(self, stop: asyncio.Event) -> int:
        """Return how many orders it took to be stopped."""
        until, number = perf_counter() + bounds.RECKLESS_S_MAX, 0
        while perf_counter() < until and not stop.is_set():
            number += 1
            side = "buy" if number % 2 else "sell"
            outcome = await self.client.place(self._order(f"wild{number}", side, None))
            if outcome.code == RESTRICTED:
                break
            await asyncio.sleep(bounds.RECKLESS_PAUSE_S)
        return number

    async def _what_was_done(self, orders: int) -> dict[str, Any]:
        told: dict[str, Any] = {"account": self.account, "may_lose_usd": MAY_LOSE_USD, "orders": orders}
        until = perf_counter() + bounds.RECKLESS_DONE_S_MAX
        while perf_counter() < until:
            found = await self._done()
            if found:
                return {**told, **found}
            await asyncio.sleep(bounds.RECKLESS_PAUSE_S)
        return {**told, "restricted": False}

    async def _done(self) -> dict[str, Any]:
        """Return the action and its breach once the account is restricted by it, and its bids are gone."""
        actions = await self._read(f"/v1/risk/actions?subject={self.account}", "actions")
        breaches = await self._read(f"/v1/risk/breaches?subject={self.account}", "breaches")
        orders = await self._read(f"/v1/accounts/{self.account}/orders?status=cancelled&limit=500", "orders")
        cancelled = [one for one in orders if one.get("cancel_reason") == RESTRICTED]
        done = [action for action in actions if action["latency_ms"] is not None]
        if not done or len(cancelled) < BIDS:
            return {}
        first = done[-1]
        breach = next((one for one in breaches if one["breach_id"] == first["breach_id"]), {})
        return {
            "restricted": True,
            "status": first["kind"],
            "rule": breach.get("rule"),
            "lost_usd": breach.get("value"),
            "breaches": len(breaches),
            "orders_cancelled": len(cancelled),
            "breach_to_cancelled_ms": first["latency_ms"],
        }

    async def _read(self, path: str, name: str) -> list[dict[str, Any]]:
        body = await self.client.read(path)
        return [] if body is None else list(msgspec.json.decode(body)[name])

    def _order(self, name: str, side: str, price: str | None) -> Place:
        """Its orders are named apart from the run's own."""
        return Place(
            self.account,
            f"reckless-{self.run_id}-{name}",
            SYMBOL,
            "buy" if side == "buy" else "sell",
            "market" if price is None else "limit",
            QUANTITY,
            price,
            "ioc" if price is None else "gtc",
        )


def words(told: Mapping[str, Any]) -> str:
    """Say for a person what happened."""
    if not told.get("restricted"):
        return "the reckless account was not stopped in time"
    return (
        f"{told['account']} lost {told['lost_usd']} USD of {told['may_lose_usd']} allowed ({told['rule']}): "
        f"{told['status']}, {told['orders_cancelled']} orders cancelled "
        f"{told['breach_to_cancelled_ms']:.0f} ms after the breaching event"
    )
