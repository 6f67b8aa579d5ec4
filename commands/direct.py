"""Commands of our own services, straight into the log of a shard: no API in between.

It is for the few that must not wait: they come behind what is in the log already, about 100 ms of work at
most, since the APIs take new orders only as far as that (docs/adr/0008). So that this holds, a sender like
this one is itself bounded, and returns only when Kafka has the commands for good.
"""

from collections.abc import Collection, Sequence
from time import monotonic

from confluent_kafka import Consumer, KafkaException, Producer
from confluent_kafka import TopicPartition as KafkaPartition

from commands.messages import AnyCommand, CommandBatch
from streams.codec import encode
from streams.kafka_address import client_options
from streams.publisher import make_producer, produce
from streams.topics import ORDERS

COMMANDS_AT_ONCE_MAX = 500
DELIVERY_S_MAX = 10.0
ANSWER_S_MAX = 10.0
SEARCH_S_MAX = 60.0
RECORDS_AT_ONCE_MAX = 1_000
POLL_S = 0.5


class NotDeliveredError(RuntimeError):
    """Kafka did not take the commands in time: whether they are in its log, a search says."""


class DirectSender:
    """Not thread-safe. ``bootstrap``: as ``streams.kafka_address`` has it."""

    def __init__(self, bootstrap: str, client_id: str) -> None:
        self._bootstrap = bootstrap
        self._client_id = client_id
        self._producer: Producer | None = None

    def connect(self) -> None:
        """Get ready to send: a first connection takes seconds. Raises ``KafkaException``."""
        if self._producer is None:
            self._producer = make_producer(self._bootstrap, self._client_id)
            self._producer.list_topics(ORDERS, timeout=ANSWER_S_MAX)

    def send(self, shard: int, commands: Sequence[AnyCommand]) -> None:
        """Put commands into the shard's log, in order, and wait until they are there.

        Raises ``NotDeliveredError``.
        """
        self.connect()
        assert self._producer is not None  # noqa: S101 - connected
        failures: list[str] = []
        for start in range(0, len(commands), COMMANDS_AT_ONCE_MAX):
            value = encode(CommandBatch(tuple(commands[start : start + COMMANDS_AT_ONCE_MAX]), ""))
            produce(
                self._producer,
                ORDERS,
                value,
                partition=shard,
                on_delivery=lambda error, _: failures.append(str(error)) if error else None,
            )
        left = self._producer.flush(DELIVERY_S_MAX)
        if left or failures:
            told = failures[0] if failures else f"no answer within {DELIVERY_S_MAX:.0f} s"
            raise NotDeliveredError(f"shard {shard}: {told}")

    def found(self, shard: int, command_ids: Collection[str], since_us: int) -> set[str]:
        """Return which of the commands are in the shard's log, from ``since_us`` on to its end as it is now.

        Raises ``KafkaException``, or ``TimeoutError`` if that takes longer than a minute.
        """
        marks = {name: encode(name) for name in command_ids}
        options = {"group.id": self._client_id, "enable.auto.commit": False, "auto.offset.reset": "error"}
        consumer = Consumer({**client_options(self._bootstrap), **options})
        try:
            return self._search(consumer, KafkaPartition(ORDERS, shard, since_us // 1_000), marks)
        finally:
            consumer.close()

    def _search(self, consumer: Consumer, since: KafkaPartition, marks: dict[str, bytes]) -> set[str]:
        (place,) = consumer.offsets_for_times([since], timeout=ANSWER_S_MAX)
        _, end = consumer.get_watermark_offsets(place, timeout=ANSWER_S_MAX, cached=False)
        found: set[str] = set()
        if not 0 <= place.offset < end:
            return found
        consumer.assign([place])
        deadline, at = monotonic() + SEARCH_S_MAX, place.offset
        while at < end and len(found) < len(marks):
            if monotonic() > deadline:
                raise TimeoutError(f"the log of shard {place.partition} was searched up to {at} of {end}")
            for message in consumer.consume(RECORDS_AT_ONCE_MAX, POLL_S):
                if (error := message.error()) is not None:
                    raise KafkaException(error)
                value = message.value() or b""
                found |= {name for name, mark in marks.items() if mark in value}
            (position,) = consumer.position([place])
            at = max(at, position.offset)
        return found
