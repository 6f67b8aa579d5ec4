"""What folding costs in memory: no database, no Kafka; events that are decoded already."""

from collections.abc import Iterable, Sequence
from time import process_time
from typing import Any

from bench.read.history import Commit, Piece
from bench.write.flow import SHARD
from projections.folding import Folding
from projections.projection import At, Projection
from projections.registry import PROJECTIONS
from streams.codec import RecordedEvent, Slice, decode_recorded, decode_slice
from streams.projector import Bounds
from streams.sources import SOURCES
from streams.topics import ACCOUNTS, EXECUTIONS

EVENTS_PER_BATCH = 1_000
MEASURED_S_MIN = 0.2
"""A projection with few events folds them again and again, until it took so long."""

Pending = list[tuple[Any, At]]


def decoded(commits: Iterable[Commit]) -> list[RecordedEvent]:
    return [decode_recorded(placed.state) for commit in commits for placed in commit]


def decode_us(pieces: Sequence[Piece]) -> float:
    """Return the CPU time that decoding takes, in microseconds an event."""
    before, events = process_time(), 0
    for _, value in pieces:
        events += len(decode_slice(value).events)
    return (process_time() - before) * 1e6 / events


def fold_row(projection: Projection, events: Sequence[RecordedEvent]) -> dict[str, Any]:
    """Return ``value``: how many events a second one core folds, of those the projection is for."""
    mine = wanted(projection, events)
    before, rounds = process_time(), 0
    while mine and process_time() - before < MEASURED_S_MIN:
        _fold(projection, mine)
        rounds += 1
    each_us = (process_time() - before) * 1e6 / max(1, rounds * len(mine))
    return {
        "name": projection.name,
        "value": round(1e6 / each_us) if mine else None,
        "unit": "events/s folded",
        "events": len(mine),
        "fold_us": round(each_us, 2),
    }


def wanted(projection: Projection, events: Iterable[RecordedEvent]) -> Pending:
    """Return those events that the projection is for."""
    return [
        (recorded.event, At(SHARD, recorded.seq, recorded.occurred_at_us))
        for recorded in events
        if type(recorded.event) in projection.event_types
    ]


def _fold(projection: Projection, mine: Pending) -> None:
    """Fold as a worker does, batch by batch; what it would write is let go."""
    folding = Folding(projection, Bounds().documents_cached_max)
    for start in range(0, len(mine), EVENTS_PER_BATCH):
        some = mine[start : start + EVENTS_PER_BATCH]
        folding.missing(some)
        for event, at in some:
            folding.fold(event, at)
        folding.forget(folding.take_changed())


def worker_rows(pieces: Sequence[Piece]) -> list[dict[str, Any]]:
    """Return for each topic how many of its events a second a worker with all its projections decodes and
    folds.
    """
    return [
        _worker_row(topic, [value for place, value in pieces if place.topic == topic]) for topic in TOPICS
    ]


TOPICS = (EXECUTIONS, ACCOUNTS)


def _worker_row(topic: str, values: Sequence[bytes]) -> dict[str, Any]:
    foldings = [
        Folding(PROJECTIONS[name], Bounds().documents_cached_max)
        for name, source in SOURCES.items()
        if source == topic
    ]
    before, events = process_time(), 0
    for value in values:
        piece = decode_slice(value)
        events += len(piece.events)
        for folding in foldings:
            _take(folding, piece)
    each_us = (process_time() - before) * 1e6 / events
    return {
        "topic": topic,
        "projections": len(foldings),
        "events": events,
        "events_per_second": round(1e6 / each_us),
        "decode_and_fold_us": round(each_us, 2),
    }


def _take(folding: Folding, piece: Slice) -> None:
    some = wanted(folding.projection, piece.events)
    folding.missing(some)
    for event, at in some:
        folding.fold(event, at)
    folding.forget(folding.take_changed())
