"""What the command API takes and gives where orders hang together."""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from api.command.schemas import (
    AccountId,
    ClientId,
    DecimalText,
    OrderView,
    OwnId,
    Request,
    Symbol,
    order_view,
)
from commands.messages import Outcome, Status
from domain.event import Side, TriggerSource
from domain.order import OrderType, SelfTrade, TimeInForce
from domain.order_list import ListKind


class LegRequest(Request):
    """One order of a list, with the fields it has where it is placed by itself."""

    client_order_id: ClientId
    side: Side
    type: OrderType
    quantity: DecimalText
    price: DecimalText | None = None
    time_in_force: TimeInForce = "gtc"
    expires_at: Annotated[datetime, Meta(tz=True, description="With time in force gtd.")] | None = None
    post_only: bool = False
    display_quantity: DecimalText | None = None
    trigger_price: DecimalText | None = None
    trigger_source: TriggerSource = "last"
    trailing_offset: DecimalText | None = None
    trailing_bps: Annotated[int, Meta(ge=1, le=9_999)] | None = None
    self_trade_prevention: SelfTrade = "none"
    quote_quantity: None = None


class PlaceOrderListRequest(Request):
    """``oco``: two legs of one side and quantity, of which one cancels the other. ``oto``: a working leg,
    then one that follows what it fills. ``otoco``: a working leg, then two that follow, of which one cancels
    the other.
    """

    account: AccountId
    symbol: Symbol
    kind: ListKind
    legs: Annotated[list[LegRequest], Meta(min_length=2, max_length=3)]
    client_list_id: OwnId = ""


class OrderListView(Struct, omit_defaults=False):
    """What became of a command on an order list, and of each of its orders: there ``pending`` is a leg that
    is not in force yet. A list that is ``pending`` itself is in the log and will be decided; query it.
    ``token``: give it to the query API as ``after`` to read what this command wrote.
    """

    command_id: str
    list_id: str
    status: Status
    legs: list[OrderView] = msgspec.field(default_factory=list)
    replayed: bool = False
    token: str = ""


def list_view(command_id: str, list_id: str, outcome: Outcome | None, token: str) -> OrderListView:
    """Return an outcome with its integers as decimals; no outcome yet is ``pending``."""
    if outcome is None:
        return OrderListView(command_id, list_id, "pending", token=token)
    legs = [order_view(command_id, leg.order_id, leg, token) for leg in outcome.legs]
    return OrderListView(command_id, list_id, outcome.status, legs, outcome.replayed, token)
