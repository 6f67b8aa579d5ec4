"""A shard in memory: the exchange, and what its processor must remember to go on writing its history."""

import logging
from collections.abc import Iterable
from time import monotonic
from typing import Any, cast

from commands.known_ids import KnownIds
from domain.event import Event
from domain.exchange import Exchange, replay
from domain.ids import account_stream, arrival_stream, market_stream, venue_stream
from domain.market import MarketListed
from domain.order import OrderCancelled, OrderFilled, OrderPlaced, OrderRejected
from domain.order_list import OrderListEnded, OrderListPlaced, OrderListRejected
from domain.shard_transfer import FundsSent
from domain.transfer import WithdrawalRequested
from streams.codec import (
    ACCOUNT_EVENTS,
    ARRIVAL_EVENTS,
    ORDER_EVENTS,
    ORDER_LIST_EVENTS,
    TRANSFER_EVENTS,
    VENUE_EVENTS,
    RecordedEvent,
    StoredEventType,
)
from streams.topics import TopicPartition, destination

logger = logging.getLogger(__name__)

PROGRESS_S = 2.0

# Looked up by type: this is asked of every event, and isinstance with a union takes ten times as long.
_BEGINS_ONCE = {
    OrderPlaced,
    OrderRejected,
    OrderListPlaced,
    OrderListRejected,
    *TRANSFER_EVENTS,
    *ARRIVAL_EVENTS,
}
_ENDS = {
    OrderCancelled,
    OrderRejected,
    OrderListEnded,
    OrderListRejected,
    *TRANSFER_EVENTS,
    *ARRIVAL_EVENTS,
} - {WithdrawalRequested, FundsSent}


class Shard:
    """``versions``: the last version of each stream that may go on. ``places``: the last seq on each topic
    partition. ``now_us``: the last time given to ``decide``; time never runs backwards. ``snapshot_seq``:
    where its newest snapshot was taken; 0: there is none.
    """

    def __init__(self, number: int, partitions: int, ids_expected: int) -> None:
        self.number = number
        self.partitions = partitions
        self.exchange = Exchange()
        self.known = KnownIds(ids_expected)
        self.versions: dict[str, int] = {}
        self.places: dict[TopicPartition, int] = {}
        self.last_seq = 0
        self.now_us = 0
        self.snapshot_seq = 0
        self._account_streams: dict[str, str] = {}

    def stream_of(self, event: StoredEventType) -> str:
        """Return the id of the stream ``event`` belongs to."""
        kind, named = type(event), cast("Any", event)  # which names it has follows from its type
        if kind in ORDER_EVENTS:
            return str(named.order_id)
        if kind in ACCOUNT_EVENTS:
            return self._account_stream(named.account)
        if kind in TRANSFER_EVENTS:
            return str(named.transfer_id)
        if kind in ORDER_LIST_EVENTS:
            return str(named.list_id)
        return self._own_stream(kind, named)

    def _own_stream(self, kind: type[Event], named: Any) -> str:
        """Return the stream that this shard names itself: no command has its id."""
        if kind in ARRIVAL_EVENTS:
            return arrival_stream(self.number, named.transfer_id)
        if kind in VENUE_EVENTS:
            return venue_stream(self.number)
        return market_stream(self.number, named.rules.symbol if kind is MarketListed else named.symbol)

    def _account_stream(self, account: str) -> str:
        stream = self._account_streams.get(account)
        if stream is None:
            stream = self._account_streams[account] = account_stream(self.number, account)
        return stream

    def next_version(self, stream: str, event: StoredEventType) -> int:
        """Count ``event`` as the next of its stream; a stream that has ended is forgotten."""
        version = self.versions.get(stream, 0) + 1
        if _ends_stream(event):
            self.versions.pop(stream, None)
        else:
            self.versions[stream] = version
        return version

    def remember(self, seq: int, stream: str, event: StoredEventType) -> TopicPartition:
        """Take note that ``event`` is part of the history as ``seq``. Return where it is to be published."""
        if type(event) in _BEGINS_ONCE:
            self.known.add(stream)
        place = destination(event, self.partitions)
        self.places[place] = self.last_seq = seq
        return place

    def replay(self, events: Iterable[RecordedEvent]) -> None:
        """Rebuild from the store, saying how far it is every two seconds."""
        said = monotonic()
        for recorded in events:
            replay(self.exchange, recorded.event, recorded.occurred_at_us)
            self.next_version(recorded.stream, recorded.event)
            self.remember(recorded.seq, recorded.stream, recorded.event)
            self.now_us = recorded.occurred_at_us
            if monotonic() - said > PROGRESS_S:
                said = monotonic()
                logger.info("shard %s: replayed up to seq %s", self.number, recorded.seq)


def _ends_stream(event: StoredEventType) -> bool:
    if isinstance(event, OrderFilled):
        return event.remaining == 0
    return type(event) in _ENDS
