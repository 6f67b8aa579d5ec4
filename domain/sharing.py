"""Sharing: two orders of which one cancels the other hold funds only once.

The one that takes profit holds all it needs, and the stop only what it needs more. When the stop fires, it
takes over what the other held.
"""

from typing import TYPE_CHECKING

from domain.book import Order
from domain.ending import cancel_order
from domain.markets import Market
from domain.order_lists import open_legs
from domain.placing import adjust_hold, waiting_hold
from domain.step import Step

if TYPE_CHECKING:
    from domain.exchange import Exchange

STOPS = frozenset({"stop", "stop_limit", "trailing_stop"})
PROFITS = frozenset({"limit", "take_profit", "take_profit_limit"})


def profit_and_stop(pair: list[Order]) -> tuple[Order, Order]:
    """Return the two orders of a pair, the one that takes profit first."""
    first, second = pair
    return (second, first) if first.order_type in STOPS else (first, second)


def share(market: Market, profit: Order, stop: Order) -> None:
    """Note what each has to hold so that whichever goes on is covered. Neither has traded yet."""
    profit.held = waiting_hold(market, profit)
    stop.held = max(0, waiting_hold(market, stop) - profit.held)


def take_over(step: Step, market: Market, order: Order) -> None:
    """A leg's trigger has fired: it goes on alone. End what it ends, and let it hold what it needs.

    The entry that a pending leg is the exit of ends as well. ``order`` is the decision's own copy.
    """
    others = _ended_by(step.exchange, order)
    shares = any(_is_paired(step.exchange, other) for other in others)
    for other in others:
        cancel_order(step, market, other, "list")
    if shares:
        needed = waiting_hold(market, order)
        adjust_hold(step, market, order, needed)
        order.held = needed


def _ended_by(exchange: "Exchange", order: Order) -> list[Order]:
    its_list = exchange.lists[order.list_id]
    lead = its_list.lead
    if lead is not None and lead.order_id == order.order_id:
        return []
    return [other for other in open_legs(exchange, its_list.legs) if other.order_id != order.order_id]


def _is_paired(exchange: "Exchange", order: Order) -> bool:
    return any(leg.order_id == order.order_id for leg in exchange.lists[order.list_id].pair)
