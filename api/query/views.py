"""What the query API answers. Prices, quantities and amounts are decimal strings; times are UTC, RFC 3339."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from api.query.decimals import (
    Decimal,
    Price,
    SymbolName,
    Time,
    average_price,
    base_of,
    given,
    price_of,
    quote_of,
    time_given,
    time_of,
)
from api.query.trade_views import TradeChangeView, TradeStatus, trade_status
from domain.control import AccountStatus, MarketStatus, VenueStatus
from domain.event import Side
from domain.market import MarketRules
from domain.numbers import format_units
from domain.statuses import STRICTER
from projections import markets
from projections.projection import Document


class BalanceView(msgspec.Struct, frozen=True):
    """``total`` is available plus held. Summed over the shards the account trades on."""

    asset: Annotated[str, Meta(examples=["BTC"])]
    available: Decimal
    held: Decimal
    total: Decimal


class BalancesView(msgspec.Struct, frozen=True):
    account: str
    balances: list[BalanceView]


class PositionView(msgspec.Struct, frozen=True):
    """What trading left the account with: ``quantity`` is negative for a short position. ``realised_pnl`` is
    by average cost and before ``fees``; ``net_realised_pnl`` after them. All but quantity in the quote asset.
    """

    symbol: SymbolName
    quantity: Decimal
    average_cost: Price | None
    cost: Decimal
    realised_pnl: Decimal
    fees: Decimal
    net_realised_pnl: Decimal
    fills_count: int
    updated_at: Time


class PositionsView(msgspec.Struct, frozen=True):
    account: str
    positions: list[PositionView]


class AccountShardView(msgspec.Struct, frozen=True):
    shard: int
    status: AccountStatus


class AccountView(msgspec.Struct, frozen=True):
    """What the account may do: ``reduce_only``: only sell; ``cancel_only``: place no orders; ``suspended``:
    nor send funds out. ``changed_at`` is ``null`` while it was never changed. Where shards differ, the
    strictest status is told, and ``shards`` has that of each.
    """

    account: str
    status: AccountStatus
    reason: str
    actor: str
    opened_at: Time
    changed_at: Time | None
    shards: list[AccountShardView] = msgspec.field(default_factory=list)


class VenueView(msgspec.Struct, frozen=True):
    """What the venue takes on all markets of a shard; what never changed is open, and not named."""

    shard: int
    status: VenueStatus
    reason: str
    actor: str
    changed_at: Time


class VenuesView(msgspec.Struct, frozen=True):
    shards: list[VenueView]


class MarketView(msgspec.Struct, frozen=True):
    """A market's rules and prices. Fees are parts per million of a fill's notional; ``market_buffer_ppm`` is
    how far beyond its trigger price a waiting market buy holds funds; ``session_end_s`` the second of the UTC
    day on which day orders end. ``max_open_orders``: of one account; the bands: how far from the mark price
    (or else the last) an order of that side may be priced, in parts per million; 0: no limit.
    ``max_position``: that of each account without a limit of its own, ``null`` if there is none. ``status``:
    the market's own, whatever the venue's is. A price is ``null`` before the first trade, or mark price.
    ``shard``: where it trades, and whose balances it trades with.
    """

    symbol: SymbolName
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
    status_changed_at: Time | None
    max_position: Decimal | None
    last_price: Price | None
    last_traded_at: Time | None
    mark_price: Price | None
    marked_at: Time | None
    shard: int


class MarketsView(msgspec.Struct, frozen=True):
    markets: list[MarketView]


class TradeView(msgspec.Struct, frozen=True):
    """A trade as it was made, and what the venue has made of it since."""

    trade_id: int
    price: Price
    quantity: Decimal
    taker_side: Side
    traded_at: Time
    status: TradeStatus = "made"
    change: TradeChangeView | None = None


class TradesView(msgspec.Struct, frozen=True):
    """Newest first. ``next_cursor`` is ``null`` on the last page."""

    symbol: SymbolName
    trades: list[TradeView]
    next_cursor: str | None = None


def balance_view(asset: str, available: int, held: int, scale: int) -> BalanceView:
    shown = (format_units(units, scale) for units in (available, held, available + held))
    return BalanceView(asset, *shown)


def account_view(*by_shard: Document) -> AccountView:
    """Return an account as the shards it is open on have it."""
    account = max(by_shard, key=lambda document: STRICTER.index(document["status"]))
    return AccountView(
        account["account"],
        account["status"],
        account["reason"],
        account["actor"],
        time_of(account["opened_at_us"]),
        time_given(account["changed_at_us"]),
        [AccountShardView(each["shard"], each["status"]) for each in by_shard],
    )


def venue_view(shard: Document) -> VenueView:
    return VenueView(
        shard["shard"], shard["status"], shard["reason"], shard["actor"], time_of(shard["changed_at_us"])
    )


def position_view(position: Document, rules: MarketRules) -> PositionView:
    quantity, cost = int(position["quantity"]), int(position["cost"])
    realised, fees = int(position["realised"]), int(position["fees"])
    return PositionView(
        position["symbol"],
        base_of(rules, quantity),
        average_price(rules, cost, quantity),
        quote_of(rules, cost),
        quote_of(rules, realised),
        quote_of(rules, fees),
        quote_of(rules, realised - fees),
        position["fills"],
        time_of(position["changed_at_us"]),
    )


def market_view(market: Document) -> MarketView:
    rules = markets.rules_of(market)
    return MarketView(
        rules.symbol,
        rules.base_asset,
        rules.quote_asset,
        price_of(rules, rules.tick),
        base_of(rules, rules.lot),
        base_of(rules, rules.min_quantity),
        base_of(rules, rules.max_quantity),
        quote_of(rules, rules.min_notional),
        rules.maker_fee_ppm,
        rules.taker_fee_ppm,
        rules.market_buffer_ppm,
        rules.session_end_s,
        rules.max_open_orders,
        rules.buy_band_up_ppm,
        rules.buy_band_down_ppm,
        rules.sell_band_up_ppm,
        rules.sell_band_down_ppm,
        market["status"],
        market["status_reason"],
        time_given(market["status_changed_at_us"]),
        given(base_of, rules, rules.max_position or None),
        given(price_of, rules, market["last_price"]),
        time_given(market["traded_at_us"]),
        given(price_of, rules, market["mark_price"]),
        time_given(market["marked_at_us"]),
        market["shard"],
    )


def trade_view(trade: Document, rules: MarketRules, change: Document | None = None) -> TradeView:
    return TradeView(
        trade["trade_id"],
        price_of(rules, trade["price"]),
        base_of(rules, trade["quantity"]),
        trade["taker_side"],
        time_of(trade["traded_at_us"]),
        *trade_status(change, rules),
    )
