"""What the command API takes and gives. Amounts are decimal strings, never floats."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from api.command.fanout import ShardView
from api.command.forms import Form
from commands.messages import Outcome, OutcomeFill, Scales, Status
from domain import ids
from domain.event import Side, TriggerSource
from domain.ids import SHARDS_MAX
from domain.numbers import format_units
from domain.order import OrderType, SelfTrade, TimeInForce
from domain.transfer import AdjustmentSide

COMMANDS_PER_BATCH_MAX = 500

ACCOUNT_PATTERN = "^[A-Za-z0-9][A-Za-z0-9_-]{0,35}$"
STREAM_PATTERN = "^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$"

CLIENT_ID_PATTERN = "^[!-~]{1,64}$"
DECIMAL_PATTERN = r"^[0-9]{1,18}(\.[0-9]{1,18})?$"

AccountId = Annotated[
    str,
    Meta(pattern=ACCOUNT_PATTERN, description="Letters, digits, - and _", examples=["alice"]),
]
SYMBOL_PATTERN = "^[A-Z0-9]{1,12}-[A-Z0-9]{1,12}$"
Symbol = Annotated[str, Meta(pattern=SYMBOL_PATTERN, examples=["BTC-USD"])]
Asset = Annotated[str, Meta(pattern="^[A-Z0-9]{1,12}$", examples=["USD"])]
ClientId = Annotated[
    str,
    Meta(
        pattern=CLIENT_ID_PATTERN,
        description="Your own id. The same id again is the same order or transfer, never a second one.",
        examples=["my-order-1"],
    ),
]
OwnId = Annotated[
    str,
    Meta(
        pattern="^[!-~]{0,64}$",
        description=(
            "Your own id. The same id again is the same order list or transfer, never a second one. An "
            "Idempotency-Key may stand for it."
        ),
        examples=["my-transfer-1"],
    ),
]
StreamId = Annotated[
    str,
    Meta(
        pattern=STREAM_PATTERN,
        examples=["0000cb25-98c6-8dc4-83bc-10ea9616066b"],
    ),
]
DecimalText = Annotated[str, Meta(pattern=DECIMAL_PATTERN, description="A plain decimal", examples=["1.5"])]
FeePpm = Annotated[
    int, Meta(ge=0, le=100_000, description="Parts per million of the notional", examples=[1000])
]
Reason = Annotated[str, Meta(min_length=1, max_length=200, description="For the record; no personal data.")]
Scale = Annotated[int, Meta(ge=0, le=12, description="Decimals of the asset's smallest unit", examples=[8])]

ShardNumber = Annotated[
    int, Meta(ge=0, le=SHARDS_MAX - 1, description="Balances are per shard; 0 unless told otherwise.")
]
MarketOfShard = Annotated[
    str,
    Meta(pattern=SYMBOL_PATTERN, description="The same, by a market on that shard.", examples=["BTC-USD"]),
]
HomeShard = Annotated[
    int,
    Meta(
        ge=0,
        le=SHARDS_MAX - 1,
        description="The shard the market is to trade on, for good; without it, the first one.",
    ),
]
BandUp = Annotated[
    int,
    Meta(
        ge=0,
        le=100_000_000,
        description="At most so far above the reference price, in parts per million; 0: any.",
    ),
]
BandDown = Annotated[
    int,
    Meta(
        ge=0,
        le=999_999,
        description="At most so far below the reference price, in parts per million; 0: any.",
    ),
]
OpenOrders = Annotated[
    int, Meta(ge=0, le=1_000_000, description="Of one account on the market; 0: any number.")
]


# What every order has is checked by its form, see there; the documents show the pattern all the same.
_AccountText = Annotated[str, Meta(max_length=36, description=f"{ACCOUNT_PATTERN}", examples=["alice"])]
_ClientText = Annotated[
    str,
    Meta(
        max_length=64,
        description=(
            f"Your own id, {CLIENT_ID_PATTERN}: the same id again is the same order. Over REST an "
            "Idempotency-Key may stand for it."
        ),
        examples=["my-order-1"],
    ),
]
_SymbolText = Annotated[str, Meta(max_length=25, description=SYMBOL_PATTERN, examples=["BTC-USD"])]
_AmountText = Annotated[
    str, Meta(max_length=37, description=f"A plain decimal, {DECIMAL_PATTERN}", examples=["1.5"])
]
_ACCOUNT = Form("account", ACCOUNT_PATTERN, "alice")
_CLIENT_ORDER_ID = Form("client_order_id", CLIENT_ID_PATTERN, "my-order-1", repeats=False)
_SYMBOL = Form("symbol", SYMBOL_PATTERN, "BTC-USD")
_QUANTITY = Form("quantity", DECIMAL_PATTERN, "1.5")
_PRICE = Form("price", DECIMAL_PATTERN, "1.5")


class Request(Struct, forbid_unknown_fields=True):
    """A misspelt field is an error, not a default."""


class PlaceOrderRequest(Request):
    account: _AccountText
    symbol: _SymbolText
    side: Side
    type: OrderType
    client_order_id: _ClientText = ""
    quantity: _AmountText | None = None
    quote_quantity: Annotated[
        DecimalText | None, Meta(description="Market orders: spend, or earn, so much of the quote asset.")
    ] = None
    price: _AmountText | None = None
    time_in_force: TimeInForce = "gtc"
    expires_at: Annotated[datetime, Meta(tz=True, description="With time in force gtd.")] | None = None
    post_only: bool = False
    display_quantity: Annotated[
        DecimalText | None, Meta(description="An iceberg shows at most so much of itself.")
    ] = None
    trigger_price: Annotated[DecimalText | None, Meta(description="Stop and take-profit orders.")] = None
    trigger_source: TriggerSource = "last"
    trailing_offset: Annotated[
        DecimalText | None, Meta(description="Trailing stops: so far behind the best price.")
    ] = None
    trailing_bps: Annotated[int, Meta(ge=1, le=9_999, description="The same, in basis points.")] | None = None
    self_trade_prevention: Annotated[
        SelfTrade, Meta(description="What to do where the order meets one of its own account or group.")
    ] = "none"

    def __post_init__(self) -> None:
        _ACCOUNT.check(self.account)
        _CLIENT_ORDER_ID.check(self.client_order_id or None)
        _SYMBOL.check(self.symbol)
        _QUANTITY.check(self.quantity)
        _PRICE.check(self.price)


class AmendOrderRequest(Request):
    """What the order is to be from now on; what is left out stays as it is."""

    account: AccountId
    quantity: Annotated[DecimalText | None, Meta(description="In total, what is filled included.")] = None
    price: DecimalText | None = None
    trigger_price: DecimalText | None = None


class CancelReplaceRequest(Request):
    """``stop_on_failure``: no cancel, no new order; ``allow_failure``: the new order is placed anyway."""

    cancel_order_id: StreamId
    order: PlaceOrderRequest
    mode: Literal["stop_on_failure", "allow_failure"] = "stop_on_failure"


class MarkPriceRequest(Request):
    price: DecimalText


class PlaceItem(PlaceOrderRequest, tag_field="op", tag="place"):
    """Places an order, as one of many commands."""


class CancelOrderRequest(Request):
    """By ``order_id`` or by your own ``client_order_id``, to which ``symbol`` belongs where there are several
    shards.
    """

    account: AccountId
    order_id: StreamId | None = None
    client_order_id: ClientId | None = None
    symbol: Symbol | None = None


class CancelItem(CancelOrderRequest, tag_field="op", tag="cancel"):
    """Cancels an order, as one of many commands."""


class AmendItem(AmendOrderRequest, kw_only=True, tag_field="op", tag="amend"):
    """Changes an open order, as one of many commands."""

    order_id: StreamId


class CancelReplaceItem(CancelReplaceRequest, tag_field="op", tag="cancel_replace"):
    """Cancels one order and places another in one step, as one of many commands."""


BatchItem = PlaceItem | CancelItem | AmendItem | CancelReplaceItem


class BatchRequest(Request):
    """Commands that are decided one after the other, in this order. One that is refused stops no other."""

    commands: Annotated[list[BatchItem], Meta(min_length=1, max_length=COMMANDS_PER_BATCH_MAX)]


class OpenAccountRequest(Request):
    account: AccountId


class DepositRequest(Request):
    asset: Asset
    amount: DecimalText
    client_transfer_id: OwnId = ""
    shard: ShardNumber | None = None
    symbol: MarketOfShard | None = None


class WithdrawalRequest(Request):
    asset: Asset
    amount: DecimalText
    client_transfer_id: OwnId = ""
    destination: Annotated[
        str, Meta(max_length=128, description="The id of where the money goes; no personal data.")
    ] = ""
    shard: ShardNumber | None = None
    symbol: MarketOfShard | None = None


class CompletionRequest(Request):
    reference: Annotated[
        str,
        Meta(min_length=1, max_length=128, description="What the outside world knows the payment by."),
    ]


class CancellationRequest(Request):
    reason: Reason


class TransferRequest(Request):
    """``to_shard``: where ``to_account`` is; without it both accounts are on the one that the funds leave."""

    account: AccountId
    to_account: AccountId
    asset: Asset
    amount: DecimalText
    client_transfer_id: OwnId = ""
    shard: ShardNumber | None = None
    symbol: MarketOfShard | None = None
    to_shard: Annotated[int, Meta(ge=0, lt=ids.SHARDS_MAX, description="If it is another one.")] | None = None


class AdjustmentRequest(Request):
    side: AdjustmentSide
    asset: Asset
    amount: DecimalText
    reason: Reason
    client_transfer_id: OwnId = ""
    shard: ShardNumber | None = None
    symbol: MarketOfShard | None = None


class AccountFeesRequest(Request):
    """Without fees: back to the default. Without a symbol: on all markets that have none agreed."""

    symbol: Symbol | None = None
    maker_fee_ppm: FeePpm | None = None
    taker_fee_ppm: FeePpm | None = None


class AccountGroupRequest(Request):
    """Without a group the account stands alone."""

    group: Annotated[str, Meta(pattern=ACCOUNT_PATTERN)] | None = None


AMOUNTS_MAX = 1_000  # assets or markets that a limit names

AmountByAsset = Annotated[
    dict[Asset, DecimalText],
    Meta(max_length=AMOUNTS_MAX, description="By quote asset", examples=[{"USD": "5000"}]),
]
QuantityByMarket = Annotated[
    dict[Symbol, DecimalText],
    Meta(max_length=AMOUNTS_MAX, description="By market, in its base asset", examples=[{"BTC-USD": "10"}]),
]


class AccountLimitsRequest(Request):
    """All limits of an account from now on. What is left out is unlimited; 0 allows nothing."""

    max_order_notional: AmountByAsset = {}
    max_open_notional: AmountByAsset = {}
    max_position: QuantityByMarket = {}
    order_rate: Annotated[int, Meta(ge=0, le=1_000_000, description="Orders a second")] | None = None
    daily_loss: Annotated[
        AmountByAsset,
        Meta(
            description="Realised in a UTC day, fees included; after that orders may only reduce positions."
        ),
    ] = {}


class ListMarketRequest(Request):
    symbol: Symbol
    base_asset: Asset
    quote_asset: Asset
    base_scale: Scale
    quote_scale: Scale
    tick_size: DecimalText
    lot_size: DecimalText
    min_quantity: DecimalText
    max_quantity: DecimalText
    min_notional: DecimalText
    maker_fee_ppm: FeePpm
    taker_fee_ppm: FeePpm
    market_buffer_ppm: Annotated[
        int, Meta(ge=0, le=1_000_000, description="How far beyond its trigger a stop buy holds funds.")
    ] = 50_000
    session_end_s: Annotated[
        int, Meta(ge=0, le=86_399, description="The second of the UTC day on which day orders end.")
    ] = 0
    max_open_orders: OpenOrders = 0
    buy_band_up_ppm: BandUp = 0
    buy_band_down_ppm: BandDown = 0
    sell_band_up_ppm: BandUp = 0
    sell_band_down_ppm: BandDown = 0
    max_position: Annotated[
        DecimalText, Meta(description="Of each account without a limit of its own; 0 is unlimited.")
    ] = "0"
    shard: HomeShard | None = None


class FillView(Struct):
    """A trade the command made for its own order; ``fee`` in the quote asset."""

    trade_id: int
    price: str
    quantity: str
    fee: str
    liquidity: Literal["maker", "taker"]


class OrderView(Struct, omit_defaults=False):
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
    quantity: str | None = None
    remaining: str | None = None
    fills: list[FillView] = msgspec.field(default_factory=list)
    replayed: bool = False
    token: str = ""


class BatchView(Struct):
    """An outcome for each command, in order."""

    outcomes: list[OrderView]
    token: str


class DoneView(Struct):
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


def order_view(command_id: str, order_id: str, outcome: Outcome | None, token: str) -> OrderView:
    """Return an outcome with its integers as decimals; no outcome yet is ``pending``."""
    if outcome is None:
        return OrderView(command_id, order_id, "pending", token=token)
    view = OrderView(
        command_id,
        order_id,
        outcome.status,
        outcome.code or None,
        outcome.detail or None,
        replayed=outcome.replayed,
        token=token,
    )
    if outcome.scales is not None:
        view.quantity = format_units(outcome.quantity, outcome.scales.base) if outcome.quantity else None
        view.remaining = format_units(outcome.remaining, outcome.scales.base)
        view.fills = [fill_view(fill, outcome.scales) for fill in outcome.fills]
    return view


def fill_view(fill: OutcomeFill, scales: Scales) -> FillView:
    return FillView(
        fill.trade_id,
        format_units(fill.price, scales.price),
        format_units(fill.quantity, scales.base),
        format_units(fill.fee, scales.quote),
        fill.liquidity,
    )
