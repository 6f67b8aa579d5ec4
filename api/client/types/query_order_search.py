"""What the APIs take and give: the structs of api.query.order_search.

Written by docs/client_source.py from it: do not edit.
"""

from datetime import datetime
from decimal import Decimal

import msgspec

from api.client.types.words import CancelReason, LegRole, OrderStatus, OrderType, SelfTrade, Side, TimeInForce


class OrderRow(msgspec.Struct, frozen=True, kw_only=True):
    """An order in a table: the fields of ``OrderView`` that are one value each. What a rejected order was
    sent with need not be numbers, and stands in JSON only.
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
    quote_quantity: Decimal | None
    display_quantity: Decimal | None
    post_only: bool
    self_trade: SelfTrade
    session: str | None
    list_id: str | None
    role: LegRole | None
    expires_at: datetime | None
    filled: Decimal
    remaining: Decimal
    busted: Decimal
    average_price: Decimal | None
    notional: Decimal
    fees: Decimal
    fills_count: int
    cancel_reason: CancelReason | None
    rejection_code: str | None
    created_at: datetime
    updated_at: datetime
    shard: int
    seq: int
