"""Prices: what each market is worth now, was worth at the beginning of the day, and in the bars before.

The price that counts is the mark price; a market without one is valued at its last trade. All prices are
integers in the market's price units.
"""

from collections import deque
from collections.abc import Iterable
from typing import Literal, NamedTuple

from domain.market import DAY_US, SECOND_US, MarketRules

PriceKind = Literal["mark", "last"]
MOVES_MAX = 4_096
"""Prices of one market kept to see how far it moved; more often than that they are thinned out."""


class Bar(NamedTuple):
    """The last price of one stretch of time; ``slot`` counts them since 1970."""

    slot: int
    close: int


class Cause(NamedTuple):
    """What made a price: the id of its event or tick, and when that happened, microseconds since 1970."""

    event_id: str
    occurred_at_us: int


class Move(NamedTuple):
    """How far a price has moved: from one price to another, within the time looked at."""

    ppm: int
    price_before: int
    price: int
    before_us: int
    at_us: int


class MarketPrices:
    """One market: its rules and status, its price now, and its history, bounded."""

    def __init__(self, rules: MarketRules, bar_s: int, bars_max: int) -> None:
        self.rules = rules
        self.status = "open"
        self.mark: int | None = None
        self.last: int | None = None
        self.cause = Cause("", 0)
        self.bars: deque[Bar] = deque(maxlen=bars_max)
        self.moves: deque[tuple[int, int]] = deque()
        self._bar_us = bar_s * SECOND_US
        self._day = 0
        self._day_began_at: int | None = None

    @property
    def price(self) -> int | None:
        return self.last if self.mark is None else self.mark

    def saw(self, kind: PriceKind, price: int, cause: Cause) -> bool:
        """Take a price in. Return whether it changes what the market is valued at."""
        before = self.price
        if kind == "mark":
            if cause.occurred_at_us < self.cause.occurred_at_us and self.mark is not None:
                return False
            self.mark = price
        else:
            self.last = price
            if self.mark is not None:
                return False
        self.cause = cause
        self._keep(price, cause.occurred_at_us, before)
        if kind == "mark":
            self._keep_move(price, cause.occurred_at_us)
        return price != before

    def restore(self, bars: Iterable[Bar]) -> None:
        """Begin with the bars that were kept; the newest is the price until one is seen."""
        self.bars.extend(bars)
        if self.bars and self.price is None:
            self.last = self.bars[-1].close

    def at_beginning_of(self, day: int) -> int | None:
        """Return the price that the UTC day began with: the last one before it, or else its first."""
        if day == self._day and self._day_began_at is not None:
            return self._day_began_at
        first_slot = day * DAY_US // self._bar_us
        before = [bar.close for bar in self.bars if bar.slot < first_slot]
        since = [bar.close for bar in self.bars if bar.slot >= first_slot]
        if before or since:
            return before[-1] if before else since[0]
        return self.price

    def moved(self, within_us: int, now_us: int) -> Move | None:
        """Return the largest move to the present mark price from others of the last ``within_us``."""
        price = self.mark
        if price is None:
            return None
        since = [(at, one) for at, one in self.moves if at >= now_us - within_us]
        if not since:
            return None
        before_us, before = max(since, key=lambda each: abs(price - each[1]) * 1_000_000 // each[1])
        return Move(
            abs(price - before) * 1_000_000 // before, before, price, before_us, self.cause.occurred_at_us
        )

    def _keep(self, price: int, at_us: int, before: int | None) -> None:
        day = at_us // DAY_US
        if day > self._day:
            earlier = self.at_beginning_of(day) if self.bars else before
            self._day, self._day_began_at = day, price if earlier is None else earlier
        slot = at_us // self._bar_us
        if self.bars and self.bars[-1].slot >= slot:
            self.bars[-1] = Bar(self.bars[-1].slot, price)
        else:
            self.bars.append(Bar(slot, price))

    def _keep_move(self, price: int, at_us: int) -> None:
        """Of mark prices only: one trade far from the market moves nothing."""
        self.moves.append((at_us, price))
        if len(self.moves) > MOVES_MAX:
            kept = list(self.moves)
            self.moves = deque([*kept[: MOVES_MAX // 2 : 2], *kept[MOVES_MAX // 2 :]])

    def forget_moves(self, before_us: int) -> None:
        while self.moves and self.moves[0][0] < before_us:
            self.moves.popleft()


class PriceBook:
    """All markets, by symbol. ``valued_by(asset, currency)`` finds the market that values an asset."""

    def __init__(self, bar_s: int = 3_600, bars_max: int = 501) -> None:
        self.bar_s = bar_s
        self.bars_max = bars_max
        self.markets: dict[str, MarketPrices] = {}
        self._by_assets: dict[tuple[str, str], MarketPrices] = {}
        self.scales: dict[str, int] = {}

    def listed(self, rules: MarketRules) -> MarketPrices:
        """Take over a market's rules, new or changed."""
        market = self.markets.get(rules.symbol)
        if market is None:
            market = self.markets[rules.symbol] = MarketPrices(rules, self.bar_s, self.bars_max)
            self._by_assets.setdefault((rules.base_asset, rules.quote_asset), market)
        market.rules = rules
        self.scales[rules.base_asset] = rules.base_scale
        self.scales[rules.quote_asset] = rules.quote_scale
        return market

    def valued_by(self, asset: str, currency: str) -> MarketPrices | None:
        return self._by_assets.get((asset, currency))

    def value(self, asset: str, quantity: int, currency: str) -> int | None:
        """Return what a quantity (minor units) is worth, in minor units of ``currency``; ``None``: there is
        no market between the two, or it has no price yet.
        """
        if asset == currency or quantity == 0:
            return quantity
        market = self.valued_by(asset, currency)
        if market is None or market.price is None:
            return None
        return worth(market.rules, quantity, market.price)


def worth(rules: MarketRules, quantity: int, price: int) -> int:
    """Return quantity x price in quote units: a short is worth as much as a long, negative."""
    value = rules.notional(price, abs(quantity))
    return value if quantity >= 0 else -value
