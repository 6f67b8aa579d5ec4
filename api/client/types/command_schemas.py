"""What the APIs take and give: the structs of api.command.schemas.

Written by docs/client_source.py from it: do not edit.
"""

from datetime import datetime
from decimal import Decimal
from typing import Literal

import msgspec

from api.client.amounts import Amount
from api.client.types.command_fanout import ShardView
from api.client.types.words import (
    AdjustmentSide,
    OrderType,
    SelfTrade,
    Side,
    Status,
    TimeInForce,
    TriggerSource,
)


class PlaceOrderRequest(msgspec.Struct, kw_only=True, omit_defaults=True):
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


class AmendOrderRequest(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What the order is to be from now on; what is left out stays as it is."""

    account: str
    quantity: Amount | None = None
    price: Amount | None = None
    trigger_price: Amount | None = None


class CancelReplaceRequest(msgspec.Struct, kw_only=True, omit_defaults=True):
    """``stop_on_failure``: no cancel, no new order; ``allow_failure``: the new order is placed anyway."""

    cancel_order_id: str
    order: PlaceOrderRequest
    mode: Literal["stop_on_failure", "allow_failure"] = "stop_on_failure"


class MarkPriceRequest(msgspec.Struct, kw_only=True, omit_defaults=True):
    price: Amount


class PlaceInBatch(msgspec.Struct, kw_only=True, omit_defaults=True, tag_field="op", tag="place"):
    """Places an order, as one of many commands."""

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


class CancelOrderRequest(msgspec.Struct, kw_only=True, omit_defaults=True):
    """By ``order_id`` or by your own ``client_order_id``, to which ``symbol`` belongs where there are several
    shards.
    """

    account: str
    order_id: str | None = None
    client_order_id: str | None = None
    symbol: str | None = None


class CancelInBatch(msgspec.Struct, kw_only=True, omit_defaults=True, tag_field="op", tag="cancel"):
    """Cancels an order, as one of many commands."""

    account: str
    order_id: str | None = None
    client_order_id: str | None = None
    symbol: str | None = None


class AmendInBatch(msgspec.Struct, kw_only=True, omit_defaults=True, tag_field="op", tag="amend"):
    """Changes an open order, as one of many commands."""

    account: str
    quantity: Amount | None = None
    price: Amount | None = None
    trigger_price: Amount | None = None
    order_id: str


class CancelReplaceInBatch(
    msgspec.Struct, kw_only=True, omit_defaults=True, tag_field="op", tag="cancel_replace"
):
    """Cancels one order and places another in one step, as one of many commands."""

    cancel_order_id: str
    order: PlaceOrderRequest
    mode: Literal["stop_on_failure", "allow_failure"] = "stop_on_failure"


class BatchRequest(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Commands that are decided one after the other, in this order. One that is refused stops no other."""

    commands: list[PlaceInBatch | CancelInBatch | AmendInBatch | CancelReplaceInBatch]


class OpenAccountRequest(msgspec.Struct, kw_only=True, omit_defaults=True):
    account: str


class DepositRequest(msgspec.Struct, kw_only=True, omit_defaults=True):
    asset: str
    amount: Amount
    client_transfer_id: str = ""
    shard: int | None = None
    symbol: str | None = None


class WithdrawalRequest(msgspec.Struct, kw_only=True, omit_defaults=True):
    asset: str
    amount: Amount
    client_transfer_id: str = ""
    destination: str = ""
    shard: int | None = None
    symbol: str | None = None


class CompletionRequest(msgspec.Struct, kw_only=True, omit_defaults=True):
    reference: str


class CancellationRequest(msgspec.Struct, kw_only=True, omit_defaults=True):
    reason: str


class TransferRequest(msgspec.Struct, kw_only=True, omit_defaults=True):
    """``to_shard``: where ``to_account`` is; without it both accounts are on the one that the funds leave."""

    account: str
    to_account: str
    asset: str
    amount: Amount
    client_transfer_id: str = ""
    shard: int | None = None
    symbol: str | None = None
    to_shard: int | None = None


class AdjustmentRequest(msgspec.Struct, kw_only=True, omit_defaults=True):
    side: AdjustmentSide
    asset: str
    amount: Amount
    reason: str
    client_transfer_id: str = ""
    shard: int | None = None
    symbol: str | None = None


class AccountFeesRequest(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Without fees: back to the default. Without a symbol: on all markets that have none agreed."""

    symbol: str | None = None
    maker_fee_ppm: int | None = None
    taker_fee_ppm: int | None = None


class AccountGroupRequest(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Without a group the account stands alone."""

    group: str | None = None


class AccountLimitsRequest(msgspec.Struct, kw_only=True, omit_defaults=True):
    """All limits of an account from now on. What is left out is unlimited; 0 allows nothing."""

    max_order_notional: dict[str, Amount] = msgspec.field(default_factory=dict)
    max_open_notional: dict[str, Amount] = msgspec.field(default_factory=dict)
    max_position: dict[str, Amount] = msgspec.field(default_factory=dict)
    order_rate: int | None = None
    daily_loss: dict[str, Amount] = msgspec.field(default_factory=dict)


class ListMarketRequest(msgspec.Struct, kw_only=True, omit_defaults=True):
    symbol: str
    base_asset: str
    quote_asset: str
    base_scale: int
    quote_scale: int
    tick_size: Amount
    lot_size: Amount
    min_quantity: Amount
    max_quantity: Amount
    min_notional: Amount
    maker_fee_ppm: int
    taker_fee_ppm: int
    market_buffer_ppm: int = 50000
    session_end_s: int = 0
    max_open_orders: int = 0
    buy_band_up_ppm: int = 0
    buy_band_down_ppm: int = 0
    sell_band_up_ppm: int = 0
    sell_band_down_ppm: int = 0
    max_position: Amount = "0"
    shard: int | None = None


class FillOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """A trade the command made for its own order; ``fee`` in the quote asset."""

    trade_id: int
    price: Decimal
    quantity: Decimal
    fee: Decimal
    liquidity: Literal["maker", "taker"]


class OrderOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a command on an order.

    ``waiting``: for its trigger. ``valid``: a test order could be placed. ``pending``: the command is in the
    log and will be decided; query the order. ``rejected``, ``refused``: ``code`` and ``detail`` say why.
    ``replayed``: this is the first outcome of a command sent before.
    ``token``: give it to the query API as ``after`` to read what this command wrote.
    """

    command_id: str
    order_id: str
    status: Status
    code: str | None = None
    detail: str | None = None
    quantity: Decimal | None = None
    remaining: Decimal | None = None
    fills: list[FillOutcome] = msgspec.field(default_factory=list)
    replayed: bool = False
    token: str = ""


class BatchOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """An outcome for each command, in order."""

    outcomes: list[OrderOutcome]
    token: str


class DoneView(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a command that is on no order; ``id``: what it opened, credited or listed. ``shards``:
    what each shard did, where there are several and the command went to them by itself.
    """

    command_id: str
    id: str
    status: Status
    detail: str | None = None
    replayed: bool = False
    token: str = ""
    shards: list[ShardView] = msgspec.field(default_factory=list)
