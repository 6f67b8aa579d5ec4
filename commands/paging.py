"""Paging: a shard's memory as pages of bytes, and back."""

from collections.abc import Iterator
from typing import TypeVar

import cramjam
import msgspec

from commands.shard import Shard
from commands.shard_snapshot import OpenOrders, ShardSnapshot
from domain.snapshot import OrderSnapshot
from domain.snapshots import restored, taken
from streams.topics import TopicPartition

ORDERS_PER_PAGE = 20_000
FILTER_BYTES_PER_PAGE = 8 * 1024 * 1024
COMPRESSION_LEVEL = 1  # the quickest; the next ones save a few percent

Kind = TypeVar("Kind", ShardSnapshot, OpenOrders)


class SnapshotError(ValueError):
    """A snapshot that cannot be used; the text says why."""


def pages_of(shard: Shard) -> Iterator[bytes]:
    """Yield all that the shard remembers, as it is between two batches."""
    exchange = taken(shard.exchange)
    orders, used = exchange.orders, shard.known.to_bytes()
    order_starts = range(0, len(orders), ORDERS_PER_PAGE)
    filter_starts = range(0, len(used), FILTER_BYTES_PER_PAGE)
    yield _packed(
        ShardSnapshot(
            shard.number,
            shard.partitions,
            shard.known.ids_expected,
            shard.last_seq,
            shard.now_us,
            {each: version for each, version in shard.versions.items() if each not in shard.exchange.orders},
            [(place.topic, place.partition, seq) for place, seq in shard.places.items()],
            len(order_starts),
            len(filter_starts),
            msgspec.structs.replace(exchange, orders=[]),
        )
    )
    for start in order_starts:
        some = orders[start : start + ORDERS_PER_PAGE]
        yield _packed(OpenOrders(some, [shard.versions[order.order_id] for order in some]))
    for start in filter_starts:
        yield _compressed(used[start : start + FILTER_BYTES_PER_PAGE])


def shard_from(pages: Iterator[bytes], partitions: int, ids_expected: int) -> Shard:
    """Return the shard that ``pages`` were made of.

    Raises ``SnapshotError`` if it was made for other ``partitions`` or ``ids_expected``; ``ValueError``,
    ``LookupError`` or ``cramjam.DecompressionError`` if something is damaged.
    """
    snapshot = _unpacked(_next(pages), ShardSnapshot)
    if snapshot.partitions != partitions:
        raise SnapshotError(f"it was made for {snapshot.partitions} partitions, there are {partitions}")
    if snapshot.ids_expected != ids_expected:
        raise SnapshotError(f"its filter was made for {snapshot.ids_expected} ids, not {ids_expected}")
    orders, versions = _orders(pages, snapshot.order_pages)
    shard = Shard(snapshot.shard, partitions, ids_expected)
    shard.exchange = restored(msgspec.structs.replace(snapshot.exchange, orders=orders))
    shard.versions = dict(zip(shard.exchange.orders, versions, strict=True))  # their ids are in memory once
    shard.versions.update(snapshot.versions)
    shard.places = {TopicPartition(topic, partition): seq for topic, partition, seq in snapshot.places}
    shard.last_seq, shard.now_us = snapshot.last_seq, snapshot.now_us
    shard.known.restore(b"".join(_expanded(_next(pages)) for _ in range(snapshot.filter_pages)))
    return shard


def _orders(pages: Iterator[bytes], count: int) -> tuple[list[OrderSnapshot], list[int]]:
    orders: list[OrderSnapshot] = []
    versions: list[int] = []
    for _ in range(count):
        page = _unpacked(_next(pages), OpenOrders)
        orders += page.orders
        versions += page.versions
    return orders, versions


def _next(pages: Iterator[bytes]) -> bytes:
    page = next(pages, None)
    if page is None:
        raise SnapshotError("its last pages are missing")
    return page


def _packed(value: ShardSnapshot | OpenOrders) -> bytes:
    return _compressed(msgspec.json.encode(value))


def _unpacked(page: bytes, kind: type[Kind]) -> Kind:
    return msgspec.json.decode(_expanded(page), type=kind)


def _compressed(content: bytes) -> bytes:
    return bytes(cramjam.zstd.compress(content, COMPRESSION_LEVEL))


def _expanded(page: bytes) -> bytes:
    return bytes(cramjam.zstd.decompress(page))
