"""Following: what happens in an order list because of what happened to one of its orders.

One thing at a time: each is made so before the next is looked for.
"""

from typing import TYPE_CHECKING

from domain.amending import amend_waiting, requeue
from domain.book import Order
from domain.ending import cancel_order
from domain.event import Event
from domain.markets import Market
from domain.numbers import format_units
from domain.order import CancelReason, Trigger
from domain.order_list import OrderListEnded
from domain.order_lists import Leg, OrderList, open_legs
from domain.placing import check_funds, waiting_hold
from domain.rejections import RefusedError
from domain.sharing import profit_and_stop, share
from domain.step import Step
from domain.triggering import copy_of

if TYPE_CHECKING:
    from domain.exchange import Exchange


def next_reaction(exchange: "Exchange", command_id: str, now_us: int) -> list[Event]:
    """Return what follows next in the lists that were touched; nothing if all is as it is to be.

    All that has to end does so before anything grows: what grows may trade, and not with what is to end.
    """
    for list_id in exchange.touched:
        step = Step(exchange, command_id, now_us)
        _end_some(step, exchange.lists[list_id])
        if step.events:
            return step.events
    for list_id in list(exchange.touched):
        step = Step(exchange, command_id, now_us)
        _grow(step, exchange.lists[list_id])
        if step.events:
            return step.events
        del exchange.touched[list_id]
    return []


def _end_some(step: Step, its_list: OrderList) -> None:
    for rule in (_one_cancels_other, _exit_ends_entry, _no_entry_no_exit, _end):
        rule(step, its_list)
        if step.events:
            return


# --- What ends ------------------------------------------------------------------------------------------


def _one_cancels_other(step: Step, its_list: OrderList) -> None:
    """Of a pair, the one that has ended, or has traded at all, cancels the other."""
    if its_list.decided or not its_list.pair:
        return
    still_open = open_legs(step.exchange, its_list.pair)
    if len(still_open) == 1:
        _cancel(step, still_open, "list")
    elif started := [order for order in still_open if order.remaining < its_list.leg(order.order_id).given]:
        _cancel(step, [order for order in still_open if order is not started[0]], "list")


def _exit_ends_entry(step: Step, its_list: OrderList) -> None:
    """An exit that has traded to its end leaves nobody to follow what the entry would still fill."""
    if its_list.exiting and not open_legs(step.exchange, its_list.followers):
        _cancel(step, open_legs(step.exchange, its_list.legs[:1]), "list")


def _no_entry_no_exit(step: Step, its_list: OrderList) -> None:
    """A working leg that ended without a fill leaves nothing to follow."""
    lead = its_list.lead
    if lead is not None and lead.order_id not in step.exchange.orders and its_list.filled == 0:
        _cancel(step, open_legs(step.exchange, its_list.followers), "list")


def _end(step: Step, its_list: OrderList) -> None:
    if not open_legs(step.exchange, its_list.legs):
        step.events.append(OrderListEnded(its_list.list_id, its_list.account, its_list.symbol, "done"))


def _cancel(step: Step, orders: list[Order], reason: CancelReason) -> None:
    for order in orders:
        cancel_order(step, step.market(order.symbol), order, reason)


# --- What grows -----------------------------------------------------------------------------------------


def _grow(step: Step, its_list: OrderList) -> None:
    """Bring as much of the pending legs into force as the working one has filled; where they cannot be, for
    lack of funds or beyond a limit, say, they end, and that alone. Fills come where the market is open, and
    what follows one comes with it, so that no status is asked about.
    """
    orders = [step.exchange.orders[leg.order_id] for leg in its_list.followers if _grows(step, its_list, leg)]
    if not orders:
        return
    trial = Step(step.exchange, step.command_id, step.now_us)
    try:
        _enlarge(trial, its_list, orders)
    except RefusedError as refusal:
        reason: CancelReason = refusal.code  # type: ignore[assignment] # those of an order that enters are both
        _cancel(step, orders, reason)
    else:
        step.events += trial.events


def _grows(step: Step, its_list: OrderList, leg: Leg) -> bool:
    return leg.order_id in step.exchange.orders and leg.given < min(leg.wanted, its_list.filled)


def _enlarge(step: Step, its_list: OrderList, orders: list[Order]) -> None:
    """Raises ``RefusedError``."""
    market = step.market(its_list.symbol)
    larger = [_larger(market, its_list, order) for order in orders]
    if len(orders) == 1:
        _replace(step, market, orders[0], larger[0], waiting_hold_of(market, larger[0]), "")
        return
    profit, stop = profit_and_stop(larger)
    share(market, profit, stop)
    before = profit_and_stop(orders)
    more = profit.held + stop.held - before[0].held - before[1].held
    check_funds(step, market, profit, more)
    _replace(step, market, before[1], stop, stop.held, profit.order_id)
    _replace(step, market, before[0], profit, profit.held, stop.order_id)


def waiting_hold_of(market: Market, order: Order) -> int:
    return 0 if order.trigger is None else waiting_hold(market, order)


def _larger(market: Market, its_list: OrderList, order: Order) -> Order:
    leg = its_list.leg(order.order_id)
    larger = copy_of(order)
    more = min(leg.wanted, its_list.filled) - leg.given
    larger.quantity += more
    larger.remaining += more
    if leg.given == 0 and leg.trigger is not None:
        larger.trigger = _from_now_on(market, leg.trigger)
    return larger


def _from_now_on(market: Market, trigger: Trigger) -> Trigger:
    """Return the trigger as the order begins to wait for it: a trailing one starts at the price there is."""
    now = market.price_of(trigger.source)
    if not trigger.trails or now is None:
        return trigger
    price = trigger.following(now)
    if price <= 0:
        stands = format_units(now, market.rules.price_scale)
        raise RefusedError("invalid_trigger", f"so far behind a price of {stands} no price above 0 is left")
    return Trigger(price, trigger.rising, trigger.source, trigger.trail, trigger.trail_bps)


def _replace(  # ``partner``: the other of a pair, "" if there is none
    step: Step, market: Market, order: Order, larger: Order, held: int, partner: str
) -> None:
    if larger.trigger is not None:
        amend_waiting(step, market, order, larger, held, partner)
    else:
        requeue(step, market, order, larger, partner)
