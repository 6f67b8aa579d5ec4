"""Evolution: what the facts of an order do to the books, to what waits, and to the state hash."""

from heapq import heappush
from typing import TYPE_CHECKING

from msgspec.structs import astuple

from domain import order_lists
from domain.accounts import Account
from domain.book import Order
from domain.event import TriggerSource
from domain.exposure import counted
from domain.limits import count_order
from domain.market import MarkPriceSet
from domain.markets import Market
from domain.order import (
    OrderAmended,
    OrderCancelled,
    OrderFilled,
    OrderPlaced,
    OrderRejected,
    OrderTriggered,
    TradePrevented,
    Trigger,
)
from domain.positions import day_of, position_filled

if TYPE_CHECKING:
    from domain.exchange import Exchange


def order_placed(exchange: "Exchange", event: OrderPlaced) -> None:
    """Its own trades follow as events of their own: until they have come, it rests beside what it meets."""
    order, resting, trigger, pending = _order_of(event)
    market = exchange.markets[order.symbol]
    exchange.orders[order.order_id] = order
    account = exchange.accounts[order.account]
    account.orders[order.order_id] = order
    order.owner = account.owner
    account.open_on[order.symbol] = account.open_on.get(order.symbol, 0) + 1
    if order.expires_at_us:
        heappush(exchange.expiries, (order.expires_at_us, order.order_id))
    if order.list_id:
        order_lists.leg_placed(exchange, order, event)
    if trigger is not None and not pending:
        _wait(exchange, market, order, trigger)
    else:
        _rest(exchange, market, order, resting)
    exchange.hashed.changed(order)
    if account.exposure is not None or market.rules.max_position:
        _count_new(exchange, market, account, order)


def _order_of(event: OrderPlaced) -> tuple[Order, int, Trigger | None, bool]:
    """Return the order, how much of it rests, what it waits for, and whether it is pending.

    All fields are read at once: one by one, that would be the longest part of placing an order.
    """
    (
        order_id,
        account,
        client_order_id,
        symbol,
        side,
        order_type,
        time_in_force,
        price,
        quantity,
        resting,
        held,
        maker_fee_ppm,
        taker_fee_ppm,
        self_trade,
        budget,
        display,
        trigger,
        expires_at_us,
        session,
        post_only,
        list_id,
        pending,
    ) = astuple(event)
    order = Order(order_id, account, client_order_id, symbol, side)
    order.order_type, order.time_in_force = order_type, time_in_force
    order.price, order.quantity, order.remaining = price, quantity, quantity
    order.budget, order.display, order.held = budget, display, held
    order.maker_fee_ppm, order.taker_fee_ppm = maker_fee_ppm, taker_fee_ppm
    order.self_trade, order.session = self_trade, session
    order.expires_at_us, order.post_only = expires_at_us, post_only
    order.list_id = list_id
    order.settle_seed()
    return order, resting, trigger, pending


def order_filled(exchange: "Exchange", event: OrderFilled) -> None:
    market = exchange.markets[event.symbol]
    order = exchange.orders[event.order_id]
    account = exchange.accounts[event.account]
    if account.exposure is not None:
        account.exposure.remove(market.rules, order)
    order.remaining = event.remaining
    order.held = event.held
    if order.list_id:
        order_lists.leg_filled(exchange, order, event)
    net = position_filled(exchange, account, event)
    if account.exposure is not None:
        account.exposure.add(market.rules, order)
        account.exposure.realise(market.rules.quote_asset, day_of(exchange.now_us), net)
    if event.liquidity == "maker":
        _trade_out(exchange, market, order, event)
    else:
        market.last_trade_id = event.trade_id
        market.last_price = event.price
        _price_moved(exchange, market, "last", event.price)
        exchange.hashed.changed(market)
    if order.remaining == 0:
        _forget(exchange, account, order)
    else:
        exchange.hashed.changed(order)


def order_triggered(exchange: "Exchange", event: OrderTriggered) -> None:
    market = exchange.markets[event.symbol]
    order = exchange.orders[event.order_id]
    exposure = exchange.accounts[event.account].exposure
    if exposure is not None:
        exposure.remove(market.rules, order)
    market.waiting.remove(order)
    if exposure is not None:
        exposure.add(market.rules, order)
    order.priority = 0
    order.held = event.held
    if order.list_id:
        order_lists.leg_triggered(exchange, order)
    _rest(exchange, market, order, event.resting)
    exchange.hashed.changed(order)


