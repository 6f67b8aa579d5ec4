"""From Kafka records to documents: what a read-model agent does with a batch. No Faust in here.

Records may repeat, and may be missing (their acknowledgement was lost with a worker, or Kafka dropped them).
A slice names the seq before it on its partition, so what is missing shows, and is read from the event store.
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import NamedTuple, TypeVar

import psycopg
from pymongo.database import Database
from pymongo.errors import BulkWriteError, PyMongoError

from domain.event import Event
from projections import generations, progress, store
from projections.progress import Mark
from projections.projection import At, Document, Projection
from streams.codec import UNREADABLE, RecordedEvent, Slice, decode_recorded, decode_slice, encode
from streams.feed import Feed
from streams.history import read_states
from streams.letters import STORE
from streams.progress import Place
from streams.repairs import RebuildDocuments, build_anew, decode_rebuild, named_in
from streams.topics import TopicPartition, destination
from streams.upcasting import UnknownEventError

log = logging.getLogger(__name__)

T = TypeVar("T")
ReadStates = Callable[[int, int, int], Iterator[bytes]]  # (shard, after, until)


class Record(NamedTuple):
    """A Kafka record as it came in."""

    partition: int
    offset: int
    value: bytes


class DeadLetter(NamedTuple):
    """What could not be processed; ``headers`` say where it was found, and the ``reason``."""

    value: bytes
    headers: dict[str, str]


class HistoryError(RuntimeError):
    """The event store and the stream contradict each other: one of them is not the one we think it is."""


@dataclass(frozen=True)
class Bounds:
    """How much at a time, and how patient with a database that does not answer."""

    documents_cached_max: int = 50_000
    events_per_write_max: int = 5_000
    documents_per_progress: int = 20
    """After so many documents progress is written: whoever waits for them need not wait for the others."""
    relaxed_ms: int = 250
    """Between two writings of what is not pressing: it waits in memory for more of its kind."""
    attempts_max: int = 5
    attempt_wait_ms: int = 500


class Projector:
    """Feeds the records of one topic to its projections.

    ``read_states(shard, after, until)`` reads the encoded events of the store; ``on_catching_up`` is called
    while that goes on, which can take long and looks like a standstill from outside. Not thread-safe; its
    owner takes a new one when partitions are reassigned.
    """

    def __init__(
        self,
        database: Database[Document],
        topic: str,
        partitions: int,
        projections: Sequence[Projection],
        read_states: ReadStates,
        bounds: Bounds,
        on_catching_up: Callable[[], None] = lambda: None,
    ) -> None:
        self.database = database
        self.topic = topic
        self.partitions = partitions
        self.read_states = read_states
        self.bounds = bounds
        live = generations.read(database)
        cached = bounds.documents_cached_max
        self.feed_only([], [Feed(each, database, cached, live.of(each.name)) for each in projections])
        self.dead: list[DeadLetter] = []
        self.rest_waits = False
        self.rest_at = 0.0
        self.on_catching_up = on_catching_up

    def feed_only(self, beside: Sequence[Feed], live: Sequence[Feed]) -> None:
        """Feed these from now on: the live generations, and others ``beside`` them.

        Those are written first: whoever has read from the live one, and reads from another after a swap, then
        finds nothing older there.
        """
        self.beside, self.live = list(beside), list(live)
        self.feeds = [*self.beside, *self.live]

    def process(self, records: Sequence[Record]) -> list[DeadLetter]:
        """Fold the records and write the documents, then how far that is. Returns what could not be folded.

        Raises ``PyMongoError`` or ``psycopg.Error`` if a database stays away, ``HistoryError`` if the stream
        does not fit the store, ``UnknownEventError`` for what a later release wrote: that one
        will read it, so it is not put aside. Then nothing may be acknowledged; doing it again is harmless.
        """
        for record in records:
            self._take_record(record)
        self._write()
        return self._letters()

    def process_pressing(self, records: Sequence[Record]) -> list[DeadLetter]:
        """Fold and write what is pressing; the rest as well, unless that was done less than ``relaxed_ms``
        ago. Raises as ``process`` does.

        While ``rest_due_s`` is a number, nothing that was taken may be acknowledged: some of it is in memory
        alone. Call again then, with no records if need be.
        """
        for record in records:
            self._take_record(record)
        self.rest_waits = self.rest_waits or bool(records)
        if monotonic() >= self.rest_at:
            self._write()
        else:
            self._write_pressing(self.beside)
            self._write_pressing(self.live)
        return self._letters()

    @property
    def rest_due_s(self) -> float | None:
        """In how many seconds what waits is to be written; ``None``: nothing waits."""
        return max(0.0, self.rest_at - monotonic()) if self.rest_waits else None

    def process_slices(self, pieces: Iterable[tuple[int, Slice]]) -> list[DeadLetter]:
        """Do the same with slices that are decoded already, each with its partition: a rebuild has them."""
        for partition, piece in pieces:
            self._take_slice(Place(self.topic, partition, piece.shard), piece)
        self._write()
        return self._letters()

    def _letters(self) -> list[DeadLetter]:
        dead, self.dead = self.dead, []
        return dead

    def _take_record(self, record: Record) -> None:
        try:
            piece = decode_slice(record.value)
        except UnknownEventError:
            raise
        except UNREADABLE as error:
            if (asked := decode_rebuild(record.value)) is not None:
                self._rebuild(Place(self.topic, record.partition, asked.shard), asked)
                return
            self._bury(
                record.value,
                f"not a slice of events: {error}",
                topic=self.topic,
                partition=record.partition,
                offset=record.offset,
            )
            return
        self._take_slice(Place(self.topic, record.partition, piece.shard), piece)

    def _take_slice(self, place: Place, piece: Slice) -> None:
        if behind := [feed for feed in self.feeds if feed.seen_of(place) < piece.previous]:
            self._catch_up(place, behind, piece.previous)
        for feed in self.feeds:
            feed.take(place, piece.events)
        self._write_if_full()

    def _rebuild(self, place: Place, asked: RebuildDocuments) -> None:
        """Put documents right that a letter was retried for: build them anew up to what was seen."""
        for feed in self.feeds:
            if feed.projection.name == asked.projection:
                self._write()
                self._rebuild_of(feed, place, asked)

    def _rebuild_of(self, feed: Feed, place: Place, asked: RebuildDocuments) -> None:
        history = self._history(place.shard, 0, feed.seen_of(place), named_in(asked))
        documents, failed = build_anew(feed.projection, asked, history)
        for event, at, error in failed:
            self._bury_unfolded(feed, event, at, error)
        if documents:
            self._patiently(lambda: store.put_right(self.database[feed.name], documents))
        feed.folding.drop(asked.documents)
        log.warning(
            "%s: built %d of %d documents anew", asked.projection, len(documents), len(asked.documents)
        )

    def read_store(self, shard: int, after: int, until: int) -> None:
        """Take all of the topic's events with after < seq <= until from the store, and write them. Raises as
        ``process`` does.
        """
        last = after
        for recorded in self._history(shard, after, until):
            last = recorded.seq
            here = destination(recorded.event, self.partitions)
            if here.topic == self.topic:
                for feed in self.feeds:
                    feed.take(Place(*here, shard), (recorded,))
                self._write_if_full()
                self.on_catching_up()
        self._write()
        if last != until and not self.dead:
            message = f"shard {shard}: {self.topic} had event {until}, the store ends at {last}"
            raise HistoryError(message)

    def _catch_up(self, place: Place, behind: Sequence[Feed], until: int) -> None:
        """Take the events that did not come through Kafka, up to ``until``, from the store."""
        after = min(feed.seen_of(place) for feed in behind)
        names = ", ".join(feed.projection.name for feed in behind)
        log.warning(
            "%s: events %d to %d did not come; reading them from the store (%s)",
            place,
            after + 1,
            until,
            names,
        )
        here = TopicPartition(place.topic, place.partition)
        last = after
        for recorded in self._history(place.shard, after, until):
            last = recorded.seq
            if destination(recorded.event, self.partitions) == here:
                for feed in behind:
                    feed.take(place, (recorded,))
                self._write_if_full()
        if last != until and not self.dead:
            message = f"{place}: the stream speaks of event {until}, the store ends at {last}"
            raise HistoryError(message)

    def _history(self, shard: int, after: int, until: int, with_text: bytes = b"") -> Iterator[RecordedEvent]:
        """Yield the events of the store, those that ``with_text`` is in, and put aside what is none."""
        for state in self.read_states(shard, after, until):
            self.on_catching_up()
            if with_text not in state:
                continue
            try:
                yield decode_recorded(state)
            except UnknownEventError:
                raise
            except UNREADABLE as error:
                self._bury(state, f"not an event: {error}", topic=STORE, shard=shard)

    def _bury_unfolded(self, feed: Feed, event: Event, at: At, error: Exception) -> None:
        name = feed.projection.name
        reason = f"{name} cannot take it in: {error!r}"
        self._bury(encode(event), reason, topic=self.topic, projection=name, shard=at.shard, seq=at.seq)

    def _bury(self, value: bytes, reason: str, **found: str | int) -> None:
        headers = {"reason": reason, **{name: str(what) for name, what in found.items()}}
        log.error("Dead letter: %s", headers)
        letter = DeadLetter(value, headers)
        if letter not in self.dead:  # what one generation of a projection cannot take in, another cannot
            self.dead.append(letter)

    def _write_if_full(self) -> None:
        if any(len(feed.pending) >= self.bounds.events_per_write_max for feed in self.feeds):
            self._write()

    def _write(self) -> None:
        self._write_all(self.beside)
        self._write_all(self.live)
        self.rest_waits, self.rest_at = False, monotonic() + self.bounds.relaxed_ms / 1000

    def _write_pressing(self, feeds: Sequence[Feed]) -> None:
        """How far those are that nothing has changed in waits as well: few ask, and each costs a write."""
        changed = [feed for feed in feeds if feed.pressing and self._fold_and_write(feed)]
        self._write_progress([mark for feed in changed for mark in feed.take_marks()])

    def _write_all(self, feeds: Sequence[Feed]) -> None:
        """Documents first, then progress: so that progress never promises what is not there."""
        marks: list[Mark] = []
        documents = 0
        for feed in feeds:
            documents += self._fold_and_write(feed)
            marks += feed.take_marks()
            if documents >= self.bounds.documents_per_progress:
                self._write_progress(marks)
                marks, documents = [], 0
        self._write_progress(marks)

    def _write_progress(self, marks: Sequence[Mark]) -> None:
        if marks:
            self._patiently(lambda: progress.write(self.database, marks))

    def _fold_and_write(self, feed: Feed) -> int:
        """Return how many documents were written."""
        self._patiently(feed.load_missing)
        for event, at, error in feed.fold_pending():
            self._bury_unfolded(feed, event, at, error)
        begun = feed.folding.begun
        changed = feed.folding.take_changed()
        if changed:
            self._patiently(lambda: store.write(self.database[feed.name], changed, begun))
        feed.folding.forget(changed)
        return len(changed)

    def _patiently(self, attempt: Callable[[], T]) -> T:
        """Try again while the database does not answer, so that a failover costs no restart."""
        for attempts in range(1, self.bounds.attempts_max):
            try:
                return attempt()
            except BulkWriteError:
                raise
            except PyMongoError as error:
                log.warning("MongoDB, attempt %d of %d: %s", attempts, self.bounds.attempts_max, error)
                time.sleep(self.bounds.attempt_wait_ms / 1000)
        return attempt()


def store_reader(postgres_dsn: str, connect_s_max: int = 5) -> ReadStates:
    """Return a reader of the event store that connects when it is used: gaps are rare."""

    def read(shard: int, after: int, until: int) -> Iterator[bytes]:
        with psycopg.connect(postgres_dsn, autocommit=True, connect_timeout=connect_s_max) as connection:
            yield from read_states(connection, shard, after, until)

    return read
