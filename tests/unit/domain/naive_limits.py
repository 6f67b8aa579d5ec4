"""The limits of the naive exchange: every use is summed up anew, from all open orders, fills and attempts."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction

from tests.unit.domain.naive_orders import (
    ZERO,
    Meeting,
    NaiveOrder,
    RefusedError,
    Rules,
    decimals,
    down,
)

SECOND_US = 10**6
DAY_US = 86_400 * SECOND_US


@dataclass
class NaiveLimits:
    """In whole units; what is missing is unlimited."""

    order_notional: dict[str, Fraction] = field(default_factory=dict)
    open_notional: dict[str, Fraction] = field(default_factory=dict)
    position: dict[str, Fraction] = field(default_factory=dict)
    order_rate: int | None = None
    daily_loss: dict[str, Fraction] = field(default_factory=dict)


@dataclass(frozen=True)
class NaiveFill:
    """``quantity`` is negative for what was sold."""

    account: str
    symbol: str
    quantity: Fraction
    notional: Fraction
    fee: Fraction
    day: int


@dataclass
class Limiting:
    """All that limits are about: who may do what, and who has done what. ``attempts``: when each account sent
    an order, as long as its rate is limited.
    """

    markets: dict[str, Rules] = field(default_factory=dict)
    limits: dict[str, NaiveLimits] = field(default_factory=dict)
    fills: list[NaiveFill] = field(default_factory=list)
    attempts: dict[str, list[int]] = field(default_factory=dict)

    def set(self, account: str, limits: NaiveLimits) -> None:
        self.limits[account] = limits
        if limits.order_rate is None:
            self.attempts.pop(account, None)

    def attempted(self, account: str, now_us: int) -> None:
        if self.of(account).order_rate is not None:
            self.attempts.setdefault(account, []).append(now_us // SECOND_US)

    def of(self, account: str) -> NaiveLimits:
        return self.limits.get(account, NaiveLimits())

    # --- What it made of its trades ---

    def position(self, account: str, symbol: str) -> tuple[Fraction, Fraction]:
        """Return quantity and cost."""
        quantity, cost, _ = self.history(account, symbol)
        return quantity, cost

    def net(self, account: str, quote: str, now_us: int) -> Fraction:
        """Return what the account realised today in that asset, less fees."""
        symbols = [symbol for symbol, rules in self.markets.items() if rules.quote == quote]
        return sum((self.history(account, symbol)[2].get(now_us // DAY_US, ZERO) for symbol in symbols), ZERO)

    def history(self, account: str, symbol: str) -> tuple[Fraction, Fraction, dict[int, Fraction]]:
        """Play all fills again, each in two parts: what closes, then what opens."""
        rules = self.markets[symbol]
        quantity = cost = ZERO
        nets: dict[int, Fraction] = {}
        for fill in self.fills:
            if (fill.account, fill.symbol) != (account, symbol):
                continue
            against = (quantity > 0) != (fill.quantity > 0)
            closed = min(abs(quantity), abs(fill.quantity)) if against else ZERO
            gained = ZERO
            if closed:
                price = fill.notional / abs(fill.quantity)
                part = down(cost * closed / abs(quantity), rules.quote_scale)
                gained = (price * closed - part) * (1 if quantity > 0 else -1)
                cost -= part
            cost += fill.notional * (1 - closed / abs(fill.quantity))
            quantity += fill.quantity
            nets[fill.day] = nets.get(fill.day, ZERO) + gained - fill.fee
        return quantity, cost, nets

    # --- What it may ---

    def check_rate(self, account: str, now_us: int, orders: int = 1) -> None:
        rate = self.of(account).order_rate
        sent = self.attempts.get(account, []).count(now_us // SECOND_US)
        if rate is not None and sent + orders > rate:
            raise RefusedError("order_rate")

    def check(
        self,
        others: Iterable[NaiveOrder],
        order: NaiveOrder,
        meeting: Meeting | None,
        before: NaiveOrder | None,
        now_us: int,
    ) -> None:
        """``others``: all open orders but this one. ``before``: what an amended order was."""
        limits, rules = self.of(order.account), self.markets[order.symbol]
        mine = [other for other in others if other.account == order.account]
        worth, quantity = self.notional(order, meeting), self.quantity(order, meeting)
        old = (ZERO, ZERO) if before is None else (self.notional(before, None), before.remaining)
        most = limits.order_notional.get(rules.quote)
        if most is not None and worth > most and worth > old[0]:
            raise RefusedError("max_order_notional")
        most = limits.open_notional.get(rules.quote)
        if most is not None and may_stay_open(order) and worth > old[0]:
            same_quote = [other for other in mine if self.markets[other.symbol].quote == rules.quote]
            if sum((self.notional(other, None) for other in same_quote), worth) > most:
                raise RefusedError("max_open_notional")
        self.check_position(mine, order, quantity, old[1], limits, now_us)

    def check_position(
        self,
        mine: list[NaiveOrder],
        order: NaiveOrder,
        quantity: Fraction,
        before: Fraction,
        limits: NaiveLimits,
        now_us: int,
    ) -> None:
        rules = self.markets[order.symbol]
        queue = [other for other in mine if (other.symbol, other.side) == (order.symbol, order.side)]
        queued = sum((other.remaining for other in queue), quantity)
        held = self.position(order.account, order.symbol)[0]
        bought_or_sold = held + queued if order.side == "buy" else queued - held
        most = limits.position.get(order.symbol, rules.max_position)
        if most is not None and bought_or_sold > most and quantity > before:
            raise RefusedError("max_position")
        most = limits.daily_loss.get(rules.quote)
        if most is not None and -self.net(order.account, rules.quote, now_us) >= most and bought_or_sold > 0:
            raise RefusedError("daily_loss")

    def notional(self, order: NaiveOrder, meeting: Meeting | None) -> Fraction:
        rules = self.markets[order.symbol]
        if order.budget is not None:
            return order.budget
        if order.price is not None:
            return order.price * order.remaining
        if order.trigger is not None:
            buffer = rules.buffer if order.side == "buy" else ZERO
            worst = down(order.trigger.price * (1 + buffer), decimals(rules.tick))
            return down(worst * order.remaining, rules.quote_scale)
        parts = meeting.parts if meeting is not None else []
        return sum((maker.price * quantity for maker, quantity in parts if maker.price is not None), ZERO)

    def quantity(self, order: NaiveOrder, meeting: Meeting | None) -> Fraction:
        if order.price is None and order.trigger is None:
            return meeting.traded if meeting is not None else ZERO
        return order.remaining


def may_stay_open(order: NaiveOrder) -> bool:
    return order.trigger is not None or (order.price is not None and order.tif not in {"ioc", "fok"})
