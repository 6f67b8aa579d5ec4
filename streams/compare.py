"""Proof that the read models are right: fold all events from zero, in memory, and compare every document.

It goes over the events once. A document that nothing will change any more (an order that is done, a trade) is
compared soon after and let go, so memory holds ids, open orders, withdrawals under way, balances, positions,
and books.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from heapq import heappush, heappushpop

from pymongo.collection import Collection
from pymongo.database import Database

from domain.event import Event
from projections import archive, progress, store
from projections.folding import Folding
from projections.generations import live_view
from projections.projection import At, Document, Projection
from projections.registry import PROJECTIONS
from streams.codec import RecordedEvent
from streams.progress import Place
from streams.sources import SOURCES
from streams.topics import destination

DIFFERENCES_MAX = 50
ENDED_AT_ONCE_MAX = 5_000
POLL_MS = 20


@dataclass(frozen=True)
class Later:
    """What comes after the events that are compared, where others go on writing meanwhile: ``events(after,
    until)`` are those with after < seq <= until, ``newest()`` is the last seq there is now.
    """

    events: Callable[[int, int], Iterable[RecordedEvent]]
    newest: Callable[[], int]


def differences(
    database: Database[Document],
    events: Iterable[RecordedEvent],
    *,
    projections: Iterable[Projection] = tuple(PROJECTIONS.values()),
    shard: int = 0,
    differences_max: int = DIFFERENCES_MAX,
    later: Later | None = None,
) -> list[str]:
    """Return in words where the documents differ from the fold of ``events`` (all of ``shard``, in order), at
    most ``differences_max`` for each projection. Empty: they are equal, document by document.

    The read models must have caught up first (``wait_until_visible``). With ``later`` they may run on: a
    document that has moved on is compared as of its own seq.
    """
    view = live_view(database)
    checks = [
        _Check(view, projection, shard, differences_max, runs_on=later is not None)
        for projection in projections
    ]
    end = 0
    takers: dict[type[Event], list[_Check]] = {}
    for recorded in events:
        end = recorded.seq
        kind = type(recorded.event)
        if kind not in takers:
            takers[kind] = [check for check in checks if kind in check.projection.event_types]
        for check in takers[kind]:
            check.take(recorded)
    for check in checks:
        check.finish(end)
    if later is not None:
        _follow(checks, end, later)
    return [difference for check in checks for difference in check.found[: check.differences_max]]


class _Check:
    """One projection, folded and compared."""

    def __init__(
        self,
        database: Database[Document],
        projection: Projection,
        shard: int,
        differences_max: int,
        *,
        runs_on: bool,
    ) -> None:
        self.projection = projection
        self.collection = database[projection.name]
        self.shard = shard
        self.differences_max = differences_max
        self.folding = Folding(projection)
        self.ended: dict[str, Document] = {}
        self.ids: set[str] = set()
        self.missing: set[str] = set()
        self.found: list[str] = []
        self.runs_on = runs_on
        self.ahead: dict[str, Document] = {}
        self.newest_extra: list[tuple[int, str]] = []

    def take(self, recorded: RecordedEvent) -> None:
        """Fold an event of the projection's types."""
        at = At(self.shard, recorded.seq, recorded.occurred_at_us, recorded.actor)
        self.folding.fold(recorded.event, at)
        for document in self.folding.take_changed():
            if self.projection.ended(document):
                self.ended[document["_id"]] = document
        if len(self.ended) >= ENDED_AT_ONCE_MAX:
            self.compare_ended()

    def compare_ended(self) -> None:
        self.compare(self.ended)
        self.folding.forget(self.ended.values())
        self.ended = {}

    def compare(self, expected: Mapping[str, Document], end: int | None = None) -> None:
        """``end``: documents may have moved on from there, and are then put aside to be compared later."""
        self.ids.update(expected)
        if self.full:
            return
        found = {document["_id"]: document for document in store.load(self.collection, list(expected))}
        self.missing = (self.missing | expected.keys()) - found.keys()
        for document_id, document in expected.items():
            there = found.get(document_id)
            if end is not None and there is not None and _seq(there) > end:
                self.ahead[document_id] = there
            elif there is not None or not self.is_archived(document):
                self.found += _differing(self.projection.name, document, there)

    def is_archived(self, document: Document) -> bool:
        """Tell whether it may be missing by now: said before it is deleted, so asked after it was missed."""
        horizons = archive.read(self.collection.database, self.projection.name)
        return archive.may_be_missing(self.projection, document, horizons)

    def finish(self, end: int) -> None:
        """Compare what is still open, and look for what no event up to ``end`` speaks of."""
        self.compare(dict(self.folding.documents), end if self.runs_on else None)
        if not self.full:
            self.find_extra(end)

    def follow(self, recorded: RecordedEvent) -> None:
        """Fold on for the documents that are ahead, and compare those that have come to their seq."""
        if not self.ahead or type(recorded.event) not in self.projection.event_types:
            return
        at = At(self.shard, recorded.seq, recorded.occurred_at_us, recorded.actor)
        self.folding.fold(recorded.event, at)
        for document in self.folding.take_changed():
            found = self.ahead.get(document["_id"])
            if found is not None and document["seq"] >= found["seq"]:
                self.found += _differing(self.projection.name, document, self.ahead.pop(document["_id"]))

    def finish_following(self, newest: int) -> None:
        name = self.projection.name
        self.found += [
            f"{name} {each}: no event has its seq {document['seq']}" for each, document in self.ahead.items()
        ]
        self.found += [
            f"{name} {each}: no event speaks of it" for seq, each in self.newest_extra if seq > newest
        ]

    @property
    def furthest(self) -> int:
        return max((document["seq"] for document in self.ahead.values()), default=0)

    @property
    def full(self) -> bool:
        return len(self.found) >= self.differences_max

    def find_extra(self, end: int) -> None:
        """Where others write on, what is younger than ``end`` may be right: of that, the newest is kept."""
        if len(self.ids) - len(self.missing) == _count(self.collection, self.shard):
            return
        old: list[str] = []
        for document in self.collection.find({"shard": self.shard}, {"_id": 1, "seq": 1}):
            each, seq = str(document["_id"]), _seq(document)
            if each in self.ids:
                continue
            if self.runs_on and seq > end:
                self._keep_newest(seq, each)
            elif len(old) < self.differences_max:
                old.append(each)
        self.found += [f"{self.projection.name} {each}: no event speaks of it" for each in old]

    def _keep_newest(self, seq: int, document_id: str) -> None:
        keep = heappush if len(self.newest_extra) < self.differences_max else heappushpop
        keep(self.newest_extra, (seq, document_id))


