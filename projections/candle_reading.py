"""Reading candles of any interval: put together from the stored widths, set right where the venue busted or
corrected a trade, and filled up where nothing traded.

A busted trade no longer counts, and a corrected one counts at its new price. Which candle that concerns
follows from the trade's id. Only that candle is made anew: an hour of its minutes, a minute of its seconds,
a second, or a minute whose seconds are no longer kept, of its trades. Where trades have left the read models,
the candle stays as it was made.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Literal

from pymongo.database import Database

from projections import trade_changes, trades
from projections.candles import (
    HOUR_US,
    MINUTE_US,
    RING_MINUTES,
    STRETCHES_US,
    WIDTHS_US,
    Candle,
    Width,
    candles_of,
)
from projections.markets import by_symbol, rules_of
from projections.projection import Document

Interval = Literal["1s", "1m", "5m", "15m", "1h", "4h", "1d"]

INTERVALS_US: dict[Interval, int] = {
    "1s": WIDTHS_US["1s"],
    "1m": MINUTE_US,
    "5m": 5 * MINUTE_US,
    "15m": 15 * MINUTE_US,
    "1h": HOUR_US,
    "4h": 4 * HOUR_US,
    "1d": 24 * HOUR_US,
}
BASES: dict[Interval, Width] = {
    "1s": "1s",
    "1m": "1m",
    "5m": "1m",
    "15m": "1m",
    "1h": "1h",
    "4h": "1h",
    "1d": "1h",
}
FINER: dict[Width, Width] = {"1h": "1m", "1m": "1s"}
SECONDS_KEPT_US = (RING_MINUTES - 60) * MINUTE_US
"""For so long at least; an hour more is a reader's and a shard's clocks' room to differ."""
STRETCHES_BACK_MAX = 10
"""How many documents are looked at for the last trade before a moment: more than one only if all trades of
the last were busted."""
TRADES_AGAIN_MAX = 200_000
"""Of one candle, to be read again: beyond, it stays as it was made."""


def series(
    database: Database[Document], symbol: str, interval: Interval, first_us: int, until_us: int
) -> list[Candle]:
    """Return the candles that begin from ``first_us`` until just before ``until_us``, oldest first, without
    gaps: one in which nothing traded stands at the last price before it, with no trades. Before the market's
    first trade there are none.
    """
    width_us = INTERVALS_US[interval]
    first_us += -first_us % width_us
    until_us += -until_us % width_us
    traded = _traded(database, symbol, interval, first_us, until_us)
    whole = bool(traded) and traded[0].start_us == first_us
    before = None if whole else last_before(database, symbol, first_us)
    return list(_without_gaps(traded, before, first_us, until_us, width_us))


def _without_gaps(
    traded: Iterable[Candle], before: Candle | None, first_us: int, until_us: int, width_us: int
) -> Iterator[Candle]:
    last, expected_us = before, first_us
    for candle in traded:
        if last is not None:
            yield from _flat(last, expected_us, candle.start_us, width_us)
        yield candle
        last, expected_us = candle, candle.start_us + width_us
    if last is not None:
        yield from _flat(last, expected_us, until_us, width_us)


def _flat(last: Candle, first_us: int, until_us: int, width_us: int) -> Iterator[Candle]:
    price, next_trade = last.close, last.first_trade + last.trades
    for start_us in range(first_us, until_us, width_us):
        yield Candle(start_us, price, price, price, price, 0, 0, 0, next_trade)


def first_start(database: Database[Document], symbol: str, interval: Interval) -> int | None:
    """Return when the market's first candle begins; ``None``: it never traded."""
    wanted = {"symbol": symbol, "width": "1h"}
    found = database["candles"].find_one(wanted, sort=[("begins_us", 1)])
    if found is None:
        return None
    start_us = candles_of(found)[0].start_us
    if INTERVALS_US[interval] < HOUR_US:
        hour = {**wanted, "width": "1m", "begins_us": start_us}
        minutes = database["candles"].find_one(hour)
        start_us = candles_of(minutes)[0].start_us if minutes else start_us
    return start_us - start_us % INTERVALS_US[interval]