def order_amended(exchange: "Exchange", event: OrderAmended) -> None:
    market = exchange.markets[event.symbol]
    order = exchange.orders[event.order_id]
    if order.list_id:
        order_lists.leg_amended(exchange, order, event)
    account = exchange.accounts[event.account]
    if account.exposure is not None:
        account.exposure.remove(market.rules, order)
    if event.keeps_priority:
        market.book.show(order, order.shown - event.leaves)
    else:
        market.book.leave(order)
    order.price, order.quantity, order.remaining = event.price, event.quantity, event.remaining
    order.held = event.held
    if order.trigger is not None and event.trigger is not None:
        market.waiting.remove(order)
        market.waiting.add(order, event.trigger)
    elif event.trigger is not None:
        # What it begins to wait for may be there already: the fill that it follows has marked the market.
        _wait(exchange, market, order, event.trigger)
    _rest(exchange, market, order, event.resting)
    exchange.hashed.changed(order)
    if account.exposure is not None:
        account.exposure.add(market.rules, order)
    # A leg queues again because another has traded: its account has sent nothing.
    if account.limits is not None and not event.keeps_priority and not order.list_id:
        count_order(exchange, account)


def order_cancelled(exchange: "Exchange", event: OrderCancelled) -> None:
    market = exchange.markets[event.symbol]
    order = exchange.orders[event.order_id]
    account = exchange.accounts[event.account]
    if account.exposure is not None:
        account.exposure.remove(market.rules, order)
    market.waiting.remove(order)
    market.book.leave(order)
    order.remaining = 0
    if order.list_id:
        order_lists.leg_cancelled(exchange, order, event)
    _forget(exchange, account, order)


def order_rejected(exchange: "Exchange", event: OrderRejected) -> None:
    """A rejected order never was part of the state; that it was sent counts."""
    account = exchange.accounts.get(event.account)
    if account is not None and account.limits is not None:
        count_order(exchange, account)


def trade_prevented(exchange: "Exchange", event: TradePrevented) -> None:
    """What it did to both orders stands in events of their own."""


def mark_price_set(exchange: "Exchange", event: MarkPriceSet) -> None:
    market = exchange.markets[event.symbol]
    market.mark_price = event.price
    _price_moved(exchange, market, "mark", event.price)
    exchange.hashed.changed(market)


def _wait(exchange: "Exchange", market: Market, order: Order, trigger: Trigger) -> None:
    market.book.last_priority += 1
    order.priority = market.book.last_priority
    market.waiting.add(order, trigger)
    exchange.hashed.changed(market)


def _rest(exchange: "Exchange", market: Market, order: Order, shown: int) -> None:
    if shown and order.price is not None:
        market.book.rest(order, order.price, shown)
        exchange.hashed.changed(market)


def _trade_out(exchange: "Exchange", market: Market, order: Order, event: OrderFilled) -> None:
    """Take what was traded out of the book; an iceberg's next part goes behind all that rests."""
    shown = order.shown + event.revealed - event.quantity
    if not event.revealed:
        market.book.show(order, shown)
        return
    market.book.leave(order)
    _rest(exchange, market, order, shown)


def _price_moved(exchange: "Exchange", market: Market, source: TriggerSource, price: int) -> None:
    exchange.moved[market.symbol] = None
    for order, trigger in market.waiting.followers(source, price):
        exposure = exchange.accounts[order.account].exposure
        if exposure is not None:
            exposure.remove(market.rules, order)
        market.waiting.remove(order)
        market.waiting.add(order, trigger)
        if exposure is not None:
            exposure.add(market.rules, order)
        exchange.hashed.changed(order)


def _count_new(exchange: "Exchange", market: Market, account: Account, order: Order) -> None:
    """A market that caps positions begins to count an account with its first order there."""
    if account.exposure is None:
        account.exposure = counted(exchange, account)
    else:
        account.exposure.add(market.rules, order)
    if account.limits is not None:
        count_order(exchange, account)


def _forget(exchange: "Exchange", account: Account, order: Order) -> None:
    del exchange.orders[order.order_id]
    del account.orders[order.order_id]
    account.open_on[order.symbol] -= 1
    exchange.hashed.gone(order)
