"""Placing: from what a trader asks for to an order that trades, rests or waits; or why not."""

from typing import TYPE_CHECKING

from domain.accounts import check_open
from domain.asked import Asked
from domain.book import Order
from domain.checks import (
    AT_ONCE,
    check_request,
    limit_price,
    market_of,
    order_quantity,
    positive_price,
    quote_budget,
    shown_quantity,
    worth_enough,
)
from domain.ending import cancel_order, held_asset, not_a_leg, open_order
from domain.event import Event
from domain.limits import check_order
from domain.market import DAY_US, SECOND_US
from domain.markets import Market
from domain.matching import Plan, cost_max, is_killed, plan, settle, taker_cost, within_budget, would_take
from domain.numbers import format_units
from domain.order import (
    WITH_TRIGGER,
    CancelReason,
    CancelReplace,
    OrderPlaced,
    OrderRejected,
    OrderRequest,
    PlaceOrder,
    Trigger,
)
from domain.price_bands import check_in_band
from domain.rejections import RefusedError
from domain.staleness import not_stale
from domain.statuses import check_may_place, check_takes_orders
from domain.step import Step
from domain.terms import fees_of

if TYPE_CHECKING:
    from domain.exchange import Exchange

EXPIRY_DAYS_MAX = 3_650


def place(exchange: "Exchange", command: PlaceOrder, now_us: int) -> list[Event]:
    """Hold funds, trade what matches, let the rest of it rest or wait; or reject it and say why.

    A dry run does all of it, and nothing: it raises ``RefusedError`` or returns no event.
    """
    step = Step(exchange, command.command_id, now_us)
    try:
        not_stale(command, now_us)
        enter(step, draft(step, command), command.request)
    except RefusedError as refusal:
        if command.dry_run:
            raise
        return [rejected(command, refusal.code, refusal.detail)]
    return [] if command.dry_run else step.events


def cancel_replace(exchange: "Exchange", command: CancelReplace, now_us: int) -> list[Event]:
    """Cancel one order and place another, in one step: what the first held, the second may use."""
    step = Step(exchange, command.command_id, now_us)
    try:
        not_stale(command, now_us)
        _cancel_first(step, command)
        enter(step, draft(step, command), command.request)
    except RefusedError as refusal:
        cancelled = step.events if command.mode == "allow_failure" else []
        return [*_only_cancel(cancelled, command), rejected(command, refusal.code, refusal.detail)]
    return step.events


def _cancel_first(step: Step, command: CancelReplace) -> None:
    try:
        order = open_order(step.exchange, command.account, command.cancel_order_id)
        not_a_leg(order)
    except RefusedError:
        if command.mode == "stop_on_failure":
            raise
        return
    cancel_order(step, step.market(order.symbol), order, "replaced")


def _only_cancel(events: list[Event], command: CancelReplace) -> list[Event]:
    """Of a failed replacement keep what belongs to the order that was to go."""
    return [event for event in events if getattr(event, "order_id", None) == command.cancel_order_id]


def rejected(command: PlaceOrder | CancelReplace, code: str, detail: str) -> OrderRejected:
    return OrderRejected(
        command.order_id,
        command.account,
        command.client_order_id,
        command.symbol,
        command.request,
        code,
        detail,
    )


# --- What is asked for ----------------------------------------------------------------------------------


def draft(
    step: Step, command: PlaceOrder | CancelReplace, *, pending: bool = False, beside: int = 0
) -> Order:
    """Return the order as asked for, checked by the market's rules; nothing is held yet. ``pending``: it is
    not to be in force yet, so the price it is to wait for may be there already, and its limit is not asked
    about. ``beside``: how many orders are to be open before it in the same step.
    """
    exchange, request = step.exchange, Asked(command.request)
    market = market_of(exchange, command.symbol)
    account = check_open(exchange, command.account)
    check_takes_orders(exchange, market)
    check_may_place(account, request.side)
    check_request(request)
    order = Order(command.order_id, account.account, command.client_order_id, market.symbol, request.side)
    order.order_type = request.order_type
    order.time_in_force = request.time_in_force
    order.price = limit_price(market, request)
    order.quantity = order.remaining = order_quantity(market, request)
    order.budget = quote_budget(market, request)
    order.display = shown_quantity(market, request, order.quantity)
    order.owner = account.owner
    order.maker_fee_ppm, order.taker_fee_ppm = fees_of(account, market)
    order.self_trade = request.self_trade
    order.trigger = _trigger(market, request, pending=pending)
    order.expires_at_us = _expiry(market, request, step.now_us)
    order.session, order.post_only = request.session, request.post_only
    worth_enough(market, order.price, order.quantity)
    if order.price is not None and order.trigger is None and not pending:
        check_in_band(market, order.side, order.price)
    _check_room(step, market, order, beside)
    return order


