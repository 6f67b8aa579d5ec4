"""What a replayed exchange had: an order, an account, a market, a book, as of where it was replayed to."""

from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from domain.account import FEES
from domain.accounts import Account
from domain.book import BookSide, Order
from domain.event import Side
from domain.exchange import Exchange
from domain.markets import Market
from streams.audit.sentences import limits_shown
from streams.audit.states import rules_shown
from streams.audit.steps import Decimal, State
from streams.audit.units import Units, time_of

Level = Literal[2, 3]


class QueuePlace(msgspec.Struct, frozen=True):
    """Where an order rests: how many orders, showing how much, trade before it on its side of the book."""

    orders_ahead: int
    quantity_ahead: Decimal
    shown: Decimal


class OrderAsOf(msgspec.Struct, frozen=True):
    """An order that was open. ``held``: what its account held for it, in what it pays with.
    ``trigger_price``: where the trigger it waited for stood, which follows the market if it trails.
    """

    order_id: str
    account: str
    client_order_id: str
    symbol: str
    side: Side
    order_type: str
    time_in_force: str
    price: Decimal | None
    quantity: Decimal
    remaining: Decimal
    held: Decimal
    trigger_price: Decimal | None = None
    expires_at: str | None = None
    list_id: str | None = None
    queue: QueuePlace | None = None


class BalanceAsOf(msgspec.Struct, frozen=True):
    asset: str
    available: Decimal
    held: Decimal


class PositionAsOf(msgspec.Struct, frozen=True):
    """``quantity`` is negative where it is short; ``cost``: what opening it cost, or brought."""

    symbol: str
    quantity: Decimal
    cost: Decimal


class AccountAsOf(msgspec.Struct, frozen=True):
    account: str
    status: str
    group: str | None
    balances: list[BalanceAsOf]
    positions: list[PositionAsOf]
    limits: State
    open_orders: list[OrderAsOf]
    open_orders_count: int


class MarketAsOf(msgspec.Struct, frozen=True):
    symbol: str
    status: str
    venue_status: str
    rules: State
    last_price: Decimal | None
    mark_price: Decimal | None
    last_trade_id: int
    best_bid: Decimal | None
    best_ask: Decimal | None
    changed_trades: list[int]


class RestingOrder(msgspec.Struct, frozen=True):
    """One order of the book (L3), in the order in which they trade. ``hidden``: what an iceberg has beside
    what it shows.
    """

    order_id: str
    account: str
    quantity: Decimal
    hidden: Decimal


class BookLevel(msgspec.Struct, frozen=True):
    price: Decimal
    quantity: Decimal
    orders_count: int
    orders: list[RestingOrder] | None = None


class BookAsOf(msgspec.Struct, frozen=True):
    """The whole depth, best first; ``orders`` with level 3 only."""

    symbol: str
    level: Annotated[Level, Meta(examples=[2])]
    bids: list[BookLevel]
    asks: list[BookLevel]


ORDERS_MAX = 1_000  # of one account, shown with it


def units_of(exchange: Exchange) -> Units:
    units = Units(())
    for market in exchange.markets.values():
        units.add(market.rules)
    return units


def order_as_of(exchange: Exchange, order_id: str) -> OrderAsOf | None:
    """Return the order if it was open; its own history tells what became of it otherwise."""
    order = exchange.orders.get(order_id)
    return None if order is None else _order(exchange, units_of(exchange), order, with_queue=True)


def account_as_of(exchange: Exchange, name: str) -> AccountAsOf | None:
    account = exchange.accounts.get(name)
    if account is None or (name == FEES and not account.balances):
        return None
    units = units_of(exchange)
    orders = list(account.orders.values())
    return AccountAsOf(
        account=name,
        status=account.status,
        group=account.group,
        balances=[
            BalanceAsOf(asset, units.amount(asset, balance.available), units.amount(asset, balance.held))
            for asset, balance in sorted(account.balances.items())
        ],
        positions=_positions(account, units),
        limits={} if account.limits is None else dict(limits_shown(account.limits, units)),
        open_orders=[_order(exchange, units, order) for order in orders[:ORDERS_MAX]],
        open_orders_count=len(orders),
    )


def _positions(account: Account, units: Units) -> list[PositionAsOf]:
    return [
        PositionAsOf(symbol, units.base(symbol, position.quantity), units.quote(symbol, position.cost))
        for symbol, position in sorted(account.positions.items())
    ]


def market_as_of(exchange: Exchange, symbol: str) -> MarketAsOf | None:
    market = exchange.markets.get(symbol)
    if market is None:
        return None
    units = units_of(exchange)
    prices = (
        market.last_price,
        market.mark_price,
        market.book.bids.best_price(),
        market.book.asks.best_price(),
    )
    last, mark, bid, ask = (None if price is None else units.price(symbol, price) for price in prices)
    return MarketAsOf(
        symbol=symbol,
        status=market.status,
        venue_status=exchange.venue_status,
        rules=rules_shown(market.rules, units),
        last_price=last,
        mark_price=mark,
        last_trade_id=market.last_trade_id,
        best_bid=bid,
        best_ask=ask,
        changed_trades=sorted(market.changed_trades),
    )


def book_as_of(exchange: Exchange, symbol: str, level: Level = 2) -> BookAsOf | None:
    market = exchange.markets.get(symbol)
    if market is None:
        return None
    units = units_of(exchange)
    bids, asks = (list(_levels(market, side, units, level)) for side in (market.book.bids, market.book.asks))
    return BookAsOf(symbol, level, bids, asks)


def _levels(market: Market, side: BookSide, units: Units, level: Level) -> Iterator[BookLevel]:
    symbol = market.symbol
    for each in side.best_first():
        orders = [
            RestingOrder(
                order.order_id,
                order.account,
                units.base(symbol, order.shown),
                units.base(symbol, order.remaining - order.shown),
            )
            for order in each
        ]
        yield BookLevel(
            units.price(symbol, each.price),
            units.base(symbol, each.quantity),
            len(orders),
            orders if level == 3 else None,
        )


def _order(exchange: Exchange, units: Units, order: Order, *, with_queue: bool = False) -> OrderAsOf:
    symbol, trigger = order.symbol, order.trigger
    return OrderAsOf(
        order_id=order.order_id,
        account=order.account,
        client_order_id=order.client_order_id,
        symbol=symbol,
        side=order.side,
        order_type=order.order_type,
        time_in_force=order.time_in_force,
        price=None if order.price is None else units.price(symbol, order.price),
        quantity=units.base(symbol, order.quantity),
        remaining=units.base(symbol, order.remaining),
        held=(units.quote if order.side == "buy" else units.base)(symbol, order.held),
        trigger_price=None if trigger is None else units.price(symbol, trigger.price),
        expires_at=time_of(order.expires_at_us) if order.expires_at_us else None,
        list_id=order.list_id or None,
        queue=_place(exchange.markets[symbol], units, order) if with_queue else None,
    )


def _place(market: Market, units: Units, order: Order) -> QueuePlace | None:
    """Count what trades before the order: all better prices, and at its own what came before it."""
    if order.level is None:
        return None
    orders_ahead = quantity_ahead = 0
    for level in market.book.side(order.side).best_first():
        for other in level:
            if other is order:
                shown = units.base(order.symbol, order.shown)
                return QueuePlace(orders_ahead, units.base(order.symbol, quantity_ahead), shown)
            orders_ahead += 1
            quantity_ahead += other.shown
    return None
