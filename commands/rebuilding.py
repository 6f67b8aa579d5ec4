"""Rebuilding a shard's memory from the store, when it is taken over: from its newest snapshot on, or all of
its history.
"""

import logging
from time import monotonic

import psycopg
from confluent_kafka import Producer
from psycopg.rows import TupleRow

from commands.ownership import Ownership
from commands.shard import Shard
from commands.snapshots import restore_newest
from domain.state_hash import VERSION
from streams import topics
from streams.codec import decode_recorded
from streams.history import read_events, read_states
from streams.publisher import Publisher

logger = logging.getLogger(__name__)


class LostHistoryError(Exception):
    """Kafka lacks the command that comes next, or the store contradicts itself: nothing is guessed."""


def remembered(
    connection: psycopg.Connection[TupleRow], number: int, partitions: int, ids_expected: int, until: int
) -> Shard:
    """Return the shard as its newest usable snapshot up to seq ``until`` has it, or an empty one."""
    found = restore_newest(connection, number, partitions, ids_expected, until)
    return Shard(number, partitions, ids_expected) if found is None else found


def rebuild(shard: Shard, owned: Ownership, producer: Producer) -> Publisher:
    """Replay the rest of the store into ``shard``; publish again what may not have been published.

    ``shard`` has come to ``owned.published_seq`` at most: what is published again needs to know the places
    before it. Raises ``LostHistoryError`` if what is stored does not lead to what the shard's rows say.
    """
    began, from_seq = monotonic(), shard.last_seq
    shard.replay(read_events(owned.connection, owned.shard, after=from_seq, until=owned.published_seq))
    publisher = Publisher(producer, owned.shard, dict(shard.places), owned.published_seq)
    for state in read_states(owned.connection, owned.shard, after=owned.published_seq):
        recorded = decode_recorded(state)
        shard.replay((recorded,))
        publisher.add(topics.destination(recorded.event, shard.partitions), recorded.seq, state)
    _check(shard, owned)
    logger.info(
        "shard %s: rebuilt up to seq %s, epoch %s; replayed %s events in %.1f s",
        owned.shard,
        owned.last_seq,
        owned.epoch,
        owned.last_seq - from_seq,
        monotonic() - began,
    )
    return publisher


def _check(shard: Shard, owned: Ownership) -> None:
    if shard.last_seq != owned.last_seq:
        raise LostHistoryError(
            f"shard {owned.shard}: its row says seq {owned.last_seq}, its events end at {shard.last_seq}"
        )
    row = owned.connection.execute(
        "SELECT state_hash FROM commits WHERE shard = %s AND last_seq = %s AND state_hash_version = %s",
        (owned.shard, owned.last_seq, VERSION),
    ).fetchone()
    if row is not None and int.from_bytes(row[0], "big") != shard.exchange.state_hash:
        raise LostHistoryError(
            f"shard {owned.shard}: its {owned.last_seq} events, replayed, give another state than it had"
        )
