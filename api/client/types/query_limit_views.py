"""What the APIs take and give: the structs of api.query.limit_views.

Written by docs/client_source.py from it: do not edit.
"""

from datetime import datetime
from decimal import Decimal

import msgspec


class AssetLimitsView(msgspec.Struct, frozen=True, kw_only=True):
    """Limits and use in one quote asset. ``net_today``: realised PnL less fees of this UTC day; negative is a
    loss. A limit that is ``null`` does not exist.
    """

    asset: str
    max_order_notional: Decimal | None
    max_open_notional: Decimal | None
    open_notional: Decimal
    daily_loss: Decimal | None
    net_today: Decimal


class MarketLimitsView(msgspec.Struct, frozen=True, kw_only=True):
    """Limit and use on one market, in its base asset. ``max_position`` is the account's own, or else the
    market's. ``bought_at_most``: the position if all open buy orders traded; ``sold_at_most`` the same for a
    short position and sell orders.
    """

    symbol: str
    max_position: Decimal | None
    position: Decimal
    bought_at_most: Decimal
    sold_at_most: Decimal


class LimitsView(msgspec.Struct, frozen=True, kw_only=True):
    """``order_rate``: orders a second. ``orders_counted``: how many open orders the use is summed up from;
    ``complete`` says whether these are all. A trailing order counts with the trigger it was placed with.
    """

    account: str
    order_rate: int | None
    assets: list[AssetLimitsView]
    markets: list[MarketLimitsView]
    orders_counted: int
    complete: bool
    changed_at: datetime | None