def last_before(database: Database[Document], symbol: str, moment_us: int) -> Candle | None:
    """Return the last candle that traded and ends by ``moment_us``, a whole second: of a second, if the
    moment is no whole minute, else of a minute. ``None``: none did.
    """
    whole_us = moment_us - moment_us % MINUTE_US
    if whole_us < moment_us:
        seconds = _traded(database, symbol, "1s", whole_us, moment_us)
        if seconds:
            return seconds[-1]
    wanted = {"symbol": symbol, "width": "1m", "begins_us": {"$lte": whole_us}}
    documents = database["candles"].find(wanted).sort("begins_us", -1).limit(STRETCHES_BACK_MAX)
    for document in documents:
        minutes = [each for each in candles_of(document) if each.start_us < whole_us]
        if minutes := _set_right(database, symbol, "1m", minutes):
            return minutes[-1]
    return None


def _traded(
    database: Database[Document], symbol: str, interval: Interval, first_us: int, until_us: int
) -> list[Candle]:
    base = BASES[interval]
    found = _set_right(database, symbol, base, _stored(database, symbol, base, first_us, until_us))
    if WIDTHS_US[base] == INTERVALS_US[interval]:
        return found
    width_us = INTERVALS_US[interval]
    groups = groupby(found, key=lambda candle: candle.start_us - candle.start_us % width_us)
    return [together(start_us, list(group)) for start_us, group in groups]


def together(start_us: int, candles: Sequence[Candle]) -> Candle:
    """Return the one candle that these, which follow each other, come to."""
    return Candle(
        start_us,
        candles[0].open,
        max(candle.high for candle in candles),
        min(candle.low for candle in candles),
        candles[-1].close,
        sum(candle.volume for candle in candles),
        sum(candle.notional for candle in candles),
        sum(candle.trades for candle in candles),
        candles[0].first_trade,
    )


def _stored(
    database: Database[Document], symbol: str, width: Width, first_us: int, until_us: int
) -> list[Candle]:
    stretch_us = STRETCHES_US[width]
    between = {"$gte": first_us - first_us % stretch_us, "$lt": until_us}
    wanted = {"symbol": symbol, "width": width, "begins_us": between}
    documents = database["candles"].find(wanted).sort("begins_us", 1)
    return [
        candle
        for document in documents
        for candle in candles_of(document)
        if first_us <= candle.start_us < until_us
    ]


# --- What was busted or corrected -------------------------------------------------------------------------


def _set_right(
    database: Database[Document], symbol: str, width: Width, candles: Sequence[Candle]
) -> list[Candle]:
    """Return the candles with each changed trade as it counts now; without those it leaves nothing of."""
    if not candles:
        return []
    end = candles[-1].first_trade + candles[-1].trades
    changed = trade_changes.of_market(database, symbol, candles[0].first_trade, end)
    if not changed:
        return list(candles)
    repair = _Repair(database, symbol, changed)
    again = (repair.candle(width, candle) for candle in candles)
    return [candle for candle in again if candle is not None]


class _Repair:
    """``changed``: the price at which each changed trade counts, ``None``: it does not."""

    def __init__(self, database: Database[Document], symbol: str, changed: dict[int, int | None]) -> None:
        self.database = database
        self.symbol = symbol
        self.changed = changed
        self.ids = sorted(changed)

    def candle(self, width: Width, made: Candle) -> Candle | None:
        place = bisect_left(self.ids, made.first_trade)
        if place == len(self.ids) or self.ids[place] >= made.first_trade + made.trades:
            return made
        return self._of_finer(FINER[width], width, made) if width in FINER else self._of_trades(made)

    def _of_finer(self, finer: Width, width: Width, made: Candle) -> Candle | None:
        until_us = made.start_us + WIDTHS_US[width]
        parts = _stored(self.database, self.symbol, finer, made.start_us, until_us)
        if sum(part.trades for part in parts) != made.trades:
            return self._of_trades(made)
        left = [again for part in parts if (again := self.candle(finer, part)) is not None]
        return together(made.start_us, left) if left else None

    def _of_trades(self, made: Candle) -> Candle | None:
        if made.trades > TRADES_AGAIN_MAX:
            return made
        end = made.first_trade + made.trades
        found = trades.by_ids(self.database, self.symbol, made.first_trade, end)
        market = by_symbol(self.database, self.symbol)
        if len(found) < made.trades or market is None:
            return made
        rules = rules_of(market)
        counting = []
        for trade in found:
            price = self.changed.get(trade["trade_id"], trade["price"])
            if price is not None:
                volume, trade_id = trade["quantity"], trade["trade_id"]
                notional = rules.notional(price, volume)
                one = Candle(made.start_us, price, price, price, price, volume, notional, 1, trade_id)
                counting.append(one)
        return together(made.start_us, counting) if counting else None
