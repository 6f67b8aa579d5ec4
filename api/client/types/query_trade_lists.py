"""What the APIs take and give: the structs of api.query.trade_lists.

Written by docs/client_source.py from it: do not edit.
"""

from datetime import datetime
from decimal import Decimal

import msgspec

from api.client.types.query_trade_views import TradeChangeView
from api.client.types.words import Liquidity, Side, TradeStatus


class TradeRow(msgspec.Struct, frozen=True, kw_only=True):
    """A trade of a market, in a table. What was busted or corrected has a reason."""

    trade_id: int
    symbol: str
    price: Decimal
    quantity: Decimal
    taker_side: Side
    traded_at: datetime
    status: TradeStatus
    corrected_price: Decimal | None
    reason: str | None


class OwnTradeView(msgspec.Struct, frozen=True, kw_only=True):
    """An account's own side of a trade, as it was made, and what the venue has made of it since. ``notional``
    and ``fee`` are in the quote asset.
    """

    trade_id: int
    symbol: str
    order_id: str
    side: Side
    liquidity: Liquidity
    price: Decimal
    quantity: Decimal
    notional: Decimal
    fee: Decimal
    traded_at: datetime
    status: TradeStatus
    change: TradeChangeView | None


class OwnTradeRow(msgspec.Struct, frozen=True, kw_only=True):
    """An account's own side of a trade, in a table."""

    account: str
    trade_id: int
    symbol: str
    order_id: str
    side: Side
    liquidity: Liquidity
    price: Decimal
    quantity: Decimal
    notional: Decimal
    fee: Decimal
    traded_at: datetime
    status: TradeStatus
    corrected_price: Decimal | None
    reason: str | None


class OwnTradesPage(msgspec.Struct, frozen=True, kw_only=True):
    """Newest first. ``next_cursor`` asks for the page after this one; ``null``: this was the last."""

    account: str
    trades: list[OwnTradeView]
    next_cursor: str | None
