"""What the query API answers about orders."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated, Any, Literal

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
from domain.event import Liquidity, Side, TriggerSource
from domain.market import MarketRules
from domain.order import CancelReason, OrderType, SelfTrade, TimeInForce
from domain.order_list import LegRole
from domain.rejections import CATALOGUE
from projections.projection import Document

OrderStatus = Literal["pending", "waiting", "open", "partially_filled", "filled", "cancelled", "rejected"]


class FillView(msgspec.Struct, frozen=True):
    """A trade's own side, as it was made, and what the venue has made of it since."""

    trade_id: int
    price: Price
    quantity: Decimal
    fee: Decimal
    liquidity: Liquidity
    filled_at: Time
    status: TradeStatus = "made"
    change: TradeChangeView | None = None


TriggerPrice = Annotated[
    str | None,
    Meta(
        examples=["58000"],
        description="As placed or last amended. A trailing trigger follows the best price since then, which "
        "does not show here: `fired_price` says where it stood in the end.",
    ),
]


class TriggerView(msgspec.Struct, frozen=True):
    """What a waiting order waits for: the ``source`` price at or beyond ``price``, on the side that ``fires``
    names.
    """

    price: TriggerPrice
    source: TriggerSource
    fires: Literal["at_or_above", "at_or_below"] | None = None
    trailing_offset: Price | None = None
    trailing_bps: int | None = None
    fired_price: Price | None = None
    fired_at: Time | None = None


class PreventedView(msgspec.Struct, frozen=True):
    """A trade with another order of the same account, which self-trade prevention kept from happening."""

    counter_order_id: str
    price: Price
    quantity: Decimal
    mode: SelfTrade
    prevented_at: Time


class RejectionView(msgspec.Struct, frozen=True):
    """Why the order was rejected: ``code`` is stable, ``remedy`` says what to do."""

    code: str
    detail: str
    remedy: str


QuoteQuantity = Annotated[
    str | None,
    Meta(
        examples=["250.5"],
        description="What a market order may spend, or is to earn: its `quantity` is what that came to.",
    ),
]


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
    symbol: SymbolName
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    status: OrderStatus
    price: Price | None
    quantity: Decimal | None
    quote_quantity: QuoteQuantity = None
    display_quantity: Decimal | None = None
    trigger: TriggerView | None = None
    post_only: bool
    self_trade: SelfTrade
    session: str | None = None
    list_id: str | None = None
    role: LegRole | None = None
    expires_at: Time | None = None
    filled: Decimal = "0"
    remaining: Decimal = "0"
    busted: Decimal = "0"
    average_price: Price | None = None
    notional: Decimal = "0"
    fees: Decimal = "0"
    fills: list[FillView] = []
    fills_count: int = 0
    prevented_trades: list[PreventedView] = []
    prevented_trades_count: int = 0
    cancel_reason: CancelReason | None = None
    rejection: RejectionView | None = None
    created_at: Time
    updated_at: Time
    shard: int
    seq: int


class OrdersPage(msgspec.Struct, frozen=True):
    """Newest first. ``next_cursor`` asks for the page after this one; ``null``: this was the last."""

    orders: list[OrderView]
    next_cursor: str | None


def order_view(order: Document, rules: MarketRules | None, changes: Sequence[Document] = ()) -> OrderView:
    """``rules`` may be ``None`` for a rejected order only: its market may not exist. ``changes``: to its
    trades.
    """
    about: dict[str, Any] = {
        "order_id": order["_id"],
        "created_at": time_of(order["created_at_us"]),
        "updated_at": time_of(order["updated_at_us"]),
        **{name: order[name] for name in _AS_IT_IS},
        **{name: order.get(name) for name in ("list_id", "role")},
    }
    if order["status"] == "rejected" or rules is None:
        return _rejected_view(order, about)
    by_trade = {change["trade_id"]: change for change in changes}
    return OrderView(
        **about,
        **_terms(order, rules),
        **_sums(order, rules, changes),
        fills=[_fill_view(fill, rules, by_trade.get(fill["trade_id"])) for fill in order["fills"]],
        fills_count=order["fills_count"],
        prevented_trades=[_prevented_view(one, rules) for one in order["prevented"]],
        prevented_trades_count=order["prevented_count"],
        cancel_reason=order.get("cancel_reason"),
    )


