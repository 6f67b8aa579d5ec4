"""What the naive exchange lets through: statuses of markets, accounts and the venue, bands, open orders."""

from collections.abc import Iterable
from fractions import Fraction

from tests.unit.domain.naive_orders import NaiveOrder, Placing, RefusedError, Rules

STRICTNESS = {"active": 0, "reduce_only": 1, "cancel_only": 2, "suspended": 3}


class NaiveControls:
    """What is not mentioned is open or active."""

    def __init__(self) -> None:
        self.markets: dict[str, str] = {}
        self.accounts: dict[str, str] = {}
        self.venue = "open"

    def market(self, symbol: str) -> str:
        return self.markets.get(symbol, "open")

    def account(self, account: str) -> str:
        return self.accounts.get(account, "active")

    def fires_on(self, symbol: str) -> bool:
        return self.venue == self.market(symbol) == "open"

    def may_have(self, account: str, side: str) -> bool:
        allowed = {"active": {"buy", "sell"}, "reduce_only": {"sell"}}
        return side in allowed.get(self.account(account), set())

    # --- Checks ---

    def check_listed(self, symbol: str) -> None:
        if self.market(symbol) == "delisted":
            raise RefusedError("market_delisted")

    def check_place(self, placing: Placing) -> None:
        if self.venue != "open":
            raise RefusedError("venue_not_open")
        if self.market(placing.symbol) != "open":
            raise RefusedError("market_not_open")
        if not self.may_have(placing.account, placing.side):
            raise RefusedError("account_restricted")

    def check_amend(self, order: NaiveOrder, changed: NaiveOrder) -> None:
        smaller = changed.quantity < order.quantity
        only = changed.price == order.price and changed.trigger == order.trigger
        bearable = {"open", "cancel_only"} if smaller and only else {"open"}
        if self.venue not in bearable:
            raise RefusedError("venue_not_open")
        if self.market(order.symbol) not in bearable:
            raise RefusedError("market_not_open")

    def check_band(self, rules: Rules, placing: Placing, reference: Fraction | None) -> None:
        if placing.order_type == "limit":
            check_in_band(rules, placing.side, Fraction(placing.price or 0), reference)

    def check_band_of(self, rules: Rules, order: NaiveOrder, reference: Fraction | None) -> None:
        if order.price is not None:
            check_in_band(rules, order.side, order.price, reference)

    def check_room(self, rules: Rules, placing: Placing, orders: Iterable[NaiveOrder]) -> None:
        triggered = placing.order_type not in {"limit", "market"}
        rests = placing.order_type == "limit" and placing.time_in_force not in {"ioc", "fok"}
        there = [
            order for order in orders if (order.account, order.symbol) == (placing.account, placing.symbol)
        ]
        if rules.most_open and (triggered or rests) and len(there) >= rules.most_open:
            raise RefusedError("max_open_orders")


def check_in_band(rules: Rules, side: str, price: Fraction, reference: Fraction | None) -> None:
    lowest, highest = rules.band(side, reference)
    if (lowest is not None and price < lowest) or (highest is not None and price > highest):
        raise RefusedError("price_band")


def fits(rules: Rules, order: NaiveOrder) -> bool:
    """Say whether the order's price and all its quantities are still whole ticks and lots."""
    whole = [order.quantity, order.remaining, order.shown, order.display]
    on_tick = order.price is None or order.price % rules.tick == 0
    return on_tick and all(quantity % rules.lot == 0 for quantity in whole)
