"""Books: what is bid and asked at which price (L2). One document per market: for each side a map from price
to the quantity resting there; both as strings, since a map's keys are, and quantities of a level add up.

No single order need be known: what enters the book says so (``resting``), what leaves it is a maker's fill at
its price or a cancelled order's rest. A document holds a whole book, so that a reader never sees it half
changed; with 16 MB for a document there is room for hundreds of thousands of levels.
"""

from collections.abc import Iterable
from typing import NamedTuple

from pymongo.database import Database

from domain.event import Side
from domain.market import MarketListed
from domain.order import OrderCancelled, OrderFilled, OrderPlaced
from projections.projection import At, Document, Projection


class Change(NamedTuple):
    """How much more (or less) rests at a price; none of it: the market was listed."""

    side: Side
    price: int
    quantity: int


def parts(
    event: OrderPlaced | OrderFilled | OrderCancelled | MarketListed, _shard: int
) -> Iterable[tuple[str, Change | None]]:
    if isinstance(event, MarketListed):
        yield event.rules.symbol, None
    elif isinstance(event, OrderPlaced):
        if event.resting and event.price is not None:
            yield event.symbol, Change(event.side, event.price, event.resting)
    elif isinstance(event, OrderFilled):
        if event.liquidity == "maker":
            yield event.symbol, Change(event.side, event.price, -event.quantity)
    elif event.resting and event.price is not None:
        yield event.symbol, Change(event.side, event.price, -event.resting)


def fold(document: Document | None, change: Change | None, at: At) -> Document:
    """Change one level in place: copying the book for each event would cost as much as the book is deep.

    Raises ``ValueError`` if less rests there than leaves: events are missing.
    """
    book = document or {"bids": {}, "asks": {}}
    if change is not None:
        levels = book["bids" if change.side == "buy" else "asks"]
        _change_level(levels, str(change.price), change.quantity)
    book["changed_at_us"] = at.occurred_at_us
    return book


def _change_level(levels: dict[str, str], price: str, quantity: int) -> None:
    left = int(levels.get(price, "0")) + quantity
    if left < 0:
        message = f"{-quantity} leaves the level at {price}, where only {left - quantity} rests"
        raise ValueError(message)
    if left:
        levels[price] = str(left)
    else:
        del levels[price]


PROJECTION = Projection(
    "books",
    frozenset({OrderPlaced, OrderFilled, OrderCancelled, MarketListed}),
    parts,
    fold,
    begins=lambda change: change is None,
)


def of_market(database: Database[Document], symbol: str) -> Document | None:
    return database["books"].find_one({"_id": symbol})


def best_levels(document: Document, side: Side, levels_max: int) -> list[tuple[int, int]]:
    """Return (price, quantity) of one side, best price first."""
    levels = document["bids" if side == "buy" else "asks"]
    prices = sorted(map(int, levels), reverse=side == "buy")[:levels_max]
    return [(price, int(levels[str(price)])) for price in prices]
