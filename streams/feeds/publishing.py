"""Ticks into the topic ``prices``: gathered for a few milliseconds, a record for each symbol.

A price that cannot be delivered is worth nothing later: it is dropped, counted and told, and nothing waits.
"""

import logging
from time import monotonic

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from streams.kafka_address import client_options
from streams.prices import PriceTick, encode
from streams.topics import PRICES, partition_of

logger = logging.getLogger(__name__)

GATHER_MS_MAX = 10
TICKS_PER_RECORD_MAX = 1_000
DELIVERY_MS_MAX = 5_000
QUEUE_KBYTES_MAX = 32 * 1024
TELL_EVERY_S = 10.0


def make_price_producer(bootstrap: str, client_id: str) -> Producer:
    """Return a producer that keeps the order and gives up soon."""
    return Producer(
        {
            **client_options(bootstrap),
            "client.id": client_id,
            "enable.idempotence": True,
            "acks": "all",
            "linger.ms": 0,
            "compression.type": "lz4",
            "delivery.timeout.ms": DELIVERY_MS_MAX,
            "request.timeout.ms": DELIVERY_MS_MAX - 1_000,
            "queue.buffering.max.kbytes": QUEUE_KBYTES_MAX,
        }
    )


class PricePublisher:
    """``dropped``: ticks that Kafka did not take, or that found its queue full."""

    def __init__(self, producer: Producer, partitions: int) -> None:
        self._producer = producer
        self._partitions = partitions
        self._gathering: dict[str, list[PriceTick]] = {}
        self._since = 0.0
        self._told = float("-inf")
        self.published = 0
        self.dropped = 0

    def add(self, ticks: list[PriceTick]) -> None:
        """Publish ticks soon, those of a symbol in this order."""
        if ticks and not self._gathering:
            self._since = monotonic()
        for tick in ticks:
            gathered = self._gathering.setdefault(tick.symbol, [])
            gathered.append(tick)
            if len(gathered) >= TICKS_PER_RECORD_MAX:
                self._send(tick.symbol)

    def send_due(self) -> None:
        """Send what has gathered long enough."""
        if self._gathering and monotonic() - self._since >= GATHER_MS_MAX / 1000:
            self.send()
        self._producer.poll(0)

    def send(self) -> None:
        for symbol in list(self._gathering):
            self._send(symbol)

    def flush(self, timeout_s: float) -> None:
        self.send()
        self._producer.flush(timeout_s)

    def _send(self, symbol: str) -> None:
        ticks = self._gathering.pop(symbol)
        count = len(ticks)

        def delivered(error: KafkaError | None, _message: Message) -> None:
            if error is None:
                self.published += count
            else:
                self._drop(count, error)

        place = partition_of(symbol, self._partitions)
        try:
            self._producer.produce(
                PRICES, encode(ticks), key=symbol.encode(), partition=place, on_delivery=delivered
            )
        except (BufferError, KafkaException) as error:
            self._drop(count, error)

    def _drop(self, count: int, why: object) -> None:
        self.dropped += count
        if monotonic() - self._told >= TELL_EVERY_S:
            self._told = monotonic()
            logger.warning("prices not published: %s; %s ticks dropped so far", why, self.dropped)
