"""Following the topics of events from now on, without a group: every process that serves what is live reads
all.

Whoever follows starts from read models, and says how far they are. A tail looks in each partition for a
record that they have seen, and goes on from there; a slice names the seq before it on its partition, so what
Kafka no longer has shows, and is read from the event store.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Event as Flag
from time import monotonic
from typing import NamedTuple
from uuid import uuid4

import psycopg
from confluent_kafka import Consumer, KafkaException, Message
from confluent_kafka import TopicPartition as Assigned

from streams.codec import UNREADABLE, RecordedEvent, Slice, decode_slice
from streams.history import read_events
from streams.kafka_address import client_options
from streams.merging import ShardOrder
from streams.progress import Place
from streams.topics import TopicPartition, destination
from streams.upcasting import UnknownEventError

log = logging.getLogger(__name__)

KAFKA_ANSWER_S_MAX = 30.0
CONNECT_S_MAX = 10
RECORDS_MAX = 256
POLL_S = 0.1
FETCH_WAIT_MS = 50
QUEUED_KBYTES_MAX = 65_536
REWIND_RECORDS = 64
REWIND_FACTOR = 8
MERGE_WAIT_S = 2.0
"""So long after it was missed, an event that another partition brings is read from the store."""
MERGE_WAITING_MAX = 200_000

_STANDS = "SELECT shard, last_seq FROM shards ORDER BY shard"


class Piece(NamedTuple):
    """Events of one place, in order, none missing and none twice. ``published_at_ms``: when the processor
    published them (Kafka's timestamp, since 1970); 0: they were read from the store.
    """

    place: Place
    events: Sequence[RecordedEvent]
    published_at_ms: int


class TailGapError(RuntimeError):
    """The stream speaks of events that the store does not have: one of them is not the one we think it is."""


@dataclass(frozen=True)
class TailConfig:
    """``partitions``: of each of the two topics of events. ``beside``: a topic that is followed from its end
    on, so that ``take_in_order`` has every event of every shard.
    """

    kafka_bootstrap: str
    postgres_dsn: str = field(repr=False)
    partitions: int
    client_id: str
    topic: str
    beside: str | None = None


@dataclass(frozen=True)
class Follower:
    """Who is told, in the tail's thread. ``begin`` loads what it starts from, and returns how far that is at
    each place. ``take`` is given the events of ``topic``, ``take_in_order`` each shard's events of both
    topics in the order they happened in. ``caught_up``: all that was there at the start has been taken.
    """

    begin: Callable[[], Mapping[Place, int]]
    take: Callable[[Piece], None]
    take_in_order: Callable[[int, Sequence[RecordedEvent]], None]
    began_in_order: Callable[[Mapping[int, int]], None]
    caught_up: Callable[[], None]


class Tail:
    """``run`` belongs in a thread of its own. ``seen``: the last event of each place of ``topic`` that was
    taken; only that thread writes there.
    """

    def __init__(self, config: TailConfig, follower: Follower) -> None:
        self._config = config
        self._follower = follower
        self._stop = Flag()
        self.seen: dict[Place, int] = {}
        self._ends: dict[tuple[str, int], int] = {}
        self._orders: defaultdict[int, ShardOrder] = defaultdict(lambda: ShardOrder(0))
        self._missed_since: dict[int, float] = {}

    def stop(self) -> None:
        self._stop.set()

    def run(self) -> None:
        """Follow until ``stop``. Raises ``KafkaException``, ``psycopg.Error``, ``TailGapError``, and what the
        follower raises.
        """
        self.seen = dict(self._follower.begin())
        consumer = self._consumer()
        try:
            consumer.assign(self._starts(consumer))
            self._begin_orders()
            self._look_whether_caught_up()
            while not self._stop.is_set():
                for message in consumer.consume(RECORDS_MAX, POLL_S):
                    self._take_message(message)
                self._mend_orders()
        finally:
            consumer.close()

    # --- Where to begin ------------------------------------------------------------------------------------

    def _consumer(self) -> Consumer:
        return Consumer(
            {
                **client_options(self._config.kafka_bootstrap),
                "client.id": self._config.client_id,
                "group.id": f"{self._config.client_id}-{uuid4().hex}",  # demanded, and never joined
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",  # of what Kafka has dropped meanwhile the store has all
                "fetch.wait.max.ms": FETCH_WAIT_MS,
                "queued.max.messages.kbytes": QUEUED_KBYTES_MAX,
            }
        )

    def _starts(self, consumer: Consumer) -> list[Assigned]:
        starts = []
        for topic in filter(None, (self._config.topic, self._config.beside)):
            for partition in range(self._config.partitions):
                low, end = consumer.get_watermark_offsets(
                    Assigned(topic, partition), timeout=KAFKA_ANSWER_S_MAX
                )
                start = end if topic != self._config.topic else self._known(consumer, partition, low, end)
                starts.append(Assigned(topic, partition, start))
                if start < end:
                    self._ends[topic, partition] = end
        return starts

    def _known(self, consumer: Consumer, partition: int, low: int, end: int) -> int:
        """Return the offset of a record that was seen: then all before it were, whichever shard's they
        are.
        """
        back = REWIND_RECORDS
        while (offset := max(low, end - back)) > low:
            piece = self._slice_at(consumer, partition, offset)
            if piece is not None:
                place = Place(self._config.topic, partition, piece.shard)
                if self.seen.get(place, 0) >= piece.last:
                    return offset
            back *= REWIND_FACTOR
        return low

    def _slice_at(self, consumer: Consumer, partition: int, offset: int) -> Slice | None:
        """Return the slice there; ``None`` if the record is none. Raises ``KafkaException``."""
        consumer.assign([Assigned(self._config.topic, partition, offset)])
        deadline = monotonic() + KAFKA_ANSWER_S_MAX
        while monotonic() < deadline:
            message = consumer.poll(POLL_S)
            if message is not None and message.error() is None:
                return _decoded(message)
        raise KafkaException(f"{self._config.topic} {partition}: offset {offset} could not be read")

    def _begin_orders(self) -> None:
        """What is committed after this look is published after it, too: beyond the ends that are known."""
        with self._connected() as connection:
            stands: dict[int, int] = dict(connection.execute(_STANDS).fetchall())
        for shard, last_seq in stands.items():
            self._orders[shard] = ShardOrder(last_seq)
        self._follower.began_in_order(stands)

    # --- Going on ------------------------------------------------------------------------------------------

    def _take_message(self, message: Message) -> None:
        if (error := message.error()) is not None:
            if error.fatal():
                raise KafkaException(error)
            log.warning("Kafka: %s", error)
            return
        piece = _decoded(message)
        if piece is not None:
            topic, partition = str(message.topic()), int(message.partition() or 0)
            self._take_slice(Place(topic, partition, piece.shard), piece, message.timestamp()[1])
        self._note_offset(message)

    def _take_slice(self, place: Place, piece: Slice, published_at_ms: int) -> None:
        if place.topic == self._config.topic:
            self._take_piece(place, piece, published_at_ms)
        if self._config.beside is not None:
            self._give_in_order(piece.shard, piece.events)

    def _take_piece(self, place: Place, piece: Slice, published_at_ms: int) -> None:
        seen = self.seen.get(place, 0)
        if piece.previous > seen:
            self._catch_up(place, seen, piece.previous)
            seen = piece.previous
        events = piece.events if piece.first > seen else [one for one in piece.events if one.seq > seen]
        if events:
            self._follower.take(Piece(place, events, published_at_ms))
            self.seen[place] = events[-1].seq

    def _catch_up(self, place: Place, after: int, until: int) -> None:
        """Take what did not come through Kafka from the store."""
        log.warning("%s: events %d to %d did not come; reading them from the store", place, after + 1, until)
        here, last = TopicPartition(place.topic, place.partition), after
        with self._connected() as connection:
            for recorded in read_events(connection, place.shard, after, until):
                last = recorded.seq
                if destination(recorded.event, self._config.partitions) == here:
                    self._follower.take(Piece(place, (recorded,), 0))
        if last != until:
            raise TailGapError(f"{place}: the stream speaks of event {until}, the store ends at {last}")

    def _note_offset(self, message: Message) -> None:
        key = (str(message.topic()), int(message.partition() or 0))
        if self._ends and int(message.offset() or 0) + 1 >= self._ends.get(key, 1 << 62):
            del self._ends[key]
            self._look_whether_caught_up()

    def _look_whether_caught_up(self) -> None:
        if not self._ends:
            self._follower.caught_up()

    # --- In order ------------------------------------------------------------------------------------------

    def _give_in_order(self, shard: int, events: Iterable[RecordedEvent]) -> None:
        ready = self._orders[shard].add(events)
        if ready:
            self._missed_since.pop(shard, None)
            self._follower.take_in_order(shard, ready)

    def _mend_orders(self) -> None:
        now = monotonic()
        for shard, order in self._orders.items():
            if not order.waiting:
                continue
            since = self._missed_since.setdefault(shard, now)
            if now - since > MERGE_WAIT_S or order.waiting > MERGE_WAITING_MAX:
                self._mend(shard, order)

    def _mend(self, shard: int, order: ShardOrder) -> None:
        """Read all up to the last one that waits: where one is missing, more may be."""
        after, until = order.seq, order.waiting_until
        log.warning(
            "shard %s: events %d to %d did not come in time; reading them from the store",
            shard,
            after + 1,
            until,
        )
        with self._connected() as connection:
            self._give_in_order(shard, read_events(connection, shard, after, until))
        if order.seq < until:
            raise TailGapError(f"shard {shard}: event {until} was published, the store ends at {order.seq}")

    def _connected(self) -> psycopg.Connection:
        return psycopg.connect(self._config.postgres_dsn, autocommit=True, connect_timeout=CONNECT_S_MAX)


def _decoded(message: Message) -> Slice | None:
    """Return the record's slice; ``None`` for what is none: the read models put that aside. Raises
    ``UnknownEventError`` for what a later release wrote.
    """
    try:
        return decode_slice(message.value() or b"")
    except UnknownEventError:
        raise
    except UNREADABLE:
        return None
