"""Every worker sees every price: a plain consumer without a group follows all partitions of ``prices`` and
``executions``, from where the read model of markets is.

Of ``executions`` it wants what markets are (rules, status) and what they are worth (mark prices, trades):
of all else only the type is read, which costs a tenth of reading all of it.
"""

import logging
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from time import monotonic, time
from typing import NamedTuple

import msgspec
from confluent_kafka import Consumer, KafkaException, Message
from confluent_kafka import TopicPartition as KafkaPartition
from pymongo.database import Database

from domain.market import MarketRules
from domain.numbers import parse_units
from projections import markets, progress
from projections.generations import live_view
from projections.projection import Document
from projections.risk.prices import Cause, PriceBook, PriceKind
from streams.kafka_address import client_options
from streams.prices import PriceTick
from streams.prices import decode as decode_ticks
from streams.topics import EXECUTIONS, PRICES

log = logging.getLogger(__name__)

MARKETS_MAX = 10_000
WAITING_MAX = 100_000
POLL_S = 0.5
ANSWER_S_MAX = 10.0
CATCH_UP_S_MAX = 300.0
RECORDS_AT_ONCE_MAX = 500
QUEUED_KBYTES_MAX = 16_384
PRICES_SINCE_S = 120
OVERLAP_MS = 10_000
"""Before the place where the read model is: what is seen twice changes nothing."""


class PriceSeen(NamedTuple):
    """``price``: in the market's price units, or a decimal string of a source that does not know them."""

    symbol: str
    kind: PriceKind
    price: int | str
    cause: Cause


class StatusSeen(NamedTuple):
    symbol: str
    status: str


Seen = PriceSeen | StatusSeen | MarketRules


class _Event(msgspec.Struct, frozen=True):
    type: str
    symbol: str = ""
    price: int | None = None
    status: str = ""
    liquidity: str = ""
    rules: MarketRules | None = None


class _Recorded(msgspec.Struct, frozen=True):
    event_id: str
    occurred_at_us: int
    event: _Event


class _Slice(msgspec.Struct, frozen=True):
    events: tuple[_Recorded, ...]


_decoder = msgspec.json.Decoder(_Slice)


def seen_in_slice(value: bytes) -> Iterator[Seen]:
    """Yield what a record of ``executions`` says of markets. Raises ``msgspec.DecodeError``."""
    for recorded in _decoder.decode(value).events:
        event = recorded.event
        kind = event.type.partition(".")[0]
        if event.rules is not None:
            yield event.rules
            if kind == "MarketListed":
                yield StatusSeen(event.rules.symbol, "open")
        elif kind in _PRICES and event.price is not None and event.liquidity != "maker":
            cause = Cause(recorded.event_id, recorded.occurred_at_us)
            yield PriceSeen(event.symbol, _PRICES[kind], event.price, cause)
        elif kind == "MarketStatusChanged":
            yield StatusSeen(event.symbol, event.status)


_PRICES: Mapping[str, PriceKind] = {"MarkPriceSet": "mark", "OrderFilled": "last"}


def seen_in_ticks(value: bytes) -> Iterator[Seen]:
    """Yield the mark prices of a record of ``prices``. Raises ``msgspec.DecodeError``."""
    for tick in decode_ticks(value):
        if tick.kind == "mark" and tick.price is not None:
            yield PriceSeen(tick.symbol, "mark", tick.price, Cause(_tick_id(tick), tick.occurred_at_us))


def _tick_id(tick: PriceTick) -> str:
    return f"{tick.source}/{tick.symbol}/{tick.run}/{tick.seq}"


def take(book: PriceBook, seen: Seen) -> str | None:
    """Take over what was seen. Return the symbol of a market that is valued otherwise by it."""
    if isinstance(seen, MarketRules):
        book.listed(seen)
        return None
    market = book.markets.get(seen.symbol)
    if market is None:
        return None
    if isinstance(seen, StatusSeen):
        market.status = seen.status
        return None
    price = seen.price
    if isinstance(price, str):
        whole, _, fraction = price.partition(".")
        scale = market.rules.price_scale
        try:
            price = parse_units(f"{whole}.{fraction[:scale]}", scale)
        except ValueError as error:
            log.warning("No price of %s: %s", seen.symbol, error)
            return None
    return seen.symbol if price > 0 and market.saw(seen.kind, price, seen.cause) else None


