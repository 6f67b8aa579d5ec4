"""What the APIs take and give: the structs of api.query.order_events.

Written by docs/client_source.py from it: do not edit.
"""

from datetime import datetime
from decimal import Decimal

import msgspec

from api.client.types.words import Liquidity, What


class OrderEventView(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened. ``price``, ``quantity``: of the order as amended, of the fill, of the trade
    that was prevented, or corrected; what was cancelled. ``reason``: why it was rejected or cancelled, or a
    trade was changed. What does not apply is ``null``.
    """

    what: What
    happened_at: datetime
    price: Decimal | None = None
    quantity: Decimal | None = None
    trigger_price: Decimal | None = None
    trade_id: int | None = None
    fee: Decimal | None = None
    liquidity: Liquidity | None = None
    reason: str | None = None


class OrderEventsView(msgspec.Struct, frozen=True, kw_only=True):
    """Oldest first. ``complete``: nothing was left out; else the order's fills, amendments or prevented
    trades are the latest of more.
    """

    order_id: str
    account: str
    events: list[OrderEventView]
    complete: bool