def _follow(checks: Iterable[_Check], end: int, later: Later) -> None:
    """Fold on until each document that had moved on is as of its seq; nothing may be ahead of the store."""
    newest = later.newest()
    goal = min(newest, max((check.furthest for check in checks), default=end))
    for recorded in later.events(end, goal):
        for check in checks:
            check.follow(recorded)
    for check in checks:
        check.finish_following(newest)


def _count(collection: Collection[Document], shard: int) -> int:
    """Count the shard's documents: much quicker than reading their ids, where nothing is wrong."""
    counts = collection.aggregate([{"$group": {"_id": "$shard", "documents": {"$sum": 1}}}])
    return next((int(each["documents"]) for each in counts if each["_id"] == shard), 0)


def _seq(document: Document) -> int:
    """Return a document's seq; one without was not written by us, and is not ahead of anything."""
    seq = document.get("seq", 0)
    return seq if isinstance(seq, int) else 0


def _differing(name: str, expected: Document, found: Document | None) -> list[str]:
    if found is None:
        return [f"{name} {expected['_id']}: missing"]
    if found == expected:
        return []
    return [
        f"{name} {expected['_id']}: {field} is {found.get(field)!r}, should be {expected.get(field)!r}"
        for field in sorted(expected.keys() | found.keys())
        if found.get(field) != expected.get(field)
    ]


def heads(events: Iterable[RecordedEvent], partitions: int, shard: int = 0) -> dict[Place, int]:
    """Return the last seq at each place, with ``partitions`` in each topic."""
    last: dict[Place, int] = {}
    for recorded in events:
        last[Place(*destination(recorded.event, partitions), shard)] = recorded.seq
    return last


def behind(database: Database[Document], heads: Mapping[Place, int]) -> dict[tuple[str, Place], int]:
    """Return for each projection and place how many seqs it still has to go; empty: all is visible."""
    view = live_view(database)
    return {
        (name, place): seq - seen.get(place, 0)
        for name, topic in SOURCES.items()
        for seen in [_seen(view, name)]
        for place, seq in heads.items()
        if place.topic == topic and seen.get(place, 0) < seq
    }


def _seen(database: Database[Document], name: str) -> dict[Place, int]:
    return {Place(mark.topic, mark.partition, mark.shard): mark.seq for mark in progress.read(database, name)}


def wait_until_visible(
    database: Database[Document],
    heads: Mapping[Place, int],
    timeout_s: float,
    on_progress: Callable[[int], None] = lambda _: None,
) -> None:
    """Wait until every projection has come to ``heads``, telling ``on_progress`` how many seqs the slowest
    place still has to go. Raises ``TimeoutError`` that says what is missing.
    """
    deadline = time.monotonic() + timeout_s
    while lacking := behind(database, heads):
        on_progress(max(lacking.values()))
        if time.monotonic() > deadline:
            (name, place), missing = max(lacking.items(), key=lambda item: item[1])
            message = f"after {timeout_s:.0f} s {name} still lacks {missing} seqs of {place}"
            raise TimeoutError(message)
        time.sleep(POLL_MS / 1000)
    on_progress(0)
