"""Keeping the audit index up with the history: a thread of the auditor's process, which never takes more than
its share of time. Under load it falls behind, and the store keeps its speed.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event as Flag
from threading import Thread
from time import perf_counter

import psycopg

from streams.audit import index

logger = logging.getLogger(__name__)

LOOK_S = 0.5
RECONNECT_S = 2.0
CONNECT_WAIT_S = 5
STOP_S_MAX = 5.0
EVENTS_PER_TURN = 2_000
"""Few, so that its share is taken in short turns."""


@contextmanager
def indexing(dsn: str, share_percent: int) -> Iterator[None]:
    """Keep the index of all shards up in a thread of its own, until the block ends."""
    stop = Flag()
    thread = Thread(target=_keep, args=(dsn, share_percent, stop), name="audit-index", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(STOP_S_MAX)


def _keep(dsn: str, share_percent: int, stop: Flag) -> None:
    while not stop.is_set():
        try:
            with psycopg.connect(dsn, autocommit=True, connect_timeout=CONNECT_WAIT_S) as connection:
                while not stop.is_set():
                    stop.wait(_turn(connection, share_percent))
        except psycopg.Error as error:
            logger.warning("no audit index for now: %s", error)
            stop.wait(RECONNECT_S)


def _turn(connection: psycopg.Connection, share_percent: int) -> float:
    """Index some of each shard. Return how long to rest, in seconds, to keep to the share."""
    began, behind = perf_counter(), False
    for (shard,) in connection.execute("SELECT shard FROM shards ORDER BY shard").fetchall():
        behind |= index.advance(connection, shard, EVENTS_PER_TURN).behind > 0
    rest = (perf_counter() - began) * (100 - share_percent) / share_percent
    return rest if behind else max(rest, LOOK_S)
