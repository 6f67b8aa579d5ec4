"""What the APIs take and give: the structs of api.query.analytics.

Written by docs/client_source.py from it: do not edit.
"""

from datetime import date
from decimal import Decimal

import msgspec

from api.client.types.words import OrderStatus, OrderType, Side


class TradeFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What the trades of a group came to. ``volume`` in the base asset, ``notional`` and ``fees`` in the
    quote asset; ``vwap``: notional by volume. ``null``: not grouped by it.
    """

    day: date | None
    symbol: str
    account: str | None
    side: Side | None
    count: int
    volume: Decimal
    notional: Decimal
    fees: Decimal
    vwap: Decimal | None


class FeeFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What was paid in fees by a group, and for how many fills of which notional; in ``asset``. ``null``: not
    grouped by it.
    """

    day: date | None
    asset: str
    symbol: str | None
    account: str | None
    side: Side | None
    fills: int
    notional: Decimal
    fees: Decimal


class OrderFigures(msgspec.Struct, frozen=True, kw_only=True):
    """How many orders a group has, created on those days, and what became of them. Amounts are ``null`` for
    markets that are not listed: all that was asked for there was rejected. ``null``: not grouped by it.
    """

    day: date | None
    symbol: str
    account: str | None
    side: Side | None
    order_type: OrderType | None
    status: OrderStatus | None
    count: int
    quantity: Decimal | None
    filled: Decimal | None
    notional: Decimal | None
    fees: Decimal | None
    vwap: Decimal | None


class TradeFiguresView(msgspec.Struct, frozen=True, kw_only=True):
    figures: list[TradeFigures]


class FeeFiguresView(msgspec.Struct, frozen=True, kw_only=True):
    figures: list[FeeFigures]


class OrderFiguresView(msgspec.Struct, frozen=True, kw_only=True):
    figures: list[OrderFigures]
