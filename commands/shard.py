"""A shard in memory: the exchange, and what its processor must remember to go on writing its history."""

import logging
from collections.abc import Iterable
from time import monotonic

from commands.known_ids import KnownIds
from domain.exchange import Exchange, evolve
from domain.ids import account_stream, market_stream
from domain.market import MarketListed
from domain.order import OrderCancelled, OrderFilled, OrderPlaced, OrderRejected
from domain.order_list import OrderListEnded, OrderListPlaced, OrderListRejected
from streams.codec import (
    AccountEvent,
    OrderEvent,
    OrderListEvent,
    RecordedEvent,
    StoredEventType,
    TransferEvent,
)
from streams.topics import TopicPartition, destination

logger = logging.getLogger(__name__)

PROGRESS_S = 2.0

# what begins a stream that must begin only once, and what ends one
BEGINNINGS = (OrderPlaced, OrderRejected, OrderListPlaced, OrderListRejected, TransferEvent)
ENDS = (OrderCancelled, OrderRejected, OrderListEnded, OrderListRejected, TransferEvent)


class Shard:
    """``versions``: the last version of each stream that may go on. ``places``: the last seq on each topic
    partition. ``now_us``: the last time given to ``decide``; time never runs backwards.
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
        self._account_streams: dict[str, str] = {}

    def stream_of(self, event: StoredEventType) -> str:
        """Return the id of the stream ``event`` belongs to."""
        if isinstance(event, OrderEvent):
            return event.order_id
        if isinstance(event, OrderListEvent):
            return event.list_id
        if isinstance(event, AccountEvent):
            stream = self._account_streams.get(event.account)
            if stream is None:
                stream = self._account_streams[event.account] = account_stream(self.number, event.account)
            return stream
        if isinstance(event, TransferEvent):
            return event.transfer_id
        symbol = event.rules.symbol if isinstance(event, MarketListed) else event.symbol
        return market_stream(self.number, symbol)

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
        if isinstance(event, BEGINNINGS):
            self.known.add(stream)
        place = destination(event, self.partitions)
        self.places[place] = self.last_seq = seq
        return place

    def replay(self, events: Iterable[RecordedEvent]) -> None:
        """Rebuild from the store, saying how far it is every two seconds."""
        said = monotonic()
        for recorded in events:
            evolve(self.exchange, recorded.event)
            self.next_version(recorded.stream, recorded.event)
            self.remember(recorded.seq, recorded.stream, recorded.event)
            self.now_us = recorded.occurred_at_us
            if monotonic() - said > PROGRESS_S:
                said = monotonic()
                logger.info("shard %s: replayed up to seq %s", self.number, recorded.seq)


def _ends_stream(event: StoredEventType) -> bool:
    if isinstance(event, OrderFilled):
        return event.remaining == 0
    return isinstance(event, ENDS)
