"""The event store's recorder: ``eventsourcing``'s interface, writing by binary COPY.

A commit is one transaction: the events by COPY, a row for the commit, and last of all the shard's row,
updated only if it still says what this owner believes. Otherwise another owner has taken the shard over:
nothing is written, and ``FencedError`` says so.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from struct import Struct
from threading import RLock
from time import sleep
from typing import Any, NamedTuple
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

from commands.hash_chain import CommitHeader, chain
from commands.schema import events_table
from domain.state_hash import VERSION

POLL_MS = 50
PAGE_EVENTS_MAX = 500

# PostgreSQL's binary COPY format: signature, flags, no extension; each field after its length; a trailer.
_COPY_HEAD = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_COPY_TAIL = b"\xff\xff"
_row_head = Struct(">hihiqi16siqi").pack
_length = Struct(">i").pack
_FIELDS = 6


class FencedError(Exception):
    """Another owner has taken the shard over; this one must not write any more."""


class Commit(NamedTuple):
    """What a commit does to its shard: from the state this owner knows to the next."""

    header: CommitHeader
    expected_offset: int
    published_seq: int
    chain_hash: bytes


class ShardRecorder(ApplicationRecorder):
    """Records the events of one shard over one connection; a lock keeps threads apart."""

    def __init__(self, connection: psycopg.Connection[TupleRow], shard: int) -> None:
        self.connection = connection
        self.shard = shard
        self._lock = RLock()
        table = Identifier(events_table(shard))
        columns = SQL("shard, notification_id, originator_id, originator_version, topic, state")
        self._copy = SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(table, columns)
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
            with cursor.copy(self._copy) as copy:
                copy.write(_copy_data(self.shard, commit.header.first_seq, stored_events))
            self._move_on(cursor, commit)
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

    def _move_on(self, cursor: psycopg.Cursor[TupleRow], commit: Commit) -> None:
        header = commit.header
        cursor.execute(
            """
            WITH moved AS (
                UPDATE shards SET next_offset = %(next_offset)s, last_seq = %(last_seq)s,
                    chain_hash = %(chain_hash)s, published_seq = %(published_seq)s
                WHERE shard = %(shard)s AND epoch = %(epoch)s
                    AND next_offset = %(expected_offset)s AND last_seq = %(first_seq)s - 1
                RETURNING shard
            )
            INSERT INTO commits (shard, last_seq, first_seq, next_offset, epoch, occurred_at_us,
                state_hash, state_hash_version, chain_hash)
            SELECT shard, %(last_seq)s, %(first_seq)s, %(next_offset)s, %(epoch)s, %(occurred_at_us)s,
                %(state_hash)s, %(state_hash_version)s, %(chain_hash)s FROM moved
            """,
            {
                **header._asdict(),
                "state_hash": header.state_hash.to_bytes(8, "big"),
                "state_hash_version": VERSION,
                "expected_offset": commit.expected_offset,
                "published_seq": commit.published_seq,
                "chain_hash": commit.chain_hash,
            },
        )
        if cursor.rowcount != 1:
            message = (
                f"shard {self.shard} is not at epoch {header.epoch}, offset {commit.expected_offset} any more"
            )
            raise FencedError(message)

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


def _copy_data(shard: int, first_seq: int, stored_events: Sequence[StoredEvent]) -> bytes:
    parts = [_COPY_HEAD]
    for seq, event in enumerate(stored_events, first_seq):
        topic = event.topic.encode()
        stream = _uuid_bytes(event.originator_id)
        version = event.originator_version
        parts += (
            _row_head(_FIELDS, 2, shard, 8, seq, 16, stream, 8, version, len(topic)),
            topic,
            _length(len(event.state)),
            event.state,
        )
    parts.append(_COPY_TAIL)
    return b"".join(parts)


def _uuid_bytes(stream: UUID | str) -> bytes:
    return stream.bytes if isinstance(stream, UUID) else bytes.fromhex(stream.replace("-", ""))


@contextmanager
def _library_errors() -> Iterator[None]:
    """The interface promises its own errors, not the driver's."""
    try:
        yield
    except psycopg.IntegrityError as error:
        raise IntegrityError(str(error)) from error
    except psycopg.OperationalError as error:
        raise OperationalError(str(error)) from error
