"""Counting dead letters: how many events a projection could not take in."""

import time
from collections import Counter
from collections.abc import Iterable, Mapping

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from streams.kafka_address import client_options
from streams.sources import SOURCES
from streams.topics import DEAD_LETTERS

READ_MAX = 10_000
ANSWER_S = 5.0


def count(bootstrap: str) -> Counter[str] | None:
    """Return how many letters of the topic name each projection, of the newest 10,000 in each partition.
    What was no event at all counts for every projection of its topic. ``None``: Kafka does not answer.
    """
    consumer = Consumer(
        client_options(bootstrap) | {"group.id": "projections-status", "enable.auto.commit": False}
    )
    try:
        return _count(consumer)
    except KafkaException:
        return None
    finally:
        consumer.close()


def _count(consumer: Consumer) -> Counter[str]:
    found: Counter[str] = Counter()
    topic = consumer.list_topics(DEAD_LETTERS, timeout=ANSWER_S).topics[DEAD_LETTERS]
    for partition in topic.partitions or {}:
        place = TopicPartition(DEAD_LETTERS, partition)
        low, high = consumer.get_watermark_offsets(place, timeout=ANSWER_S)
        if high > low:
            consumer.assign([TopicPartition(DEAD_LETTERS, partition, max(low, high - READ_MAX))])
            found.update(name for message in _read(consumer, high) for name in concerned(_headers(message)))
    return found


def _read(consumer: Consumer, end: int) -> Iterable[Message]:
    deadline = time.monotonic() + ANSWER_S
    position = 0
    while position < end and time.monotonic() < deadline:
        for message in consumer.consume(500, 0.2):
            if message.error() is None:
                position = (message.offset() or 0) + 1
                yield message


def _headers(message: Message) -> dict[str, str]:
    pairs = message.headers() or []
    listed = pairs.items() if isinstance(pairs, dict) else pairs
    return {name: _text(value) for name, value in listed}


def _text(value: str | bytes | None) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value or ""


def concerned(headers: Mapping[str, str]) -> list[str]:
    """Return the projections that lack what the letter holds."""
    named = headers.get("projection") or headers.get("reason", "").split(" ", 1)[0]
    if named in SOURCES:
        return [named]
    return [name for name, topic in SOURCES.items() if topic == headers.get("topic")]