def stays(order: Order) -> bool:
    """Whether the order may rest or wait, and so counts as open."""
    return order.trigger is not None or (order.price is not None and order.time_in_force not in AT_ONCE)


def _check_room(step: Step, market: Market, order: Order, beside: int) -> None:
    """Raise ``RefusedError`` if the account may have no more open orders on the market, and this is one that
    rests or waits.
    """
    most = market.max_open_orders
    if not (most and stays(order)):
        return
    account = step.exchange.accounts[order.account]
    ended = [account.orders[order_id] for order_id in step.ended if order_id in account.orders]
    leaves = sum(one.symbol == order.symbol for one in ended)
    has = account.open_on.get(order.symbol, 0) - leaves + beside
    if has >= most:
        raise RefusedError(
            "max_open_orders", f"{order.account} has {has} open orders on {order.symbol}; {most} are allowed"
        )


def _trigger(market: Market, request: Asked, *, pending: bool) -> Trigger | None:
    if request.order_type not in WITH_TRIGGER:
        return None
    now = market.price_of(request.trigger_source)
    rising = (request.side == "buy") != request.order_type.startswith("take_profit")
    if request.order_type == "trailing_stop":
        return _trailing(market, request, now, rising=rising)
    price = positive_price(market, "trigger_price", request.trigger_price or "")
    if now is not None and not pending and (now >= price if rising else now <= price):
        asked, stands = (format_units(units, market.rules.price_scale) for units in (price, now))
        raise RefusedError(
            "would_trigger_at_once",
            f"trigger_price was {asked}, the {request.trigger_source} price is {stands}",
        )
    return Trigger(price, rising, request.trigger_source)


def _trailing(market: Market, request: Asked, now: int | None, *, rising: bool) -> Trigger:
    if now is None:
        raise RefusedError(
            "no_reference_price", f"{market.rules.symbol} has no {request.trigger_source} price yet"
        )
    offset = request.trailing_offset
    trail = positive_price(market, "trailing_offset", offset) if offset is not None else 0
    trigger = Trigger(0, rising, request.trigger_source, trail, request.trailing_bps or 0)
    price = trigger.following(now)
    if price <= 0:
        stands = format_units(now, market.rules.price_scale)
        raise RefusedError("invalid_trigger", f"so far behind a price of {stands} no price above 0 is left")
    return Trigger(price, rising, request.trigger_source, trail, request.trailing_bps or 0)


def _expiry(market: Market, request: Asked, now_us: int) -> int:
    """Return when the order ends by itself, in microseconds; 0: never."""
    if request.time_in_force == "day":
        return market.rules.session_end_after(now_us)
    if request.time_in_force != "gtd":
        return 0
    expires_at_us = request.expires_at_us or 0
    if not now_us < expires_at_us <= now_us + EXPIRY_DAYS_MAX * DAY_US:
        in_s = (expires_at_us - now_us) // SECOND_US
        raise RefusedError(
            "invalid_expiry",
            f"expires_at is {in_s} s from now; up to {EXPIRY_DAYS_MAX} days ahead are allowed",
        )
    return expires_at_us


# --- Entering -------------------------------------------------------------------------------------------


