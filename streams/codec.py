"""How events are written down: once, as JSON, for the store and for Kafka alike.

A stored event's state is one ``RecordedEvent``. A Kafka record is a slice: those stored bytes joined, with
the shard and the seqs it spans, so that a consumer sees gaps and repeats.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from domain.account import AccountOpened, AccountPosted, FundsDeposited
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

# Each family has streams of its own: an order, an order list, a transfer, an account, a market.
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
TransferEvent = FundsDeposited
AccountEvent = AccountOpened | AccountPosted
MarketEvent = MarketListed | MarkPriceSet
StoredEventType = OrderEvent | OrderListEvent | TransferEvent | AccountEvent | MarketEvent


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


_encoder = msgspec.json.Encoder()
_recorded_decoder = msgspec.json.Decoder(RecordedEvent)
_slice_decoder = msgspec.json.Decoder(Slice)


def encode(value: Any) -> bytes:
    """Return ``value`` as JSON."""
    return _encoder.encode(value)


def decode_recorded(state: bytes) -> RecordedEvent:
    """Return the event a stored state holds. Raises ``msgspec.ValidationError``."""
    return _recorded_decoder.decode(state)


def decode_slice(value: bytes) -> Slice:
    """Return the slice a Kafka record holds. Raises ``msgspec.ValidationError``."""
    return _slice_decoder.decode(value)


def join_slice(shard: int, previous: int, first: int, last: int, states: Sequence[bytes]) -> bytes:
    """Return the slice of already encoded events, without encoding them again."""
    head = b'{"shard":%d,"previous":%d,"first":%d,"last":%d,"events":[' % (shard, previous, first, last)
    return head + b",".join(states) + b"]}"


def event_type(event: StoredEventType) -> str:
    """Return the type an event is stored under, version included: ``OrderPlaced.v1``."""
    return str(type(event).__struct_config__.tag)
