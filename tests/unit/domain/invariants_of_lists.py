"""What is true of every order list between two commands."""

from domain.book import Order
from domain.exchange import Exchange
from domain.markets import Market
from domain.order_lists import Leg, OrderList

STOPS = {"stop", "stop_limit", "trailing_stop"}


def check_lists(exchange: Exchange) -> None:
    assert not exchange.touched, "nothing is left to follow"
    for list_id, its_list in exchange.lists.items():
        assert its_list.list_id == list_id
        check_list(exchange, its_list)
    for order in exchange.orders.values():
        if order.list_id:
            legs = [leg.order_id for leg in exchange.lists[order.list_id].legs]
            assert order.order_id in legs


def check_list(exchange: Exchange, its_list: OrderList) -> None:
    open_orders = orders_of(exchange, its_list.legs)
    assert open_orders, "a list without an open order is over"
    assert {order.list_id for order in open_orders} == {its_list.list_id}
    if its_list.kind != "oco":
        check_followers(exchange, its_list)
    if its_list.kind != "oto":
        check_pair(exchange, its_list)


def check_followers(exchange: Exchange, its_list: OrderList) -> None:
    """A pending leg has in force what the working leg has filled, and never more than was asked for."""
    lead, *followers = its_list.legs
    for leg in followers:
        if leg.order_id in exchange.orders:
            order = exchange.orders[leg.order_id]
            assert leg.given == min(leg.wanted, its_list.filled)
            assert order.remaining <= order.quantity <= leg.given <= its_list.filled
            assert its_list.filled or lead.order_id in exchange.orders, "nothing to follow"
    if lead.order_id in exchange.orders:
        assert its_list.filled == exchange.orders[lead.order_id].filled


def check_pair(exchange: Exchange, its_list: OrderList) -> None:
    """As long as both are open, neither has traded, and together they hold what the dearer one needs."""
    orders = orders_of(exchange, its_list.legs[-2:])
    if len(orders) < 2:
        assert its_list.decided or not orders
        return
    assert not its_list.decided
    for order in orders:
        assert order.remaining == order.quantity == its_list.leg(order.order_id).given
    market = exchange.markets[its_list.symbol]
    needs, held = max(need(market, order) for order in orders), sum(order.held for order in orders)
    at_any_price = any(order.side == "buy" and order.price is None for order in orders)
    assert held == needs or (at_any_price and held > needs)


def need(market: Market, order: Order) -> int:
    """Return the most an untouched order can cost; one at any price, where its trigger stands: it holds what
    the buffer was when it was placed as well, and where it trails what that has come down since. How much
    more the naive exchange knows.
    """
    if order.side == "sell" or order.quantity == 0:
        return order.quantity
    price = order.price
    if price is None:
        assert order.trigger is not None
        price = order.trigger.price
    notional = market.rules.notional(price, order.quantity)
    return notional + notional * max(order.maker_fee_ppm, order.taker_fee_ppm) // 10**6


def orders_of(exchange: Exchange, legs: list[Leg]) -> list[Order]:
    return [exchange.orders[leg.order_id] for leg in legs if leg.order_id in exchange.orders]


def is_pending(exchange: Exchange, order: Order) -> bool:
    """Say whether it is accepted with nothing in force; it is nowhere then, and holds nothing."""
    if not order.list_id or exchange.lists[order.list_id].leg(order.order_id).given:
        return False
    assert (order.quantity, order.remaining, order.held, order.shown) == (0, 0, 0, 0)
    assert order.trigger is None
    assert order.level is None
    return True


def is_stop_of_pair(exchange: Exchange, order: Order) -> bool:
    """Say whether it holds only what it needs more than the other of its pair."""
    if not order.list_id:
        return False
    its_list = exchange.lists[order.list_id]
    pair = [] if its_list.kind == "oto" else orders_of(exchange, its_list.legs[-2:])
    return len(pair) == 2 and order in pair and order.order_type in STOPS
