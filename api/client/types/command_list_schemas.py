"""What the APIs take and give: the structs of api.command.list_schemas.

Written by docs/client_source.py from it: do not edit.
"""

from datetime import datetime

import msgspec

from api.client.amounts import Amount
from api.client.types.command_schemas import OrderOutcome
from api.client.types.words import ListKind, OrderType, SelfTrade, Side, Status, TimeInForce, TriggerSource


class LegRequest(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One order of a list, with the fields it has where it is placed by itself."""

    client_order_id: str
    side: Side
    type: OrderType
    quantity: Amount
    price: Amount | None = None
    time_in_force: TimeInForce = "gtc"
    expires_at: datetime | None = None
    post_only: bool = False
    display_quantity: Amount | None = None
    trigger_price: Amount | None = None
    trigger_source: TriggerSource = "last"
    trailing_offset: Amount | None = None
    trailing_bps: int | None = None
    self_trade_prevention: SelfTrade = "none"
    quote_quantity: None = None


class PlaceOrderListRequest(msgspec.Struct, kw_only=True, omit_defaults=True):
    """``oco``: two legs of one side and quantity, of which one cancels the other. ``oto``: a working leg,
    then one that follows what it fills. ``otoco``: a working leg, then two that follow, of which one cancels
    the other.
    """

    account: str
    symbol: str
    kind: ListKind
    legs: list[LegRequest]
    client_list_id: str = ""


class OrderListOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a command on an order list, and of each of its orders: there ``pending`` is a leg that
    is not in force yet. A list that is ``pending`` itself is in the log and will be decided; query it.
    ``token``: give it to the query API as ``after`` to read what this command wrote.
    """

    command_id: str
    list_id: str
    status: Status
    legs: list[OrderOutcome] = msgspec.field(default_factory=list)
    replayed: bool = False
    token: str = ""
