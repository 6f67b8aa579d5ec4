"""Documents in MongoDB, in the narrow subset that DocumentDB and the emulators share.

A document is replaced as a whole, and only by one with a higher seq: so a repeat, a crash half way, or a
worker that was replaced and wakes up again changes nothing.
"""

from collections.abc import Container, Iterator, Sequence

from pymongo import InsertOne, ReplaceOne
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import BulkWriteError

from projections.projection import Document, Projection

DUPLICATE_KEY = 11000
IDS_PER_QUERY_MAX = 1_000
WRITES_PER_REQUEST_MAX = 1_000


def prepare(database: Database[Document], projections: Sequence[Projection]) -> None:
    """Create the indexes of every query offered; nothing happens to those that are there."""
    for projection in projections:
        for fields in projection.indexes:
            database[projection.name].create_index([(field, 1) for field in fields])


def load(collection: Collection[Document], ids: Sequence[str]) -> Iterator[Document]:
    for start in range(0, len(ids), IDS_PER_QUERY_MAX):
        yield from collection.find({"_id": {"$in": list(ids[start : start + IDS_PER_QUERY_MAX])}})


def replace_older(collection: Collection[Document], documents: Sequence[Document]) -> None:
    """Write each document unless what is there has the same or a higher ``seq``. Raises ``PyMongoError``."""
    write(collection, documents, frozenset())


def put_right(collection: Collection[Document], documents: Sequence[Document]) -> None:
    """Write each document unless what is there has a higher ``seq``: one of the same is wrong."""
    for start in range(0, len(documents), WRITES_PER_REQUEST_MAX):
        _write(collection, documents[start : start + WRITES_PER_REQUEST_MAX], frozenset(), than="$lte")


def write(collection: Collection[Document], documents: Sequence[Document], begun: Container[str]) -> None:
    """Do the same as ``replace_older``, and insert those that are probably new, the ``begun``: that costs the
    server less than to look for them first. One that is there after all is replaced, if it is older.
    """
    for start in range(0, len(documents), WRITES_PER_REQUEST_MAX):
        some = documents[start : start + WRITES_PER_REQUEST_MAX]
        if there := _write(collection, some, begun):
            _write(collection, there, frozenset())


def _write(
    collection: Collection[Document], documents: Sequence[Document], begun: Container[str], than: str = "$lt"
) -> list[Document]:
    """Return those that could not be inserted, since their id is taken."""
    writes = [
        InsertOne(document) if document["_id"] in begun else _replacing(document, than)
        for document in documents
    ]
    try:
        collection.bulk_write(writes, ordered=False)
    except BulkWriteError as failed:
        errors = failed.details["writeErrors"]
        # For a replace: what is there is newer, the filter found nothing to replace, and the id is taken.
        if any(error["code"] != DUPLICATE_KEY for error in errors):
            raise
        if failed.details.get("writeConcernErrors"):
            raise
        taken = (documents[error["index"]] for error in errors)
        return [document for document in taken if document["_id"] in begun]
    return []


def _replacing(document: Document, than: str) -> ReplaceOne[Document]:
    return ReplaceOne({"_id": document["_id"], "seq": {than: document["seq"]}}, document, upsert=True)
