"""What travels over the WebSocket: frames of items in, frames of replies out, both JSON.

A frame is one item or an array of them. Each item says in ``op`` what it asks for; its ``id``, of the
client's choosing, comes back with its reply.
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import Meta, Struct

from api.command import schemas
from api.command.control_schemas import KillSwitchRequest
from api.command.list_schemas import PlaceOrderListRequest
from api.command.schemas import AccountId, FillView, StreamId, Symbol
from api.command.wanted import ABOUT, Wanted
from api.problems import PROBLEMS
from commands.messages import Outcome, Status
from domain.event import Side
from domain.numbers import format_units

ItemId = Annotated[str, Meta(max_length=64)] | int | None
Answered = Annotated[Wanted, Meta(description=ABOUT)]


class PlaceItem(schemas.PlaceOrderRequest, tag_field="op", tag="place"):
    """Place an order."""

    id: ItemId = None
    answer: Answered = "full"


class PlaceTestItem(schemas.PlaceOrderRequest, tag_field="op", tag="place_test"):
    """Validate an order in full, funds included, and place nothing."""

    id: ItemId = None


class CancelItem(schemas.CancelOrderRequest, kw_only=True, tag_field="op", tag="cancel"):
    """Cancel an order, by its id or by your own. Where there are several shards your own needs the market's
    symbol beside it.
    """

    id: ItemId = None
    answer: Answered = "full"


class AmendItem(schemas.AmendOrderRequest, kw_only=True, tag_field="op", tag="amend"):
    """Change an open order; what is left out stays as it is."""

    order_id: StreamId
    id: ItemId = None
    answer: Answered = "full"


class CancelReplaceItem(schemas.CancelReplaceRequest, tag_field="op", tag="cancel_replace"):
    """Cancel one order and place another in one step."""

    id: ItemId = None
    answer: Answered = "full"


class PlaceListItem(PlaceOrderListRequest, tag_field="op", tag="place_list"):
    """Place an OCO, OTO or OTOCO list, whole or not at all."""

    id: ItemId = None
    answer: Answered = "full"


class CancelListItem(schemas.Request, kw_only=True, tag_field="op", tag="cancel_list"):
    """Cancel all orders of a list that are open."""

    account: AccountId
    list_id: StreamId
    id: ItemId = None
    answer: Answered = "full"


class KillSwitchItem(KillSwitchRequest, kw_only=True, tag_field="op", tag="kill_switch"):
    """Cancel all orders of an account and take no new ones, until the venue releases it."""

    account: AccountId
    id: ItemId = None


class CancelAllItem(schemas.Request, kw_only=True, tag_field="op", tag="cancel_all"):
    """Cancel all open orders of an account, or those of one market or side."""

    account: AccountId
    symbol: Symbol | None = None
    side: Side | None = None
    id: ItemId = None


class AuthItem(schemas.Request, kw_only=True, tag_field="op", tag="auth"):
    """Say who you are, at the beginning or before your token expires."""

    token: Annotated[str, Meta(max_length=8_192)]
    cancel_on_disconnect: bool | None = None
    id: ItemId = None


class SessionItem(schemas.Request, kw_only=True, tag_field="op", tag="session"):
    """Choose whether the orders placed from now on end with this connection."""

    cancel_on_disconnect: bool
    id: ItemId = None


class PingItem(schemas.Request, tag_field="op", tag="ping"):
    """Ask for a sign of life."""

    id: ItemId = None


class PongItem(schemas.Request, tag_field="op", tag="pong"):
    """Give one; it has no reply."""

    id: ItemId = None


Item = (
    PlaceItem
    | PlaceTestItem
    | CancelItem
    | AmendItem
    | CancelReplaceItem
    | CancelAllItem
    | PlaceListItem
    | CancelListItem
    | KillSwitchItem
    | AuthItem
    | SessionItem
    | PingItem
    | PongItem
)
OPS = [str(kind.__struct_config__.tag) for kind in get_args(Item)]


class Reply(Struct, omit_defaults=True):
    """What became of an item. What is empty is left out; ``id`` is null where an item's could not be read.

    ``pending``: it is in the log and will be decided; query the order. Who asked for ``ack`` hears no
    more. ``rejected``, ``refused``: ``code``,
    ``detail`` and ``remedy`` say why, and what to do. ``ok``: for items that are no commands.
    """

    id: ItemId
    status: Status | Literal["ok"]
    order_id: str = ""
    client_order_id: str = ""
    command_id: str = ""
    code: str = ""
    detail: str = ""
    remedy: str = ""
    quantity: str | None = None
    remaining: str | None = None
    fills: list[FillView] = msgspec.field(default_factory=list)
    replayed: bool = False
    retry_after_ms: int = 0
    list_id: str = ""
    legs: list[schemas.OrderView] = msgspec.field(default_factory=list)


class Replies(Struct, omit_defaults=True):
    """``token``: give it to the query API as ``after`` to read what all of these wrote."""

    replies: list[Reply]
    token: str = ""


class Notice(Struct, omit_defaults=True):
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


class BadItem(Struct):
    """An item that could not be read, and why."""

    id: ItemId
    detail: str


class BadFrameError(Exception):
    """Nothing of the frame could be read. ``code``: of the problem."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


