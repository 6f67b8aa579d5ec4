"""Builds the next generation of projections: folds the event store to its head, in bulk, beside the live one.

Nobody reads the new generation yet, so there is no hurry to write: many events are folded at a time, and an
order is mostly written once, when it is done. What was folded is marked as done after it is written: stopped
in any way, a build goes on there. At the head it is offered to the read-model workers (``attending``), and
kept at the head until they have taken it over and made it the live one.
"""

import hashlib
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Lock, Thread
from typing import TypeVar

import msgspec
import psycopg
from pymongo.database import Database
from pymongo.errors import BulkWriteError, PyMongoError

from projections import archive, builds, generations, progress, store
from projections.builds import FOLLOWING, Build
from projections.generations import LiveView
from projections.projection import Document
from projections.registry import PROJECTIONS
from streams.codec import RecordedEvent, decode_recorded
from streams.feed import Feed
from streams.history import PAGE_EVENTS_MAX, read_states
from streams.progress import Place
from streams.sources import SOURCES
from streams.topics import TopicPartition, destination
from streams.upcasting import UnknownEventError

log = logging.getLogger(__name__)

_HEADS = "SELECT shard, (SELECT max(notification_id) FROM events e WHERE e.shard = s.shard) FROM shards s"

T = TypeVar("T")
Said = Callable[["Progress"], None]


class RebuildError(RuntimeError):
    """The rebuild cannot go on; the text says why, and what to do."""


@dataclass(frozen=True)
class RebuildBounds:
    """How much at a time, and how patient. ``near_events``: so close to the head the workers are asked to
    take over; ``swap_s_max``: how long to wait for them.
    """

    events_per_page_max: int = PAGE_EVENTS_MAX
    events_per_write_max: int = 20_000
    documents_cached_max: int = 100_000
    near_events: int = 2_000
    poll_ms: int = 100
    swap_s_max: float = 120.0
    attempts_max: int = 10
    attempt_wait_ms: int = 1_000
    heartbeat_ms: int = 2_000


@dataclass
class Progress:
    """``done`` of ``total`` events of the history are in; ``folded`` of them were folded by this run, in
    ``folding_s`` seconds. ``waiting``: what for, once the head is reached.
    """

    done: int = 0
    total: int = 0
    folded: int = 0
    folding_s: float = 0.0
    waiting: str = ""

    @property
    def events_per_second(self) -> float:
        return self.folded / self.folding_s if self.folding_s else 0.0

    @property
    def remaining_s(self) -> float | None:
        """``None``: cannot be told yet."""
        return (self.total - self.done) / self.events_per_second if self.folded else None


@dataclass
class Target:
    """One projection being built."""

    build: Build
    feed: Feed
    seconds: float = 0.0
    """How long it took until it was live, or else until it was left."""
    swapped: bool = False


