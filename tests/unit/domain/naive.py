"""A second exchange, slow and obviously right, against which the real one is tested.

It shares no code with it. Money is counted in exact fractions of whole units; an account has one total per
asset, and what it holds is added up from its open orders whenever it is asked; the orders are a plain list,
sorted anew for every single trade.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import floor

MOST = 10**18
CANCELLED, REQUESTED = "unfilled_remainder", "requested"


@dataclass(frozen=True)
class Rules:
    """A market's rules, as a person would write them; fees are parts of the notional."""

    base: str
    quote: str
    base_scale: int
    quote_scale: int
    tick: Fraction
    lot: Fraction
    least: Fraction
    most: Fraction
    min_notional: Fraction
    maker_fee: Fraction
    taker_fee: Fraction

    def fee(self, notional: Fraction, rate: Fraction) -> Fraction:
        unit = 10**self.quote_scale
        return Fraction(floor(notional * rate * unit), unit)


@dataclass
class NaiveOrder:
    """``arrived`` tells who came first."""

    order_id: str
    account: str
    symbol: str
    side: str
    price: Fraction | None
    remaining: Fraction
    arrived: int

    def beats(self, rank_price: Fraction) -> bool:
        """Say whether this taker accepts the price of a maker."""
        if self.price is None:
            return True
        return rank_price <= self.price if self.side == "buy" else rank_price >= self.price


@dataclass(frozen=True)
class Placing:
    """An order as it was sent."""

    order_id: str
    account: str
    symbol: str
    side: str
    order_type: str
    time_in_force: str
    quantity: str
    price: str | None
    late: bool = False


@dataclass(frozen=True)
class Trade:
    """Two fills: what the maker and the taker of a trade are told."""

    maker: str
    taker: str
    price: Fraction
    quantity: Fraction
    maker_fee: Fraction
    taker_fee: Fraction


@dataclass(frozen=True)
class Result:
    """What became of an order: why it was rejected, or its trades and how much of it was cancelled."""

    rejected: str | None = None
    trades: tuple[Trade, ...] = ()
    cancelled: Fraction = Fraction(0)


