"""Snapshots of shards, beside the events in the store.

A snapshot saves time and nothing else: the events are the truth. So one that is damaged, or was taken of
another history, by another release or for other settings, is passed over with a word, and what it would have
saved is replayed.
"""

import logging
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from time import monotonic, sleep
from typing import NamedTuple

import cramjam
import msgspec
import psycopg
from psycopg.rows import TupleRow

from commands.paging import SnapshotError, shard_from
from commands.shard import Shard
from commands.shard_snapshot import LAYOUT, Stand
from domain.state_hash import VERSION

logger = logging.getLogger(__name__)

KEPT_MAX = 3
COMMIT_WAIT_S = 30.0
COMMIT_LOOK_S = 0.02
DAMAGED = (
    ValueError,
    LookupError,
    TypeError,
    EOFError,
    msgspec.MsgspecError,
    cramjam.DecompressionError,
    psycopg.DataError,
)

_BEGIN = """
    INSERT INTO snapshots (shard, last_seq, chain_hash, state_hash, state_hash_version, layout)
    SELECT shard, last_seq, chain_hash, state_hash, state_hash_version, %s FROM commits
    WHERE shard = %s AND last_seq = %s AND chain_hash = %s AND state_hash = %s AND state_hash_version = %s
    ON CONFLICT (shard, last_seq) DO UPDATE SET layout = excluded.layout, made_at = now()
    RETURNING last_seq
"""
_FORGET_PAGES = "DELETE FROM snapshot_pages WHERE shard = %s AND last_seq = %s"
_COPY_PAGES = "COPY snapshot_pages (shard, last_seq, page, digest, content) FROM STDIN (FORMAT BINARY)"
_KEEP_NEWEST = """
    DELETE FROM snapshots WHERE shard = %(shard)s AND last_seq NOT IN (
        SELECT last_seq FROM snapshots WHERE shard = %(shard)s ORDER BY last_seq DESC LIMIT %(most)s)
"""
_NEWEST_FIRST = """
    SELECT s.last_seq, s.chain_hash, s.state_hash_version, s.layout, c.chain_hash, c.state_hash
    FROM snapshots s LEFT JOIN commits c ON c.shard = s.shard AND c.last_seq = s.last_seq
    WHERE s.shard = %s AND s.last_seq <= %s ORDER BY s.last_seq DESC
"""
_PAGE = "SELECT digest, content FROM snapshot_pages WHERE shard = %s AND last_seq = %s AND page = %s"


# --- Writing --------------------------------------------------------------------------------------------


def write(connection: psycopg.Connection[TupleRow], stand: Stand, pages: Iterable[bytes]) -> int:
    """Store a snapshot, all of it or nothing, and forget the oldest. Return how many bytes it has.

    Raises ``SnapshotError`` if the commit it was taken after has not been made within half a minute.
    """
    _wait_for_commit(connection, stand)
    written = 0
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute(_BEGIN, (LAYOUT, *_identity(stand)))
        cursor.execute(_FORGET_PAGES, (stand.shard, stand.last_seq))
        with cursor.copy(_COPY_PAGES) as copy:
            copy.set_types(["int2", "int8", "int4", "bytea", "bytea"])
            for number, page in enumerate(pages):
                copy.write_row((stand.shard, stand.last_seq, number, _digest(page), page))
                written += len(page)
        cursor.execute(_KEEP_NEWEST, {"shard": stand.shard, "most": KEPT_MAX})
    return written


def _wait_for_commit(connection: psycopg.Connection[TupleRow], stand: Stand) -> None:
    """It may be on its way still; and it may fail, then this was the snapshot of what never happened."""
    deadline = monotonic() + COMMIT_WAIT_S
    while not connection.execute(
        "SELECT 1 FROM commits WHERE shard = %s AND last_seq = %s AND chain_hash = %s AND state_hash = %s"
        " AND state_hash_version = %s",
        _identity(stand),
    ).fetchone():
        if monotonic() > deadline:
            raise SnapshotError(f"there is no commit up to seq {stand.last_seq} that it belongs to")
        sleep(COMMIT_LOOK_S)


def _identity(stand: Stand) -> tuple[int, int, bytes, bytes, int]:
    return stand.shard, stand.last_seq, stand.chain_hash, stand.state_hash.to_bytes(8, "big"), VERSION


def _digest(page: bytes) -> bytes:
    return blake2b(page, digest_size=16).digest()


# --- Reading --------------------------------------------------------------------------------------------


class Candidate(NamedTuple):
    """A stored snapshot, and the commit that the store has at its seq, if it has one."""

    last_seq: int
    chain_hash: bytes
    version: int
    layout: bytes
    commit_chain_hash: bytes | None
    commit_state_hash: bytes | None

    def check(self) -> None:
        """Raise ``SnapshotError`` if it is of no use."""
        if self.version != VERSION:
            raise SnapshotError(f"its state is of version {self.version}, this release has {VERSION}")
        if self.layout != LAYOUT:
            raise SnapshotError("another release wrote it, which kept other things")
        if self.chain_hash != self.commit_chain_hash:
            raise SnapshotError("it belongs to another history than the store has")


def restore_newest(
    connection: psycopg.Connection[TupleRow], shard: int, partitions: int, ids_expected: int, until: int
) -> Shard | None:
    """Return the shard as its newest snapshot up to seq ``until`` has it that can be used, if there is one.

    Those that cannot are passed over, and the log says why.
    """
    for row in connection.execute(_NEWEST_FIRST, (shard, until)).fetchall():
        candidate, began = Candidate(*row), monotonic()
        try:
            candidate.check()
            found = _restored(connection, shard, candidate, partitions, ids_expected)
        except DAMAGED as error:
            logger.warning(
                "shard %s: the snapshot at seq %s is passed over: %s", shard, candidate.last_seq, error
            )
        else:
            logger.info(
                "shard %s: restored the snapshot at seq %s with %s open orders in %.1f s",
                shard,
                candidate.last_seq,
                len(found.exchange.orders),
                monotonic() - began,
            )
            return found
    return None


def _restored(
    connection: psycopg.Connection[TupleRow],
    number: int,
    candidate: Candidate,
    partitions: int,
    ids_expected: int,
) -> Shard:
    shard = shard_from(_pages(connection, number, candidate.last_seq), partitions, ids_expected)
    state_hash = shard.exchange.state_hash.to_bytes(8, "big")
    if (shard.number, shard.last_seq, state_hash) != (
        number,
        candidate.last_seq,
        candidate.commit_state_hash,
    ):
        raise SnapshotError("what it holds is not what its commit says")
    shard.snapshot_seq = shard.last_seq
    return shard


def _pages(connection: psycopg.Connection[TupleRow], shard: int, last_seq: int) -> Iterator[bytes]:
    number = 0
    while row := connection.execute(_PAGE, (shard, last_seq, number), binary=True).fetchone():
        digest, page = row
        if _digest(page) != digest:
            raise SnapshotError(f"its page {number} is damaged")
        yield page
        number += 1
