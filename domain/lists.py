"""Lists: how an order list is placed, whole or not at all, and cancelled by its owner.

What follows in it from a fill, a trigger or an end of one of its orders is decided in ``following``.
"""

from typing import TYPE_CHECKING

from domain.book import Order, crosses
from domain.checks import AT_ONCE
from domain.ending import cancel_order
from domain.event import Event
from domain.limits import check_list_rate
from domain.markets import Market
from domain.numbers import format_units
from domain.order import OrderRejected, PlaceOrder
from domain.order_list import (
    LEGS,
    CancelOrderList,
    ListLeg,
    OrderListEnded,
    OrderListPlaced,
    OrderListRejected,
    PlaceOrderList,
    role_of,
)
from domain.order_lists import open_legs
from domain.placing import check_funds, draft, enter, placed, stays, wait
from domain.rejections import RefusedError
from domain.sharing import PROFITS, STOPS, profit_and_stop, share
from domain.staleness import not_stale
from domain.step import Step

if TYPE_CHECKING:
    from domain.exchange import Exchange


def place_list(exchange: "Exchange", command: PlaceOrderList, now_us: int) -> list[Event]:
    """Place all legs, or reject them all and say why. Raises ``RefusedError`` for what names no legs that
    could be rejected.
    """
    _check_names(command)
    step = Step(exchange, command.command_id, now_us)
    try:
        not_stale(command, now_us)
        orders = _drafted(step, command)
        _check(step.market(command.symbol), command, orders)
        check_list_rate(step, command.account, len(orders))
        _enter_all(step, command, orders)
    except RefusedError as refusal:
        return _rejected(command, refusal)
    return step.events


def cancel_list(exchange: "Exchange", command: CancelOrderList, now_us: int) -> list[Event]:
    """Cancel what is open of the list. Raises ``RefusedError``."""
    its_list = exchange.lists.get(command.list_id)
    if its_list is None or its_list.account != command.account:
        raise RefusedError("order_list_not_open", f"{command.account} has no open list {command.list_id}")
    step = Step(exchange, command.command_id, now_us)
    for order in open_legs(exchange, its_list.legs):
        cancel_order(step, step.market(order.symbol), order, "requested")
    step.events.append(OrderListEnded(its_list.list_id, its_list.account, its_list.symbol, "requested"))
    return step.events


# --- What is asked for ----------------------------------------------------------------------------------


def _check_names(command: PlaceOrderList) -> None:
    legs = command.legs
    if len(legs) != LEGS[command.kind]:
        raise _invalid(f"an {command.kind} list has {LEGS[command.kind]} legs, and {len(legs)} came")
    if len({leg.order_id for leg in legs}) != len(legs):
        raise _invalid("two legs have the same client order id")


def _drafted(step: Step, command: PlaceOrderList) -> list[Order]:
    orders: list[Order] = []
    for index, leg in enumerate(command.legs):
        pending = role_of(command.kind, index) == "pending"
        orders.append(_draft_leg(step, command, leg, pending=pending, beside=sum(map(stays, orders))))
    return orders


def _draft_leg(step: Step, command: PlaceOrderList, leg: ListLeg, *, pending: bool, beside: int) -> Order:
    try:
        order = draft(step, _alone(command, leg), pending=pending, beside=beside)
    except RefusedError as refusal:
        refusal.detail = f"leg {leg.client_order_id}: {refusal.detail}"
        raise
    order.list_id = command.list_id
    return order


def _alone(command: PlaceOrderList, leg: ListLeg) -> PlaceOrder:
    """Return what would place the leg by itself."""
    return PlaceOrder(
        command_id=command.command_id,
        actor=command.actor,
        order_id=leg.order_id,
        account=command.account,
        client_order_id=leg.client_order_id,
        symbol=command.symbol,
        request=leg.request,
    )


def _check(market: Market, command: PlaceOrderList, orders: list[Order]) -> None:
    """Raise ``RefusedError`` if the orders, each right by itself, do not fit together."""
    for order in orders:
        if order.budget:
            raise _invalid(f"leg {order.client_order_id} has a quote_quantity; a leg has a quantity")
    if command.kind != "oco":
        for order in orders[1:]:
            _check_follower(market, orders[0], order)
    if command.kind != "oto":
        _check_pair(market, orders[-2:], pending=command.kind == "otoco")


