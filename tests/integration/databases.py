"""Databases of a test's own, on the servers all tests share."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import psycopg

from commands import schema


@contextmanager
def own_database(server: str, shards: int = 1) -> Iterator[str]:
    """Yield the address of a fresh database with the event store's tables."""
    name = f"test_{uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
        own = server.rsplit("/", 1)[0] + f"/{name}"
        with psycopg.connect(own, autocommit=True) as fresh:
            schema.create(fresh, shards)
        try:
            yield own
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@contextmanager
def commits_held_up(dsn: str, shard: int = 0) -> Iterator[None]:
    """Lock the shard's row, so that a commit is sent and cannot end."""
    with psycopg.connect(dsn) as blocker:
        blocker.execute("SELECT 1 FROM shards WHERE shard = %s FOR UPDATE", (shard,))
        yield
        blocker.rollback()


def waits_for_the_row(dsn: str, shard: int = 0) -> bool:
    """Tell whether a commit of the shard's owner waits for the lock."""
    with psycopg.connect(dsn) as connection:
        found = connection.execute(
            "SELECT 1 FROM pg_stat_activity WHERE application_name = %s AND wait_event_type = 'Lock'",
            (f"oms-shard-{shard}",),
        ).fetchone()
    return found is not None
