"""Checksums of books, so that whoever keeps one by events or by a stream can tell that it is right.

The definition (see docs/books.md) works on the decimals that everybody sees, so that it is the same for
whoever applies the events and for whoever reads the API. It is the CRC-32 of zlib, PNG and Ethernet,
unsigned, of a text that names the best levels by turns: the best bid, the best ask, the second bid ...
"""

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from zlib import crc32

from domain.market import MarketRules
from domain.numbers import format_units
from projections.book_orders import BookOrder

LEVELS = 25
LEVELS_OF_ORDERS = 10

Levels = Sequence[tuple[int, int]]
Queues = Sequence[tuple[int, Sequence[BookOrder]]]


def of_levels(rules: MarketRules, bids: Levels, asks: Levels) -> int:
    """Return the checksum of an L1 or L2 book, of its best 25 levels: "price:quantity" of each."""
    by_turns = _by_turns([_level(rules, *bid) for bid in bids], [_level(rules, *ask) for ask in asks], LEVELS)
    return crc32(":".join(by_turns).encode())


def of_orders(rules: MarketRules, bids: Queues, asks: Queues) -> int:
    """Return the checksum of an L3 book, of its best 10 levels: "order_id:price:quantity" of each order, in
    the order in which they trade.
    """
    by_turns = _by_turns(
        [_queue(rules, orders) for _, orders in bids],
        [_queue(rules, orders) for _, orders in asks],
        LEVELS_OF_ORDERS,
    )
    return crc32(":".join(by_turns).encode())


def _by_turns(bids: Sequence[str], asks: Sequence[str], levels_max: int) -> Iterator[str]:
    for bid, ask in zip_longest(bids[:levels_max], asks[:levels_max]):
        yield from (text for text in (bid, ask) if text is not None)


def _level(rules: MarketRules, price: int, quantity: int) -> str:
    return f"{format_units(price, rules.price_scale)}:{format_units(quantity, rules.base_scale)}"


def _queue(rules: MarketRules, orders: Sequence[BookOrder]) -> str:
    return ":".join(f"{order.order_id}:{_level(rules, order.price, order.quantity)}" for order in orders)
