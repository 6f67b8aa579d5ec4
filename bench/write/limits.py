"""What else could write the same events: bare COPY, which is the limit, and the stock recorder.

Each writes the bytes that the processor has stored, over one connection, with the same durability, into a
database of its own.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from time import perf_counter
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

import psycopg
from eventsourcing.persistence import ApplicationRecorder, StoredEvent
from psycopg.sql import SQL, Identifier

from bench.engine.environments import python_packages
from bench.write import flow
from commands import schema
from commands.copying import COLUMNS, copy_data

EVENTS_MAX = 200_000
DATABASE = "bench_limits"

Say = Callable[[str], None]
_Item = TypeVar("_Item")


def run(dsn: str, alone: dict[str, Any], seconds: float, say: Say) -> list[dict[str, Any]]:
    """Return the rows of the alternatives, with what ``alone`` (the processor's row) has stored."""
    events = _stored(dsn, alone["first_seq"])
    per_order, per_commit = alone["rows_per_order"], alone["rows_per_commit"]
    with _own_database(dsn) as own:
        say("Bare COPY of the same bytes")
        copied = _raw_copy(own, list(cut(events, per_commit)), seconds)
        with _stock_recorder(own) as recorder:
            say("Stock recorder, one order at a time")
            single = _stock(recorder, list(cut(events, per_order)), seconds)
            say("Stock recorder, in our batches")
            rest = events[round(single["rows"]) :]
            batched = _stock(recorder, list(cut(rest, per_commit)), seconds)
    return [
        {
            "name": "raw-copy",
            **copied,
            "leaves_out": "everything but the rows: no fence, no hash, no decision",
        },
        {"name": "stock-recorder-single", **single, "leaves_out": "deciding, publishing, answering"},
        {"name": "stock-recorder-batched", **batched, "leaves_out": "deciding, publishing, answering"},
    ]


def _stored(dsn: str, first_seq: int) -> list[StoredEvent]:
    with psycopg.connect(dsn) as store:
        rows = store.execute(
            "SELECT originator_id, originator_version, topic, state FROM events"
            " WHERE shard = %s AND notification_id >= %s ORDER BY notification_id LIMIT %s",
            (flow.SHARD, first_seq, EVENTS_MAX),
            binary=True,
        ).fetchall()
    return [StoredEvent(*row) for row in rows]


def cut(events: Sequence[_Item], size: float) -> Iterator[Sequence[_Item]]:
    """Yield pieces of ``size`` events in the mean."""
    start, end = 0, size
    while start < len(events):
        yield events[start : round(end)]
        start, end = round(end), end + size


def _raw_copy(dsn: str, batches: Sequence[Sequence[StoredEvent]], seconds: float) -> dict[str, Any]:
    copy = SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(
        Identifier(schema.events_table(flow.SHARD)), SQL(COLUMNS)
    )
    seq, prepared = 1, []
    for batch in batches:
        prepared.append((len(batch), copy_data(flow.SHARD, seq, batch)))
        seq += len(batch)
    with psycopg.connect(dsn, autocommit=True) as connection:
        schema.create(connection, flow.SHARD + 1)

        def write(data: bytes) -> None:
            with connection.transaction(), connection.cursor() as cursor, cursor.copy(copy) as copying:
                copying.write(data)

        return _timed(write, prepared, seconds)


def _stock(
    recorder: ApplicationRecorder, batches: Sequence[Sequence[StoredEvent]], seconds: float
) -> dict[str, Any]:
    return _timed(recorder.insert_events, [(len(batch), batch) for batch in batches], seconds)


def _timed(
    write: Callable[[Any], object], batches: Sequence[tuple[int, Any]], seconds: float
) -> dict[str, Any]:
    """Write batch after batch until the time, or the events, are used up."""
    rows, written, begun = 0, 0, perf_counter()
    for size, batch in batches:
        write(batch)
        rows, written = rows + size, written + 1
        if perf_counter() - begun > seconds:
            break
    elapsed = perf_counter() - begun
    return {
        "value": round(rows / elapsed),
        "unit": "rows/s",
        "rows": rows,
        "rows_per_commit": round(rows / max(1, written), 2),
        "seconds": round(elapsed, 2),
    }


@contextmanager
def _own_database(dsn: str) -> Iterator[str]:
    with psycopg.connect(dsn, autocommit=True) as server:
        server.execute(SQL("CREATE DATABASE {}").format(Identifier(DATABASE)))
        try:
            yield dsn.rsplit("/", 1)[0] + f"/{DATABASE}"
        finally:
            server.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(DATABASE)))


@contextmanager
def _stock_recorder(dsn: str) -> Iterator[ApplicationRecorder]:
    """Its connection pool is a package that we do without: only here it is put on the path, as the last."""
    sys.path.append(str(python_packages("stock-recorder")))
    from eventsourcing.postgres import (  # noqa: PLC0415 - see above
        PostgresApplicationRecorder,
        PostgresDatastore,
    )

    parts = urlsplit(dsn)
    with PostgresDatastore(
        dbname=DATABASE,
        host=parts.hostname or "",
        port=str(parts.port),
        user=parts.username or "",
        password=unquote(parts.password or ""),
        originator_id_type="uuid",
    ) as datastore:
        recorder = PostgresApplicationRecorder(datastore, events_table_name="stock_events")
        recorder.create_table()
        yield recorder
