"""What the APIs take and give: the structs of api.query.order_views.

Written by docs/client_source.py from it: do not edit.
"""

from datetime import datetime
from decimal import Decimal
from typing import Literal

import msgspec

from api.client.types.query_trade_views import TradeChangeView
from api.client.types.words import (
    CancelReason,
    LegRole,
    Liquidity,
    OrderStatus,
    OrderType,
    SelfTrade,
    Side,
    TimeInForce,
    TradeStatus,
    TriggerSource,
)


class FillView(msgspec.Struct, frozen=True, kw_only=True):
    """A trade's own side, as it was made, and what the venue has made of it since."""

    trade_id: int
    price: Decimal
    quantity: Decimal
    fee: Decimal
    liquidity: Liquidity
    filled_at: datetime
    status: TradeStatus = "made"
    change: TradeChangeView | None = None


class TriggerView(msgspec.Struct, frozen=True, kw_only=True):
    """What a waiting order waits for: the ``source`` price at or beyond ``price``, on the side that ``fires``
    names.
    """

    price: Decimal | None
    source: TriggerSource
    fires: Literal["at_or_above", "at_or_below"] | None = None
    trailing_offset: Decimal | None = None
    trailing_bps: int | None = None
    fired_price: Decimal | None = None
    fired_at: datetime | None = None


class PreventedView(msgspec.Struct, frozen=True, kw_only=True):
    """A trade with another order of the same account, which self-trade prevention kept from happening."""

    counter_order_id: str
    price: Decimal
    quantity: Decimal
    mode: SelfTrade
    prevented_at: datetime


class RejectionView(msgspec.Struct, frozen=True, kw_only=True):
    """Why the order was rejected: ``code`` is stable, ``remedy`` says what to do."""

    code: str
    detail: str
    remedy: str


class OrderView(msgspec.Struct, frozen=True, kw_only=True):
    """An order as it stands. ``fills`` are its latest, at most 50, and ``prevented_trades`` at most 10; the
    counts count all. ``fees`` are in the quote asset. Of ``filled``, ``busted`` counts as never traded;
    ``notional``, ``fees`` and ``average_price`` are of what counts, at corrected prices. ``null``: not asked
    for. A rejected order shows what was sent, as it was sent. ``list_id``, ``role``: the order list it is a
    leg of; a ``pending`` leg is not in force yet, and once it is, its ``quantity`` is as much as the working
    leg has filled.
    """

    order_id: str
    account: str
    client_order_id: str
    symbol: str
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    status: OrderStatus
    price: Decimal | None
    quantity: Decimal | None
    quote_quantity: Decimal | None = None
    display_quantity: Decimal | None = None
    trigger: TriggerView | None = None
    post_only: bool
    self_trade: SelfTrade
    session: str | None = None
    list_id: str | None = None
    role: LegRole | None = None
    expires_at: datetime | None = None
    filled: Decimal = Decimal(0)
    remaining: Decimal = Decimal(0)
    busted: Decimal = Decimal(0)
    average_price: Decimal | None = None
    notional: Decimal = Decimal(0)
    fees: Decimal = Decimal(0)
    fills: list[FillView] = msgspec.field(default_factory=list)
    fills_count: int = 0
    prevented_trades: list[PreventedView] = msgspec.field(default_factory=list)
    prevented_trades_count: int = 0
    cancel_reason: CancelReason | None = None
    rejection: RejectionView | None = None
    created_at: datetime
    updated_at: datetime
    shard: int
    seq: int


class OrdersPage(msgspec.Struct, frozen=True, kw_only=True):
    """Newest first. ``next_cursor`` asks for the page after this one; ``null``: this was the last."""

    orders: list[OrderView]
    next_cursor: str | None