class PriceWatch(threading.Thread):
    """Follows; what was seen waits in ``waiting``, until whoever owns the prices takes it. ``noticed`` is
    called, in this thread, when there is something.
    """

    def __init__(self, bootstrap: str, database: Database[Document], partitions: int) -> None:
        super().__init__(name="prices", daemon=True)
        self.waiting: deque[Seen] = deque(maxlen=WAITING_MAX)
        self.noticed: threading.Event = threading.Event()
        self.over = threading.Event()
        self._database = live_view(database)
        self._partitions = partitions
        self._consumer = Consumer(
            {
                **client_options(bootstrap),
                "group.id": "risk-prices",  # asked for by the client; nothing is ever committed
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "queued.max.messages.kbytes": QUEUED_KBYTES_MAX,
                "fetch.wait.max.ms": 20,
            }
        )

    def begin(self, book: PriceBook) -> None:
        """Learn all markets, and what happened since, up to now. Raises ``KafkaException``, ``PyMongoError``,
        ``TimeoutError``.
        """
        for document in markets.all_markets(self._database, MARKETS_MAX):
            market = book.listed(markets.rules_of(document))
            market.status = document["status"]
            for kind, price, at in (
                ("last", "last_price", "traded_at_us"),
                ("mark", "mark_price", "marked_at_us"),
            ):
                if document[price] is not None:
                    market.saw(kind, document[price], Cause(f"markets/{document['_id']}", document[at]))  # type: ignore[arg-type] # one of the two
        ends = self._assign()
        deadline = monotonic() + CATCH_UP_S_MAX
        while ends:
            if monotonic() > deadline:
                raise TimeoutError(f"prices are not caught up after {CATCH_UP_S_MAX:.0f} s: {ends}")
            for message in self._consumer.consume(RECORDS_AT_ONCE_MAX, POLL_S):
                for seen in self._read(message):
                    take(book, seen)
            ends = self._still_behind(ends)

    def run(self) -> None:
        """Follow until ``over``. With Kafka away its client connects again by itself."""
        while not self.over.is_set():
            for message in self._consumer.consume(RECORDS_AT_ONCE_MAX, 0) or self._one():
                self.waiting.extend(self._read(message))
            if self.waiting:
                self.noticed.set()
        self._consumer.close()

    def _one(self) -> Sequence[Message]:
        message = self._consumer.poll(POLL_S)
        return [] if message is None else [message]

    def _read(self, message: Message) -> list[Seen]:
        if message.error() is not None:
            log.warning("Prices: %s", message.error())
            return []
        read = seen_in_ticks if message.topic() == PRICES else seen_in_slice
        try:
            return list(read(message.value() or b""))
        except msgspec.DecodeError as error:  # the worker that owns the partition puts it aside
            log.warning("%s/%s: %s", message.topic(), message.offset(), error)
            return []

    def _assign(self) -> dict[tuple[str, int], int]:
        """Begin each partition where it is to be; return where each ends, of those that have anything new."""
        since_ms = int(time() * 1_000)
        asked = [
            KafkaPartition(PRICES, n, since_ms - PRICES_SINCE_S * 1_000) for n in range(self._partitions)
        ]
        seen = {mark.partition: mark for mark in progress.read(self._database, "markets")}
        whole = []
        for partition in range(self._partitions):
            if (mark := seen.get(partition)) is None:
                whole.append(KafkaPartition(EXECUTIONS, partition, 0))
            else:
                asked.append(KafkaPartition(EXECUTIONS, partition, mark.occurred_at_us // 1_000 - OVERLAP_MS))
        found = [*self._consumer.offsets_for_times(asked, timeout=ANSWER_S_MAX), *whole]
        ends = {}
        for place in found:
            if place.error is not None:
                raise KafkaException(place.error)
            low, high = self._consumer.get_watermark_offsets(place, timeout=ANSWER_S_MAX, cached=False)
            place.offset = max(low, place.offset if 0 <= place.offset <= high else high)
            if place.offset < high:
                ends[place.topic, place.partition] = high
        self._consumer.assign(found)
        return ends

    def _still_behind(self, ends: Mapping[tuple[str, int], int]) -> dict[tuple[str, int], int]:
        asked = [KafkaPartition(*place) for place in ends]
        at = {(place.topic, place.partition): place.offset for place in self._consumer.position(asked)}
        return {place: end for place, end in ends.items() if at[place] < end}
