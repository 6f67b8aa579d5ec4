"""Takes what ended long ago out of the read models, in small steps, following the event store.

Each event that is old enough names the documents it touched; those of them that have ended, and that nothing
has changed since, go. So no index by time is needed, and no collection is scanned.
"""

from collections.abc import Callable, Iterable, Sequence

from pymongo.database import Database

from projections import archive, generations
from projections.archive import ARCHIVED, Horizon
from projections.projection import Document, Projection
from projections.registry import PROJECTIONS
from streams.codec import RecordedEvent, decode_recorded

STEP_EVENTS_MAX = 2_000

ReadStates = Callable[[int, int, int], Iterable[bytes]]  # (shard, after, until)


class Archivist:
    """Archives of each projection what ended more than ``kept_us`` ago."""

    def __init__(self, database: Database[Document], read_states: ReadStates, kept_us: int) -> None:
        self.database = database
        self.read_states = read_states
        self.kept_us = kept_us

    def step(self, projection: str, collections: Sequence[str], heads: dict[int, int]) -> int:
        """Archive up to 2,000 events' worth of each shard from ``collections``, the generations there are.
        ``heads``: how far they all are. Return how many events were gone through. Raises ``PyMongoError``,
        ``psycopg.Error``; doing it again is harmless.
        """
        if projection not in ARCHIVED:
            return 0
        horizons = archive.read(self.database, projection)
        return sum(
            self._shard(PROJECTIONS[projection], collections, shard, head, horizons.get(shard, Horizon()))
            for shard, head in heads.items()
        )

    def _shard(
        self, projection: Projection, collections: Sequence[str], shard: int, head: int, horizon: Horizon
    ) -> int:
        old = self._old_events(shard, horizon.done, min(head, horizon.done + STEP_EVENTS_MAX))
        if not old:
            return 0
        end = old[-1].seq
        archive.write(self.database, projection.name, shard, Horizon(max(end, horizon.allowed), horizon.done))
        touched = {
            document_id
            for recorded in old
            if type(recorded.event) in projection.event_types
            for document_id, _ in projection.parts(recorded.event, shard)
        }
        for name in collections:
            archive.delete(
                self.database, name, archive.ended_by(self.database, name, projection, touched, end)
            )
        archive.write(self.database, projection.name, shard, Horizon(max(end, horizon.allowed), end))
        return len(old)

    def _old_events(self, shard: int, after: int, until: int) -> list[RecordedEvent]:
        """Return those with after < seq <= until that are old enough; time never goes back in a shard."""
        before_us = generations.now_us() - self.kept_us
        found = []
        if after < until:
            for recorded in map(decode_recorded, self.read_states(shard, after, until)):
                if recorded.occurred_at_us >= before_us:
                    break
                found.append(recorded)
        return found
