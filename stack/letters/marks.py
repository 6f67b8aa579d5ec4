"""What was done with dead letters: a document for each, in MongoDB, as long as Kafka keeps the letter."""

import time
from collections.abc import Iterable
from typing import Literal

from pymongo import DeleteMany, ReplaceOne
from pymongo.database import Database

from projections.projection import Document
from streams.letters import Letter

COLLECTION = "letters"
OPEN = "open"
State = Literal["retried", "closed"]


class Marks:
    """Notes on letters. One who is asked of a letter without a note says that it is open."""

    def __init__(self, database: Database[Document]) -> None:
        self._collection = database[COLLECTION]

    def all(self) -> dict[str, Document]:
        return {mark["_id"]: mark for mark in self._collection.find()}

    def note(self, letters: Iterable[Letter], state: State, what: str) -> None:
        """Say of the letters what was done with them, and when; a later word replaces an earlier one."""
        now_us = time.time_ns() // 1_000
        writes = [
            ReplaceOne(
                {"_id": letter.letter_id},
                {
                    "_id": letter.letter_id,
                    "partition": letter.partition,
                    "offset": letter.offset,
                    "state": state,
                    "what": what,
                    "marked_at_us": now_us,
                },
                upsert=True,
            )
            for letter in letters
        ]
        if writes:
            self._collection.bulk_write(writes, ordered=False)

    def forget_gone(self, first_offsets: dict[int, int]) -> None:
        """Forget the notes on letters that Kafka has let go of: it keeps those from ``first_offsets`` on."""
        gone: list[DeleteMany] = [
            DeleteMany({"partition": partition, "offset": {"$lt": first}})
            for partition, first in first_offsets.items()
            if first > 0
        ]
        if gone:
            self._collection.bulk_write(gone, ordered=False)
