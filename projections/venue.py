"""Venue: what each shard of it takes at the moment, who said so and why. One document per shard; none: it has
been open ever since.
"""

from collections.abc import Iterable

from pymongo.database import Database

from domain.control import VenueStatusChanged
from projections.projection import At, Document, Projection, always


def parts(event: VenueStatusChanged, shard: int) -> Iterable[tuple[str, VenueStatusChanged]]:
    yield str(shard), event


def fold(_document: Document | None, event: VenueStatusChanged, at: At) -> Document:
    return {
        "status": event.status,
        "reason": event.reason,
        "actor": event.actor,
        "changed_at_us": at.occurred_at_us,
    }


# Each event states all there is, so nothing has to be loaded: it "begins" each time.
PROJECTION = Projection("venue", frozenset({VenueStatusChanged}), parts, fold, begins=always)


def of_all_shards(database: Database[Document], shards_max: int) -> list[Document]:
    """Return the shards whose status was ever changed, by their numbers."""
    return sorted(database["venue"].find().limit(shards_max), key=lambda document: int(document["_id"]))
