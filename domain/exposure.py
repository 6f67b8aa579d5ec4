"""Exposure: what an account's open orders are worth and could still trade, and what it made today, counted
along so that a limit costs the same however many orders are open.

Everything here follows from the account's orders and positions: it is not part of the state hash, and it is
counted only for accounts that some limit asks about, from the moment on that it does.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from domain.book import Order
from domain.event import Side
from domain.market import PPM, MarketRules

if TYPE_CHECKING:
    from domain.accounts import Account
    from domain.exchange import Exchange


class Exposure:
    """``notional``: of open orders by quote asset; ``quantity``: of open orders by market and side; ``net``:
    what was realised on the UTC day ``day``, less fees, by quote asset. In minor units.
    """

    __slots__ = ("day", "net", "notional", "quantity")

    def __init__(self) -> None:
        self.notional: dict[str, int] = {}
        self.quantity: dict[tuple[str, Side], int] = {}
        self.day = 0
        self.net: dict[str, int] = {}

    def add(self, rules: MarketRules, order: Order) -> None:
        self._change(rules, order, worth(rules, order), order.remaining)

    def remove(self, rules: MarketRules, order: Order) -> None:
        """Take the order out, as it is now: before anything changes it."""
        self._change(rules, order, -worth(rules, order), -order.remaining)

    def realise(self, quote_asset: str, day: int, net: int) -> None:
        """Take note of what was made on ``day``; a new day begins with nothing."""
        if day > self.day:
            self.day = day
            self.net.clear()
        if day == self.day:
            self.net[quote_asset] = self.net.get(quote_asset, 0) + net

    def net_on(self, day: int, quote_asset: str) -> int:
        return self.net.get(quote_asset, 0) if day == self.day else 0

    def _change(self, rules: MarketRules, order: Order, notional: int, quantity: int) -> None:
        self.notional[rules.quote_asset] = self.notional.get(rules.quote_asset, 0) + notional
        which = (order.symbol, order.side)
        self.quantity[which] = self.quantity.get(which, 0) + quantity


def worth(rules: MarketRules, order: Order) -> int:
    """Return what is left of an order at its limit price, in quote units. A waiting order without a limit
    counts at its trigger price, a buy with the buffer that it holds funds for; a market order is never open.
    """
    price = order.price
    if price is None:
        trigger = order.trigger
        if trigger is None:
            return 0
        price = trigger.price
        if order.side == "buy":
            price = price * (PPM + rules.market_buffer_ppm) // PPM
    return rules.notional(price, order.remaining)


def counted(exchange: "Exchange", account: "Account") -> Exposure:
    """Return the account's exposure, from scratch."""
    exposure = Exposure()
    for order in account.orders.values():
        exposure.add(exchange.markets[order.symbol].rules, order)
    for position in account.positions.values():
        quote_asset = exchange.markets[position.symbol].rules.quote_asset
        exposure.realise(quote_asset, position.day, position.net)
    return exposure


def gone_from(exchange: "Exchange", rules: MarketRules, side: Side, gone: Iterable[str]) -> tuple[int, int]:
    """Return what the open orders ``gone`` count for: in the notional of the market's quote asset, and in the
    quantity on that side of the market.
    """
    notional = quantity = 0
    for order_id in gone:
        order = exchange.orders[order_id]
        others = exchange.markets[order.symbol].rules
        if others.quote_asset == rules.quote_asset:
            notional += worth(others, order)
        if (order.symbol, order.side) == (rules.symbol, side):
            quantity += order.remaining
    return notional, quantity
