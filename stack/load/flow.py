"""A made-up live market: makers quote around a wandering price, takers trade against them.

It is drawn from a seed alone and never looks at replies, so that the same seed gives the same flow: a maker
that cancels a quote which was just filled is told so, as on any exchange.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from domain.ids import order_id
from domain.numbers import format_units
from stack.load.client import Cancel, Command, Place
from stack.load.venue import Funds, MarketSpec

PRICE_SCALE = 2
LEVELS = 3  # quotes of one maker on one side of one market
REQUOTE_SHARE = 0.25  # of all actions; each is about ten commands
LEVEL_MOVES_SHARE = 0.6
MARKET_ORDER_SHARE = 0.4  # of the takers' orders; the others are limit IOC
PULL_TO_START = 0.002  # per step: prices wander, and do not run away


@dataclass(frozen=True)
class MarketPlan:
    """How one market behaves. Sizes in lots: log-normal around a median, as real ones are about."""

    spec: MarketSpec
    lot_scale: int
    start_ticks: int
    share: float
    step: float = 0.0002
    half_spread: float = 0.0004
    quote_lots: int = 800
    size_sigma: float = 0.9


MARKETS = (
    MarketPlan(MarketSpec("BTC-USD", "BTC", "0.0001", "100"), 4, 6_000_000, 0.5),
    MarketPlan(MarketSpec("ETH-USD", "ETH", "0.001", "1000"), 3, 300_000, 0.3, quote_lots=2_000),
    MarketPlan(MarketSpec("SOL-USD", "SOL", "0.01", "10000"), 2, 15_000, 0.2, quote_lots=5_000),
)
MAKERS = tuple(f"demo-maker-{number}" for number in range(1, 5))
TAKERS = tuple(f"demo-taker-{number}" for number in range(1, 9))


def funds() -> list[Funds]:
    """Return what each account gets in a run: more than it can lose in an hour."""
    amounts = {"USD": "5000000", "BTC": "200", "ETH": "2000", "SOL": "20000"}
    return [Funds(account, asset, amount) for account in MAKERS + TAKERS for asset, amount in amounts.items()]


class Action(NamedTuple):
    """What one trader sends at once: a maker's batch of cancels and quotes, or a taker's single order."""

    account: str
    commands: list[Command]


# A maker's quotes in one market: (client order id, ticks) by side and level.
Quotes = dict[tuple[str, int], tuple[str, int]]


class Flow:
    """The endless sequence of actions that ``seed`` stands for; ``run_id`` only names the orders. ``homes``:
    the shard of each market, the first one for those it does not name.
    """

    def __init__(self, seed: int, run_id: str, homes: Mapping[str, int] | None = None) -> None:
        self.random = Random(seed)  # noqa: S311 - prices, not secrets
        self.run_id = run_id
        self.homes = homes or {}
        self.mids = {plan.spec.symbol: float(plan.start_ticks) for plan in MARKETS}
        self.quotes: dict[tuple[str, str], Quotes] = {
            (maker, plan.spec.symbol): {} for maker in MAKERS for plan in MARKETS
        }
        self._orders = 0

    def __iter__(self) -> Iterator[Action]:
        """Yield actions for ever; first every maker quotes every market."""
        for maker in MAKERS:
            for plan in MARKETS:
                yield self._requote(maker, plan, share=1.0)
        while True:
            (plan,) = self.random.choices(MARKETS, [plan.share for plan in MARKETS])
            self._move(plan)
            if self.random.random() < REQUOTE_SHARE:
                action = self._requote(self.random.choice(MAKERS), plan, LEVEL_MOVES_SHARE)
            else:
                action = self._take(self.random.choice(TAKERS), plan)
            if action.commands:
                yield action

    def withdrawals(self) -> list[Command]:
        """Return the cancels of all quotes, for the end."""
        return [
            self._cancel(maker, symbol, client_order_id)
            for (maker, symbol), quotes in self.quotes.items()
            for client_order_id, _ in quotes.values()
        ]

    def _move(self, plan: MarketPlan) -> None:
        mid = self.mids[plan.spec.symbol]
        pull = PULL_TO_START * math.log(plan.start_ticks / mid)
        self.mids[plan.spec.symbol] = mid * math.exp(self.random.gauss(pull, plan.step))

    def _requote(self, maker: str, plan: MarketPlan, share: float) -> Action:
        """Move some levels to around the price of now: cancel the old quote, place the new one."""
        quotes = self.quotes[maker, plan.spec.symbol]
        mid = self.mids[plan.spec.symbol]
        moving = [
            (side, level)
            for level in range(LEVELS)
            for side in ("buy", "sell")
            if self.random.random() < share
        ]
        symbol = plan.spec.symbol
        commands: list[Command] = [
            self._cancel(maker, symbol, quotes[key][0]) for key in moving if key in quotes
        ]
        for side, level in moving:
            away = plan.half_spread * (1 + level) * self.random.uniform(0.8, 1.4)
            ticks = round(mid * (1 - away if side == "buy" else 1 + away))
            order = self._place(maker, plan, side, self._lots(plan, plan.quote_lots), ticks, "gtc")
            quotes[side, level] = (order.client_order_id, ticks)
            commands.append(order)
        return Action(maker, commands)

    def _take(self, taker: str, plan: MarketPlan) -> Action:
        side = self.random.choice(("buy", "sell"))
        lots = self._lots(plan, plan.quote_lots // 2)
        if self.random.random() < MARKET_ORDER_SHARE:
            return Action(taker, [self._place(taker, plan, side, lots, None, "ioc")])
        reach = plan.half_spread * self.random.uniform(0.5, 4.0)
        ticks = round(self.mids[plan.spec.symbol] * (1 + reach if side == "buy" else 1 - reach))
        return Action(taker, [self._place(taker, plan, side, lots, ticks, "ioc")])

    def _lots(self, plan: MarketPlan, median: int) -> int:
        return max(1, min(median * 20, round(self.random.lognormvariate(math.log(median), plan.size_sigma))))

    def _place(
        self, account: str, plan: MarketPlan, side: str, lots: int, ticks: int | None, time_in_force: str
    ) -> Place:
        self._orders += 1
        return Place(
            account=account,
            client_order_id=f"{self.run_id}-{self._orders}",
            symbol=plan.spec.symbol,
            side="buy" if side == "buy" else "sell",
            quantity=format_units(lots, plan.lot_scale),
            price=None if ticks is None else format_units(ticks, PRICE_SCALE),
            type="market" if ticks is None else "limit",
            time_in_force=time_in_force,
        )

    def _cancel(self, account: str, symbol: str, client_order_id: str) -> Cancel:
        return Cancel(account, order_id(self.homes.get(symbol, 0), account, client_order_id))
