"""Generations: a projection can be built anew beside the one that answers, and then take its place.

Each generation has a collection and marks of its own: ``orders`` is the first, ``orders_2`` the next. One
document says which generation of each projection is live, and which older ones are kept for the cursors that
were given out. A query reads it once and all its collections through that ``LiveView``, so that it sees one
generation whatever happens meanwhile; a swap is one replacement of that document.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

from projections.projection import Document

COLLECTION, LIVE_ID = "generations", "live"
FIRST = 1
KEPT_MAX = 8
"""Old generations of one projection; each costs the workers as many writes as the live one."""
DROPPED_LATER_US = 60_000_000
"""After the last moment an old generation may be asked for: no query and no worker's look takes so long."""
ATTEMPTS_MAX = 20


class Generation(NamedTuple):
    """``number`` counts from 1."""

    projection: str
    number: int = FIRST

    @property
    def name(self) -> str:
        """Of its collection, and of the projection in its marks."""
        return self.projection if self.number == FIRST else f"{self.projection}_{self.number}"


class Kept(NamedTuple):
    """An older generation that is fed, and read by cursors it gave out, until ``until_us`` (since 1970)."""

    generation: Generation
    until_us: int


@dataclass(frozen=True)
class Live:
    """What the document says. ``numbers``: the live generation of each projection, where it is not the first;
    ``version`` counts the document's replacements, 0 before there is one.
    """

    numbers: Mapping[str, int] = field(default_factory=dict)
    kept: tuple[Kept, ...] = ()
    version: int = 0

    def of(self, projection: str) -> Generation:
        return Generation(projection, self.numbers.get(projection, FIRST))

    def kept_at(self, projection: str, now_us: int) -> list[Generation]:
        """Return the older generations of ``projection`` that may still be asked for."""
        found = (each for each in self.kept if each.until_us > now_us)
        return [each.generation for each in found if each.generation.projection == projection]


def read(database: Database[Document]) -> Live:
    """Raises ``PyMongoError``."""
    found = database[COLLECTION].find_one({"_id": LIVE_ID})
    if found is None:
        return Live()
    kept = tuple(
        Kept(Generation(each["projection"], each["generation"]), each["until_us"]) for each in found["kept"]
    )
    return Live(found["live"], kept, found["version"])


class LiveView(Database[Document]):
    """The database as one query sees it: ``view["orders"]`` is the collection of the generation of orders
    that ``live`` names. What is no projection's keeps its name.
    """

    def __init__(self, database: Database[Document], live: Live) -> None:
        super().__init__(
            database.client,
            database.name,
            database.codec_options,
            database.read_preference,
            database.write_concern,
            database.read_concern,
        )
        self.live = live

    def __getitem__(self, name: str) -> Collection[Document]:
        return super().__getitem__(self.live.of(name).name)

    def at(self, generation: Generation) -> "LiveView":
        """Return the same view, but of that generation."""
        numbers = {**self.live.numbers, generation.projection: generation.number}
        return LiveView(self, replace(self.live, numbers=numbers))


def live_view(database: Database[Document]) -> LiveView:
    """Return what is live now; a view stays the one it is. Raises ``PyMongoError``."""
    return database if isinstance(database, LiveView) else LiveView(database, read(database))


def name_in(database: Database[Document], projection: str) -> str:
    """Return the name under which ``database`` has the projection's collection and marks."""
    return database.live.of(projection).name if isinstance(database, LiveView) else projection


def swap(database: Database[Document], generation: Generation, kept_us: int) -> bool:
    """Make ``generation`` the live one, and keep the one before for ``kept_us`` more. Return whether this
    call did it; one that is live, or older than what is, changes nothing. Raises ``PyMongoError``.
    """
    for _ in range(ATTEMPTS_MAX):
        live = read(database)
        before = live.of(generation.projection)
        if before.number >= generation.number:
            return False
        until_us = now_us() + kept_us
        numbers = {**live.numbers, generation.projection: generation.number}
        if _replace(database, live, numbers, (*live.kept, Kept(before, until_us))):
            return True
    raise RuntimeError(f"the document {LIVE_ID!r} changed {ATTEMPTS_MAX} times while {generation} was to be")


def drop_expired(database: Database[Document], *projections: str) -> list[Generation]:
    """Delete the old generations of ``projections`` that nobody may ask for any more; return which."""
    due_us = now_us() - DROPPED_LATER_US
    return drop(
        database,
        [
            each.generation
            for each in read(database).kept
            if each.until_us < due_us and each.generation.projection in projections
        ],
    )


def drop(database: Database[Document], generations: list[Generation]) -> list[Generation]:
    """Delete generations, never a live one; return which. Killed on the way, it can be done again."""
    gone = []
    for generation in generations:
        if read(database).of(generation.projection) == generation:
            continue
        database[generation.name].drop()
        database["progress"].delete_many({"projection": generation.name})
        database[COLLECTION].delete_many({"kind": "joined", "generation": generation.name})
        _forget(database, generation)
        gone.append(generation)
    return gone


def _forget(database: Database[Document], generation: Generation) -> None:
    for _ in range(ATTEMPTS_MAX):
        live = read(database)
        kept = tuple(each for each in live.kept if each.generation != generation)
        if len(kept) == len(live.kept) or _replace(database, live, live.numbers, kept):
            return


def _replace(
    database: Database[Document], before: Live, numbers: Mapping[str, int], kept: tuple[Kept, ...]
) -> bool:
    """Replace the document if it is still as it was; tell whether it was."""
    document: dict[str, Any] = {
        "_id": LIVE_ID,
        "version": before.version + 1,
        "live": dict(numbers),
        "kept": [
            {
                "projection": each.generation.projection,
                "generation": each.generation.number,
                "until_us": each.until_us,
            }
            for each in kept
        ],
    }
    try:
        if before.version == 0:
            database[COLLECTION].insert_one(document)
            return True
        found = database[COLLECTION].replace_one({"_id": LIVE_ID, "version": before.version}, document)
    except DuplicateKeyError:
        return False
    return found.matched_count == 1


def now_us() -> int:
    return time.time_ns() // 1_000
