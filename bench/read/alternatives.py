"""What else could keep the orders: one write for each event, by itself or in bulk. The same fold, the same
guard, the same server.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from pymongo import ReplaceOne
from pymongo.collection import Collection
from pymongo.database import Database

from bench.read.writing import Spent, spent
from bench.write.flow import SHARD
from bench.write.usage import Usage
from projections import store
from projections.folding import Folding
from projections.orders import PROJECTION
from projections.projection import At, Document
from streams.codec import RecordedEvent

EVENTS_MAX = 5_000
WRITES_PER_REQUEST = 1_000


def rows(events: Sequence[RecordedEvent], database: Database[Document], usage: Usage) -> list[dict[str, Any]]:
    """Return the rows of the alternatives, of the first ``EVENTS_MAX`` events of orders."""
    some = [recorded for recorded in events if type(recorded.event) in PROJECTION.event_types][:EVENTS_MAX]
    store.prepare(database, [PROJECTION])
    collection = database[PROJECTION.name]
    single = spent(usage, lambda: _one_by_one(collection, _versions(some)))
    collection.delete_many({})
    bulk = spent(usage, lambda: _in_bulk(collection, list(_versions(some))))
    return [_row("orders-replace-one", single, len(some)), _row("orders-not-coalesced", bulk, len(some))]


def _row(name: str, took: Spent, events: int) -> dict[str, Any]:
    figures = took.each(max(1, events))
    return {
        "name": name,
        "value": figures["events_per_second"],
        "unit": "events/s end to end",
        "events": events,
        **figures,
    }


def _versions(events: Iterable[RecordedEvent]) -> Iterator[Document]:
    """Yield each order's document after each of its events."""
    folding = Folding(PROJECTION)
    for recorded in events:
        folding.fold(recorded.event, At(SHARD, recorded.seq, recorded.occurred_at_us))
        yield from folding.take_changed()


def _one_by_one(collection: Collection[Document], versions: Iterable[Document]) -> None:
    for document in versions:
        collection.replace_one(_older(document), document, upsert=True)


def _in_bulk(collection: Collection[Document], versions: Sequence[Document]) -> None:
    """In order: a document's versions must not overtake each other."""
    for start in range(0, len(versions), WRITES_PER_REQUEST):
        some = versions[start : start + WRITES_PER_REQUEST]
        collection.bulk_write([ReplaceOne(_older(each), each, upsert=True) for each in some])


def _older(document: Document) -> Document:
    return {"_id": document["_id"], "seq": {"$lt": document["seq"]}}
