"""What the query API answers. Prices, quantities and amounts are decimal strings; times are UTC, RFC 3339."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from api.query.decimals import average_price, base_of, price_of, quote_of, time_of
from domain.event import Liquidity, Side
from domain.market import MarketRules
from domain.numbers import format_units
from domain.order import OrderType, TimeInForce
from domain.rejections import CATALOGUE
from projections import books
from projections.projection import Document

OrderStatus = Literal["open", "partially_filled", "filled", "cancelled", "rejected"]
Decimal = Annotated[str, Meta(examples=["1.25"], description="A decimal number.")]
Price = Annotated[str, Meta(examples=["60000.01"], description="A decimal number, in the quote asset.")]
Time = Annotated[str, Meta(examples=["2026-01-31T12:00:00.000001Z"], description="UTC, RFC 3339.")]
SymbolName = Annotated[str, Meta(examples=["BTC-USD"])]


class FillView(msgspec.Struct, frozen=True):
    trade_id: int
    price: Price
    quantity: Decimal
    fee: Decimal
    liquidity: Liquidity
    filled_at: Time


class RejectionView(msgspec.Struct, frozen=True):
    """Why the order was rejected: ``code`` is stable, ``remedy`` says what to do."""

    code: str
    detail: str
    remedy: str


class OrderView(msgspec.Struct, frozen=True, kw_only=True):
    """An order as it stands. ``fills`` are its latest, at most 50; ``fills_count`` counts all. ``fees`` are
    in the quote asset. A rejected order shows price and quantity as they were sent.
    """

    order_id: str
    account: str
    client_order_id: str
    symbol: SymbolName
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    status: OrderStatus
    price: Price | None
    quantity: Decimal
    filled: Decimal = "0"
    remaining: Decimal = "0"
    average_price: Price | None = None
    notional: Decimal = "0"
    fees: Decimal = "0"
    fills: list[FillView] = []
    fills_count: int = 0
    cancel_reason: str | None = None
    rejection: RejectionView | None = None
    created_at: Time
    updated_at: Time
    shard: int
    seq: int


class OrdersPage(msgspec.Struct, frozen=True):
    """Newest first. ``next_cursor`` asks for the page after this one; ``null``: this was the last."""

    orders: list[OrderView]
    next_cursor: str | None


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


class MarketView(msgspec.Struct, frozen=True):
    """A market's rules. Fees are parts per million of a fill's notional."""

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


class MarketsView(msgspec.Struct, frozen=True):
    markets: list[MarketView]


class LevelView(msgspec.Struct, frozen=True):
    price: Price
    quantity: Decimal


class BookView(msgspec.Struct, frozen=True):
    """Best prices first. ``seq`` is that of the last event that changed the book."""

    symbol: SymbolName
    bids: list[LevelView]
    asks: list[LevelView]
    seq: int


class TradeView(msgspec.Struct, frozen=True):
    trade_id: int
    price: Price
    quantity: Decimal
    taker_side: Side
    traded_at: Time


class TradesView(msgspec.Struct, frozen=True):
    """Newest first."""

    symbol: SymbolName
    trades: list[TradeView]


def order_view(order: Document, rules: MarketRules | None) -> OrderView:
    """``rules`` may be ``None`` for a rejected order only: its market may not exist."""
    about: dict[str, Any] = {
        "order_id": order["_id"],
        "created_at": time_of(order["created_at_us"]),
        "updated_at": time_of(order["updated_at_us"]),
        **{name: order[name] for name in _AS_IT_IS},
    }
    if order["status"] == "rejected" or rules is None:
        reason = RejectionView(order["code"], order["detail"], CATALOGUE[order["code"]].remedy)
        return OrderView(
            **about, price=order["sent_price"], quantity=order["sent_quantity"], rejection=reason
        )
    return OrderView(
        **about,
        price=None if order["price"] is None else price_of(rules, order["price"]),
        quantity=base_of(rules, order["quantity"]),
        filled=base_of(rules, order["filled"]),
        remaining=base_of(rules, order["remaining"]),
        average_price=average_price(rules, int(order["notional"]), order["filled"]),
        notional=quote_of(rules, int(order["notional"])),
        fees=quote_of(rules, int(order["fees"])),
        fills=[_fill_view(fill, rules) for fill in order["fills"]],
        fills_count=order["fills_count"],
        cancel_reason=order.get("cancel_reason"),
    )


_AS_IT_IS = (
    "account",
    "client_order_id",
    "symbol",
    "side",
    "order_type",
    "time_in_force",
    "status",
    "shard",
    "seq",
)


def _fill_view(fill: Document, rules: MarketRules) -> FillView:
    return FillView(
        fill["trade_id"],
        price_of(rules, fill["price"]),
        base_of(rules, fill["quantity"]),
        quote_of(rules, int(fill["fee"])),
        fill["liquidity"],
        time_of(fill["filled_at_us"]),
    )


def balance_view(asset: str, available: int, held: int, scale: int) -> BalanceView:
    shown = (format_units(units, scale) for units in (available, held, available + held))
    return BalanceView(asset, *shown)


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


def market_view(rules: MarketRules) -> MarketView:
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
    )


def book_view(rules: MarketRules, book: Document | None, levels_max: int) -> BookView:
    if book is None:
        return BookView(rules.symbol, [], [], 0)
    bids, asks = (
        [
            LevelView(price_of(rules, price), base_of(rules, quantity))
            for price, quantity in books.best_levels(book, side, levels_max)
        ]
        for side in ("buy", "sell")
    )
    return BookView(rules.symbol, bids, asks, book["seq"])


def trade_view(trade: Document, rules: MarketRules) -> TradeView:
    return TradeView(
        trade["trade_id"],
        price_of(rules, trade["price"]),
        base_of(rules, trade["quantity"]),
        trade["taker_side"],
        time_of(trade["traded_at_us"]),
    )
