"""Builds: a generation on its way to becoming the live one, and who is at it.

One document per projection that is being built, beside the one that says what is live. Its ``owner`` says so
again and again; a build whose owner is gone can be taken over by whoever asks next, and goes on where it was.
"""

import os
import socket
from dataclasses import asdict, dataclass, field
from typing import Any

from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

from projections import generations
from projections.generations import COLLECTION, Generation
from projections.projection import Document

FOLDING, FOLLOWING = "folding", "following"
LEASE_US = 30_000_000
"""An owner on another machine that has not been heard of for so long is gone."""


class BusyError(RuntimeError):
    """Somebody else is building this projection."""


@dataclass
class Build:
    """``state``: folding the history, or following: as good as complete, and to be fed by the workers.

    ``read``: by shard (as text), up to which seq its history is in. ``digest`` stands for the code that
    folds: other code begins anew. ``failed`` counts the events that could not be folded. Times in
    microseconds since 1970, UTC.
    """

    projection: str
    generation: int
    digest: str
    owner: str
    heartbeat_us: int
    begun_us: int
    state: str = FOLDING
    read: dict[str, int] = field(default_factory=dict)
    failed: int = 0

    @property
    def id(self) -> str:
        return f"build|{self.projection}"

    @property
    def target(self) -> Generation:
        return Generation(self.projection, self.generation)

    def read_up_to(self, shard: int) -> int:
        return self.read.get(str(shard), 0)

    def document(self) -> Document:
        return {"_id": self.id, "kind": "build", **asdict(self)}


def all_builds(database: Database[Document]) -> list[Build]:
    """Raises ``PyMongoError``."""
    return [_build(each) for each in database[COLLECTION].find({"kind": "build"})]


def _build(document: Document) -> Build:
    fields: dict[str, Any] = {name: document[name] for name in Build.__dataclass_fields__}
    return Build(**fields)


def take(database: Database[Document], projection: str, digest: str) -> tuple[Build, Generation | None]:
    """Begin to build the projection's next generation, or go on with the one that was begun. Return it, and
    the generation it replaces, if it was begun with other code: that one is to be dropped.

    Raises ``BusyError`` if somebody is at it, ``PyMongoError``.
    """
    found = database[COLLECTION].find_one({"_id": f"build|{projection}"})
    before = None if found is None else _build(found)
    if before is not None and is_owned(before) and before.owner != me():
        raise BusyError(_busy(before))
    now = generations.now_us()
    live = generations.read(database).of(projection).number
    if before is not None and before.digest == digest and before.generation > live and not before.failed:
        taken = Build(**{**asdict(before), "owner": me(), "heartbeat_us": now})
    else:
        number = max(live, before.generation if before else 0) + 1
        taken = Build(projection, number, digest, me(), now, now)
    _take_over(database, before, taken)
    dropped = before.target if before is not None and live < before.generation < taken.generation else None
    return taken, dropped


def _take_over(database: Database[Document], before: Build | None, taken: Build) -> None:
    """One of two who take over at once finds it changed."""
    if before is None:
        try:
            database[COLLECTION].insert_one(taken.document())
        except DuplicateKeyError:
            raise BusyError(f"{taken.projection} has just begun to be rebuilt by somebody else") from None
        return
    as_it_was = {"_id": before.id, "owner": before.owner, "heartbeat_us": before.heartbeat_us}
    if database[COLLECTION].replace_one(as_it_was, taken.document()).matched_count == 0:
        raise BusyError(f"{taken.projection} has just been taken over by somebody else")


def save(database: Database[Document], build: Build) -> bool:
    """Write how far the build is, and that its owner lives. ``False``: it is no longer this owner's."""
    build.heartbeat_us = generations.now_us()
    mine = {"_id": build.id, "owner": build.owner, "generation": build.generation}
    return bool(database[COLLECTION].replace_one(mine, build.document()).matched_count)


def let_go(database: Database[Document], build: Build) -> None:
    """Leave the build to whoever comes next, at once."""
    build.heartbeat_us = 0
    mine = {"_id": build.id, "owner": build.owner, "generation": build.generation}
    database[COLLECTION].replace_one(mine, build.document())


def finish(database: Database[Document], build: Build) -> None:
    """Forget the build: its generation is live."""
    database[COLLECTION].delete_one({"_id": build.id, "generation": build.generation})
    database[COLLECTION].delete_many({"kind": "joined", "generation": build.target.name})


def is_owned(build: Build) -> bool:
    """Tell whether the owner lives: on this machine by its process id, elsewhere by when it was heard of."""
    if generations.now_us() - build.heartbeat_us > LEASE_US:
        return False
    host, _, process = build.owner.rpartition(":")
    return host != socket.gethostname() or _runs(int(process))


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # of another user, and alive
    return True


def _busy(build: Build) -> str:
    ago_s = (generations.now_us() - build.heartbeat_us) / 1e6
    return (
        f"{build.projection} is being rebuilt already, as generation {build.generation}, by {build.owner} "
        f"(heard of {ago_s:.1f} s ago). Wait for it, or stop it: what it has built is kept, and whoever "
        "rebuilds next goes on there."
    )


def me() -> str:
    """Name this process among all that could build."""
    return f"{socket.gethostname()}:{os.getpid()}"


# --- Workers that feed a build ---------------------------------------------------------------------------


def join(database: Database[Document], build: Build, topic: str, partitions: list[int]) -> None:
    """Say that from now on whoever owns these partitions of ``topic`` feeds the build."""
    for partition in partitions:
        name = f"joined|{build.target.name}|{topic}|{partition}"
        document = {"kind": "joined", "generation": build.target.name, "partition": partition}
        database[COLLECTION].replace_one({"_id": name}, document, upsert=True)


def leave(database: Database[Document], build: Build, topic: str, partitions: list[int]) -> None:
    """Take ``join`` back."""
    for partition in partitions:
        database[COLLECTION].delete_one({"_id": f"joined|{build.target.name}|{topic}|{partition}"})


def joined(database: Database[Document], build: Build) -> set[int]:
    """Return the partitions whose owners feed the build."""
    wanted = {"kind": "joined", "generation": build.target.name}
    return {each["partition"] for each in database[COLLECTION].find(wanted)}
