"""What the APIs take and give: the structs of api.query.views.

Written by docs/client_source.py from it: do not edit.
"""

from datetime import datetime
from decimal import Decimal
from typing import Literal

import msgspec

from api.client.types.query_trade_views import TradeChangeView
from api.client.types.words import AccountStatus, MarketStatus, Side, TradeStatus, VenueStatus


class BalanceView(msgspec.Struct, frozen=True, kw_only=True):
    """``total`` is available plus held. Summed over the shards the account trades on."""

    asset: str
    available: Decimal
    held: Decimal
    total: Decimal


class BalancesView(msgspec.Struct, frozen=True, kw_only=True):
    account: str
    balances: list[BalanceView]


class PositionView(msgspec.Struct, frozen=True, kw_only=True):
    """What trading left the account with: ``quantity`` is negative for a short position. ``realised_pnl`` is
    by average cost and before ``fees``; ``net_realised_pnl`` after them. All but quantity in the quote asset.
    """

    symbol: str
    quantity: Decimal
    average_cost: Decimal | None
    cost: Decimal
    realised_pnl: Decimal
    fees: Decimal
    net_realised_pnl: Decimal
    fills_count: int
    updated_at: datetime


class PositionsView(msgspec.Struct, frozen=True, kw_only=True):
    account: str
    positions: list[PositionView]


class AccountShardView(msgspec.Struct, frozen=True, kw_only=True):
    shard: int
    status: AccountStatus


class AccountView(msgspec.Struct, frozen=True, kw_only=True):
    """What the account may do: ``reduce_only``: only sell; ``cancel_only``: place no orders; ``suspended``:
    nor send funds out. ``changed_at`` is ``null`` while it was never changed. Where shards differ, the
    strictest status is told, and ``shards`` has that of each.
    """

    account: str
    status: AccountStatus
    reason: str
    actor: str
    opened_at: datetime
    changed_at: datetime | None
    shards: list[AccountShardView] = msgspec.field(default_factory=list)


class VenueView(msgspec.Struct, frozen=True, kw_only=True):
    """What the venue takes on all markets of a shard; what never changed is open, and not named."""

    shard: int
    status: VenueStatus
    reason: str
    actor: str
    changed_at: datetime


class VenuesView(msgspec.Struct, frozen=True, kw_only=True):
    shards: list[VenueView]


class MarketView(msgspec.Struct, frozen=True, kw_only=True):
    """A market's rules and prices. Fees are parts per million of a fill's notional; ``market_buffer_ppm`` is
    how far beyond its trigger price a waiting market buy holds funds; ``session_end_s`` the second of the UTC
    day on which day orders end. ``max_open_orders``: of one account; the bands: how far from the mark price
    (or else the last) an order of that side may be priced, in parts per million; 0: no limit.
    ``max_position``: that of each account without a limit of its own, ``null`` if there is none. ``status``:
    the market's own, whatever the venue's is. A price is ``null`` before the first trade, or mark price.
    ``shard``: where it trades, and whose balances it trades with.
    """

    symbol: str
    base_asset: str
    quote_asset: str
    tick_size: Decimal
    lot_size: Decimal
    min_quantity: Decimal
    max_quantity: Decimal
    min_notional: Decimal
    maker_fee_ppm: int
    taker_fee_ppm: int
    market_buffer_ppm: int
    session_end_s: int
    max_open_orders: int
    buy_band_up_ppm: int
    buy_band_down_ppm: int
    sell_band_up_ppm: int
    sell_band_down_ppm: int
    status: MarketStatus | Literal["delisted"]
    status_reason: str
    status_changed_at: datetime | None
    max_position: Decimal | None
    last_price: Decimal | None
    last_traded_at: datetime | None
    mark_price: Decimal | None
    marked_at: datetime | None
    shard: int


class MarketsView(msgspec.Struct, frozen=True, kw_only=True):
    markets: list[MarketView]


class TradeView(msgspec.Struct, frozen=True, kw_only=True):
    """A trade as it was made, and what the venue has made of it since."""

    trade_id: int
    price: Decimal
    quantity: Decimal
    taker_side: Side
    traded_at: datetime
    status: TradeStatus = "made"
    change: TradeChangeView | None = None


class TradesView(msgspec.Struct, frozen=True, kw_only=True):
    """Newest first. ``next_cursor`` is ``null`` on the last page."""

    symbol: str
    trades: list[TradeView]
    next_cursor: str | None = None
