"""Following: a processor that owns no shard keeps all of them in memory as the store has them, so that it
takes one over by replaying the little that is left.

One that owns a shard follows no other: the events it would replay would be in the way of its own orders. It
takes a shard over from a snapshot.
"""

import logging
from time import monotonic

import psycopg
from psycopg.rows import TupleRow

from commands.rebuilding import remembered
from commands.shard import Shard
from domain.state_hash import VERSION
from streams.history import read_events

logger = logging.getLogger(__name__)

LOOK_S = 0.2
EVENTS_AT_ONCE_MAX = 5_000  # between two looks at Kafka: about 100 ms
CONNECT_WAIT_S = 10

_STANDS = "SELECT shard, published_seq FROM shards ORDER BY shard"
_STATE_HASH = "SELECT state_hash FROM commits WHERE shard = %s AND last_seq = %s AND state_hash_version = %s"


class Following:
    """Follows up to what is published: from there on a new owner has to publish, too."""

    def __init__(self, dsn: str, partitions: int, ids_expected: int) -> None:
        self._dsn = dsn
        self._partitions = partitions
        self._ids_expected = ids_expected
        self._connection: psycopg.Connection[TupleRow] | None = None
        self._shards: dict[int, Shard] = {}
        self._warm: set[int] = set()
        self._given_up: set[int] = set()
        self._look_at_s = 0.0

    def look(self) -> None:
        """Take in what has been committed, a bounded part of it. Raises ``psycopg.OperationalError`` if the
        database is away.
        """
        if monotonic() < self._look_at_s:
            return
        connection = self._connected()
        behind = False
        for number, published_seq in connection.execute(_STANDS).fetchall():
            if number not in self._given_up:
                behind = self._follow(connection, number, published_seq) or behind
        self._look_at_s = monotonic() + (0 if behind else LOOK_S)

    def take(self, number: int, published_seq: int) -> Shard | None:
        """Return the shard as far as it was followed, and follow it no more; ``None`` if it was not."""
        shard = self._shards.pop(number, None)
        if shard is None or shard.last_seq > published_seq:
            return None  # the second: somebody has put back what is published, for all of it to be sent again
        logger.info("shard %s: was followed up to seq %s", number, shard.last_seq)
        return shard

    def stop(self) -> None:
        """Forget everything: this processor has orders of its own to decide."""
        self._shards.clear()
        self._warm.clear()
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connected(self) -> psycopg.Connection[TupleRow]:
        if self._connection is None:
            self._connection = psycopg.connect(self._dsn, autocommit=True, connect_timeout=CONNECT_WAIT_S)
        return self._connection

    def _follow(self, connection: psycopg.Connection[TupleRow], number: int, published_seq: int) -> bool:
        """Return whether there is more to take in."""
        shard = self._shards.get(number)
        if shard is None:
            shard = self._shards[number] = remembered(
                connection, number, self._partitions, self._ids_expected, published_seq
            )
        until = min(published_seq, shard.last_seq + EVENTS_AT_ONCE_MAX)
        if shard.last_seq < until:
            shard.replay(read_events(connection, number, after=shard.last_seq, until=until))
            self._check(connection, shard)
        if until == published_seq and number not in self._warm:
            self._warm.add(number)
            logger.info("shard %s: a warm standby from seq %s on", number, published_seq)
        return until < published_seq

    def _check(self, connection: psycopg.Connection[TupleRow], shard: Shard) -> None:
        """Where a commit ends, its state is this one. Else it is not taken over from memory."""
        row = connection.execute(_STATE_HASH, (shard.number, shard.last_seq, VERSION)).fetchone()
        if row is not None and int.from_bytes(row[0], "big") != shard.exchange.state_hash:
            logger.error(
                "shard %s: followed up to seq %s it has another state than its owner had. It is followed no "
                "more. Next: ./oms audit verify",
                shard.number,
                shard.last_seq,
            )
            del self._shards[shard.number]
            self._given_up.add(shard.number)