def _sums(order: Document, rules: MarketRules, changes: Sequence[Document]) -> dict[str, Any]:
    """Return what the order's fills come to, its busted and corrected trades taken into account."""
    busted = sum(change["busted"] for change in changes)
    notional = int(order["notional"]) + sum(int(change["notional_change"]) for change in changes)
    fees = int(order["fees"]) + sum(int(change["fees_change"]) for change in changes)
    return {
        "filled": base_of(rules, order["filled"]),
        "remaining": base_of(rules, order["remaining"]),
        "busted": base_of(rules, busted),
        "average_price": average_price(rules, notional, order["filled"] - busted),
        "notional": quote_of(rules, notional),
        "fees": quote_of(rules, fees),
    }


def _terms(order: Document, rules: MarketRules) -> dict[str, Any]:
    """Return what was asked for, amended since or not."""
    return {
        "price": given(price_of, rules, order["price"]),
        "quantity": base_of(rules, order["quantity"]),
        "quote_quantity": given(quote_of, rules, order["budget"]),
        "display_quantity": given(base_of, rules, order["display"]),
        "trigger": None if order["trigger"] is None else _trigger_view(order["trigger"], rules),
        "expires_at": time_given(order["expires_at_us"]),
    }


def _rejected_view(order: Document, about: dict[str, Any]) -> OrderView:
    sent = order["sent"]
    return OrderView(
        **about,
        price=sent["price"],
        quantity=sent["quantity"],
        quote_quantity=sent["quote_quantity"],
        display_quantity=sent["display_quantity"],
        trigger=_sent_trigger_view(sent),
        expires_at=_sent_time(sent["expires_at_us"]),
        rejection=RejectionView(order["code"], order["detail"], CATALOGUE[order["code"]].remedy),
    )


def _sent_trigger_view(sent: Document) -> TriggerView | None:
    price, offset, bps = sent["trigger_price"], sent["trailing_offset"], sent["trailing_bps"]
    if price is None and offset is None and bps is None:
        return None
    return TriggerView(
        price, sent["trigger_source"], trailing_offset=offset, trailing_bps=None if bps is None else int(bps)
    )


def _sent_time(us: str | None) -> str | None:
    """Return a time as it was sent; one beyond the years that times are written with is left out."""
    with suppress(OverflowError):
        return None if us is None else time_of(int(us))
    return None


def _trigger_view(trigger: Document, rules: MarketRules) -> TriggerView:
    return TriggerView(
        price_of(rules, trigger["price"]),
        trigger["source"],
        "at_or_above" if trigger["rising"] else "at_or_below",
        given(price_of, rules, trigger["trail"]),
        trigger["trail_bps"],
        given(price_of, rules, trigger["fired_price"]),
        time_given(trigger["fired_at_us"]),
    )


def _prevented_view(prevented: Document, rules: MarketRules) -> PreventedView:
    return PreventedView(
        prevented["counter_order_id"],
        price_of(rules, prevented["price"]),
        base_of(rules, prevented["quantity"]),
        prevented["mode"],
        time_of(prevented["prevented_at_us"]),
    )


_AS_IT_IS = (
    "account",
    "client_order_id",
    "symbol",
    "side",
    "order_type",
    "time_in_force",
    "post_only",
    "self_trade",
    "session",
    "status",
    "shard",
    "seq",
)


def _fill_view(fill: Document, rules: MarketRules, change: Document | None) -> FillView:
    return FillView(
        fill["trade_id"],
        price_of(rules, fill["price"]),
        base_of(rules, fill["quantity"]),
        quote_of(rules, int(fill["fee"])),
        fill["liquidity"],
        time_of(fill["filled_at_us"]),
        *trade_status(change, rules),
    )
