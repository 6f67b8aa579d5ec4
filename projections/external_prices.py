"""External prices: what the sources of a market said last, and the index and mark price computed of that.

No projection of events: the mark pricer writes one document per market about once a second, each as a whole.
And one for each minute, with a point a second, kept for a day: they stand in a ring of 1,500 minutes.
"""

from collections.abc import Sequence

from pymongo import ReplaceOne
from pymongo.collection import Collection
from pymongo.database import Database

from projections.projection import Document

LATEST, HISTORY = "external_prices", "external_prices_history"
MINUTE_US = 60_000_000
RING_MINUTES = 25 * 60
KEPT_US = 24 * 60 * MINUTE_US


def prepare(database: Database[Document]) -> None:
    database[HISTORY].create_index([("symbol", 1), ("begins_us", 1)])


def write(database: Database[Document], documents: Sequence[Document]) -> None:
    """Replace the latest prices of these markets. Raises ``PyMongoError``."""
    _replace(database[LATEST], [{"_id": each["symbol"], **each} for each in documents])


def latest(database: Database[Document], symbol: str) -> Document | None:
    return database[LATEST].find_one({"_id": symbol})


def write_minutes(database: Database[Document], minutes: Sequence[Document]) -> None:
    """Replace these minutes: each has ``symbol``, ``begins_us`` and ``points``, arrays of moment, index and
    mark (decimal strings, ``None``: there was none).
    """
    _replace(database[HISTORY], [{"_id": _minute_id(each), **each} for each in minutes])


def _minute_id(minute: Document) -> str:
    return f"{minute['symbol']}|{minute['begins_us'] // MINUTE_US % RING_MINUTES}"


def _replace(collection: Collection[Document], documents: Sequence[Document]) -> None:
    if documents:
        replaces = [ReplaceOne({"_id": each["_id"]}, each, upsert=True) for each in documents]
        collection.bulk_write(replaces, ordered=False)


def minute(database: Database[Document], symbol: str, begins_us: int) -> Document | None:
    return database[HISTORY].find_one({"symbol": symbol, "begins_us": begins_us})


def minutes_before(database: Database[Document], symbol: str, until_us: int, most: int) -> list[Document]:
    """Return minutes that begin before ``until_us``, newest first."""
    wanted = {"symbol": symbol, "begins_us": {"$lt": until_us}}
    return list(database[HISTORY].find(wanted).sort("begins_us", -1).limit(most))
