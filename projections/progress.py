"""How far each projection has come: for each of the places its events come from, the last seq it has folded.

A place is a topic partition and a shard. What is written here is written after the documents: whoever reads
that a projection has come to a seq will find all documents at least as new.
"""

from collections.abc import Iterable
from typing import NamedTuple

from pymongo.database import Database

from projections.generations import name_in
from projections.projection import Document
from projections.store import replace_older


class Mark(NamedTuple):
    """``projection`` (a later generation of it: ``orders_2``) has folded all of ``shard``'s events on that
    partition up to ``seq``, which happened at ``occurred_at_us`` (microseconds since 1970, UTC).
    """

    projection: str
    topic: str
    partition: int
    shard: int
    seq: int
    occurred_at_us: int


def read(database: Database[Document], projection: str) -> list[Mark]:
    return [
        Mark(*(document[field] for field in Mark._fields))
        for document in database["progress"].find({"projection": name_in(database, projection)})
    ]


def write(database: Database[Document], marks: Iterable[Mark]) -> None:
    """Move the marks on; one that is further already stays. Raises ``PyMongoError``."""
    replace_older(
        database["progress"],
        [{"_id": "|".join(map(str, mark[:4])), **mark._asdict()} for mark in marks],
    )


def prepare(database: Database[Document]) -> None:
    database["progress"].create_index([("projection", 1)])
