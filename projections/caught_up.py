"""How late the read models are: when each worker last had all there was on each partition it follows.

A worker writes it again and again, also when nothing happens; so if it stops, the time since then grows.
"""

from collections.abc import Iterable
from typing import NamedTuple

from pymongo import ReplaceOne
from pymongo.database import Database

from projections.projection import Document


class CaughtUp(NamedTuple):
    """The worker of ``group`` that hosts ``projections`` had folded at least all that was on the partition at
    ``caught_up_us`` (microseconds since 1970, UTC).
    """

    group: str
    topic: str
    partition: int
    projections: list[str]
    caught_up_us: int


def write(database: Database[Document], found: Iterable[CaughtUp]) -> None:
    """Raises ``PyMongoError``."""
    documents = [{"_id": f"{one.group}|{one.topic}|{one.partition}", **one._asdict()} for one in found]
    if documents:
        writes = [ReplaceOne({"_id": each["_id"]}, each, upsert=True) for each in documents]
        database["caught_up"].bulk_write(writes, ordered=False)


def oldest_us(database: Database[Document], projection: str, topic: str) -> int | None:
    """Return since when at the latest something may be missing in ``projection``: of its topic's
    partitions, the one that is furthest behind counts. ``None``: nobody ever said.
    """
    latest: dict[int, int] = {}
    for each in database["caught_up"].find({"topic": topic}):
        if projection in each["projections"]:
            partition = each["partition"]
            latest[partition] = max(each["caught_up_us"], latest.get(partition, 0))
    return min(latest.values(), default=None)


def prepare(database: Database[Document]) -> None:
    database["caught_up"].create_index([("topic", 1)])
