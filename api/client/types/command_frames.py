"""What the APIs take and give: the structs of api.command.frames.

Written by docs/client_source.py from it: do not edit.
"""

from datetime import datetime
from decimal import Decimal
from typing import Literal

import msgspec

from api.client.amounts import Amount
from api.client.types.command_list_schemas import LegRequest
from api.client.types.command_schemas import FillOutcome, OrderOutcome, PlaceOrderRequest
from api.client.types.words import (
    ListKind,
    OrderType,
    SelfTrade,
    Side,
    Status,
    TimeInForce,
    TriggerSource,
    Wanted,
)


class PlaceItem(msgspec.Struct, kw_only=True, omit_defaults=True, tag_field="op", tag="place"):
    """Place an order."""

    account: str
    symbol: str
    side: Side
    type: OrderType
    client_order_id: str = ""
    quantity: Amount | None = None
    quote_quantity: Amount | None = None
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
    id: str | int | None = None
    answer: Wanted = "full"


class PlaceTestItem(msgspec.Struct, kw_only=True, omit_defaults=True, tag_field="op", tag="place_test"):
    """Validate an order in full, funds included, and place nothing."""

    account: str
    symbol: str
    side: Side
    type: OrderType
    client_order_id: str = ""
    quantity: Amount | None = None
    quote_quantity: Amount | None = None
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
    id: str | int | None = None


class CancelItem(msgspec.Struct, kw_only=True, omit_defaults=True, tag_field="op", tag="cancel"):
    """Cancel an order, by its id or by your own. Where there are several shards your own needs the market's
    symbol beside it.
    """

    account: str
    order_id: str | None = None
    client_order_id: str | None = None
    symbol: str | None = None
    id: str | int | None = None
    answer: Wanted = "full"


class AmendItem(msgspec.Struct, kw_only=True, omit_defaults=True, tag_field="op", tag="amend"):
    """Change an open order; what is left out stays as it is."""

    account: str
    quantity: Amount | None = None
    price: Amount | None = None
    trigger_price: Amount | None = None
    order_id: str
    id: str | int | None = None
    answer: Wanted = "full"


class CancelReplaceItem(
    msgspec.Struct, kw_only=True, omit_defaults=True, tag_field="op", tag="cancel_replace"
):
    """Cancel one order and place another in one step."""

    cancel_order_id: str
    order: PlaceOrderRequest
    mode: Literal["stop_on_failure", "allow_failure"] = "stop_on_failure"
    id: str | int | None = None
    answer: Wanted = "full"


class PlaceListItem(msgspec.Struct, kw_only=True, omit_defaults=True, tag_field="op", tag="place_list"):
    """Place an OCO, OTO or OTOCO list, whole or not at all."""

    account: str
    symbol: str
    kind: ListKind
    legs: list[LegRequest]
    client_list_id: str = ""
    id: str | int | None = None
    answer: Wanted = "full"


class CancelListItem(msgspec.Struct, kw_only=True, omit_defaults=True, tag_field="op", tag="cancel_list"):
    """Cancel all orders of a list that are open."""

    account: str
    list_id: str
    id: str | int | None = None
    answer: Wanted = "full"


class KillSwitchItem(msgspec.Struct, kw_only=True, omit_defaults=True, tag_field="op", tag="kill_switch"):
    """Cancel all orders of an account and take no new ones, until the venue releases it."""

    status: Literal["cancel_only", "suspended"] = "cancel_only"
    reason: str = "kill switch"
    account: str
    id: str | int | None = None


class CancelAllItem(msgspec.Struct, kw_only=True, omit_defaults=True, tag_field="op", tag="cancel_all"):
    """Cancel all open orders of an account, or those of one market or side."""

    account: str
    symbol: str | None = None
    side: Side | None = None
    id: str | int | None = None


class AuthItem(msgspec.Struct, kw_only=True, omit_defaults=True, tag_field="op", tag="auth"):
    """Say who you are, at the beginning or before your token expires."""

    token: str
    cancel_on_disconnect: bool | None = None
    id: str | int | None = None


class SessionItem(msgspec.Struct, kw_only=True, omit_defaults=True, tag_field="op", tag="session"):
    """Choose whether the orders placed from now on end with this connection."""

    cancel_on_disconnect: bool
    id: str | int | None = None


class PingItem(msgspec.Struct, kw_only=True, omit_defaults=True, tag_field="op", tag="ping"):
    """Ask for a sign of life."""

    id: str | int | None = None


class PongItem(msgspec.Struct, kw_only=True, omit_defaults=True, tag_field="op", tag="pong"):
    """Give one; it has no reply."""

    id: str | int | None = None


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an item. What is empty is left out; ``id`` is null where an item's could not be read.

    ``pending``: it is in the log and will be decided; query the order. Who asked for ``ack`` hears no
    more. ``rejected``, ``refused``: ``code``,
    ``detail`` and ``remedy`` say why, and what to do. ``ok``: for items that are no commands.
    """

    id: str | int | None
    status: Status | Literal["ok"]
    order_id: str = ""
    client_order_id: str = ""
    command_id: str = ""
    code: str = ""
    detail: str = ""
    remedy: str = ""
    quantity: Decimal | None = None
    remaining: Decimal | None = None
    fills: list[FillOutcome] = msgspec.field(default_factory=list)
    replayed: bool = False
    retry_after_ms: int = 0
    list_id: str = ""
    legs: list[OrderOutcome] = msgspec.field(default_factory=list)


class Replies(msgspec.Struct, frozen=True, kw_only=True):
    """``token``: give it to the query API as ``after`` to read what all of these wrote."""

    replies: list[Reply]
    token: str = ""


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """What the server says unasked.

    ``welcome``: the connection is open, its orders carry ``session``. ``ping``: send anything, or be taken
    for gone. ``token_expires``: send ``auth`` before ``expires_at`` (seconds since 1970).
    """

    event: Literal["welcome", "ping", "token_expires"]
    session: str = ""
    items_max: int = 0
    frame_bytes_max: int = 0
    in_flight_max: int = 0
    idle_ms_max: int = 0
    expires_at: float = 0.0
