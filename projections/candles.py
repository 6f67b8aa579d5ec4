"""Candles: first, highest, lowest and last price of a market's trades in a second, a minute and an hour, with
what was traded; the other intervals follow from these when they are read (``projections.candle_reading``).

A document holds the candles of one market and width for a stretch of time: 60 seconds, 60 minutes or 24
hours. Only what traded has a candle. A candle is an array, see ``Candle``: exact integers, price units for
prices, base units for volumes, quote units for notionals, the latter two as strings; trades are counted on
from ``first_trade``, since a market's trade ids follow each other. Boundaries are those of UTC.

Seconds are kept for 25 hours: their documents stand in a ring of so many minutes, and one that comes round is
begun anew. So nobody has to delete any, and a rebuild makes the same ones.

Candles count trades as they were made. What the venue busted or corrected since, reading takes into account.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from domain.market import SECOND_US
from domain.order import OrderFilled
from projections.projection import At, Document, Projection

MINUTE_US = 60 * SECOND_US
HOUR_US = 60 * MINUTE_US
RING_MINUTES = 25 * 60

Width = Literal["1s", "1m", "1h"]
WIDTHS_US: dict[Width, int] = {"1s": SECOND_US, "1m": MINUTE_US, "1h": HOUR_US}
STRETCHES_US: dict[Width, int] = {"1s": MINUTE_US, "1m": HOUR_US, "1h": 24 * HOUR_US}


class Candle(NamedTuple):
    """What a document's arrays hold, in this order; ``start_us`` in microseconds since 1970, UTC."""

    start_us: int
    open: int
    high: int
    low: int
    close: int
    volume: int
    notional: int
    trades: int
    first_trade: int


class Place(NamedTuple):
    """Where a trade goes: a document, and in it a candle."""

    width: Width
    begins_us: int
    start_us: int


Part = tuple[Place, OrderFilled]  # made for every trade: a plain tuple, at a third of the cost


@lru_cache(maxsize=4_096)
def _places(symbol: str, second: int) -> tuple[tuple[str, Place], ...]:
    """Return the documents that a trade in this second goes into; trades of one batch share them."""
    moment_us = second * SECOND_US
    ring = second // 60 % RING_MINUTES
    names: tuple[tuple[Width, int], ...] = (("1s", ring), ("1m", second // 3_600), ("1h", second // 86_400))
    return tuple((f"{symbol}|{width}|{name}", _place(width, moment_us)) for width, name in names)


def _place(width: Width, moment_us: int) -> Place:
    begins_us, start_us = (moment_us - moment_us % us for us in (STRETCHES_US[width], WIDTHS_US[width]))
    return Place(width, begins_us, start_us)


def parts(event: OrderFilled, at: At) -> Iterable[tuple[str, Part]]:
    if event.liquidity != "taker":
        return ()
    places = _places(event.symbol, at.occurred_at_us // SECOND_US)
    return [(document_id, (place, event)) for document_id, place in places]


def fold(document: Document | None, part: Part, _at: At) -> Document:
    """Change the document in place: copying its candles for each trade would cost more than the fold."""
    (width, begins_us, start_us), fill = part
    if document is None or document["begins_us"] != begins_us:
        document = {"symbol": fill.symbol, "width": width, "begins_us": begins_us, "candles": []}
    candles = document["candles"]
    if candles and candles[-1][0] == start_us:
        _add(candles[-1], fill)
    else:
        candles.append(_begun(start_us, fill))
    return document


def _begun(start_us: int, fill: OrderFilled) -> list[Any]:
    price = fill.price
    traded = (str(fill.quantity), str(fill.notional))
    return [start_us, price, price, price, price, *traded, 1, fill.trade_id]


def _add(candle: list[Any], fill: OrderFilled) -> None:
    _, _, high, low, _, volume, notional, trades, _ = candle
    price = fill.price
    if price > high:
        candle[2] = price
    elif price < low:
        candle[3] = price
    candle[4] = price
    candle[5] = str(int(volume) + fill.quantity)
    candle[6] = str(int(notional) + fill.notional)
    candle[7] = trades + 1


PROJECTION = Projection(
    "candles",
    frozenset({OrderFilled}),
    parts,
    fold,
    indexes=(("symbol", "width", "begins_us"),),
    by_seq=True,
    relaxed=frozenset({OrderFilled}),
)


def candles_of(document: Document) -> list[Candle]:
    """Return the document's candles, oldest first."""
    return [
        Candle(start_us, opening, high, low, close, int(volume), int(notional), trades, first)
        for start_us, opening, high, low, close, volume, notional, trades, first in document["candles"]
    ]