_frame_decoder = msgspec.json.Decoder(list[Item] | Item)
_item_decoder = msgspec.json.Decoder(Item)
_parts_decoder = msgspec.json.Decoder(list[msgspec.Raw] | msgspec.Raw)
_encoder = msgspec.json.Encoder()


class _Named(Struct):
    id: ItemId = None


_name_decoder = msgspec.json.Decoder(_Named)


def decode_frame(data: str | bytes, bytes_max: int, items_max: int) -> Sequence[Item | BadItem]:
    """Return a frame's items; those that are wrong say so, and spoil no other. Raises ``BadFrameError``."""
    if len(data) > bytes_max:
        raise BadFrameError("too_large", f"the frame has {len(data)} bytes; {bytes_max} are the most")
    try:
        items = _items(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadFrameError("invalid_request", f"the frame is not JSON: {error}") from None
    except RecursionError:
        raise BadFrameError("invalid_request", "the frame is nested too deep to be read") from None
    if len(items) > items_max:
        raise BadFrameError("too_large", f"the frame has {len(items)} items; {items_max} are the most")
    return items


def _items(data: str | bytes) -> Sequence[Item | BadItem]:
    try:
        decoded = _frame_decoder.decode(data)
    except msgspec.ValidationError:
        return [_item(part) for part in _parts(data)]
    return decoded if isinstance(decoded, list) else [decoded]


def _parts(data: str | bytes) -> list[bytes]:
    parts = _parts_decoder.decode(data)
    return [bytes(part) for part in parts] if isinstance(parts, list) else [bytes(parts)]


def _item(part: bytes) -> Item | BadItem:
    try:
        item: Item = _item_decoder.decode(part)
    except msgspec.DecodeError as error:
        name: ItemId = None
        with suppress(msgspec.DecodeError):
            name = _name_decoder.decode(part).id
        known = f"; op is one of {', '.join(OPS)}" if "op" in str(error) else ""
        return BadItem(name, f"{error}{known}")
    return item


def symbol_of(item: Item | BadItem) -> str | None:
    """Return the market an item names, whose shard it then goes to."""
    if isinstance(item, CancelReplaceItem):
        return item.order.symbol
    return getattr(item, "symbol", None)


def refusal(name: ItemId, code: str, detail: str, **more: Any) -> Reply:
    """Return the reply to an item that did not become a command."""
    return Reply(name, "refused", code=code, detail=detail, remedy=PROBLEMS[code].remedy, **more)


def reply_of(name: ItemId, client_order_id: str, outcome: Outcome, wanted: Wanted = "full") -> Reply:
    """Return an outcome with its integers as decimals."""
    reply = Reply(name, outcome.status, outcome.order_id, client_order_id, outcome.command_id)
    reply.replayed = outcome.replayed
    if outcome.detail:
        reply.detail = outcome.detail
    if outcome.code:
        reply.code, reply.remedy = outcome.code, PROBLEMS[outcome.code].remedy
    scales = outcome.scales
    if scales is not None:
        reply.remaining = format_units(outcome.remaining, scales.base)
        if outcome.quantity:
            reply.quantity = format_units(outcome.quantity, scales.base)
        if outcome.fills and wanted == "full":
            reply.fills = [schemas.fill_view(fill, scales) for fill in outcome.fills]
    if outcome.list_id:
        reply.list_id = outcome.list_id
        reply.legs = [_leg(outcome.command_id, leg, wanted) for leg in outcome.legs]
    return reply


def _leg(command_id: str, leg: Outcome, wanted: Wanted) -> schemas.OrderView:
    view = schemas.order_view(command_id, leg.order_id, leg, "")
    if wanted == "result":
        view.fills = []
    return view


def encode_frame(frame: Replies | Notice) -> bytes:
    return _encoder.encode(frame)
