"""From records to documents, end to end: the Projector and the MongoDB-compatible server, without Faust."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from pymongo.database import Database

from bench.read.history import PARTITIONS, Piece
from bench.write.usage import CLIENT, Usage
from projections import progress, store
from projections.projection import Document
from projections.registry import PROJECTIONS
from streams.codec import decode_slice
from streams.projector import Bounds, Projector, Record
from streams.sources import SOURCES
from streams.topics import ACCOUNTS, EXECUTIONS

RECORDS_PER_BATCH = 64
"""What an agent that is behind takes at once."""

Documents = Callable[[str], Database[Document]]


@dataclass(frozen=True)
class Spent:
    """What a piece of work took: wall time, our CPU time and the server's, each in seconds."""

    wall_s: float
    ours_s: float
    server_s: float

    def each(self, events: int) -> dict[str, Any]:
        """Return the figures for so many events. ``our_share``: how many a second our own CPU time, with
        pymongo's and BSON, would allow on one core if the server cost nothing.
        """
        ours_us, server_us = (spent * 1e6 / events for spent in (self.ours_s, self.server_s))
        return {
            "events_per_second": round(events / self.wall_s),
            "our_cpu_us": round(ours_us, 2),
            "server_cpu_us": round(server_us, 2),
            "our_share_events_per_second": round(1e6 / ours_us) if ours_us else None,
        }


def spent(usage: Usage, work: Callable[[], object]) -> Spent:
    before, since = usage.seconds(), perf_counter()
    work()
    wall_s, after = perf_counter() - since, usage.seconds()
    ours_s = after[CLIENT] - before[CLIENT]
    return Spent(wall_s, ours_s, sum(after.values()) - sum(before.values()) - ours_s)


def alone(name: str, pieces: Sequence[Piece], database: Database[Document], usage: Usage) -> dict[str, Any]:
    """Return what ``end_to_end`` says of one projection that has a worker of its own."""
    topic, events = SOURCES[name], _events_of([name], pieces)
    _prepare(database, [name])
    feeding = projector(database, topic, [name])
    took = spent(usage, lambda: _feed(feeding, _records(topic, pieces)))
    documents = database[name].count_documents({})
    return {**took.each(max(1, events)), "events": events, "documents": documents}


def together(pieces: Sequence[Piece], database: Database[Document], usage: Usage) -> dict[str, Any]:
    """Return the same for all projections in one process, as the local stack hosts them: a thread a topic."""
    events = sum(len(decode_slice(value).events) for _, value in pieces)
    _prepare(database, PROJECTIONS)
    feeding = [
        projector(database, topic, [name for name, source in SOURCES.items() if source == topic])
        for topic in (EXECUTIONS, ACCOUNTS)
    ]

    def work() -> None:
        with ThreadPoolExecutor(len(feeding)) as threads:
            fed = [threads.submit(_feed, one, _records(one.topic, pieces)) for one in feeding]
        for one in fed:
            one.result()

    took = spent(usage, work)
    documents = sum(database[name].count_documents({}) for name in PROJECTIONS)
    return {**took.each(events), "events": events, "documents": documents}


def _events_of(names: Sequence[str], pieces: Sequence[Piece]) -> int:
    wanted = frozenset[type]().union(*(PROJECTIONS[name].event_types for name in names))
    return sum(
        type(recorded.event) in wanted for _, value in pieces for recorded in decode_slice(value).events
    )


def projector(
    database: Database[Document], topic: str, names: Sequence[str], bounds: Bounds | None = None
) -> Projector:
    """Return one that feeds these projections of ``topic``."""
    projections = [PROJECTIONS[name] for name in names]
    return Projector(database, topic, PARTITIONS, projections, _no_gaps, bounds or Bounds())


def _prepare(database: Database[Document], names: Iterable[str]) -> None:
    store.prepare(database, [PROJECTIONS[name] for name in names])
    progress.prepare(database)


def _no_gaps(shard: int, after: int, until: int) -> Iterator[bytes]:
    message = f"the records of shard {shard} lack the events {after + 1} to {until}"
    raise AssertionError(message)


def _records(topic: str, pieces: Sequence[Piece]) -> list[Record]:
    return [
        Record(place.partition, offset, value)
        for offset, (place, value) in enumerate(pieces)
        if place.topic == topic
    ]


def _feed(projector: Projector, records: Sequence[Record]) -> None:
    for start in range(0, len(records), RECORDS_PER_BATCH):
        dead = projector.process(records[start : start + RECORDS_PER_BATCH])
        assert not dead, dead[0].headers  # noqa: S101 - what is measured has to be right
