"""One projection as a worker feeds it: what it has seen of each place, and what waits to be folded."""

from collections.abc import Iterable

from pymongo.database import Database

from domain.event import Event
from projections import progress, store
from projections.folding import Folding
from projections.generations import Generation
from projections.progress import Mark
from projections.projection import At, Document, Projection
from streams.codec import RecordedEvent
from streams.progress import Place


class Feed:
    """Takes events in order, skips those seen before, folds and writes them when told to.

    Reads from the database what the projection had seen, once: a feed lives as long as an assignment of
    partitions does.
    """

    def __init__(
        self,
        projection: Projection,
        database: Database[Document],
        documents_max: int,
        generation: Generation | None = None,
    ) -> None:
        self.projection = projection
        self.generation = generation or Generation(projection.name)
        self.name = self.generation.name
        self.database = database
        self.folding = Folding(projection, documents_max)
        self.pending: list[tuple[Event, At]] = []
        self.pressing = False
        """Something waits to be folded that is wanted promptly."""
        self.marks: dict[Place, Mark] = {}
        self.seen = {
            Place(mark.topic, mark.partition, mark.shard): mark.seq
            for mark in progress.read(database, self.name)
        }
        self.written = dict(self.seen)

    def seen_of(self, place: Place) -> int:
        """Return the last seq of ``place`` that was taken; 0: none was."""
        return self.seen.get(place, 0)

    def take(self, place: Place, events: Iterable[RecordedEvent]) -> None:
        """Line up what this projection has not seen of ``events`` and cares about."""
        seen, wanted, relaxed = self.seen_of(place), self.projection.event_types, self.projection.relaxed
        last = None
        for recorded in events:
            if recorded.seq > seen:
                last = recorded
                kind = type(recorded.event)
                if kind in wanted:
                    at = At(place.shard, recorded.seq, recorded.occurred_at_us, recorded.actor)
                    self.pending.append((recorded.event, at))
                    self.pressing = self.pressing or kind not in relaxed
        if last is not None:
            self.seen[place] = last.seq
            self.marks[place] = Mark(self.name, *place, last.seq, last.occurred_at_us)

    def take_marks(self) -> list[Mark]:
        """Return how far this projection is, once what it took is written; nothing if it took nothing."""
        marks = list(self.marks.values())
        self.written.update((place, mark.seq) for place, mark in self.marks.items())
        self.marks = {}
        return marks

    def load_missing(self) -> None:
        """Bring the documents that the pending events change into memory."""
        if missing := self.folding.missing(self.pending):
            self.folding.put(store.load(self.database[self.name], missing))

    def fold_pending(self) -> list[tuple[Event, At, Exception]]:
        """Fold what waits, and return what could not be, and why."""
        failed: list[tuple[Event, At, Exception]] = []
        for event, at in self.pending:
            try:
                self.folding.fold(event, at)
            except Exception as error:  # noqa: BLE001 - one event nobody foresaw must not stop all others
                failed.append((event, at, error))
        self.pending, self.pressing = [], False
        return failed
