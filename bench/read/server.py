"""What the MongoDB-compatible server takes for a call: with real documents of orders, and their indexes."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from pymongo.collection import Collection
from pymongo.database import Database

from bench.read.writing import spent
from bench.write.usage import Usage
from projections import progress, store
from projections.orders import PROJECTION
from projections.progress import Mark
from projections.projection import Document

DOCUMENTS = 2_000
SINGLE = 300
LATER = 1_000_000_000  # a seq beyond all others

Call = tuple[str, int, Callable[[], object]]


def calls(documents: Sequence[Document], database: Database[Document], usage: Usage) -> list[dict[str, Any]]:
    """Return for each kind of call what a document of it costs either side, in CPU microseconds."""
    some = list(documents[:DOCUMENTS])
    measured = []
    for indexed in (False, True):
        collection = database["indexed" if indexed else "bare"]
        collection.insert_one({"_id": "first", "seq": 0})
        for fields in PROJECTION.indexes if indexed else ():
            collection.create_index([(field, 1) for field in fields])
        measured += [_measured(call, usage, indexed=indexed) for call in _calls(collection, some)]
    return [*measured, _measured(_marks(database), usage, indexed=True)]


def _measured(call: Call, usage: Usage, *, indexed: bool) -> dict[str, Any]:
    what, documents, work = call
    took = spent(usage, work)
    return {
        "call": what,
        "indexes": len(PROJECTION.indexes) if indexed else 0,
        "documents": documents,
        "per_second": round(documents / took.wall_s),
        "server_cpu_us": round(took.server_s * 1e6 / documents, 1),
        "our_cpu_us": round(took.ours_s * 1e6 / documents, 1),
    }


def _calls(collection: Collection[Document], documents: Sequence[Document]) -> Iterator[Call]:
    new, older = _named(documents, "new"), _named(documents, "new", LATER)
    inserted, single = _named(documents, "inserted"), _named(documents[:SINGLE], "single")
    ids = [document["_id"] for document in new]
    yield "guarded replace, new", len(new), lambda: store.replace_older(collection, new)
    yield "guarded replace, there", len(older), lambda: store.replace_older(collection, older)
    yield "guarded replace, new, one a call", len(single), lambda: _one_by_one(collection, single)
    yield "insert", len(inserted), lambda: collection.insert_many(inserted, ordered=False)
    yield "find by id", len(ids), lambda: list(store.load(collection, ids))


def _one_by_one(collection: Collection[Document], documents: Sequence[Document]) -> None:
    for document in documents:
        store.replace_older(collection, [document])


def _marks(database: Database[Document]) -> Call:
    progress.prepare(database)
    marks = [Mark(f"projection-{number}", "topic", 0, 0, number, number) for number in range(SINGLE)]
    return "progress, new", len(marks), lambda: progress.write(database, marks)


def _named(documents: Sequence[Document], name: str, seq_more: int = 0) -> list[Document]:
    return [
        {**document, "_id": f"{name}-{document['_id']}", "seq": document["seq"] + seq_more}
        for document in documents
    ]
