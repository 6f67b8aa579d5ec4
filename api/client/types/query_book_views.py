"""What the APIs take and give: the structs of api.query.book_views.

Written by docs/client_source.py from it: do not edit.
"""

from decimal import Decimal
from typing import Literal

import msgspec


class LevelView(msgspec.Struct, frozen=True, kw_only=True):
    """What shows at one price, icebergs' hidden parts not counted."""

    price: Decimal
    quantity: Decimal


class BookView(msgspec.Struct, frozen=True, kw_only=True):
    """What is bid and asked by price, best first. ``level`` 1 has the best price of each side only; its
    checksum is that of level 2.
    """

    symbol: str
    level: Literal[1, 2]
    bids: list[LevelView]
    asks: list[LevelView]
    seq: int
    checksum: int


class BookOrderView(msgspec.Struct, frozen=True, kw_only=True):
    """An order as it shows. ``joined``: the event that put it at the end of the queue: its priority."""

    order_id: str
    quantity: Decimal
    joined: int


class QueueView(msgspec.Struct, frozen=True, kw_only=True):
    """All that shows at one price; ``orders`` in the order in which they trade."""

    price: Decimal
    quantity: Decimal
    orders: list[BookOrderView]


class OrderBookView(msgspec.Struct, frozen=True, kw_only=True):
    """The book order by order, best price first."""

    symbol: str
    level: Literal[3]
    bids: list[QueueView]
    asks: list[QueueView]
    seq: int
    checksum: int
