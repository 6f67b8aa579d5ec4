"""The event store's recorder: ``eventsourcing``'s interface over the tables the order processor writes.

What it writes goes the way of every commit, see ``committer``; it only waits for the end of each.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import RLock
from time import sleep
from typing import Any
from uuid import UUID

import psycopg
from eventsourcing.persistence import (
    ApplicationRecorder,
    IntegrityError,
    Notification,
    OperationalError,
    StoredEvent,
    Subscription,
)
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Composed, Identifier

from commands.committer import Commit, Committer, FencedError
from commands.hash_chain import CommitHeader, chain
from commands.schema import events_table

POLL_MS = 50
PAGE_EVENTS_MAX = 500


class ShardRecorder(ApplicationRecorder):
    """Records the events of one shard over one connection; a lock keeps threads apart."""

    def __init__(self, connection: psycopg.Connection[TupleRow], shard: int) -> None:
        self.connection = connection
        self.shard = shard
        self._lock = RLock()
        table = Identifier(events_table(shard))
        self._committer = Committer(connection, shard)
        stored = SQL("SELECT originator_id, originator_version, topic, state")
        self._select = SQL("{} FROM {} WHERE originator_id = %s").format(stored, table)
        self._select_many = SQL(
            "SELECT originator_id, state FROM {} WHERE originator_id = ANY(%s)"
            " ORDER BY originator_id, originator_version"
        ).format(table)
        self._notifications = SQL("{}, notification_id FROM {} WHERE TRUE").format(stored, table)

    # --- Writing ----------------------------------------------------------------------------------------

    def insert_events(
        self, stored_events: Sequence[StoredEvent], *, commit: Commit | None = None, **_: Any
    ) -> Sequence[int] | None:
        """Write the events in one transaction; all or nothing. Return their seqs.

        Raises ``FencedError`` if ``commit`` does not follow from the shard's row; ``IntegrityError`` if an
        event of that stream and version is stored already; ``OperationalError`` if the database is away.
        Without ``commit`` the shard's row is locked, read and moved on.
        """
        if not stored_events and commit is None:
            return None
        with self._lock, _library_errors(), self.connection.transaction(), self.connection.cursor() as cursor:
            commit = commit or self._next_commit(cursor, [event.state for event in stored_events])
            self._committer.begin(commit, stored_events)
            self._committer.wait()
        return list(range(commit.header.first_seq, commit.header.last_seq + 1))

    def _next_commit(self, cursor: psycopg.Cursor[TupleRow], states: list[bytes]) -> Commit:
        cursor.execute(
            "SELECT epoch, next_offset, last_seq, chain_hash, published_seq FROM shards"
            " WHERE shard = %s FOR UPDATE",
            (self.shard,),
        )
        row = cursor.fetchone()
        if row is None:
            message = f"shard {self.shard} has no row in table shards: create the schema first"
            raise FencedError(message)
        epoch, offset, last_seq, previous, published_seq = row
        header = CommitHeader(self.shard, epoch, last_seq + 1, last_seq + len(states), offset, 0, 0)
        return Commit(header, offset, published_seq, chain(previous, header, states))

    # --- Reading ----------------------------------------------------------------------------------------

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """Return the events of one stream, by version."""
        query, values = _where(
            self._select, ("originator_version > %s", gt), ("originator_version <= %s", lte)
        )
        query += SQL(" ORDER BY originator_version DESC" if desc else " ORDER BY originator_version")
        rows = self._fetch(query + SQL(" LIMIT %s"), [originator_id, *values, limit])
        return [StoredEvent(*row) for row in rows]

    def select_streams(self, streams: Sequence[str]) -> dict[str, list[bytes]]:
        """Return the encoded events of several streams at once, by stream id, in order."""
        found: dict[str, list[bytes]] = {}
        for stream, state in self._fetch(self._select_many, [list(map(UUID, streams))]):
            found.setdefault(str(stream), []).append(state)
        return found

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """Return the shard's events by seq."""
        from_start = "notification_id >= %s" if inclusive_of_start else "notification_id > %s"
        query, values = _where(
            self._notifications,
            (from_start, start),
            ("notification_id <= %s", stop),
            ("topic = ANY(%s)", list(topics) or None),
        )
        rows = self._fetch(query + SQL(" ORDER BY notification_id LIMIT %s"), [*values, limit])
        return [Notification(*row) for row in rows]

    def max_notification_id(self) -> int | None:
        """Return the last seq; ``None`` before the first event."""
        table = Identifier(events_table(self.shard))
        ((last,),) = self._fetch(SQL("SELECT max(notification_id) FROM {}").format(table), [])
        return last if last is None else int(last)

    def subscribe(
        self, gt: int | None = None, topics: Sequence[str] = ()
    ) -> Subscription[ApplicationRecorder]:
        return PollingSubscription(self, gt, topics)

    def _fetch(self, query: Composed, values: list[Any]) -> list[TupleRow]:
        with self._lock, _library_errors(), self.connection.cursor(binary=True) as cursor:
            return cursor.execute(query, values).fetchall()


class PollingSubscription(Subscription[ApplicationRecorder]):
    """Yields events as they are committed, by asking for them: a NOTIFY in each commit would serialise the
    commits of all shards on one lock.
    """

    def __init__(self, recorder: ApplicationRecorder, gt: int | None, topics: Sequence[str]) -> None:
        super().__init__(recorder, gt, topics)
        self._page: Iterator[Notification] = iter(())

    def __next__(self) -> Notification:
        while not self._has_been_stopped:
            if notification := next(self._page, None):
                self._last_notification_id = notification.id
                return notification
            found = self._recorder.select_notifications(
                self._last_notification_id or 0,
                PAGE_EVENTS_MAX,
                topics=self._topics,
                inclusive_of_start=False,
            )
            self._page = iter(found)
            if not found:
                sleep(POLL_MS / 1000)
        raise StopIteration


def _where(query: Composed, *conditions: tuple[str, Any]) -> tuple[Composed, list[Any]]:
    given = [(SQL(condition), value) for condition, value in conditions if value is not None]
    for condition, _ in given:
        query += SQL(" AND ") + condition
    return query, [value for _, value in given]


@contextmanager
def _library_errors() -> Iterator[None]:
    """The interface promises its own errors, not the driver's."""
    try:
        yield
    except psycopg.IntegrityError as error:
        raise IntegrityError(str(error)) from error
    except psycopg.OperationalError as error:
        raise OperationalError(str(error)) from error
