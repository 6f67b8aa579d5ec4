"""Dead letters: what could not be processed, as it came, with the reason and where it was found.

They lie on the topic ``dead-letters``. A letter's id is its partition and offset there: ``2-17``. What is
done with one is noted elsewhere: a topic cannot be changed.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

from confluent_kafka import Consumer, KafkaException, Message
from confluent_kafka import TopicPartition as KafkaPartition

from streams.kafka_address import client_options
from streams.topics import DEAD_LETTERS, ORDERS

ANSWER_S_MAX = 10.0
MESSAGES_AT_ONCE_MAX = 500
STORE = "store"
"""Where an event was found that came from the event store, not through Kafka."""

Kind = Literal["commands", "slice", "event", "fold"]


class Letter(NamedTuple):
    """``found``: where, as the headers say it: topic, partition and offset, or shard and seq."""

    partition: int
    offset: int
    put_aside_at_us: int
    reason: str
    found: Mapping[str, str]
    value: bytes

    @property
    def letter_id(self) -> str:
        return f"{self.partition}-{self.offset}"

    @property
    def kind(self) -> Kind:
        """``commands``: a command, or a record of them; ``slice``: a record of events; ``event``: a stored
        one that could not be read; ``fold``: one that a projection could not take in.
        """
        if "projection" in self.found:
            return "fold"
        topic = self.found.get("topic")
        if topic == ORDERS:
            return "commands"
        return "event" if topic == STORE else "slice"


class LetterIdError(ValueError):
    """The id is not that of a letter."""


def parse_id(letter_id: str) -> tuple[int, int]:
    """Return partition and offset. Raises ``LetterIdError``."""
    partition, dash, offset = letter_id.partition("-")
    if not (dash and partition.isdecimal() and offset.isdecimal()):
        raise LetterIdError(f"{letter_id!r} is no letter's id; one reads 2-17 (see: letters list)")
    return int(partition), int(offset)


def read_letters(bootstrap: str, letters_max: int) -> Iterator[Letter]:
    """Yield the letters there are, of each partition the newest ``letters_max`` at most, oldest first.

    Raises ``KafkaException`` if Kafka does not answer.
    """
    consumer = _consumer(bootstrap)
    try:
        for partition in _partitions(consumer):
            low, high = _ends(consumer, partition)
            yield from _read(consumer, partition, max(low, high - letters_max), high)
    finally:
        consumer.close()


def read_letter(bootstrap: str, letter_id: str) -> Letter | None:
    """Return one letter; ``None``: there is none, or not any more. Raises as above, and ``LetterIdError``."""
    partition, offset = parse_id(letter_id)
    consumer = _consumer(bootstrap)
    try:
        if partition not in _partitions(consumer):
            return None
        low, high = _ends(consumer, partition)
        if not low <= offset < high:
            return None
        return next(_read(consumer, partition, offset, offset + 1), None)
    finally:
        consumer.close()


def first_offsets(bootstrap: str) -> dict[int, int]:
    """Return from which offset on Kafka keeps the letters of each partition. Raises ``KafkaException``."""
    consumer = _consumer(bootstrap)
    try:
        return {partition: _ends(consumer, partition)[0] for partition in _partitions(consumer)}
    finally:
        consumer.close()


def _consumer(bootstrap: str) -> Consumer:
    """Return one that belongs to no group, so that reading moves nothing."""
    return Consumer(
        client_options(bootstrap)
        | {
            "group.id": "letters",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "earliest",
        }
    )


def _partitions(consumer: Consumer) -> list[int]:
    return sorted(consumer.list_topics(DEAD_LETTERS, timeout=ANSWER_S_MAX).topics[DEAD_LETTERS].partitions)


def _ends(consumer: Consumer, partition: int) -> tuple[int, int]:
    place = KafkaPartition(DEAD_LETTERS, partition)
    low, high = consumer.get_watermark_offsets(place, timeout=ANSWER_S_MAX, cached=False)
    return low, high


def _read(consumer: Consumer, partition: int, start: int, end: int) -> Iterator[Letter]:
    if start >= end:
        return
    consumer.assign([KafkaPartition(DEAD_LETTERS, partition, start)])
    at = start
    while at < end:
        messages = consumer.consume(min(MESSAGES_AT_ONCE_MAX, end - at), ANSWER_S_MAX)
        if not messages:
            raise TimeoutError(f"Kafka did not give {DEAD_LETTERS}/{partition} from {at} on to {end}")
        for message in messages:
            if (error := message.error()) is not None:
                raise KafkaException(error)
            letter = _letter(partition, message)
            at = letter.offset + 1
            if letter.offset < end:
                yield letter


def _letter(partition: int, message: Message) -> Letter:
    headers: Any = message.headers() or []
    found = {name: (text or b"").decode(errors="replace") for name, text in headers}
    offset = message.offset()
    assert offset is not None, "a consumed message has an offset"  # noqa: S101 - an invariant
    _, at_ms = message.timestamp()
    reason = found.pop("reason", "")
    return Letter(partition, offset, at_ms * 1_000, reason, found, message.value() or b"")
