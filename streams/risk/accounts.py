"""The accounts that a worker looks after, in memory: all those of its partitions, folded from their events.

They are kept in MongoDB, where they were last written; what came after is folded again from Kafka, or from
the event store where Kafka does not have it.
"""

import logging
from collections.abc import Callable, Collection, Iterable, Sequence

from pymongo.database import Database

from projections import progress, store
from projections.progress import Mark
from projections.projection import At, Document
from projections.risk.account import (
    EVENT_TYPES,
    AccountState,
    document_id,
    from_document,
    to_document,
)
from streams.codec import UNREADABLE, RecordedEvent, Slice, decode_recorded
from streams.progress import Place
from streams.projector import HistoryError, ReadStates
from streams.topics import ACCOUNTS, TopicPartition, destination, partition_of

log = logging.getLogger(__name__)

COLLECTION = "risk_accounts"
OF_NOBODY = frozenset({"fees"})
"""The venue's own account has no limits."""


class Accounts:
    """``states``: by account, then by shard. ``changed`` waits to be written. Not thread-safe."""

    def __init__(self, database: Database[Document], partitions: int, read_states: ReadStates) -> None:
        self.database = database
        self.partitions = partitions
        self.read_states = read_states
        self.states: dict[str, dict[int, AccountState]] = {}
        self.changed: dict[str, AccountState] = {}
        self._seen: dict[Place, int] = {}
        self._marks: dict[Place, Mark] = {}

    def load(self, owned: Collection[int]) -> None:
        """Begin with what is written of the accounts on the partitions ``owned``. Raises ``PyMongoError``."""
        self.states, self.changed, self._marks = {}, {}, {}
        for document in self.database[COLLECTION].find():
            if partition_of(document["account"], self.partitions) in owned:
                state = from_document(document)
                self.states.setdefault(state.account, {})[state.shard] = state
        self._seen = {
            Place(mark.topic, mark.partition, mark.shard): mark.seq
            for mark in progress.read(self.database, COLLECTION)
        }

    def take(self, partition: int, piece: Slice, on_event: Callable[[RecordedEvent], None]) -> set[str]:
        """Fold a slice, and what is missing before it. Return the accounts it changed; ``on_event`` is told
        of each event that is new. Raises ``psycopg.Error``, ``HistoryError``.
        """
        place = Place(ACCOUNTS, partition, piece.shard)
        seen = self._seen.get(place, 0)
        changed = set[str]()
        if seen < piece.previous:
            changed |= self._catch_up(place, seen, piece.previous, on_event)
        changed |= self._fold(place, piece.events, on_event)
        return changed

    def _fold(
        self, place: Place, events: Iterable[RecordedEvent], on_event: Callable[[RecordedEvent], None]
    ) -> set[str]:
        changed, seen, last = set[str](), self._seen.get(place, 0), None
        for recorded in events:
            if recorded.seq <= seen:
                continue
            last = recorded
            if type(recorded.event) in EVENT_TYPES and self._fold_one(place.shard, recorded):
                changed.add(recorded.event.account)  # type: ignore[union-attr] # all of these types name one
                on_event(recorded)
        if last is not None:
            self._seen[place] = last.seq
            self._marks[place] = Mark(COLLECTION, *place, last.seq, last.occurred_at_us)
        return changed

    def _fold_one(self, shard: int, recorded: RecordedEvent) -> bool:
        account: str = recorded.event.account  # type: ignore[union-attr] # as above
        if account in OF_NOBODY:
            return False
        by_shard = self.states.setdefault(account, {})
        state = by_shard.get(shard)
        if state is None:
            state = by_shard[shard] = AccountState(shard, account)
        at = At(shard, recorded.seq, recorded.occurred_at_us, recorded.actor)
        if not state.take(recorded.event, at):
            return False
        self.changed[document_id(shard, account)] = state
        return True

    def _catch_up(
        self, place: Place, after: int, until: int, on_event: Callable[[RecordedEvent], None]
    ) -> set[str]:
        """Fold what did not come through Kafka, from the event store."""
        log.warning("%s: events %d to %d are read from the store", place, after + 1, until)
        here, changed, last = TopicPartition(place.topic, place.partition), set[str](), after
        for encoded in self.read_states(place.shard, after, until):
            try:
                recorded = decode_recorded(encoded)
            except UNREADABLE:
                log.exception("Shard %d: the event after %d cannot be read; left out", place.shard, last)
                continue
            last = recorded.seq
            if destination(recorded.event, self.partitions) == here:
                changed |= self._fold(place, (recorded,), on_event)
        if last != until:
            raise HistoryError(f"{place}: the stream speaks of event {until}, the store ends at {last}")
        return changed

    def take_changes(self) -> tuple[list[Document], list[Mark]]:
        """Return what changed since the last time as documents, and how far they are."""
        documents, marks = [to_document(state) for state in self.changed.values()], list(self._marks.values())
        self.changed, self._marks = {}, {}
        return documents, marks

    def write(self, documents: Sequence[Document], marks: Sequence[Mark]) -> None:
        """Write them, then how far that is; what is there and newer stays. Raises ``PyMongoError``."""
        store.replace_older(self.database[COLLECTION], documents)
        if marks:
            progress.write(self.database, marks)

    def of(self, account: str) -> Sequence[AccountState]:
        by_shard = self.states.get(account, {})
        return [by_shard[shard] for shard in sorted(by_shard)]
