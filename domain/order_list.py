"""Order list: orders that stand and fall together; its facts, and the commands that ask for them.

``oco``: one of two orders cancels the other. ``oto``: a working order, and a pending one that follows what
the first fills. ``otoco`` (a bracket): a working order, and two pending ones of which one cancels the other.

Each leg is an order with a stream of its own; the list's own stream says which orders belong together.
"""

from typing import Literal

import msgspec

from domain.event import Command, Event
from domain.order import OrderRequest

ListKind = Literal["oco", "oto", "otoco"]
LegRole = Literal["working", "pending"]
ListEnd = Literal["done", "requested"]

LEGS: dict[ListKind, int] = {"oco": 2, "oto": 2, "otoco": 3}


class ListLeg(msgspec.Struct, frozen=True, gc=False):
    """One order of the list, as it was sent; where there is a working leg, it comes first."""

    order_id: str
    client_order_id: str
    request: OrderRequest


def role_of(kind: ListKind, index: int) -> LegRole:
    """Return what the leg at ``index`` is: both legs of an ``oco`` work from the start."""
    return "working" if kind == "oco" or index == 0 else "pending"


# --- Events ---------------------------------------------------------------------------------------------


class OrderListPlaced(Event, frozen=True, tag="OrderListPlaced.v1"):
    """The list is accepted; its legs' own events follow."""

    list_id: str
    account: str
    client_list_id: str
    symbol: str
    kind: ListKind
    legs: tuple[ListLeg, ...]


class OrderListRejected(Event, frozen=True, tag="OrderListRejected.v1"):
    """None of its orders came to be: each is rejected too, for the same reason."""

    list_id: str
    account: str
    client_list_id: str
    symbol: str
    kind: ListKind
    legs: tuple[ListLeg, ...]
    code: str
    detail: str


class OrderListEnded(Event, frozen=True, tag="OrderListEnded.v1"):
    """None of its orders is open any more. ``requested``: its owner cancelled the list."""

    list_id: str
    account: str
    symbol: str
    reason: ListEnd


# --- Commands -------------------------------------------------------------------------------------------


class PlaceOrderList(Command, frozen=True, tag="PlaceOrderList"):
    """Place all legs, or none of them."""

    list_id: str
    account: str
    client_list_id: str
    symbol: str
    kind: ListKind
    legs: tuple[ListLeg, ...]


class CancelOrderList(Command, frozen=True, tag="CancelOrderList"):
    """Cancel all orders of the list that are open."""

    list_id: str
    account: str
