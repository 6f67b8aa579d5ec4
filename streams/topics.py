"""The topics, and which partition of which topic an event goes to.

``executions`` carries the events of orders, order lists and markets, mark prices included, by symbol, and
those of the venue, by a key that is no symbol; ``accounts`` those of accounts, by account; so that whoever
follows one market or one account reads one partition, in order.
"""

from functools import lru_cache
from typing import Any, NamedTuple, cast

import xxhash

from domain.market import MarketListed
from streams.codec import ACCOUNT_EVENTS, ARRIVAL_EVENTS, TRANSFER_EVENTS, VENUE_EVENTS, StoredEventType

ORDERS = "orders"
EXECUTIONS = "executions"
ACCOUNTS = "accounts"
PRICES = "prices"
DEAD_LETTERS = "dead-letters"
VENUE_KEY = "venue"

PLACES_KEPT_MAX = 100_000


class TopicPartition(NamedTuple):
    topic: str
    partition: int


def partition_of(key: str, partitions: int) -> int:
    """Return the partition of ``key``: the same in every process and release."""
    return xxhash.xxh3_64_intdigest(key.encode()) % partitions


def destination(event: StoredEventType, partitions: int) -> TopicPartition:
    """Return where ``event`` is published, with ``partitions`` in each of the two topics."""
    kind, named = type(event), cast("Any", event)  # which names it has follows from its type
    if kind in ACCOUNT_EVENTS or kind in TRANSFER_EVENTS or kind in ARRIVAL_EVENTS:
        return _place(ACCOUNTS, named.account, partitions)
    if kind in VENUE_EVENTS:
        return _place(EXECUTIONS, VENUE_KEY, partitions)
    return _place(EXECUTIONS, named.rules.symbol if kind is MarketListed else named.symbol, partitions)


@lru_cache(maxsize=PLACES_KEPT_MAX)
def _place(topic: str, key: str, partitions: int) -> TopicPartition:
    return TopicPartition(topic, partition_of(key, partitions))
