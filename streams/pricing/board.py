"""The board: what each source said last of each market, and whether that is fresh. Pure: time is given."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from streams.prices import PriceTick
from streams.pricing.formulas import SourcePrice, units_of

FromOutside = frozenset({"trade", "quote"})
State = Literal["fresh", "stale", "withdrawn"]
AHEAD_US_MAX = 5_000_000
"""A tick that was received so much later than now comes from a clock that is wrong."""


class Stated(NamedTuple):
    """A price and when it was received."""

    price: int
    received_at_us: int


@dataclass
class Source:
    """What one venue said of one market. ``run``, ``seq``: of its last tick."""

    run: str = ""
    seq: int = 0
    received_at_us: int = 0
    quote: Stated | None = None
    trade: Stated | None = None
    bid: str | None = None
    ask: str | None = None

    def price(self, now_us: int, fresh_us: int) -> Stated | None:
        """Return the middle of its best quote, if that is fresh, else its last trade's price, if that is."""
        for stated in (self.quote, self.trade):
            if stated is not None and now_us - stated.received_at_us <= fresh_us:
                return stated
        return None

    @property
    def withdrawn(self) -> bool:
        return self.quote is None and self.trade is None


@dataclass
class Counts:
    """``repeated``: seen before, or older than what was; ``odd``: no tick that makes sense."""

    taken: int = 0
    repeated: int = 0
    odd: int = 0


@dataclass
class Board:
    """All sources by market. ``weights``: of sources, 1 for one that is not named."""

    fresh_us: int
    weights: dict[str, int] = field(default_factory=dict)
    counts: Counts = field(default_factory=Counts)
    markets: dict[str, dict[str, Source]] = field(default_factory=dict)

    def take(self, tick: PriceTick, now_us: int) -> None:
        """Note what a source said, once, and never what it said before that. A quote without any price takes
        back all that it said.
        """
        if tick.kind not in FromOutside:
            return
        if tick.received_at_us > now_us + AHEAD_US_MAX:
            self.counts.odd += 1
            return
        source = self.markets.setdefault(tick.symbol, {}).setdefault(tick.source, Source())
        if not _is_newer(tick, source):
            self.counts.repeated += 1
            return
        try:
            _note(source, tick)
        except ValueError:
            self.counts.odd += 1
            return
        source.run, source.seq, source.received_at_us = tick.run, tick.seq, tick.received_at_us
        self.counts.taken += 1

    def prices(self, symbol: str, now_us: int) -> list[SourcePrice]:
        """Return what the fresh sources of a market say."""
        found = []
        for name, source in self.markets.get(symbol, {}).items():
            stated = source.price(now_us, self.fresh_us)
            if stated is not None:
                found.append(SourcePrice(name, stated.price, self.weights.get(name, 1)))
        return found

    def states(self, symbol: str, now_us: int) -> Iterator[tuple[str, Source, State]]:
        """Yield each source of a market, by name."""
        for name, source in sorted(self.markets.get(symbol, {}).items()):
            fresh = source.price(now_us, self.fresh_us) is not None
            yield name, source, "fresh" if fresh else "withdrawn" if source.withdrawn else "stale"


def _is_newer(tick: PriceTick, source: Source) -> bool:
    """A process that began anew counts from 1 again: then the time tells."""
    if tick.run == source.run:
        return tick.seq > source.seq
    return tick.received_at_us >= source.received_at_us


def _note(source: Source, tick: PriceTick) -> None:
    if tick.kind == "trade":
        if tick.price is None:
            raise ValueError("a trade without a price")
        source.trade = Stated(units_of(tick.price), tick.received_at_us)
    elif tick.bid is None and tick.ask is None:
        source.quote = source.trade = source.bid = source.ask = None
    elif tick.bid is None or tick.ask is None:
        source.quote, source.bid, source.ask = None, tick.bid, tick.ask
    else:
        bid, ask = units_of(tick.bid), units_of(tick.ask)
        if bid > ask:
            raise ValueError("the bid is above the ask")
        source.quote, source.bid, source.ask = (
            Stated((bid + ask) // 2, tick.received_at_us),
            tick.bid,
            tick.ask,
        )
