"""The outcome of a command, told from the events it caused: now, or years later from the store."""

from collections.abc import Sequence

from commands.messages import AnyCommand, Outcome, OutcomeFill, Scales, Status
from domain.account import Deposit, FundsDeposited, OpenAccount
from domain.event import Event
from domain.exchange import Exchange
from domain.market import MarketRules
from domain.numbers import parse_units
from domain.order import CancelOrder, OrderCancelled, OrderFilled, OrderPlaced, OrderRejected, PlaceOrder
from domain.rejections import RefusedError

OrderEvent = OrderPlaced | OrderRejected | OrderFilled | OrderCancelled


def outcome(exchange: Exchange, command: AnyCommand, events: Sequence[Event], *, replayed: bool) -> Outcome:
    """Return what ``events``, all that ``command`` caused, amount to."""
    if isinstance(command, PlaceOrder):
        own = [
            event for event in events if isinstance(event, OrderEvent) and event.order_id == command.order_id
        ]
        return _order_outcome(exchange, command, own, replayed=replayed)
    if isinstance(command, CancelOrder):
        (cancelled,) = (event for event in events if isinstance(event, OrderCancelled))
        scales = _scales(exchange.markets[cancelled.symbol].rules)
        return Outcome(
            command.command_id,
            "cancelled",
            command.order_id,
            remaining=cancelled.remaining,
            scales=scales,
            replayed=replayed,
        )
    status: Status = "listed"
    if isinstance(command, OpenAccount):
        status = "opened"
    elif isinstance(command, Deposit):
        status = "credited"
    return Outcome(command.command_id, status, replayed=replayed or not events)


def refused(command: AnyCommand, refusal: RefusedError) -> Outcome:
    order_id = command.order_id if isinstance(command, PlaceOrder | CancelOrder) else ""
    return Outcome(command.command_id, "refused", order_id, refusal.code, refusal.detail)


def same_content(exchange: Exchange, command: AnyCommand, first: Event) -> bool:
    """Whether ``command`` asks for what ``first``, the event its id stands for, granted or rejected."""
    if isinstance(first, OrderRejected) and isinstance(command, PlaceOrder):
        return (first.price, first.quantity) == (command.price, command.quantity) and _same_kind(
            first, command
        )
    if isinstance(first, OrderPlaced) and isinstance(command, PlaceOrder):
        rules = exchange.markets[first.symbol].rules
        price = None if command.price is None else _units(command.price, rules.price_scale)
        quantity = _units(command.quantity, rules.base_scale)
        return (first.price, first.quantity) == (price, quantity) and _same_kind(first, command)
    if isinstance(first, FundsDeposited) and isinstance(command, Deposit):
        amount = _units(command.amount, exchange.scales[first.asset])
        return (first.account, first.asset, first.amount) == (command.account, command.asset, amount)
    return False


def _same_kind(first: OrderPlaced | OrderRejected, command: PlaceOrder) -> bool:
    return (first.account, first.symbol, first.side, first.order_type, first.time_in_force) == (
        command.account,
        command.symbol,
        command.side,
        command.order_type,
        command.time_in_force,
    )


def _units(text: str, scale: int) -> int | None:
    try:
        return parse_units(text, scale)
    except ValueError:
        return None


def _order_outcome(
    exchange: Exchange, command: PlaceOrder, events: Sequence[Event], *, replayed: bool
) -> Outcome:
    first = events[0]
    if isinstance(first, OrderRejected):
        return Outcome(
            command.command_id,
            "rejected",
            command.order_id,
            first.code,
            first.detail,
            replayed=replayed,
        )
    fills = [event for event in events if isinstance(event, OrderFilled)]
    placed = _placed(first)
    remaining = fills[-1].remaining if fills else placed.quantity
    return Outcome(
        command.command_id,
        _status(fills, cancelled=isinstance(events[-1], OrderCancelled)),
        command.order_id,
        quantity=placed.quantity,
        remaining=remaining,
        fills=tuple(
            OutcomeFill(fill.trade_id, fill.price, fill.quantity, fill.fee, fill.liquidity) for fill in fills
        ),
        scales=_scales(exchange.markets[placed.symbol].rules),
        replayed=replayed,
    )


def _placed(event: Event) -> OrderPlaced:
    assert isinstance(event, OrderPlaced), f"an order's first event was {event}"  # noqa: S101 - an invariant
    return event


def _status(fills: list[OrderFilled], *, cancelled: bool) -> Status:
    if cancelled:
        return "cancelled"
    if not fills:
        return "open"
    return "partially_filled" if fills[-1].remaining else "filled"


def _scales(rules: MarketRules) -> Scales:
    return Scales(rules.price_scale, rules.base_scale, rules.quote_scale)
