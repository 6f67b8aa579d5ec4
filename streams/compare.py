"""Proof that the read models are right: fold all events from zero, in memory, and compare every document.

It goes over the events once. A document that nothing will change any more (an order that is done, a trade) is
compared soon after and let go, so memory holds ids, open orders, withdrawals under way, balances, positions,
and books.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from itertools import islice

from pymongo.database import Database

from projections import progress, store
from projections.folding import Folding
from projections.projection import At, Document, Projection
from projections.registry import PROJECTIONS
from streams.codec import RecordedEvent
from streams.progress import Place
from streams.sources import SOURCES
from streams.topics import destination

DIFFERENCES_MAX = 50
ENDED_AT_ONCE_MAX = 5_000
POLL_MS = 20


def differences(
    database: Database[Document],
    events: Iterable[RecordedEvent],
    *,
    projections: Iterable[Projection] = tuple(PROJECTIONS.values()),
    shard: int = 0,
    differences_max: int = DIFFERENCES_MAX,
) -> list[str]:
    """Return in words where the documents differ from the fold of ``events`` (all of ``shard``, in order), at
    most ``differences_max`` for each projection. Empty: they are equal, document by document.

    The read models must have caught up first (``wait_until_visible``).
    """
    checks = [_Check(database, projection, shard, differences_max) for projection in projections]
    for recorded in events:
        at = At(shard, recorded.seq, recorded.occurred_at_us)
        for check in checks:
            if type(recorded.event) in check.projection.event_types:
                check.fold(recorded, at)
    return [difference for check in checks for difference in check.finish()]


class _Check:
    """One projection, folded and compared."""

    def __init__(
        self, database: Database[Document], projection: Projection, shard: int, differences_max: int
    ) -> None:
        self.projection = projection
        self.collection = database[projection.name]
        self.shard = shard
        self.differences_max = differences_max
        self.folding = Folding(projection)
        self.ended: dict[str, Document] = {}
        self.ids: set[str] = set()
        self.found: list[str] = []

    def fold(self, recorded: RecordedEvent, at: At) -> None:
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

    def compare(self, expected: Mapping[str, Document]) -> None:
        self.ids.update(expected)
        if self.full:
            return
        found = {document["_id"]: document for document in store.load(self.collection, list(expected))}
        for document_id, document in expected.items():
            self.found += _differing(self.projection.name, document, found.get(document_id))

    def finish(self) -> list[str]:
        self.compare(dict(self.folding.documents))
        if not self.full:
            self.find_extra()
        return self.found[: self.differences_max]

    @property
    def full(self) -> bool:
        return len(self.found) >= self.differences_max

    def find_extra(self) -> None:
        ids = (document["_id"] for document in self.collection.find({"shard": self.shard}, {"_id": 1}))
        extra = (document_id for document_id in ids if document_id not in self.ids)
        some = islice(extra, self.differences_max)
        self.found += [f"{self.projection.name} {each}: no event speaks of it" for each in some]


def _differing(name: str, expected: Document, found: Document | None) -> list[str]:
    if found is None:
        return [f"{name} {expected['_id']}: missing"]
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
    return {
        (name, place): seq - seen.get(place, 0)
        for name, topic in SOURCES.items()
        for seen in [_seen(database, name)]
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
