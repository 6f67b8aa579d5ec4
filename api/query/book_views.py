"""What the query API answers about a market's book: L1 and L2 by price, L3 order by order."""

import time
from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated, Literal

import msgspec
from msgspec import Meta
from pymongo.database import Database

from api.problems import Problem
from api.query.decimals import Decimal, Price, SymbolName, base_of, price_of
from domain.market import MarketRules
from projections import book_orders, books, checksums, markets, progress
from projections.book_orders import Book, BookOrder
from projections.projection import Document
from streams.topics import EXECUTIONS, partition_of

READS_MAX = 60
READ_WAIT_S = 0.005
"""The read models write a batch's bands within some ten milliseconds; meanwhile nobody has all of them."""

Seq = Annotated[int, Meta(description="The book is as of this event of its shard.")]
Checksum = Annotated[
    int,
    Meta(description="CRC-32 of the best levels; docs/books.md says of which text.", examples=[1234567890]),
]


class LevelView(msgspec.Struct, frozen=True):
    """What shows at one price, icebergs' hidden parts not counted."""

    price: Price
    quantity: Decimal


class BookView(msgspec.Struct, frozen=True):
    """What is bid and asked by price, best first. ``level`` 1 has the best price of each side only; its
    checksum is that of level 2.
    """

    symbol: SymbolName
    level: Literal[1, 2]
    bids: list[LevelView]
    asks: list[LevelView]
    seq: Seq
    checksum: Checksum


class BookOrderView(msgspec.Struct, frozen=True):
    """An order as it shows. ``joined``: the event that put it at the end of the queue: its priority."""

    order_id: str
    quantity: Decimal
    joined: int


class QueueView(msgspec.Struct, frozen=True):
    """All that shows at one price; ``orders`` in the order in which they trade."""

    price: Price
    quantity: Decimal
    orders: list[BookOrderView]


class OrderBookView(msgspec.Struct, frozen=True):
    """The book order by order, best price first."""

    symbol: SymbolName
    level: Literal[3]
    bids: list[QueueView]
    asks: list[QueueView]
    seq: Seq
    checksum: Checksum


def book_view(rules: MarketRules, book: Document | None, level: Literal[1, 2], levels_max: int) -> BookView:
    found = book or {"bids": {}, "asks": {}, "seq": 0}
    most = max(levels_max, checksums.LEVELS)
    bids, asks = books.best_levels(found, "buy", most), books.best_levels(found, "sell", most)
    shown = 1 if level == 1 else levels_max
    return BookView(
        rules.symbol,
        level,
        _levels(rules, bids[:shown]),
        _levels(rules, asks[:shown]),
        found["seq"],
        checksums.of_levels(rules, bids, asks),
    )


def _levels(rules: MarketRules, levels: Sequence[tuple[int, int]]) -> list[LevelView]:
    return [LevelView(price_of(rules, price), base_of(rules, quantity)) for price, quantity in levels]


def order_book_view(
    database: Database[Document], rules: MarketRules, partitions: int, levels_max: int
) -> OrderBookView:
    """Read the book of one moment; ``partitions`` of each topic of events. Raises ``Problem`` (503) where the
    read models write so much that there is none to be had.
    """
    most = max(levels_max, checksums.LEVELS_OF_ORDERS)
    market = markets.by_symbol(database, rules.symbol)
    shard = 0 if market is None else market["shard"]
    for _ in range(READS_MAX):
        seq = _seen(database, rules.symbol, shard, partitions)
        book = None if seq is None else book_orders.read(database, rules.symbol, seq, most)
        if book is not None and seq is not None:
            return _order_book_view(rules, book, seq, levels_max)
        time.sleep(READ_WAIT_S)
    raise Problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "not_yet_visible",
        f"the book of {rules.symbol} moves faster than it can be read order by order",
        headers={"Retry-After": "1"},
    )


def _seen(database: Database[Document], symbol: str, shard: int, partitions: int) -> int | None:
    """Return how far the book order by order has come where the market is fed from; ``None``: the book by
    price, which says where to look, has not come so far yet.
    """
    place = (EXECUTIONS, partition_of(symbol, partitions), shard)
    by_order, by_price = (_mark(database, name, place) for name in ("book_orders", "books"))
    return by_order if by_order <= by_price else None


def _mark(database: Database[Document], projection: str, place: tuple[str, int, int]) -> int:
    marks = progress.read(database, projection)
    return next((mark.seq for mark in marks if (mark.topic, mark.partition, mark.shard) == place), 0)


def _order_book_view(rules: MarketRules, book: Book, seq: int, levels_max: int) -> OrderBookView:
    return OrderBookView(
        rules.symbol,
        3,
        [_queue(rules, price, orders) for price, orders in book.bids[:levels_max]],
        [_queue(rules, price, orders) for price, orders in book.asks[:levels_max]],
        seq,
        checksums.of_orders(rules, book.bids, book.asks),
    )


def _queue(rules: MarketRules, price: int, orders: Sequence[BookOrder]) -> QueueView:
    return QueueView(
        price_of(rules, price),
        base_of(rules, sum(order.quantity for order in orders)),
        [BookOrderView(order.order_id, base_of(rules, order.quantity), order.joined) for order in orders],
    )
