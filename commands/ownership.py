"""Taking a shard over: end the old owner's sessions, raise the epoch, and only then read.

A suspended owner inside a COPY would otherwise block its successor; one that wakes up later finds its
session gone and its epoch outdated, and can write nothing.
"""

from typing import NamedTuple

import psycopg
from psycopg.rows import TupleRow

TERMINATE_WAIT_MS = 5_000
CONNECT_WAIT_S = 10


class Ownership(NamedTuple):
    """A shard as its new owner found it, and the one connection that writes to it."""

    connection: psycopg.Connection[TupleRow]
    shard: int
    epoch: int
    next_offset: int
    last_seq: int
    chain_hash: bytes
    published_seq: int


def connect(dsn: str, shard: int) -> psycopg.Connection[TupleRow]:
    """Return a session in the name of the shard's owner: a successor ends it. Raises
    ``psycopg.OperationalError`` if the database is away.
    """
    return psycopg.connect(
        dsn, autocommit=True, application_name=_name(shard), connect_timeout=CONNECT_WAIT_S
    )


def take_over(dsn: str, shard: int) -> Ownership:
    """Become the owner of ``shard``. Raises ``psycopg.OperationalError`` if the database is away."""
    connection = connect(dsn, shard)
    connection.execute(
        "SELECT pg_terminate_backend(pid, %s) FROM pg_stat_activity"
        " WHERE application_name = %s AND pid <> pg_backend_pid()",
        (TERMINATE_WAIT_MS, _name(shard)),
    )
    row = connection.execute(
        "UPDATE shards SET epoch = epoch + 1 WHERE shard = %s"
        " RETURNING epoch, next_offset, last_seq, chain_hash, published_seq",
        (shard,),
    ).fetchone()
    if row is None:
        message = f"shard {shard} has no row in table shards: run the prepare step with more shards"
        raise LookupError(message)
    return Ownership(connection, shard, *row)


def _name(shard: int) -> str:
    return f"oms-shard-{shard}"
