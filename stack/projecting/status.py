"""`./oms projections status`, apart from the command line."""

import time
from dataclasses import dataclass, field

import psycopg
from pymongo.database import Database

from projections import builds, generations, progress
from projections.builds import Build
from projections.generations import Live, LiveView
from projections.progress import Mark
from projections.projection import Document
from projections.registry import PROJECTIONS
from stack.projecting import letters
from stack.projecting.connecting import connected
from stack.projecting.lag import Lag, Look, Marks, State, Stored, Tail, lag
from stack.settings import Settings
from streams.history import read_events
from streams.progress import Place
from streams.sources import SOURCES
from streams.topics import destination

SAMPLE_S = 1.0
TAIL_EVENTS_MAX = 50_000
"""Of all shards together: how far back is looked for what was not seen."""
_HEADS = """
    SELECT s.shard, coalesce((SELECT max(notification_id) FROM events e WHERE e.shard = s.shard), 0)
    FROM shards s ORDER BY s.shard
"""


@dataclass(frozen=True)
class ShardState:
    """``seq``: the last event of the shard that the projection has seen; ``head``: the store's last one,
    which may be of the other topic.
    """

    shard: int
    seq: int
    head: int


@dataclass(frozen=True)
class ProjectionState:
    """A projection's live generation."""

    projection: str
    generation: int
    state: State
    shards: list[ShardState]
    lag_events: int
    lag_exact: bool
    lag_ms: int
    events_per_second: float
    documents: int
    dead_letters: int | None


@dataclass(frozen=True)
class BuildState:
    """A generation being built. ``running``: somebody is at it; else the next rebuild goes on."""

    projection: str
    generation: int
    state: str
    running: bool
    events: int
    events_total: int
    failed: int


@dataclass(frozen=True)
class KeptState:
    """An older generation, kept for the cursors it gave out."""

    projection: str
    generation: int
    expires_in_s: int


@dataclass(frozen=True)
class Status:
    """``ok``: every projection is there, and none is stalled."""

    ok: bool
    projections: list[ProjectionState]
    building: list[BuildState] = field(default_factory=list)
    kept: list[KeptState] = field(default_factory=list)


def look(settings: Settings) -> Status:
    """Look twice, a second apart. Raises ``RuntimeError`` where a server does not answer."""
    dead = letters.count(settings.kafka_bootstrap)
    with connected(settings) as (database, store):
        view = generations.live_view(database)
        first, began = _marks(view), time.monotonic()
        time.sleep(SAMPLE_S)
        second, apart_s = _marks(view), time.monotonic() - began
        tails = _tails(store, settings.topic_partitions)
        now_us = generations.now_us()
        found = [
            _state(
                view,
                name,
                lag(Look(SOURCES[name], first[name], second[name], apart_s, now_us), tails),
                tails,
                second[name],
                None if dead is None else dead[name],
            )
            for name in PROJECTIONS
        ]
        return Status(
            all(each.state in ("ok", "catching_up") for each in found),
            found,
            [_build(each, tails) for each in builds.all_builds(database)],
            _kept(view.live),
        )


def _marks(database: Database[Document]) -> dict[str, Marks]:
    return {name: {_place(mark): mark for mark in progress.read(database, name)} for name in PROJECTIONS}


def _place(mark: Mark) -> Place:
    return Place(mark.topic, mark.partition, mark.shard)


def _tails(store: psycopg.Connection, partitions: int) -> list[Tail]:
    heads = store.execute(_HEADS).fetchall()
    events_max = TAIL_EVENTS_MAX // max(1, len(heads))
    return [_tail(store, shard, head, max(0, head - events_max), partitions) for shard, head in heads]


def _tail(store: psycopg.Connection, shard: int, head: int, after: int, partitions: int) -> Tail:
    events = [
        Stored(Place(*destination(recorded.event, partitions), shard), recorded.seq, recorded.occurred_at_us)
        for recorded in read_events(store, shard, after, head)
    ]
    return Tail(shard, after, head, events)


def _state(
    view: LiveView, name: str, found: Lag, tails: list[Tail], marks: Marks, dead: int | None
) -> ProjectionState:
    shards = [
        ShardState(
            tail.shard,
            max((mark.seq for mark in marks.values() if mark.shard == tail.shard), default=0),
            tail.head,
        )
        for tail in tails
    ]
    return ProjectionState(
        name,
        view.live.of(name).number,
        found.state,
        shards,
        found.events,
        found.exact,
        found.ms,
        round(found.events_per_second, 1),
        view[name].estimated_document_count(),
        dead,
    )


def _build(build: Build, tails: list[Tail]) -> BuildState:
    total = sum(tail.head for tail in tails)
    done = sum(min(build.read_up_to(tail.shard), tail.head) for tail in tails)
    owned = builds.is_owned(build)
    return BuildState(build.projection, build.generation, build.state, owned, done, total, build.failed)


def _kept(live: Live) -> list[KeptState]:
    now = generations.now_us()
    return [KeptState(*each.generation, max(0, (each.until_us - now) // 1_000_000)) for each in live.kept]
