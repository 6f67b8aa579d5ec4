"""Triggering: an order whose price has come becomes a limit or market order, and meets the book."""

from typing import TYPE_CHECKING

from domain.book import Order
from domain.ending import held_asset
from domain.event import Event
from domain.markets import Market
from domain.matching import Plan, is_killed, plan
from domain.order import OrderTriggered
from domain.placing import hold_needed, rest_of, trade
from domain.sharing import take_over
from domain.statuses import matches
from domain.step import Step

if TYPE_CHECKING:
    from domain.exchange import Exchange


def next_triggered(exchange: "Exchange", command_id: str, now_us: int) -> list[Event]:
    """Return what the next order does whose trigger has fired; nothing if there is none.

    One at a time: what it trades may move the price that the others wait for.
    """
    for symbol in list(exchange.moved):
        market = exchange.markets[symbol]
        order = _fired(market) if matches(exchange, market) else None
        if order is not None:
            step = Step(exchange, command_id, now_us)
            _trigger(step, market, order)
            return step.events
        del exchange.moved[symbol]
    return []


def _fired(market: Market) -> Order | None:
    for source, price in (("last", market.last_price), ("mark", market.mark_price)):
        if price is not None and (order := market.waiting.fired(source, price)):  # type: ignore[arg-type] # one of both
            return order
    return None


def _trigger(step: Step, market: Market, waiting: Order) -> None:
    order = copy_of(waiting)
    if order.list_id:
        take_over(step, market, order)
    held, order.trigger = order.held, None
    purse = held if order.side == "buy" and order.price is None else None
    planned = plan(market, order, purse, step.ended)
    if is_killed(order, planned):
        planned = Plan([], [], order.remaining, "fill_or_kill")
    rests = rest_of(order, planned)
    if order.price is not None or order.side == "sell":
        order.held = hold_needed(market, order, planned)
    assert waiting.trigger is not None  # noqa: S101 - it fired
    step.events.append(
        OrderTriggered(
            order.order_id,
            order.account,
            order.symbol,
            order.side,
            waiting.trigger.price,
            order.price,
            order.quantity,
            rests,
            order.held,
        )
    )
    step.ledger.release(order.account, held_asset(market, order), held - order.held, order.order_id)
    trade(step, market, order, planned, rests)


def copy_of(order: Order) -> Order:
    """Return a copy for a decision to work with; it is in no book."""
    copied = Order(order.order_id, order.account, order.client_order_id, order.symbol, order.side)
    copied.order_type, copied.time_in_force = order.order_type, order.time_in_force
    copied.price, copied.quantity, copied.remaining = order.price, order.quantity, order.remaining
    copied.budget, copied.held, copied.display = order.budget, order.held, order.display
    copied.maker_fee_ppm, copied.taker_fee_ppm = order.maker_fee_ppm, order.taker_fee_ppm
    copied.self_trade, copied.trigger = order.self_trade, order.trigger
    copied.expires_at_us, copied.session = order.expires_at_us, order.session
    copied.post_only, copied.owner, copied.list_id = order.post_only, order.owner, order.list_id
    return copied
