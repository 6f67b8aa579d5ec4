"""The mark pricer: makes index and mark prices of what the feeds say, and sends mark prices to their markets.

It reads the topic ``prices`` from as far back as a price stays fresh, so that it knows after a restart what
it knew before; what comes twice or late changes nothing. At most every ``interval_ms`` it computes all
markets anew. Index and mark prices go back into ``prices``; a mark price that differs by a tick from the
market's goes as a command into the log of its shard, where it is one more event of history. Such a command
says until when it is worth anything: what a processor finds after an outage it refuses. One that got lost is
sent again, since the market then does not show it.
"""

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Event as Flag
from time import monotonic

import msgspec
from confluent_kafka import Consumer, KafkaException, Message, Producer, TopicPartition

from commands.messages import CommandBatch
from domain.market import SetMarkPrice
from streams import prices
from streams.codec import encode
from streams.feeds.publishing import PricePublisher, make_price_producer
from streams.kafka_address import client_options
from streams.pricing.board import Board
from streams.pricing.formulas import PricingRules
from streams.pricing.pricing import ACTOR, Marked, OwnMarket, Pace, Pricing
from streams.topics import ORDERS, PRICES

logger = logging.getLogger(__name__)

RECORDS_AT_ONCE_MAX = 500
KAFKA_WAIT_S = 30.0
STOP_S = 5.0
OWN_STALE_S = 5.0
"""The markets' own books, where they cannot be read: so long they count, then only the index does."""

OwnMarkets = Callable[[Iterable[str]], Mapping[str, OwnMarket]]
Show = Callable[[Board, Mapping[str, Marked], int], None]


@dataclass(frozen=True)
class MarkPricerConfig:
    """``weights``: of sources. ``own_ms``: how often the markets are read, ``show_ms``: how often prices are
    shown.
    """

    kafka_bootstrap: str
    partitions: int
    rules: PricingRules = field(default_factory=PricingRules)
    weights: Mapping[str, int] = field(default_factory=dict)
    pace: Pace = field(default_factory=Pace)
    own_ms: int = 250
    show_ms: int = 1_000


class MarkPricer:
    """Runs the pricing on Kafka. ``own_markets`` reads the markets, ``show`` is told what was computed; where
    either fails, pricing goes on without.
    """

    def __init__(self, config: MarkPricerConfig, own_markets: OwnMarkets, show: Show) -> None:
        self._config = config
        self._own_markets = own_markets
        self._show = show
        self.pricing = Pricing(config.rules, config.weights, config.pace)
        self._markets: Mapping[str, OwnMarket] = {}
        self._read_at = self._tried_at = self._shown_at = self._beat_at = float("-inf")
        self._unreadable = 0

    def run(self, stop: Flag, on_ready: Callable[[], None]) -> None:
        """Run until ``stop`` is set. Raises ``KafkaException`` where Kafka cannot be read at all."""
        producer = make_price_producer(self._config.kafka_bootstrap, ACTOR)
        publisher = PricePublisher(producer, self._config.partitions)
        consumer = self._consumer()
        try:
            on_ready()
            while not stop.is_set():
                self._step(consumer, producer, publisher)
        finally:
            consumer.close()
            publisher.flush(STOP_S)

    def _consumer(self) -> Consumer:
        """Return a consumer that begins where prices are still fresh; it commits nothing."""
        consumer = Consumer(
            {
                **client_options(self._config.kafka_bootstrap),
                "group.id": f"{ACTOR}-{self.pricing.run}",
                "enable.auto.commit": False,
                "auto.offset.reset": "latest",
            }
        )
        since_ms = time.time_ns() // 1_000_000 - self._config.rules.fresh_ms
        wanted = [TopicPartition(PRICES, number, since_ms) for number in range(self._config.partitions)]
        consumer.assign(consumer.offsets_for_times(wanted, timeout=KAFKA_WAIT_S))
        return consumer

    def _step(self, consumer: Consumer, producer: Producer, publisher: PricePublisher) -> None:
        due_s = max(0.0, self._beat_at + self._config.pace.interval_ms / 1000 - monotonic())
        for message in consumer.consume(RECORDS_AT_ONCE_MAX, due_s):
            self._take(message)
        if monotonic() - self._beat_at < self._config.pace.interval_ms / 1000:
            return
        self._beat_at = now = monotonic()
        self._read_markets(now)
        ticks, commands = self.pricing.beat(self._markets, _now_us(), now)
        publisher.add(ticks)
        publisher.send()
        for shard, some in commands.items():
            _send(producer, shard, some)
        producer.poll(0)
        self._tell(now)

    def _take(self, message: Message) -> None:
        error = message.error()
        if error is not None:
            if error.fatal():
                raise KafkaException(error)
            logger.warning("prices: %s", error)
            return
        try:
            ticks = prices.decode(message.value() or b"")
        except (msgspec.MsgspecError, UnicodeDecodeError) as odd:
            self._unreadable += 1
            logger.warning("a record of prices cannot be read, %s so far: %s", self._unreadable, odd)
            return
        now_us = _now_us()
        for tick in ticks:
            self.pricing.board.take(tick, now_us)

    def _read_markets(self, now: float) -> None:
        if now - self._tried_at < self._config.own_ms / 1000:
            return
        self._tried_at = now
        try:
            self._markets = self._own_markets(self.pricing.board.markets)
        except Exception as error:  # noqa: BLE001 - whatever store it is: it is away
            logger.warning("the markets cannot be read for now: %s", error)
            if now - self._read_at > OWN_STALE_S:
                self._markets = {name: each.without_book() for name, each in self._markets.items()}
        else:
            self._read_at = now

    def _tell(self, now: float) -> None:
        if now - self._shown_at < self._config.show_ms / 1000:
            return
        self._shown_at = now
        try:
            self._show(self.pricing.board, self.pricing.marked, _now_us())
        except Exception as error:  # noqa: BLE001 - whatever store it is: it is away
            logger.warning("prices cannot be shown for now: %s", error)


def _send(producer: Producer, shard: int, commands: Sequence[SetMarkPrice]) -> None:
    """Put commands into the log of a shard, soon or never: what is lost is computed and sent again."""
    try:
        producer.produce(ORDERS, encode(CommandBatch(tuple(commands), "")), partition=shard)
    except (BufferError, KafkaException) as error:
        logger.warning("%s mark prices for shard %s are not sent: %s", len(commands), shard, error)


def _now_us() -> int:
    return time.time_ns() // 1_000
