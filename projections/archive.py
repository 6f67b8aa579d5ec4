"""What ended long ago leaves the read models, so that they do not grow for ever; the event store keeps it.

One document per projection and shard: what has ended by the event ``allowed`` may be missing, by the event
``done`` all of it is. What may be missing is said before the first of it is deleted.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pymongo.database import Database

from projections.projection import Document, Projection
from projections.store import IDS_PER_QUERY_MAX, load

COLLECTION = "archived"
ARCHIVED = frozenset({"orders", "order_lists", "trades"})
"""What grows with trading. Transfers stay: they are few, and the books refer to them."""


class Horizon(NamedTuple):
    """Seqs of one shard."""

    allowed: int = 0
    done: int = 0


def read(database: Database[Document], projection: str) -> dict[int, Horizon]:
    """Return the horizons by shard; none where nothing was archived. Raises ``PyMongoError``."""
    if projection not in ARCHIVED:
        return {}
    found = database[COLLECTION].find({"projection": projection})
    return {each["shard"]: Horizon(each["allowed"], each["done"]) for each in found}


def write(database: Database[Document], projection: str, shard: int, horizon: Horizon) -> None:
    document = {"projection": projection, "shard": shard, **horizon._asdict()}
    database[COLLECTION].replace_one({"_id": f"{projection}|{shard}"}, document, upsert=True)


def may_be_missing(projection: Projection, document: Document, horizons: dict[int, Horizon]) -> bool:
    horizon = horizons.get(document["shard"])
    return horizon is not None and document["seq"] <= horizon.allowed and projection.ended(document)


def delete(database: Database[Document], name: str, ids: Sequence[str]) -> None:
    """Delete documents of the collection ``name``; those that are gone are fine."""
    for start in range(0, len(ids), IDS_PER_QUERY_MAX):
        some = list(ids[start : start + IDS_PER_QUERY_MAX])
        database[name].delete_many({"_id": {"$in": some}})


def ended_by(
    database: Database[Document], name: str, projection: Projection, ids: Iterable[str], seq: int
) -> list[str]:
    """Return those of ``ids`` in the collection ``name`` that have ended by ``seq``."""
    found = load(database[name], list(ids))
    return [each["_id"] for each in found if each["seq"] <= seq and projection.ended(each)]
