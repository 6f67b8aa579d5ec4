"""The outcome of a command, told from the events it caused: now, or years later from the store."""

from collections.abc import Sequence
from typing import Any, cast, get_args

import msgspec

from commands.list_outcome import list_status, same_list
from commands.messages import AnyCommand, Outcome, OutcomeFill, Scales, Status
from commands.transfer_content import same_transfer
from domain.account import Deposit, OpenAccount
from domain.control import DelistMarket
from domain.event import Event
from domain.exchange import Exchange
from domain.market import ListMarket, MarketRules
from domain.numbers import parse_units
from domain.order import (
    AmendOrder,
    CancelAll,
    CancelOrder,
    CancelReplace,
    OrderAmended,
    OrderCancelled,
    OrderFilled,
    OrderPlaced,
    OrderRejected,
    OrderRequest,
    OrderTriggered,
    PlaceOrder,
    Trigger,
)
from domain.order_list import CancelOrderList, OrderListPlaced, OrderListRejected, PlaceOrderList
from domain.rejections import RefusedError
from domain.shard_transfer import (
    CompleteTransfer,
    FundsDeclined,
    ReceiveFunds,
    ReturnFunds,
    SendFunds,
)
from domain.trade import BustTrade, CorrectTrade
from domain.transfer import (
    AdjustBalance,
    CancelWithdrawal,
    CompleteWithdrawal,
    RequestWithdrawal,
    TransferFunds,
)

LifeEvent = OrderPlaced | OrderRejected | OrderFilled | OrderTriggered | OrderAmended | OrderCancelled
# Looked up by type: this is asked of every event, and isinstance with a union takes ten times as long.
_LIFE_EVENTS = frozenset(get_args(LifeEvent))
_ORDER_COMMANDS = PlaceOrder | CancelReplace | AmendOrder | CancelOrder  # made once, not at each command


def outcome(exchange: Exchange, command: AnyCommand, events: Sequence[Event], *, replayed: bool) -> Outcome:
    """Return what ``events``, all that ``command`` caused, amount to."""
    if isinstance(command, _ORDER_COMMANDS):
        own = _own(events, command.order_id)
        if not own:
            return _unchanged(exchange, command)
        return _order_outcome(exchange, command.command_id, own, replayed=replayed)
    if isinstance(command, PlaceOrderList | CancelOrderList):
        return _list_outcome(exchange, command, events, replayed=replayed)
    if events and isinstance(events[0], FundsDeclined):
        declined = events[0]
        return Outcome(
            command.command_id, "declined", detail=f"{declined.code}: {declined.detail}", replayed=replayed
        )
    count = sum(isinstance(event, OrderCancelled) for event in events)
    detail = f"{count} orders cancelled"
    if isinstance(command, CancelAll):
        return Outcome(command.command_id, "cancelled", detail=detail)
    return Outcome(
        command.command_id, _done(command), detail=detail if count else "", replayed=replayed or not events
    )


def _own(events: Sequence[Any], order_id: str) -> list[LifeEvent]:
    return [event for event in events if type(event) in _LIFE_EVENTS and event.order_id == order_id]


def refused(command: AnyCommand, refusal: RefusedError) -> Outcome:
    order_id, list_id = getattr(command, "order_id", ""), getattr(command, "list_id", "")
    code, detail = refusal.code, refusal.detail
    return Outcome(command.command_id, "refused", order_id, code, detail, list_id=list_id)


def _done(command: AnyCommand) -> Status:
    return _DONE.get(type(command), "set")


_DONE: dict[type, Status] = {
    OpenAccount: "opened",
    ListMarket: "listed",
    DelistMarket: "delisted",
    Deposit: "credited",
    RequestWithdrawal: "requested",
    CompleteWithdrawal: "completed",
    CancelWithdrawal: "cancelled",
    TransferFunds: "transferred",
    AdjustBalance: "adjusted",
    SendFunds: "sent",
    ReceiveFunds: "received",
    CompleteTransfer: "completed",
    ReturnFunds: "returned",
    BustTrade: "busted",
    CorrectTrade: "corrected",
}


# --- Is it the same again? ----------------------------------------------------------------------------------


def same_content(exchange: Exchange, command: AnyCommand, first: Event) -> bool:
    """Whether ``command`` asks for what ``first``, the event its id stands for, granted or rejected."""
    if isinstance(command, PlaceOrderList):
        return isinstance(first, OrderListPlaced | OrderListRejected) and same_list(command, first)
    if isinstance(command, PlaceOrder | CancelReplace):
        if getattr(first, "list_id", ""):
            return False  # a leg of a list is another thing than an order by itself
        if isinstance(first, OrderRejected):
            asked = (command.account, command.symbol, _without_session(command.request))
            return (first.account, first.symbol, _without_session(first.request)) == asked
        return isinstance(first, OrderPlaced) and _asks_for(exchange, command, first)
    return same_transfer(exchange, command, first)


def _without_session(request: OrderRequest) -> OrderRequest:
    """Over which connection an order came is no part of it: a trader who lost one sends it over the next."""
    return msgspec.structs.replace(request, session="") if request.session else request