class NaiveExchange:
    def __init__(self, markets: Mapping[str, Rules]) -> None:
        self.markets = markets
        self.totals: dict[tuple[str, str], Fraction] = {}
        self.orders: list[NaiveOrder] = []
        self.arrivals = 0

    # --- Money ---

    def add(self, account: str, asset: str, amount: Fraction) -> None:
        self.totals[account, asset] = self.total(account, asset) + amount

    def total(self, account: str, asset: str) -> Fraction:
        return self.totals.get((account, asset), Fraction(0))

    def held(self, account: str, asset: str) -> Fraction:
        mine = [order for order in self.orders if order.account == account]
        return sum((self.hold(order) for order in mine if self.held_asset(order) == asset), Fraction(0))

    def available(self, account: str, asset: str) -> Fraction:
        return self.total(account, asset) - self.held(account, asset)

    def held_asset(self, order: NaiveOrder) -> str:
        rules = self.markets[order.symbol]
        return rules.quote if order.side == "buy" else rules.base

    def hold(self, order: NaiveOrder) -> Fraction:
        """Return the most that an order can still cost."""
        if order.side == "sell":
            return order.remaining
        rules = self.markets[order.symbol]
        if order.price is None:
            trades = self.trades(order)
            return sum((trade.price * trade.quantity + trade.taker_fee for trade in trades), Fraction(0))
        notional = order.price * order.remaining
        return notional + rules.fee(notional, max(rules.maker_fee, rules.taker_fee))

    # --- Commands ---

    def cancel(self, account: str, order_id: str) -> Fraction | None:
        """Return what remained of the order; ``None`` if the account has no such order open."""
        for order in self.orders:
            if (order.order_id, order.account) == (order_id, account):
                self.orders.remove(order)
                return order.remaining
        return None

    def place(self, placing: Placing, accounts: set[str]) -> Result:
        if broken := self.broken_rule(placing, accounts):
            return Result(rejected=broken)
        order = self.order_of(placing)
        if self.hold(order) > self.available(order.account, self.held_asset(order)):
            return Result(rejected="insufficient_funds")
        trades = self.trades(order)
        for trade in trades:
            self.settle(order, trade)
        if order.remaining and order.price is not None and placing.time_in_force == "gtc":
            self.orders.append(order)
            return Result(trades=trades)
        return Result(trades=trades, cancelled=order.remaining)

    def order_of(self, placing: Placing) -> NaiveOrder:
        self.arrivals += 1
        price = None if placing.price is None else Fraction(placing.price)
        return NaiveOrder(
            placing.order_id,
            placing.account,
            placing.symbol,
            placing.side,
            price,
            Fraction(placing.quantity),
            self.arrivals,
        )

    def broken_rule(self, placing: Placing, accounts: set[str]) -> str | None:
        if placing.late:
            return "stale_command"
        rules = self.markets.get(placing.symbol)
        if rules is None:
            return "unknown_market"
        if placing.account not in accounts:
            return "unknown_account"
        return self.broken_price(rules, placing) or self.broken_size(rules, placing)

    def broken_price(self, rules: Rules, placing: Placing) -> str | None:
        if placing.order_type == "market":
            return "price_forbidden" if placing.price is not None else None
        if placing.price is None:
            return "price_required"
        price = plain(placing.price, decimals(rules.tick))
        return "invalid_price" if price is None or price == 0 or price % rules.tick else None

    def broken_size(self, rules: Rules, placing: Placing) -> str | None:
        quantity = plain(placing.quantity, rules.base_scale)
        if quantity is None or quantity % rules.lot or not rules.least <= quantity <= rules.most:
            return "invalid_quantity"
        if placing.price is not None and Fraction(placing.price) * quantity < rules.min_notional:
            return "min_notional"
        return None

    # --- Matching ---

    def makers(self, taker: NaiveOrder) -> list[NaiveOrder]:
        """Return who would trade with the taker, best price first, then first come first."""
        willing = [
            (order.price if taker.side == "buy" else -order.price, order.arrived, order)
            for order in self.orders
            if order.price is not None
            and (order.symbol, order.side != taker.side, taker.beats(order.price))
            == (taker.symbol, True, True)
        ]
        return [order for _, _, order in sorted(willing, key=lambda rank: rank[:2])]

    def trades(self, taker: NaiveOrder) -> tuple[Trade, ...]:
        """Return the trades an order would make; nothing is changed."""
        rules, left, trades = self.markets[taker.symbol], taker.remaining, []
        for maker in self.makers(taker):
            quantity = min(left, maker.remaining)
            if not quantity or maker.price is None:
                break
            notional = maker.price * quantity
            fees = rules.fee(notional, rules.maker_fee), rules.fee(notional, rules.taker_fee)
            trades.append(Trade(maker.order_id, taker.order_id, maker.price, quantity, *fees))
            left -= quantity
        return tuple(trades)

    def settle(self, taker: NaiveOrder, trade: Trade) -> None:
        (maker,) = [order for order in self.orders if order.order_id == trade.maker]
        rules, notional = self.markets[taker.symbol], trade.price * trade.quantity
        for order, fee in ((taker, trade.taker_fee), (maker, trade.maker_fee)):
            sign = 1 if order.side == "buy" else -1
            self.add(order.account, rules.base, sign * trade.quantity)
            self.add(order.account, rules.quote, -sign * notional - fee)
            self.add("fees", rules.quote, fee)
            order.remaining -= trade.quantity
        if not maker.remaining:
            self.orders.remove(maker)


def plain(text: str, scale: int) -> Fraction | None:
    """Return what a plain decimal says, ``None`` if it is none, or too fine or too large for its scale."""
    if not re.fullmatch(r"[0-9]+(\.[0-9]*)?", text):
        return None
    value = Fraction(text)
    return None if (value * 10**scale).denominator != 1 or value * 10**scale >= MOST else value


def decimals(value: Fraction) -> int:
    exponent = (Decimal(value.numerator) / Decimal(value.denominator)).normalize().as_tuple().exponent
    assert isinstance(exponent, int)
    return max(0, -exponent)
