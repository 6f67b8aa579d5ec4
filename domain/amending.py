"""Amending: an open order gets another quantity, price or trigger price, under its old id."""

from typing import TYPE_CHECKING

from domain.book import Order
from domain.checks import limit_price_units, positive_price, quantity_units, worth_enough
from domain.ending import not_a_leg, open_order
from domain.event import Event
from domain.limits import check_amendment
from domain.markets import Market
from domain.matching import plan, shrink, would_take
from domain.numbers import format_units
from domain.order import AmendOrder, OrderAmended, Trigger
from domain.placing import adjust_hold, check_funds, hold_needed, rest_of, trade, waiting_hold
from domain.price_bands import check_in_band
from domain.rejections import RefusedError
from domain.staleness import not_stale
from domain.statuses import check_takes_orders
from domain.step import Step
from domain.triggering import copy_of

if TYPE_CHECKING:
    from domain.exchange import Exchange


def amend(exchange: "Exchange", command: AmendOrder, now_us: int) -> list[Event]:
    """Change the order; it keeps its place if only its quantity falls. Raises ``RefusedError``."""
    not_stale(command, now_us)
    order = open_order(exchange, command.account, command.order_id)
    not_a_leg(order)
    market = exchange.markets[order.symbol]
    step = Step(exchange, command.command_id, now_us)
    changed = _changed(market, order, command)
    if _is_same(order, changed):
        return []
    check_takes_orders(exchange, market, reducing=_only_reduces(order, changed))
    if order.trigger is not None:
        amend_waiting(step, market, order, changed, waiting_hold(market, changed))
    elif changed.price == order.price and changed.quantity < order.quantity:
        shrink(step, market, order, order.quantity - changed.quantity)
    else:
        requeue(step, market, order, changed)
    return step.events


def _is_same(order: Order, changed: Order) -> bool:
    asked = (changed.price, changed.quantity, changed.trigger)
    return asked == (order.price, order.quantity, order.trigger)


def _only_reduces(order: Order, changed: Order) -> bool:
    kept = (changed.price, changed.trigger) == (order.price, order.trigger)
    return kept and changed.quantity < order.quantity


def _changed(market: Market, order: Order, command: AmendOrder) -> Order:
    """Return the order as it is to be. Raises ``RefusedError``."""
    changed = copy_of(order)
    if command.quantity is not None:
        changed.quantity = quantity_units(market, command.quantity)
        changed.remaining = changed.quantity - order.filled
        if changed.remaining <= 0:
            filled = format_units(order.filled, market.rules.base_scale)
            raise RefusedError(
                "invalid_quantity", f"quantity was {command.quantity}, of which {filled} is filled: cancel it"
            )
    if command.price is not None:
        if order.price is None:
            raise RefusedError("price_forbidden", f"price was {command.price} on a {order.order_type} order")
        changed.price = limit_price_units(market, command.price)
    if command.trigger_price is not None:
        changed.trigger = _moved(market, order, command.trigger_price)
    worth_enough(market, changed.price, changed.quantity)
    return changed


def _moved(market: Market, order: Order, text: str) -> Trigger:
    trigger = order.trigger
    if trigger is None or trigger.trails:
        raise RefusedError("invalid_trigger", f"trigger_price was {text} on an order that waits for none")
    price = positive_price(market, "trigger_price", text)
    now = market.price_of(trigger.source)
    if now is not None and (now >= price if trigger.rising else now <= price):
        stands = format_units(now, market.rules.price_scale)
        raise RefusedError(
            "would_trigger_at_once", f"trigger_price was {text}, the {trigger.source} price is {stands}"
        )
    return Trigger(price, trigger.rising, trigger.source)


def amend_waiting(  # what it holds is not always its own to say
    step: Step, market: Market, order: Order, changed: Order, held: int, partner: str = ""
) -> None:
    """The order waits as ``changed`` and holds ``held``. ``partner``: another that it cannot trade beside.
    Raises ``RefusedError``.
    """
    check_amendment(step, market, order, changed, partner)
    changed.held = held
    _check_more_funds(step, market, order, changed.held)
    step.events.append(_amended(order, changed, leaves=0, resting=0, keeps_priority=True))
    adjust_hold(step, market, order, changed.held)


def requeue(step: Step, market: Market, order: Order, changed: Order, partner: str = "") -> None:
    """The order leaves its place and meets the book like a new one. ``partner`` as above. Raises
    ``RefusedError``.
    """
    if changed.price is not None:
        check_in_band(market, changed.side, changed.price)
    if order.post_only and would_take(market, changed):
        raise RefusedError("post_only_would_take", "amended so, the order would trade at once")
    check_amendment(step, market, order, changed, partner)
    planned = plan(market, changed)
    changed.held = hold_needed(market, changed, planned)
    _check_more_funds(step, market, order, changed.held)
    rests = rest_of(changed, planned)
    step.events.append(_amended(order, changed, leaves=order.shown, resting=rests, keeps_priority=False))
    adjust_hold(step, market, order, changed.held)
    trade(step, market, changed, planned, rests)


def _amended(
    order: Order, changed: Order, *, leaves: int, resting: int, keeps_priority: bool
) -> OrderAmended:
    return OrderAmended(
        order.order_id,
        order.account,
        order.symbol,
        order.side,
        order.price,
        changed.price,
        changed.quantity,
        changed.remaining,
        leaves,
        resting,
        changed.held,
        keeps_priority,
        changed.trigger,
    )


def _check_more_funds(step: Step, market: Market, order: Order, needed: int) -> None:
    if needed > order.held:
        check_funds(step, market, order, needed - order.held)