class Rebuild:
    """One run: takes the builds of ``names`` over, folds, and waits for the swap.

    Raises ``BusyError`` if somebody is at one of them already. To be closed.
    """

    def __init__(
        self,
        database: Database[Document],
        store_connection: psycopg.Connection,
        names: Sequence[str],
        partitions: int,
        bounds: RebuildBounds,
        said: Said = lambda _: None,
    ) -> None:
        self.database = database
        self.connection = store_connection
        self.partitions = partitions
        self.bounds = bounds
        self.said = said
        self.progress = Progress()
        self.began = time.monotonic()
        self.targets: list[Target] = []
        self.stop = Event()
        self.lock = Lock()
        try:
            for name in names:
                self.targets.append(self._target(name))
        except BaseException:
            self.close()
            raise
        self.beating = Thread(target=self._beat, name="rebuild-heartbeat", daemon=True)
        self.beating.start()

    def _target(self, name: str) -> Target:
        generations.drop_expired(self.database, name)
        kept = [each for each in generations.read(self.database).kept if each.generation.projection == name]
        if len(kept) >= generations.KEPT_MAX:
            minutes = (min(each.until_us for each in kept) - generations.now_us()) / 60e6
            raise RebuildError(
                f"{len(kept)} old generations of {name} are still kept for their cursors, and each costs "
                f"writes. The first may go in {max(minutes, 0) + 1:.0f} min: rebuild then."
            )
        build, outdated = builds.take(self.database, name, code_digest())
        if outdated is not None:
            generations.drop(self.database, [outdated])
        documents_max = self.bounds.documents_cached_max
        return Target(build, Feed(PROJECTIONS[name], self.database, documents_max, build.target))

    def close(self) -> None:
        """Leave what is not done to whoever comes next."""
        self.stop.set()
        with self.lock, suppress(PyMongoError):
            for target in self.targets:
                if not target.swapped:
                    builds.let_go(self.database, target.build)

    # --- The way ------------------------------------------------------------------------------------------

    def run(self) -> bool:
        """Fold, offer, wait. Return whether all were swapped. Raises ``RebuildError``, ``PyMongoError``,
        ``psycopg.Error``, ``UnknownEventError`` for what a later release wrote.
        """
        began = time.monotonic()
        while self._fold_to_head() > self.bounds.near_events:
            pass
        self.progress.folding_s = time.monotonic() - began
        self._offer()
        deadline = time.monotonic() + self.bounds.swap_s_max
        while self._open() and time.monotonic() < deadline:
            self.progress.waiting = "for the read-model workers to take over"
            self.said(self.progress)
            time.sleep(self.bounds.poll_ms / 1000)
            self._see_swaps()
            self._fold_to_head(counted=False)
        return all(target.swapped for target in self.targets)

    def _open(self) -> list[Target]:
        return [target for target in self.targets if not target.swapped]

    def _fold_to_head(self, *, counted: bool = True) -> int:
        """Fold all there is now; return how many events that were."""
        shards = self._heads()
        self.progress.total = sum(shards.values())
        before = {
            shard: min((target.build.read_up_to(shard) for target in self._open()), default=head)
            for shard, head in shards.items()
        }
        self.progress.done = sum(before.values())
        for shard, head in shards.items():
            if before[shard] < head:
                self._fold_shard(shard, before[shard], head, counted=counted)
        return self.progress.total - sum(before.values())

    def _heads(self) -> dict[int, int]:
        """Return the last seq of every shard that has any."""
        found = self.connection.execute(_HEADS).fetchall()
        return {shard: head for shard, head in found if head}

    def _fold_shard(self, shard: int, after: int, head: int, *, counted: bool) -> None:
        began = time.monotonic() - self.progress.folding_s
        position = after
        for page in self._pages(shard, after, head):
            self._take(shard, page)
            position += len(page)
            self.progress.done += len(page)
            if counted:
                self.progress.folded += len(page)
                self.progress.folding_s = time.monotonic() - began
            if any(len(each.feed.pending) >= self.bounds.events_per_write_max for each in self.targets):
                self._write(shard, position)
            self.said(self.progress)
        self._write(shard, position)

    def _pages(self, shard: int, after: int, head: int) -> Iterator[list[RecordedEvent]]:
        """Yield the shard's events in order."""
        while after < head:
            until = min(after + self.bounds.events_per_page_max, head)
            yield [self._decoded(state, shard) for state in read_states(self.connection, shard, after, until)]
            after = until

    def _decoded(self, state: bytes, shard: int) -> RecordedEvent:
        try:
            return decode_recorded(state)
        except UnknownEventError:
            raise
        except msgspec.MsgspecError as error:
            raise RebuildError(
                f"shard {shard}: an event in the store cannot be read: {error}. Next: ./oms audit verify"
            ) from error

    def _take(self, shard: int, page: Sequence[RecordedEvent]) -> None:
        """A projection's documents each follow one place, so the places may be taken one after the other."""
        places: dict[TopicPartition, list[RecordedEvent]] = {}
        for recorded in page:
            places.setdefault(destination(recorded.event, self.partitions), []).append(recorded)
        for here, events in places.items():
            for target in self._open():
                if SOURCES[target.build.projection] == here.topic:
                    target.feed.take(Place(*here, shard), events)

    def _write(self, shard: int, position: int) -> None:
        """Documents first, then the marks, then how far the history is in."""
        for target in self._open():
            self._fold_and_write(target)
            with self.lock:
                read = target.build.read
                read[str(shard)] = max(position, read.get(str(shard), 0))
        self._save()

    def _fold_and_write(self, target: Target) -> None:
        feed = target.feed
        self._patiently(feed.load_missing)
        for event, at, error in feed.fold_pending():
            target.build.failed += 1
            log.error("%s cannot take in event %d-%d: %r: %r", feed.name, at.shard, at.seq, event, error)
        begun = feed.folding.begun
        changed = feed.folding.take_changed()
        horizons = self._patiently(lambda: archive.read(self.database, feed.projection.name))
        kept, gone = _parted(changed, lambda each: archive.may_be_missing(feed.projection, each, horizons))
        if kept:
            self._patiently(lambda: store.write(self.database[feed.name], kept, begun))
        feed.folding.forget(changed)
        if feed.marks:
            self._patiently(lambda: progress.write(self.database, feed.marks.values()))
        feed.marks = {}
        if gone:  # written before they ended, perhaps; needed until the marks say that they have
            ids = [each["_id"] for each in gone]
            self._patiently(lambda: archive.delete(self.database, feed.name, ids))

    def _patiently(self, attempt: Callable[[], T]) -> T:
        """Try again while the database does not answer."""
        for attempts in range(1, self.bounds.attempts_max):
            try:
                return attempt()
            except BulkWriteError:
                raise
            except PyMongoError as error:
                log.warning("MongoDB, attempt %d of %d: %s", attempts, self.bounds.attempts_max, error)
                time.sleep(self.bounds.attempt_wait_ms / 1000)
        return attempt()

    # --- The end ------------------------------------------------------------------------------------------

    def _offer(self) -> None:
        """Have the workers take over what is whole."""
        for target in self._open():
            if failed := target.build.failed:
                raise RebuildError(
                    f"{failed} events could not be folded into {target.feed.name}, so it is not made live. "
                    "The log names them. Next: mend the fold, and rebuild again; that begins anew."
                )
            self._prepare(target.build)
            target.build.state = FOLLOWING
        self._save()

    def _prepare(self, build: Build) -> None:
        """Indexes last: each costs every write."""
        live = self._patiently(lambda: generations.read(self.database))
        view = LiveView(self.database, live).at(build.target)
        self._patiently(lambda: store.prepare(view, [PROJECTIONS[build.projection]]))

    def _see_swaps(self) -> None:
        live = self._patiently(lambda: generations.read(self.database))
        for target in self._open():
            if live.of(target.build.projection).number >= target.build.generation:
                target.swapped = True
                target.seconds = time.monotonic() - self.began

    def _save(self) -> None:
        if self._lost():
            self._see_swaps()  # what is live is no build any more
            if lost := self._lost():
                raise RebuildError(f"somebody else has taken over the rebuild of {', '.join(lost)}")

    def _lost(self) -> list[str]:
        """Save all builds; return those that are not ours any more."""

        def saved() -> list[str]:
            with self.lock:
                mine = [target.build for target in self._open()]
                return [build.projection for build in mine if not builds.save(self.database, build)]

        return self._patiently(saved)

    def _beat(self) -> None:
        while not self.stop.wait(self.bounds.heartbeat_ms / 1000):
            with self.lock, suppress(PyMongoError):
                for target in self._open():
                    builds.save(self.database, target.build)


def _parted(
    documents: list[Document], chosen: Callable[[Document], bool]
) -> tuple[list[Document], list[Document]]:
    """Return those not chosen, and those chosen."""
    parts: tuple[list[Document], list[Document]] = ([], [])
    for document in documents:
        parts[chosen(document)].append(document)
    return parts


def code_digest() -> str:
    """Return what stands for the code that folds: a build that other code began is begun anew."""
    root = Path(generations.__file__).parent.parent
    digest = hashlib.sha256()
    for file in sorted([*(root / "projections").glob("*.py"), *(root / "domain").glob("*.py")]):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]
