"""Shard snapshot: what is written down of a shard, in pages, so that neither side needs all of it at once.

The first page is a ``ShardSnapshot``, then come pages of ``OpenOrders``, then the filter of used ids, as it
is in memory. The first two are JSON, as sums of money are integers of any size.
"""

from typing import NamedTuple

import msgspec

from domain.snapshot import ExchangeSnapshot, OrderSnapshot, layout_of


class ShardSnapshot(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """All but open orders and filter. ``exchange`` comes without its orders. ``versions``: of the streams
    that go on, but for those of open orders. ``places``: topic, partition, and the last seq there.
    """

    shard: int
    partitions: int
    ids_expected: int
    last_seq: int
    now_us: int
    versions: dict[str, int]
    places: list[tuple[str, int, int]]
    order_pages: int
    filter_pages: int
    exchange: ExchangeSnapshot


class OpenOrders(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Some open orders, oldest first, and the version each one's stream has come to."""

    orders: list[OrderSnapshot]
    versions: list[int]


class Layout(msgspec.Struct):
    """Names all that is written, for ``LAYOUT``."""

    shard: ShardSnapshot
    open_orders: OpenOrders


LAYOUT: bytes = layout_of(Layout)
"""What one release writes, another reads only if both write the same."""


class Stand(NamedTuple):
    """The commit a snapshot was taken after. Histories that differ have no chain hash in common."""

    shard: int
    last_seq: int
    chain_hash: bytes
    state_hash: int
