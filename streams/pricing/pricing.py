"""Pricing: which index and mark prices follow from the board and the markets' own books, and which of them
become commands. Pure: times are given.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import uuid4

from domain.market import SetMarkPrice
from domain.numbers import format_units
from streams.prices import Kind, PriceTick
from streams.pricing.board import Board
from streams.pricing.formulas import (
    SCALE,
    Index,
    OwnBook,
    PricingRules,
    in_ticks,
    index_of,
    mark_of,
    text_of,
)

logger = logging.getLogger(__name__)

ACTOR = "mark-pricer"
COMPUTED = "crypto-oms"
"""The source of what was computed."""
RESTATE_US = 1_000_000
"""So often a price is said again: who reads the topic can tell what stands from what is old."""


class OwnMarket(NamedTuple):
    """A market as the read models show it; prices in its own units of ``10**-price_scale``."""

    symbol: str
    shard: int
    tick: int
    price_scale: int
    mark_price: int | None
    bid: int | None = None
    ask: int | None = None
    last: int | None = None

    def book(self) -> OwnBook:
        """Return its prices in the units of the formulas."""
        factor = 10 ** (SCALE - self.price_scale)
        return OwnBook(*(None if each is None else each * factor for each in (self.bid, self.ask, self.last)))

    def without_book(self) -> "OwnMarket":
        """Return the market as one of whose prices nothing is known."""
        return self._replace(bid=None, ask=None, last=None)


@dataclass
class Marked:
    """What a market was held to be worth when it was computed last; ``index`` ``None``: nobody can tell.
    ``mark`` in the market's own units. ``said``: the price of each kind that was said last, and when.
    ``sent``: the mark price of the last command, and ``sent_at`` when that was, on a clock that never runs
    back.
    """

    index: Index | None = None
    mark: int | None = None
    mark_text: str = ""
    computed_at_us: int = 0
    said: dict[Kind, tuple[str, int]] = field(default_factory=dict)
    sent: int | None = None
    sent_at: float = float("-inf")


@dataclass(frozen=True)
class Pace:
    """``interval_ms``: of one market no more than one command in so long. ``valid_ms``: how long a command
    may wait; after as long it is sent again, if the market does not show it.
    """

    interval_ms: int = 100
    valid_ms: int = 2_000


class Pricing:
    """All markets that any source speaks of."""

    def __init__(self, rules: PricingRules, weights: Mapping[str, int], pace: Pace) -> None:
        self.rules = rules
        self.pace = pace
        self.board = Board(rules.fresh_ms * 1_000, dict(weights))
        self.marked: dict[str, Marked] = {}
        self.run = uuid4().hex
        self._seqs: dict[str, int] = {}

    def beat(
        self, markets: Mapping[str, OwnMarket], now_us: int, now: float
    ) -> tuple[list[PriceTick], dict[int, list[SetMarkPrice]]]:
        """Compute all markets anew. Return what is to be said: ticks, and commands by shard."""
        ticks: list[PriceTick] = []
        commands: dict[int, list[SetMarkPrice]] = {}
        for symbol in self.board.markets:
            market = markets.get(symbol)
            if market is None:
                continue
            marked = self.marked.setdefault(symbol, Marked())
            self._compute(market, marked, now_us)
            ticks += self._ticks(symbol, marked, now_us)
            command = self._command(market, marked, now_us, now)
            if command is not None:
                commands.setdefault(market.shard, []).append(command)
        return ticks, commands

    def _compute(self, market: OwnMarket, marked: Marked, now_us: int) -> None:
        had_index, marked.computed_at_us = marked.index is not None, now_us
        marked.index = index_of(self.board.prices(market.symbol, now_us), self.rules)
        if marked.index is None:
            if had_index:
                logger.warning("%s: no index: its sources are stale, or contradict each other", market.symbol)
            marked.mark = None
            return
        exact = mark_of(marked.index.price, market.book(), self.rules)
        marked.mark = in_ticks(exact, market.tick, market.price_scale)
        marked.mark_text = format_units(marked.mark, market.price_scale)

    def _ticks(self, symbol: str, marked: Marked, now_us: int) -> list[PriceTick]:
        """Return what has changed, or was not said for a second."""
        if marked.index is None:
            return []
        ticks = []
        says: tuple[tuple[Kind, str], ...] = (
            ("index", text_of(marked.index.price)),
            ("mark", marked.mark_text),
        )
        for kind, price in says:
            before, said_at_us = marked.said.get(kind, ("", 0))
            if price != before or now_us - said_at_us >= RESTATE_US:
                marked.said[kind] = (price, now_us)
                ticks.append(self._tick(symbol, kind, price, marked.index, now_us))
        return ticks

    def _tick(self, symbol: str, kind: Kind, price: str, index: Index, now_us: int) -> PriceTick:
        seq = self._seqs[symbol] = self._seqs.get(symbol, 0) + 1
        said = (kind, symbol, COMPUTED, self.run, seq)
        return PriceTick(
            *said, occurred_at_us=now_us, received_at_us=now_us, price=price, sources=index.sources
        )

    def _command(self, market: OwnMarket, marked: Marked, now_us: int, now: float) -> SetMarkPrice | None:
        """Return what makes the market's mark price the one computed, unless it is, or is on its way."""
        since_ms = (now - marked.sent_at) * 1_000
        if marked.mark is None or since_ms < self.pace.interval_ms:
            return None
        if marked.mark == (marked.sent if since_ms < self.pace.valid_ms else market.mark_price):
            return None
        marked.sent, marked.sent_at = marked.mark, now
        return SetMarkPrice(
            command_id=str(uuid4()),
            actor=ACTOR,
            symbol=market.symbol,
            price=marked.mark_text,
            valid_until_us=now_us + self.pace.valid_ms * 1_000,
        )