def _asks_for(exchange: Exchange, command: PlaceOrder | CancelReplace, first: OrderPlaced) -> bool:
    request, rules = command.request, exchange.markets[first.symbol].rules
    placed = (first.account, first.symbol, first.side, first.order_type, first.time_in_force)
    plain = (first.self_trade, first.post_only)
    return (
        placed == (command.account, command.symbol, request.side, request.order_type, request.time_in_force)
        and plain == (request.self_trade, request.post_only)
        and _asks_for_amounts(request, rules, first)
        and _asks_for_trigger(request, rules, first.trigger)
        and request.expires_at_us in {None, first.expires_at_us}
    )


def _asks_for_amounts(request: OrderRequest, rules: MarketRules, first: OrderPlaced) -> bool:
    asked = (
        _units(request.price, rules.price_scale),
        _units(request.quote_quantity, rules.quote_scale) or 0,
        _units(request.display_quantity, rules.base_scale) or 0,
    )
    quantity = _units(request.quantity, rules.base_scale)
    return (first.price, first.budget, first.display) == asked and (first.budget or first.quantity) == (
        first.budget or quantity
    )


def _asks_for_trigger(request: OrderRequest, rules: MarketRules, trigger: Trigger | None) -> bool:
    if trigger is None:
        return True  # the order's type is the same, so neither has one
    trail = _units(request.trailing_offset, rules.price_scale) or 0
    asked = (request.trigger_source, trail, request.trailing_bps or 0)
    same_price = trigger.trails or trigger.price == _units(request.trigger_price, rules.price_scale)
    return (trigger.source, trigger.trail, trigger.trail_bps) == asked and same_price


def _units(text: str | None, scale: int) -> int | None:
    try:
        return None if text is None else parse_units(text, scale)
    except ValueError:
        return None


# --- An order -----------------------------------------------------------------------------------------------


def _order_outcome(
    exchange: Exchange,
    command_id: str,
    own: Sequence[LifeEvent],
    *,
    replayed: bool,
) -> Outcome:
    first, last = own[0], own[-1]
    if isinstance(first, OrderRejected):
        return Outcome(command_id, "rejected", first.order_id, first.code, first.detail, replayed=replayed)
    rules = exchange.markets[first.symbol].rules
    fills = [event for event in own if isinstance(event, OrderFilled)]
    sizes = [event for event in own if isinstance(event, OrderPlaced | OrderAmended)]
    return Outcome(
        command_id,
        _status(own, fills),
        first.order_id,
        quantity=sizes[-1].quantity if sizes else 0,
        remaining=last.quantity if isinstance(last, OrderPlaced) else _remaining(last),
        fills=tuple(
            OutcomeFill(fill.trade_id, fill.price, fill.quantity, fill.fee, fill.liquidity) for fill in fills
        ),
        scales=_scales(rules),
        replayed=replayed,
    )


def _unchanged(exchange: Exchange, command: AnyCommand) -> Outcome:
    """A dry run changes nothing, nor does an amendment to what the order is already: it may be a repeat."""
    if not isinstance(command, AmendOrder):
        return Outcome(command.command_id, "valid", getattr(command, "order_id", ""))
    order = exchange.orders[command.order_id]
    status: Status = "partially_filled" if order.filled else "open"
    return Outcome(
        command.command_id,
        status if order.trigger is None else "waiting",
        command.order_id,
        quantity=order.quantity,
        remaining=order.remaining,
        scales=_scales(exchange.markets[order.symbol].rules),
        replayed=True,
    )


def _scales(rules: MarketRules) -> Scales:
    return Scales(rules.price_scale, rules.base_scale, rules.quote_scale)


def _remaining(last: LifeEvent) -> int:
    if isinstance(last, OrderTriggered):
        return last.quantity
    return 0 if isinstance(last, OrderPlaced | OrderRejected) else last.remaining


def _status(own: Sequence[LifeEvent], fills: Sequence[OrderFilled]) -> Status:
    last = own[-1]
    if isinstance(last, OrderCancelled):
        return "cancelled"
    if isinstance(last, OrderPlaced) and last.pending:
        return "pending"
    if isinstance(last, OrderPlaced | OrderAmended) and last.trigger is not None:
        return "waiting"
    if not fills:
        return "open"
    return "partially_filled" if _remaining(last) else "filled"


# --- An order list ------------------------------------------------------------------------------------------


def _list_outcome(
    exchange: Exchange,
    command: PlaceOrderList | CancelOrderList,
    events: Sequence[Event],
    *,
    replayed: bool,
) -> Outcome:
    by_order: dict[str, list[LifeEvent]] = {}
    for event in cast("Sequence[Any]", events):
        if type(event) in _LIFE_EVENTS:
            by_order.setdefault(event.order_id, []).append(event)
    if isinstance(command, PlaceOrderList):
        ids = [leg.order_id for leg in command.legs]
    else:
        ids = [order_id for order_id, own in by_order.items() if isinstance(own[-1], OrderCancelled)]
    legs = [
        _order_outcome(exchange, command.command_id, by_order[order_id], replayed=replayed)
        for order_id in ids
    ]
    return Outcome(
        command.command_id,
        list_status(command, events),
        code=legs[0].code if legs else "",
        detail=legs[0].detail if legs else "",
        replayed=replayed,
        list_id=command.list_id,
        legs=tuple(legs),
    )
