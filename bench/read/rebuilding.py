"""The read models from nothing: the event store read to its head, decoded, folded, and written.

The same pure code as live, and the same guard; only Kafka and Faust are left out.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from itertools import islice
from typing import Any

import psycopg
from psycopg.sql import SQL, Identifier
from pymongo.database import Database

from bench.read.folding import TOPICS
from bench.read.history import PARTITIONS, Commit
from bench.read.writing import projector, spent
from bench.write.flow import SHARD
from bench.write.usage import Usage
from commands import schema
from commands.copying import COLUMNS, copy_data
from projections import progress, store
from projections.folding import Folding
from projections.projection import At, Document
from projections.registry import PROJECTIONS
from streams.codec import RecordedEvent, Slice
from streams.history import read_events
from streams.projector import Bounds, Projector
from streams.sources import SOURCES
from streams.topics import TopicPartition, destination

EVENTS_PER_BATCH = 50_000
"""Larger than live: what many events change is written once. Two of them are in memory at once."""
BOUNDS = Bounds(documents_cached_max=200_000, events_per_write_max=EVENTS_PER_BATCH)
SAY_EVERY_EVENTS = 200_000

Say = Callable[[str], None]


def fill(dsn: str, commits: Iterable[Commit], say: Say) -> int:
    """Put the history into the event store; return how many events it has."""
    copy = SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(
        Identifier(schema.events_table(SHARD)), SQL(COLUMNS)
    )
    seq, said = 0, 0
    with psycopg.connect(dsn, autocommit=True) as connection:
        schema.create(connection, SHARD + 1)
        for some in _joined(commits):
            with connection.cursor() as cursor, cursor.copy(copy) as copying:
                copying.write(copy_data(SHARD, seq + 1, some))
            seq += len(some)
            if seq - said >= SAY_EVERY_EVENTS:
                say(f"  {seq:,} events made and stored")
                said = seq
    return seq


def _joined(commits: Iterable[Commit]) -> Iterator[Commit]:
    """Yield a hundred commits as one: what is measured is reading."""
    stream = iter(commits)
    while some := list(islice(stream, 100)):
        yield [placed for commit in some for placed in commit]


def fold_only(dsn: str, usage: Usage) -> dict[str, Any]:
    """Read, decode and fold all events for all projections, and write nothing."""
    counted = [0]

    def work() -> None:
        foldings = [Folding(each, BOUNDS.documents_cached_max) for each in PROJECTIONS.values()]
        with psycopg.connect(dsn, autocommit=True) as connection:
            for some in _batches(read_events(connection, SHARD)):
                counted[0] += len(some)
                for folding in foldings:
                    _fold(folding, some)

    took = spent(usage, work)
    return {**took.each(counted[0]), "events": counted[0], "seconds": round(took.wall_s, 2)}


def _fold(folding: Folding, some: Iterable[RecordedEvent]) -> None:
    for recorded in some:
        if type(recorded.event) in folding.projection.event_types:
            folding.fold(recorded.event, At(SHARD, recorded.seq, recorded.occurred_at_us))
    folding.forget(folding.take_changed())


def rebuild(dsn: str, database: Database[Document], usage: Usage) -> dict[str, Any]:
    """Do all of it, in one process, into an empty database: a thread for each topic writes one batch while
    the next is read. Indexes come last: that costs the server less than to keep them right on the way.
    """
    counted = [0]

    def work() -> None:
        projectors = [_projector(database, topic) for topic in TOPICS]
        progress.prepare(database)
        with (
            psycopg.connect(dsn, autocommit=True) as connection,
            ThreadPoolExecutor(len(projectors)) as threads,
        ):
            counted[0] = _carry(read_events(connection, SHARD), projectors, threads)
        store.prepare(database, list(PROJECTIONS.values()))

    took = spent(usage, work)
    documents = sum(database[name].count_documents({}) for name in PROJECTIONS)
    return {
        **took.each(counted[0]),
        "events": counted[0],
        "documents": documents,
        "seconds": round(took.wall_s, 2),
        "seconds_for_a_million": round(took.wall_s * 1e6 / counted[0], 1),
        "cpu_seconds_for_a_million": round((took.ours_s + took.server_s) * 1e6 / counted[0], 1),
    }


def _projector(database: Database[Document], topic: str) -> Projector:
    return projector(database, topic, [name for name, source in SOURCES.items() if source == topic], BOUNDS)


def _carry(events: Iterable[RecordedEvent], projectors: Sequence[Projector], threads: Executor) -> int:
    """Return how many events there were."""
    previous: dict[TopicPartition, int] = {}
    writing: list[Future[None]] = []
    count = 0
    for some in _batches(events):
        count += len(some)
        pieces = _dealt(some, previous)
        _wait_for(writing)
        writing = [threads.submit(_process, one, pieces[one.topic]) for one in projectors]
    _wait_for(writing)
    return count


def _wait_for(writing: Iterable[Future[None]]) -> None:
    for one in writing:
        one.result()


def _dealt(
    some: Iterable[RecordedEvent], previous: dict[TopicPartition, int]
) -> dict[str, list[tuple[int, Slice]]]:
    """Deal the events out by topic partition, as if they came from there, and move ``previous`` on."""
    places: dict[TopicPartition, list[RecordedEvent]] = {}
    for recorded in some:
        places.setdefault(destination(recorded.event, PARTITIONS), []).append(recorded)
    pieces: dict[str, list[tuple[int, Slice]]] = {topic: [] for topic in TOPICS}
    for place, events in places.items():
        first, last = events[0].seq, events[-1].seq
        piece = Slice(SHARD, previous.get(place, 0), first, last, tuple(events))
        pieces[place.topic].append((place.partition, piece))
        previous[place] = last
    return pieces


def _process(one: Projector, pieces: Sequence[tuple[int, Slice]]) -> None:
    dead = one.process_slices(pieces)
    assert not dead, dead[0].headers  # noqa: S101 - what is measured has to be right


def _batches(events: Iterable[RecordedEvent]) -> Iterator[list[RecordedEvent]]:
    stream = iter(events)
    while some := list(islice(stream, EVENTS_PER_BATCH)):
        yield some
