"""Publishing what is committed: slices of events, to the topic partitions they belong on.

The store is the outbox. What is committed is sent at once, unless something was sent just before: then it is
gathered for a few milliseconds, up to a bounded size per partition, and sent for all partitions together;
``published_seq`` is how far Kafka has everything, from where a successor goes on. What is published twice
consumers skip by its seq.
"""

from functools import partial
from time import monotonic
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from streams.codec import join_slice
from streams.kafka_address import client_options
from streams.topics import DEAD_LETTERS, TopicPartition

GATHER_MS_MAX = 40
"""Between two sendings: each slice costs the broker and each of its readers about 0.2 ms, whatever is in
it."""
SLICE_BYTES_MAX = 256 * 1024
DELIVERY_MS_MAX = 30_000
QUEUE_KBYTES_MAX = 256 * 1024
FULL_QUEUE_WAIT_MS_MAX = 5_000
LETTER_POLL_S = 0.05


def make_producer(bootstrap: str, client_id: str, linger_ms: int = 0) -> Producer:
    """Return a producer that loses nothing and keeps the order: idempotent, acknowledged by all replicas.

    ``linger_ms``: how long a record waits for company on its way; each request costs the broker 0.3 ms. Our
    services gather what goes together into one record instead.
    """
    return Producer(
        {
            **client_options(bootstrap),
            "client.id": client_id,
            "enable.idempotence": True,
            "acks": "all",
            "linger.ms": linger_ms,
            "compression.type": "lz4",
            "delivery.timeout.ms": DELIVERY_MS_MAX,
            "queue.buffering.max.kbytes": QUEUE_KBYTES_MAX,
        }
    )


def produce(producer: Producer, topic: str, value: bytes, **options: Any) -> None:
    """Hand a record to the producer; where its queue is full, wait for room, bounded.

    Raises ``BufferError`` if there is still none after 5 s.
    """
    deadline = monotonic() + FULL_QUEUE_WAIT_MS_MAX / 1000
    while True:
        try:
            producer.produce(topic, value, **options)
        except BufferError:
            if monotonic() > deadline:
                raise
            producer.poll(0.05)
        else:
            return


class _Gathering:
    """What waits to become one slice."""

    __slots__ = ("bytes", "first", "last", "states")

    def __init__(self, first: int) -> None:
        self.first = first
        self.last = first
        self.states: list[bytes] = []
        self.bytes = 0


class Publisher:
    """Publishes the committed events of one shard, in order on each topic partition."""

    def __init__(
        self, producer: Producer, shard: int, previous: dict[TopicPartition, int], published_seq: int
    ) -> None:
        self._producer = producer
        self._shard = shard
        self._previous = previous
        self._added_seq = published_seq
        self._gathering: dict[TopicPartition, _Gathering] = {}
        self._send_at = 0.0
        self._in_flight: set[int] = set()
        self._failure: KafkaError | None = None
        self._letters = 0

    @property
    def published_seq(self) -> int:
        """All events up to this seq are in Kafka."""
        waiting = {gathering.first for gathering in self._gathering.values()} | self._in_flight
        return min(waiting) - 1 if waiting else self._added_seq

    def add(self, place: TopicPartition, seq: int, state: bytes) -> None:
        """Publish one event soon. Every event is added, in the order of seq."""
        gathering = self._gathering.get(place)
        if gathering is not None and gathering.bytes + len(state) > SLICE_BYTES_MAX:
            self._send(place, gathering)
            gathering = None
        if gathering is None:
            gathering = self._gathering[place] = _Gathering(seq)
        gathering.states.append(state)
        gathering.bytes += len(state)
        gathering.last = self._added_seq = seq

    def send_due(self) -> float | None:
        """Send what has gathered, unless that was done just before. Return after how many seconds to call
        again, if at all.

        Raises ``KafkaException`` if a delivery failed: the process must stop, its successor publishes again.
        """
        now = monotonic()
        if self._gathering and now >= self._send_at:
            self._send_all()
            self._send_at = now + GATHER_MS_MAX / 1000
        self._producer.poll(0)
        self._check()
        return self._send_at - now if self._gathering else None

    def flush(self, timeout_s: float) -> None:
        """Send all there is and wait until it is delivered. Raises ``KafkaException`` if it is not."""
        self._send_all()
        self._producer.flush(timeout_s)
        self._check()
        if self._in_flight:
            # the library's name for it, though it looks private
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))  # noqa: SLF001

    def dead_letter(self, message: Message, value: bytes, reason: str, number: int | None = None) -> None:
        """Put aside ``value``, which could not be processed, with the reason and where it was found;
        ``number``: which one of the record, from 0.
        """
        found = {
            "reason": reason,
            "topic": str(message.topic()),
            "partition": str(message.partition()),
            "offset": str(message.offset()),
            "shard": str(self._shard),
        }
        if number is not None:
            found["number"] = str(number)
        self._letters += 1
        produce(
            self._producer,
            DEAD_LETTERS,
            value,
            key=message.key(),
            headers=found,
            on_delivery=self._letter_delivered,
        )

    def dead_letters_delivered(self, timeout_s: float) -> None:
        """Wait until Kafka has all that was put aside: only then may what comes after it be committed.

        Raises ``KafkaException`` if it has not.
        """
        deadline = monotonic() + timeout_s
        while self._letters and self._failure is None and monotonic() < deadline:
            self._producer.poll(LETTER_POLL_S)
        self._check()
        if self._letters:
            # the library's name for it, though it looks private
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))  # noqa: SLF001

    def _letter_delivered(self, error: KafkaError | None, _message: Message) -> None:
        if error is None:
            self._letters -= 1
        else:
            self._failure = error

    def _send_all(self) -> None:
        for place, gathering in list(self._gathering.items()):
            self._send(place, gathering)

    def _send(self, place: TopicPartition, gathering: _Gathering) -> None:
        del self._gathering[place]
        value = join_slice(
            self._shard, self._previous.get(place, 0), gathering.first, gathering.last, gathering.states
        )
        self._in_flight.add(gathering.first)
        self._previous[place] = gathering.last
        produce(
            self._producer,
            place.topic,
            value,
            partition=place.partition,
            on_delivery=partial(self._delivered, gathering.first),
        )

    def _delivered(self, first: int, error: KafkaError | None, _message: Message) -> None:
        if error is None:
            self._in_flight.discard(first)
        else:
            self._failure = error

    def _check(self) -> None:
        if self._failure is not None:
            raise KafkaException(self._failure)
