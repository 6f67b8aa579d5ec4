"""What the events of an order list amount to, and whether a list is the same again."""

from collections.abc import Sequence

import msgspec

from commands.messages import Status
from domain.event import Event
from domain.order import OrderRequest
from domain.order_list import (
    CancelOrderList,
    ListLeg,
    OrderListEnded,
    OrderListPlaced,
    OrderListRejected,
    PlaceOrderList,
)

AMOUNTS = (
    "quantity",
    "quote_quantity",
    "price",
    "trigger_price",
    "trailing_offset",
    "display_quantity",
)


def list_status(command: PlaceOrderList | CancelOrderList, events: Sequence[Event]) -> Status:
    if isinstance(command, CancelOrderList):
        return "cancelled"
    if any(isinstance(event, OrderListRejected) for event in events):
        return "rejected"
    ended = any(isinstance(event, OrderListEnded) and event.list_id == command.list_id for event in events)
    return "all_done" if ended else "executing"


def same_list(command: PlaceOrderList, first: OrderListPlaced | OrderListRejected) -> bool:
    """Whether ``command`` asks for what ``first`` was: 1 and 1.0 are the same."""
    asked = (command.account, command.symbol, command.kind, _plain(command.legs))
    return asked == (first.account, first.symbol, first.kind, _plain(first.legs))


def _plain(legs: Sequence[ListLeg]) -> list[tuple[str, OrderRequest]]:
    return [(leg.order_id, _without_zeros(leg.request)) for leg in legs]


def _without_zeros(request: OrderRequest) -> OrderRequest:
    amounts = {name: _shortest(getattr(request, name)) for name in AMOUNTS}
    return msgspec.structs.replace(request, **amounts)


def _shortest(amount: str | None) -> str | None:
    if amount is None:
        return None
    whole, _, fraction = amount.partition(".")
    return f"{whole.lstrip('0') or '0'}.{fraction.rstrip('0')}"
