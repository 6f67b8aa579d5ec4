"""The topics, and which partition of which topic an event goes to.

``executions`` carries the events of orders, order lists and markets, mark prices included, by symbol;
``accounts`` those of accounts, by account; so that whoever follows one market or one account reads one
partition, in order.
"""

from typing import NamedTuple

import xxhash

from domain.market import MarketListed
from streams.codec import AccountEvent, StoredEventType, TransferEvent

ORDERS = "orders"
EXECUTIONS = "executions"
ACCOUNTS = "accounts"
PRICES = "prices"
DEAD_LETTERS = "dead-letters"


class TopicPartition(NamedTuple):
    topic: str
    partition: int


def partition_of(key: str, partitions: int) -> int:
    """Return the partition of ``key``: the same in every process and release."""
    return xxhash.xxh3_64_intdigest(key.encode()) % partitions


def destination(event: StoredEventType, partitions: int) -> TopicPartition:
    """Return where ``event`` is published, with ``partitions`` in each of the two topics."""
    if isinstance(event, AccountEvent | TransferEvent):
        return TopicPartition(ACCOUNTS, partition_of(event.account, partitions))
    symbol = event.rules.symbol if isinstance(event, MarketListed) else event.symbol
    return TopicPartition(EXECUTIONS, partition_of(symbol, partitions))
