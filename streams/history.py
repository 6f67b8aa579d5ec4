"""Reading the event store: the events of one shard, in the order they happened.

The store is one table, ``events``: shard, seq (``notification_id``, the name the eventsourcing library gives
it), stream (``originator_id``), version, type (``topic``) and the encoded event (``state``).
"""

from collections.abc import Iterator

import psycopg

from streams.codec import RecordedEvent, decode_recorded

PAGE_EVENTS_MAX = 10_000

_PAGE = """
    SELECT notification_id, state FROM events
    WHERE shard = %s AND notification_id > %s AND notification_id <= %s
    ORDER BY notification_id LIMIT %s
"""
_SEQ_MAX = 2**63 - 1


def prefer_order(connection: psycopg.Connection) -> None:
    """Have ``connection`` read by the index on seq from now on.

    Of a table that was just filled or restored the planner knows nothing yet: for each page it would collect
    all that is left, and sort it. *Measured:* a million events verified at 39,000 a second, not 180,000.
    """
    connection.execute("SET enable_sort = off")


def read_states(
    connection: psycopg.Connection, shard: int, after: int = 0, until: int = _SEQ_MAX
) -> Iterator[bytes]:
    """Yield the encoded events with after < seq <= until, a page at a time: memory stays bounded."""
    prefer_order(connection)
    while after < until:
        page = connection.execute(_PAGE, (shard, after, until, PAGE_EVENTS_MAX), binary=True).fetchall()
        for seq, state in page:
            after = seq
            yield state
        if len(page) < PAGE_EVENTS_MAX:
            return


def read_events(
    connection: psycopg.Connection, shard: int, after: int = 0, until: int = _SEQ_MAX
) -> Iterator[RecordedEvent]:
    """Yield the events with after < seq <= until."""
    return map(decode_recorded, read_states(connection, shard, after, until))
