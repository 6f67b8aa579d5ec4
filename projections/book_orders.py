"""Book orders: every order that shows in a book, with its place in the queue (L3).

A document holds one side's orders within a narrow band of prices, some hundredths of a percent wide: for each
order id its price, what shows of it, and where it joined the queue. So a batch rewrites the few bands it
touches, never a whole book, and a book of a hundred thousand orders costs no more than the part that moves.

The queue at a price is by ``joined``, the seq of the event with which the order came to the end of it: when
placed or triggered, amended other than to less, or revealed as the next part of an iceberg. An amendment to
less and a fill of a part change what shows, and leave it where it is.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from pymongo.database import Database

from domain.event import Event, Side
from domain.order import OrderAmended, OrderCancelled, OrderFilled, OrderPlaced, OrderTriggered
from projections import books, store
from projections.projection import At, Document, Projection

BookEvent = OrderPlaced | OrderFilled | OrderTriggered | OrderAmended | OrderCancelled

BAND_BITS = 12
"""2,048 bands for each doubling of the price, 0.024 to 0.049 % wide; below 4,096 price units one for each."""


class Change(NamedTuple):
    """What happens to an order at a price: ``quantity`` more shows (or less); ``joins``: at the end of the
    queue, whatever showed of it before.
    """

    order_id: str
    price: int
    quantity: int
    joins: bool


class BookOrder(NamedTuple):
    """An order as it stands in the book; ``joined``: the seq of the event that put it at the queue's end."""

    order_id: str
    price: int
    quantity: int
    joined: int


Changes = tuple[Change, ...]
Queues = list[tuple[int, list[BookOrder]]]
SIDES: tuple[Side, Side] = ("buy", "sell")


class Book(NamedTuple):
    """For each side (price, orders in the order in which they trade), best price first."""

    bids: Queues
    asks: Queues


def band(price: int) -> int:
    """Return the lowest price of the band that ``price`` is in; a pure function of the price alone."""
    width_bits = max(0, price.bit_length() - BAND_BITS)
    return price >> width_bits << width_bits


def document_id(symbol: str, side: Side, price: int) -> str:
    return f"{symbol}|{side}|{band(price)}"


def parts(event: BookEvent, _shard: int) -> Iterable[tuple[str, tuple[str, Side, Changes]]]:
    by_band: dict[str, list[Change]] = {}
    for change in _changes(event):
        by_band.setdefault(document_id(event.symbol, event.side, change.price), []).append(change)
    for name, changes in by_band.items():
        yield name, (event.symbol, event.side, tuple(changes))


def _changes(event: BookEvent) -> Iterator[Change]:
    """Yield what ``event`` does to the order's place; an order without a price never rests."""
    if isinstance(event, (OrderPlaced, OrderTriggered)):
        if event.price is not None and event.resting:
            yield Change(event.order_id, event.price, event.resting, joins=True)
    elif isinstance(event, OrderFilled):
        if event.liquidity == "maker":
            shown = event.revealed - event.quantity
            yield Change(event.order_id, event.price, shown, joins=event.revealed > 0)
    elif isinstance(event, OrderAmended):
        if event.old_price is not None and event.leaves:
            yield Change(event.order_id, event.old_price, -event.leaves, joins=False)
        if event.price is not None and event.resting:
            yield Change(event.order_id, event.price, event.resting, joins=True)
    elif event.price is not None and event.resting:
        yield Change(event.order_id, event.price, -event.resting, joins=False)


def fold(document: Document | None, part: tuple[str, Side, Changes], at: At) -> Document:
    """Change the band in place: copying it for each event would cost as much as there are orders in it.

    Raises ``ValueError`` if less of an order shows than leaves: events are missing.
    """
    symbol, side, changes = part
    found = document or {
        "symbol": symbol,
        "side": side,
        "band": band(changes[0].price),
        "orders": {},
        "count": 0,
    }
    for change in changes:
        _apply(found["orders"], change, at.seq)
    found["changed_at_us"] = at.occurred_at_us
    return found


def _apply(orders: dict[str, str], change: Change, seq: int) -> None:
    """An order is one short text, "<price> <quantity> <joined>": a list of three takes three times as long to
    write and read back.
    """
    before = orders.get(change.order_id)
    shown, joined = (0, seq) if before is None else _shown_and_joined(before)
    left = shown + change.quantity
    if left < 0:
        message = f"{-change.quantity} of order {change.order_id} leaves the book, where only {shown} shows"
        raise ValueError(message)
    if left:
        orders[change.order_id] = f"{change.price} {left} {seq if change.joins else joined}"
    else:
        orders.pop(change.order_id, None)


def _shown_and_joined(text: str) -> tuple[int, int]:
    _, quantity, joined = text.split(" ")
    return int(quantity), int(joined)


EVERY: frozenset[type[Event]] = frozenset(
    {OrderPlaced, OrderFilled, OrderTriggered, OrderAmended, OrderCancelled}
)

PROJECTION = Projection(
    "book_orders",
    EVERY,
    parts,
    fold,
    relaxed=EVERY,  # as books are: who reads it needs both as of one moment
)


# --- Reading ------------------------------------------------------------------------------------------------


def orders_of(document: Document) -> list[BookOrder]:
    """Return the band's orders, in no order."""
    found = []
    for order_id, text in document["orders"].items():
        price, quantity, joined = map(int, text.split(" "))
        found.append(BookOrder(order_id, price, quantity, joined))
    return found


def queues(documents: Iterable[Document], side: Side) -> Queues:
    """Return (price, orders in the order in which they trade) of one side's bands, best price first."""
    by_price: dict[int, list[BookOrder]] = {}
    for document in documents:
        for order in orders_of(document):
            by_price.setdefault(order.price, []).append(order)
    prices = sorted(by_price, reverse=side == "buy")
    return [(price, sorted(by_price[price], key=lambda order: order.joined)) for price in prices]


def read(database: Database[Document], symbol: str, until: int, levels_max: int) -> Book | None:
    """Return the book as of the event ``until``, to which this projection and ``books`` have come where the
    market is fed from; ``None``: one of them has moved on meanwhile, so that this would be of two moments.

    The document of the book by price says which bands are needed. Neither it nor a band that has seen nothing
    after ``until`` lacks anything up to there: how far a projection has come is written after its documents.
    """
    levels = books.of_market(database, symbol)
    if levels is None:
        return Book([], [])
    if levels["seq"] > until:
        return None
    sides = [
        _read_side(database, symbol, side, until, books.best_levels(levels, side, levels_max))
        for side in SIDES
    ]
    bids, asks = sides
    return None if bids is None or asks is None else Book(bids, asks)


def _read_side(
    database: Database[Document], symbol: str, side: Side, until: int, levels: Sequence[tuple[int, int]]
) -> Queues | None:
    ids = list(dict.fromkeys(document_id(symbol, side, price) for price, _ in levels))
    found = list(store.load(database["book_orders"], ids))
    if len(found) < len(ids) or any(document["seq"] > until for document in found):
        return None
    return queues(found, side)[: len(levels)]