def enter(step: Step, order: Order, request: OrderRequest) -> None:
    """Let the order wait for its trigger, or meet the book. Raises ``RefusedError``."""
    market = step.market(order.symbol)
    if order.trigger is not None:
        wait(step, market, order, waiting_hold(market, order))
        return
    if order.post_only and would_take(market, order, step.ended):
        raise RefusedError("post_only_would_take", f"price {request.price} would trade at once")
    planned = plan(market, order, order.budget or None, step.ended)
    killed = is_killed(order, planned)
    if order.budget:
        planned = within_budget(order, planned)
    check_order(step, market, order, planned)
    held = hold_needed(market, order, planned)
    check_funds(step, market, order, held)
    order.held = held
    rests = 0 if killed else rest_of(order, planned)
    step.events.append(placed(order, rests))
    step.ledger.hold(order.account, held_asset(market, order), held, order.order_id)
    if killed:
        cancel_order(step, market, order, "fill_or_kill")
    else:
        trade(step, market, order, planned, rests)


def wait(step: Step, market: Market, order: Order, held: int) -> None:
    """Hold what the order will need when its trigger fires."""
    check_order(step, market, order)
    check_funds(step, market, order, held)
    order.held = held
    step.events.append(placed(order, 0))
    step.ledger.hold(order.account, held_asset(market, order), held, order.order_id)


def waiting_hold(market: Market, order: Order) -> int:
    if order.side == "sell":
        return order.quantity
    if order.price is not None:
        return cost_max(market, order, order.price, order.quantity)
    assert order.trigger is not None  # noqa: S101 - a waiting order has one
    worst = order.trigger.price * (1_000_000 + market.rules.market_buffer_ppm) // 1_000_000
    return cost_max(market, order, worst, order.quantity)


def rest_of(order: Order, planned: Plan) -> int:
    """Return how much of the order will show in the book once it has traded."""
    if order.price is None or order.time_in_force in {"ioc", "fok"} or planned.reason is not None:
        return 0
    return order.to_show(planned.left)


def trade(step: Step, market: Market, order: Order, planned: Plan, rests: int) -> None:
    """Settle the plan; what is left and does not rest is cancelled."""
    settle(step, market, order, planned)
    done = order.remaining == 0 and bool(planned.matches)
    if not (rests or done):
        cancel_order(step, market, order, why_it_ended(order, planned))


def why_it_ended(order: Order, planned: Plan) -> CancelReason:
    if planned.reason is not None:
        return planned.reason
    return "self_trade" if order.remaining == 0 and planned.decremented else "unfilled_remainder"


def hold_needed(market: Market, order: Order, planned: Plan) -> int:
    """Return what must be held: for a sell what it sells, for a limit buy the most it can cost, for a market
    buy its budget or what its trades will cost.
    """
    if order.side == "sell":
        return order.remaining
    if order.price is not None:
        return cost_max(market, order, order.price, order.remaining)
    return order.budget or sum(taker_cost(market, order, match) for match in planned.matches)


def check_funds(step: Step, market: Market, order: Order, needed: int) -> None:
    """Raise ``RefusedError`` if the account has less available than ``needed``."""
    rules = market.rules
    asset = held_asset(market, order)
    available = step.ledger.balance(order.account, asset).available
    if available < needed:
        scale = rules.quote_scale if order.side == "buy" else rules.base_scale
        needs, has = format_units(needed, scale), format_units(available, scale)
        raise RefusedError("insufficient_funds", f"needs {needs} {asset}, available {has}")


def adjust_hold(step: Step, market: Market, order: Order, needed: int) -> None:
    """Let the account hold ``needed`` for the order, instead of what it holds now."""
    asset = held_asset(market, order)
    if needed > order.held:
        step.ledger.hold(order.account, asset, needed - order.held, order.order_id)
    else:
        step.ledger.release(order.account, asset, order.held - needed, order.order_id)


def placed(order: Order, resting: int, *, pending: bool = False) -> OrderPlaced:
    return OrderPlaced(
        order.order_id,
        order.account,
        order.client_order_id,
        order.symbol,
        order.side,
        order.order_type,  # type: ignore[arg-type] # one of its values
        order.time_in_force,  # type: ignore[arg-type] # the same
        order.price,
        order.quantity,
        resting,
        order.held,
        order.maker_fee_ppm,
        order.taker_fee_ppm,
        order.self_trade,  # type: ignore[arg-type] # the same
        order.budget,
        order.display,
        order.trigger,
        order.expires_at_us,
        session=order.session,
        post_only=order.post_only,
        list_id=order.list_id,
        pending=pending,
    )
