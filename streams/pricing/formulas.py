"""The index of several venues' prices, and the mark price that follows from it: exact, and pure.

Prices are integers in units of ``10**-20`` of the quote asset: two decimals finer than what any venue may say
(18), so that the middle of two prices, and the middle of two such middles, are exact.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from domain.numbers import format_units

SCALE = 20
PPM = 1_000_000
_DECIMAL = re.compile(r"([0-9]{1,18})(?:\.([0-9]{1,18}))?", re.ASCII)


def units_of(text: str) -> int:
    """Return a price in units. Raises ``ValueError`` for what is no plain decimal of up to 18 and 18 digits,
    or is zero.
    """
    found = _DECIMAL.fullmatch(text)
    units = int(found[1] + (found[2] or "").ljust(SCALE, "0")) if found else 0
    if units == 0:
        raise ValueError(f"{text[:60]!r} is no price: a plain decimal above 0, with at most 18 decimals")
    return units


def text_of(units: int) -> str:
    return format_units(units, SCALE)


@dataclass(frozen=True)
class PricingRules:
    """``fresh_ms``: a source that has said nothing for longer is left out. ``outlier_ppm``: and one that is
    farther from the median of all fresh ones. ``band_ppm``: so far from the index the mark price may go with
    the market's own book. ``sources_min``: with fewer there is no index.
    """

    fresh_ms: int = 5_000
    outlier_ppm: int = 20_000
    band_ppm: int = 5_000
    sources_min: int = 1


class SourcePrice(NamedTuple):
    """What a fresh source holds the market to be worth."""

    source: str
    price: int
    weight: int = 1


class Index(NamedTuple):
    """``sources``: those it rests on; ``outliers``: those that were left out for being too far off."""

    price: int
    sources: tuple[str, ...]
    outliers: tuple[str, ...]


class OwnBook(NamedTuple):
    """Of the market itself: its best prices, ``None`` where a side is empty, and its last trade's price."""

    bid: int | None
    ask: int | None
    last: int | None


def weighted_median(prices: Iterable[tuple[int, int]]) -> int:
    """Return the median of (price, weight), weights above 0: half of the weight is at or below it, half at or
    above; where two prices share that, their mean, rounded down. Raises ``ValueError`` without a price.
    """
    ordered = sorted(prices)
    total, below = sum(weight for _, weight in ordered), 0
    for place, (price, weight) in enumerate(ordered):
        below += weight
        if 2 * below > total:
            return price
        if 2 * below == total:
            return (price + ordered[place + 1][0]) // 2
    raise ValueError("there is no price to take the median of")


def index_of(prices: Sequence[SourcePrice], rules: PricingRules) -> Index | None:
    """Return the weighted median of those prices that agree: that are within ``outlier_ppm`` of the median of
    all. ``None``: there are fewer than ``sources_min`` of them, or they are less than half of the weight, so
    that nobody knows which are right.
    """
    if not prices:
        return None
    centre = weighted_median((each.price, each.weight) for each in prices)
    kept = [each for each in prices if abs(each.price - centre) * PPM <= centre * rules.outlier_ppm]
    agreeing, total = (sum(each.weight for each in some) for some in (kept, prices))
    if len(kept) < rules.sources_min or 2 * agreeing < total:
        return None
    names = {each.source for each in kept}
    outliers = tuple(sorted(each.source for each in prices if each.source not in names))
    price = weighted_median((each.price, each.weight) for each in kept)
    return Index(price, tuple(sorted(names)), outliers)


def own_price(book: OwnBook) -> int | None:
    """Return what the market's own book says: its last price, if that is between the best bid and ask, else
    the nearer one of these; before the first trade their middle. ``None``: a side is empty.
    """
    if book.bid is None or book.ask is None:
        return None
    if book.last is None:
        return (book.bid + book.ask) // 2
    return sorted((book.bid, book.ask, book.last))[1]


def mark_of(index: int, book: OwnBook, rules: PricingRules) -> int:
    """Return the market's own price, held within ``band_ppm`` of the index; without one the index."""
    own = own_price(book)
    if own is None:
        return index
    low, high = (index * (PPM + sign * rules.band_ppm) // PPM for sign in (-1, 1))
    return min(max(own, low), high)


def in_ticks(price: int, tick: int, price_scale: int) -> int:
    """Return the price in the market's own units, on the nearest tick (half a tick: up), at least one tick.

    ``tick``: in the market's units of ``10**-price_scale``.
    """
    step: int = tick * 10 ** (SCALE - price_scale)
    return max(1, (2 * price + step) // (2 * step)) * tick
