"""Books: what is bid and asked at which price (L2). One document per market: for each side a map from price
to the quantity showing there; both as strings, since a map's keys are, and quantities of a level add up.

No single order need be known: what enters the book says so (``resting``), and so does what leaves it: a
maker's fill, less what an iceberg shows of itself next (``revealed``), an amended order's ``leaves``, a
cancelled order's rest. What an iceberg hides and what waits for a trigger is in no level. A document holds a
whole book, so that a reader never sees it half changed; with 16 MB for a document there is room for hundreds
of thousands of levels.
"""

from collections.abc import Iterable
from typing import NamedTuple

from pymongo.database import Database

from domain.event import Event, Side
from domain.market import MarketListed
from domain.order import OrderAmended, OrderCancelled, OrderFilled, OrderPlaced, OrderTriggered
from projections.projection import At, Document, Projection

BookEvent = OrderPlaced | OrderFilled | OrderTriggered | OrderAmended | OrderCancelled | MarketListed


class Change(NamedTuple):
    """How much more (or less) shows at a price."""

    side: Side
    price: int
    quantity: int


Changes = tuple[Change, ...]  # of one event; none of them: the market was listed


def parts(event: BookEvent, _shard: int) -> Iterable[tuple[str, Changes]]:
    if isinstance(event, MarketListed):
        yield event.rules.symbol, ()
    elif changes := _changes(event):
        yield event.symbol, changes


def _changes(event: OrderPlaced | OrderFilled | OrderTriggered | OrderAmended | OrderCancelled) -> Changes:
    """Return what ``event`` does to the levels, in this order; an order without a price never rests."""
    if isinstance(event, (OrderPlaced, OrderTriggered)):
        return _change(event.side, event.price, event.resting)
    if isinstance(event, OrderFilled):
        shown = event.revealed - event.quantity if event.liquidity == "maker" else 0
        return _change(event.side, event.price, shown)
    if isinstance(event, OrderAmended):
        left = _change(event.side, event.old_price, -event.leaves)
        return left + _change(event.side, event.price, event.resting)
    return _change(event.side, event.price, -event.resting)


def _change(side: Side, price: int | None, quantity: int) -> Changes:
    return (Change(side, price, quantity),) if quantity and price is not None else ()


def fold(document: Document | None, changes: Changes, at: At) -> Document:
    """Change levels in place: copying the book for each event would cost as much as the book is deep.

    Raises ``ValueError`` if less rests there than leaves: events are missing.
    """
    book = document or {"bids": {}, "asks": {}}
    for change in changes:
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


EVERY: frozenset[type[Event]] = frozenset(
    {OrderPlaced, OrderFilled, OrderTriggered, OrderAmended, OrderCancelled, MarketListed}
)

PROJECTION = Projection(
    "books",
    EVERY,
    parts,
    fold,
    begins=lambda changes: not changes,
    relaxed=EVERY,
)


def of_market(database: Database[Document], symbol: str) -> Document | None:
    return database["books"].find_one({"_id": symbol})


def best_levels(document: Document, side: Side, levels_max: int) -> list[tuple[int, int]]:
    """Return (price, quantity) of one side, best price first."""
    levels = document["bids" if side == "buy" else "asks"]
    prices = sorted(map(int, levels), reverse=side == "buy")[:levels_max]
    return [(price, int(levels[str(price)])) for price in prices]