def _check_follower(market: Market, lead: Order, order: Order) -> None:
    """A pending leg comes part by part, so it must be able to rest or wait; and it must not trade with the
    one it follows, for ever.
    """
    name = order.client_order_id
    if _goes_at_once(order):
        raise _invalid(f"leg {name}: a pending leg rests or waits, a {order.order_type} order does not")
    if order.quantity > lead.quantity:
        much, most = (
            format_units(units, market.rules.base_scale) for units in (order.quantity, lead.quantity)
        )
        raise _invalid(f"leg {name}: quantity was {much}, the working leg's is {most}")
    if (
        order.side != lead.side
        and order.trigger is None
        and None not in {order.price, lead.price}
        and crosses(order.side, order.price or 0, lead.price or 0)
    ):
        raise _invalid(f"leg {name} would trade with the working leg")


def _check_pair(market: Market, pair: list[Order], *, pending: bool) -> None:
    first, second = pair
    if first.side != second.side or first.quantity != second.quantity:
        raise _invalid("the two legs of which one cancels the other have the same side and quantity")
    types = {first.order_type, second.order_type}
    if len(types & PROFITS) != 1 or len(types & STOPS) != 1:
        raise _invalid(
            "one leg of a pair is a limit, take_profit or take_profit_limit order, the other a stop, "
            f"stop_limit or trailing_stop; they were {first.order_type} and {second.order_type}"
        )
    profit, stop = profit_and_stop(pair)
    if _goes_at_once(profit):
        raise _invalid(f"leg {profit.client_order_id}: a leg of a pair rests or waits")
    trails = stop.trigger is not None and stop.trigger.trails
    if not (pending and trails) and not _is_between(profit, stop):
        low, high = (format_units(_level(order), market.rules.price_scale) for order in (profit, stop))
        raise _invalid(
            f"the market is to be between the two legs: the profit was at {low}, the stop at {high}"
        )


def _goes_at_once(order: Order) -> bool:
    return order.trigger is None and (order.order_type == "market" or order.time_in_force in AT_ONCE)


def _is_between(profit: Order, stop: Order) -> bool:
    """Whether there are prices at which neither leg would do anything yet."""
    if profit.side == "sell":
        return _level(profit) > _level(stop)
    return _level(profit) < _level(stop)


def _level(order: Order) -> int:
    """Return the price at which the leg does something."""
    return order.trigger.price if order.trigger is not None else order.price or 0


def _invalid(detail: str) -> RefusedError:
    return RefusedError("invalid_order_list", detail)


# --- Entering -------------------------------------------------------------------------------------------


def _enter_all(step: Step, command: PlaceOrderList, orders: list[Order]) -> None:
    """What may trade at once enters last: all others are there when its trades touch them."""
    step.events.append(
        OrderListPlaced(
            command.list_id,
            command.account,
            command.client_list_id,
            command.symbol,
            command.kind,
            command.legs,
        )
    )
    if command.kind == "oco":
        _enter_pair(step, command, orders)
        return
    for order in orders[1:]:
        step.events.append(placed(order, 0, pending=True))
    enter(step, orders[0], command.legs[0].request)


def _enter_pair(step: Step, command: PlaceOrderList, orders: list[Order]) -> None:
    """Each is asked about its limits as if it came alone: only one of both will trade."""
    market = step.market(command.symbol)
    profit, stop = profit_and_stop(orders)
    share(market, profit, stop)
    check_funds(step, market, profit, profit.held + stop.held)
    wait(step, market, stop, stop.held)
    enter(step, profit, command.legs[orders.index(profit)].request)


def _rejected(command: PlaceOrderList, refusal: RefusedError) -> list[Event]:
    code, detail = refusal.code, refusal.detail
    whole = OrderListRejected(
        command.list_id,
        command.account,
        command.client_list_id,
        command.symbol,
        command.kind,
        command.legs,
        code,
        detail,
    )
    return [whole, *(_rejected_leg(command, leg, refusal) for leg in command.legs)]


def _rejected_leg(command: PlaceOrderList, leg: ListLeg, refusal: RefusedError) -> OrderRejected:
    return OrderRejected(
        leg.order_id,
        command.account,
        leg.client_order_id,
        command.symbol,
        leg.request,
        refusal.code,
        refusal.detail,
        command.list_id,
    )
