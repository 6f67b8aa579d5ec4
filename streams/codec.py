"""How events are written down: once, as JSON, for the store and for Kafka alike.

A stored event's state is one ``RecordedEvent``. A Kafka record is a slice: those stored bytes joined, with
the shard and the seqs it spans, so that a consumer sees gaps and repeats.
"""

from collections.abc import Sequence
from typing import Any, get_args

import msgspec

from domain.account import (
    AccountFeesSet,
    AccountGroupSet,
    AccountLimitsSet,
    AccountOpened,
    AccountPosted,
    FundsDeposited,
    Posting,
)
from domain.control import (
    AccountStatusChanged,
    MarketDelisted,
    MarketRulesChanged,
    MarketStatusChanged,
    VenueStatusChanged,
)
from domain.market import MarketListed, MarkPriceSet
from domain.order import (
    OrderAmended,
    OrderCancelled,
    OrderFilled,
    OrderPlaced,
    OrderRejected,
    OrderTriggered,
    TradePrevented,
)
from domain.order_list import OrderListEnded, OrderListPlaced, OrderListRejected
from domain.shard_transfer import (
    FundsDeclined,
    FundsReceived,
    FundsSent,
    TransferCompleted,
    TransferReturned,
)
from domain.trade import TradeBusted, TradeCorrected
from domain.transfer import (
    BalanceAdjusted,
    FundsTransferred,
    WithdrawalCancelled,
    WithdrawalCompleted,
    WithdrawalRequested,
)
from streams.upcasting import UPCASTERS, upcast

# Each family has streams of its own: an order, an order list, a transfer, what arrives of one from another
# shard, an account, a market, the venue.
OrderEvent = (
    OrderPlaced
    | OrderRejected
    | OrderFilled
    | OrderTriggered
    | OrderAmended
    | OrderCancelled
    | TradePrevented
)
OrderListEvent = OrderListPlaced | OrderListRejected | OrderListEnded
TransferEvent = (
    FundsDeposited
    | WithdrawalRequested
    | WithdrawalCompleted
    | WithdrawalCancelled
    | FundsTransferred
    | BalanceAdjusted
    | FundsSent
    | TransferCompleted
    | TransferReturned
)
ArrivalEvent = FundsReceived | FundsDeclined
AccountEvent = (
    AccountOpened | AccountPosted | AccountFeesSet | AccountGroupSet | AccountLimitsSet | AccountStatusChanged
)
MarketEvent = (
    MarketListed
    | MarkPriceSet
    | MarketStatusChanged
    | MarketRulesChanged
    | MarketDelisted
    | TradeBusted
    | TradeCorrected
)
VenueEvent = VenueStatusChanged
StoredEventType = (
    OrderEvent | OrderListEvent | TransferEvent | ArrivalEvent | AccountEvent | MarketEvent | VenueEvent
)

# The same for a quick look by type; a family of one is no union.
ORDER_EVENTS = frozenset(get_args(OrderEvent))
ORDER_LIST_EVENTS = frozenset(get_args(OrderListEvent))
TRANSFER_EVENTS = frozenset(get_args(TransferEvent))
ARRIVAL_EVENTS = frozenset(get_args(ArrivalEvent))
ACCOUNT_EVENTS = frozenset(get_args(AccountEvent))
VENUE_EVENTS = frozenset({VenueEvent})


class RecordedEvent(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """An event with its place in history and its cause.

    ``seq``: its number within its shard's history, contiguous from 1. ``event_id``: "<shard>-<seq>".
    ``stream``, ``version``: the aggregate it belongs to and its number there, from 1. ``occurred_at_us``:
    microseconds since 1970, UTC. ``causation_id``: the command that caused it; ``correlation_id``: the
    caller's own id for the work it belongs to (empty: none was given).
    """

    seq: int
    event_id: str
    stream: str
    version: int
    occurred_at_us: int
    actor: str
    causation_id: str
    event: StoredEventType
    correlation_id: str = ""


class Slice(msgspec.Struct, frozen=True, gc=False):
    """What one Kafka record carries: events of ``shard`` that go to one topic partition, in order.

    ``previous`` is the seq of the event before the first one on that partition (0: there is none), ``first``
    and ``last`` are the seqs of those in here.
    """

    shard: int
    previous: int
    first: int
    last: int
    events: tuple[RecordedEvent, ...]


class _RawSlice(msgspec.Struct, frozen=True, gc=False):
    shard: int
    previous: int
    first: int
    last: int
    events: tuple[msgspec.Raw, ...]


PRESENT_TYPES = frozenset(str(kind.__struct_config__.tag) for kind in (*get_args(StoredEventType), Posting))

UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What reading bytes that are none of ours can raise: not JSON, not ours, not UTF-8, nested without end."""

_type_names: dict[type, str] = {}
_encoder = msgspec.json.Encoder()
_recorded_decoder = msgspec.json.Decoder(RecordedEvent)
_slice_decoder = msgspec.json.Decoder(Slice)
_raw_slice_decoder = msgspec.json.Decoder(_RawSlice)


def encode(value: Any) -> bytes:
    """Return ``value`` as JSON."""
    return _encoder.encode(value)


def decode_recorded(state: bytes) -> RecordedEvent:
    """Return the event a stored state holds, as it is called today, whatever version was stored.

    Raises ``msgspec.ValidationError``; of these ``UnknownEventError`` for what a later release wrote.
    """
    try:
        return _recorded_decoder.decode(state)
    except msgspec.ValidationError:
        newer = upcast(msgspec.json.decode(state), UPCASTERS, PRESENT_TYPES)
        if newer is None:
            raise
    return msgspec.convert(newer, RecordedEvent)


def decode_slice(value: bytes) -> Slice:
    """Return the slice a Kafka record holds, its events as ``decode_recorded`` returns them.

    Raises ``msgspec.ValidationError``, of these ``UnknownEventError``: a slice is read whole or not at all.
    """
    try:
        return _slice_decoder.decode(value)
    except msgspec.ValidationError:
        raw = _raw_slice_decoder.decode(value)
    events = tuple(decode_recorded(bytes(each)) for each in raw.events)
    return Slice(raw.shard, raw.previous, raw.first, raw.last, events)


def join_slice(shard: int, previous: int, first: int, last: int, states: Sequence[bytes]) -> bytes:
    """Return the slice of already encoded events, without encoding them again."""
    head = b'{"shard":%d,"previous":%d,"first":%d,"last":%d,"events":[' % (shard, previous, first, last)
    return head + b",".join(states) + b"]}"


def event_type(event: StoredEventType) -> str:
    """Return the type an event is stored under, version included: ``OrderPlaced.v1``."""
    kind = type(event)
    name = _type_names.get(kind)
    if name is None:
        name = _type_names[kind] = str(kind.__struct_config__.tag)
    return name
