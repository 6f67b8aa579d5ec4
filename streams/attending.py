"""A read-model worker attends to generations: it feeds those that are built, live, and kept.

A generation that has been built up to the head of the store is taken over here: between two batches it is
brought to where the live one is, and from then on gets every event that the live one gets. Once that is so on
all partitions, the two are the same, and the swap is made, by this worker and between two batches of its own.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import monotonic

from projections import builds, generations
from projections.builds import FOLLOWING, Build
from projections.generations import Live
from projections.registry import PROJECTIONS
from streams.archiving import Archivist
from streams.feed import Feed
from streams.projector import Projector

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class AttendanceBounds:
    """``kept_ms``: how long an old generation is kept: as long as a cursor lives. ``gap_events_max``: how far
    a build may be behind to be taken over; the live generations wait meanwhile. ``ended_kept_ms``: what ended
    so long ago is archived; 0: nothing ever is. ``archive_every_ms``: one step of that.
    """

    kept_ms: int = 900_000
    gap_events_max: int = 50_000
    ended_kept_ms: int = 0
    archive_every_ms: int = 1_000


class Attendance:
    """Keeps what ``projector`` feeds to what the documents say; ``owned``: the partitions of its topic that
    this worker has. As the projector, not thread-safe.
    """

    def __init__(self, projector: Projector, owned: Sequence[int], bounds: AttendanceBounds) -> None:
        self.projector = projector
        self.database = projector.database
        self.owned = list(owned)
        self.bounds = bounds
        self.names = [feed.projection.name for feed in projector.live]
        self.archivist = Archivist(self.database, projector.read_states, bounds.ended_kept_ms * 1_000)
        self.archived_at = float("-inf")

    def look(self) -> None:
        """Take over what was built, swap what is the same, drop what nobody may ask for any more. Raises as
        ``Projector.process`` does; looking again is harmless.
        """
        following = [
            build
            for build in builds.all_builds(self.database)
            if build.state == FOLLOWING and build.projection in self.names
        ]
        live = generations.read(self.database)
        self._arrange(live, {build.projection: build for build in following})
        for build in following:
            self._swap_if_whole(build)
        if live.kept:
            for dropped in generations.drop_expired(self.database, *self.names):
                log.info("%s is dropped: no cursor of it lives any more", dropped.name)
        if self.bounds.ended_kept_ms and 0 in self.owned:  # one of the workers does it for all
            self._archive()

    def _archive(self) -> None:
        if monotonic() - self.archived_at < self.bounds.archive_every_ms / 1_000:
            return
        running = [build for build in builds.all_builds(self.database) if builds.is_owned(build)]
        for live in self.projector.live:
            name, heads = live.projection.name, _heads(live)
            collections = {feed.name for feed in self.projector.feeds if feed.projection.name == name}
            for build in running:
                if build.projection == name and build.target.name not in collections:
                    collections.add(build.target.name)
                    # What it has not marked as done it may do again, and then needs.
                    heads = {shard: min(head, build.read_up_to(shard)) for shard, head in heads.items()}
            self.archivist.step(name, sorted(collections), heads)
        self.archived_at = monotonic()

    def _arrange(self, live: Live, following: Mapping[str, Build]) -> None:
        now = generations.now_us()
        fed = {feed.name: feed for feed in self.projector.feeds}
        beside = [
            fed.get(generation.name) or self._feed(generation)
            for name in self.names
            for generation in live.kept_at(name, now)
        ]
        lives = [fed.get(live.of(name).name) or self._feed(live.of(name)) for name in self.names]
        here = {feed.projection.name: feed for feed in lives}
        for name, build in following.items():
            if here[name].generation.number >= build.generation:
                continue
            feed = fed.get(build.target.name) or self._taken_over(build, here[name])
            if feed is not None:
                beside.append(feed)
        self.projector.feed_only(beside, lives)

    def _feed(self, generation: generations.Generation) -> Feed:
        cached = self.projector.bounds.documents_cached_max
        return Feed(PROJECTIONS[generation.projection], self.database, cached, generation)

    def _taken_over(self, build: Build, live: Feed) -> Feed | None:
        """Return the build's feed where the live one is, on every place; ``None`` while that is too far."""
        topic = self.projector.topic
        feed = self._feed(build.target)
        gaps = _gaps(feed, live, build)
        if sum(until - after for after, until in gaps.values()) > self.bounds.gap_events_max:
            builds.leave(self.database, build, topic, self.owned)
            log.warning("%s is too far behind to be taken over; ./oms projections rebuild goes on", feed.name)
            return None
        self._fill(feed, gaps)
        builds.join(self.database, build, topic, self.owned)
        log.info("%s is fed from now on", feed.name)
        return feed

    def _fill(self, feed: Feed, gaps: Mapping[int, tuple[int, int]]) -> None:
        mine = self.projector
        filling = Projector(
            mine.database,
            mine.topic,
            mine.partitions,
            [],
            mine.read_states,
            mine.bounds,
            mine.on_catching_up,
        )
        filling.feed_only([], [feed])
        for shard, (after, until) in gaps.items():
            filling.read_store(shard, after, until)

    def _swap_if_whole(self, build: Build) -> None:
        fed = any(feed.generation == build.target for feed in self.projector.beside)
        whole = builds.joined(self.database, build) >= set(range(self.projector.partitions))
        if fed and whole and generations.swap(self.database, build.target, self.bounds.kept_ms * 1_000):
            log.info("%s is live now", build.target.name)
        live = generations.read(self.database)
        if live.of(build.projection).number >= build.generation:
            builds.finish(self.database, build)
            self._arrange(live, {})


def _heads(feed: Feed) -> dict[int, int]:
    """Return by shard the last event that ``feed`` has seen, and whose documents are written."""
    heads: dict[int, int] = {}
    for place, seq in feed.written.items():
        heads[place.shard] = max(seq, heads.get(place.shard, 0))
    return heads


def _gaps(feed: Feed, live: Feed, build: Build) -> dict[int, tuple[int, int]]:
    """Return by shard after which seq, and until which, ``feed`` lacks what ``live`` has seen."""
    gaps: dict[int, tuple[int, int]] = {}
    for place, seq in live.seen.items():
        if feed.seen_of(place) < seq:
            after, until = gaps.get(place.shard, (seq, seq))
            gaps[place.shard] = min(after, feed.seen_of(place)), max(until, seq)
    # A place may have been quiet for long: its mark is old, though all up to `read` is in.
    return {
        shard: (min(max(after, build.read_up_to(shard)), until), until)
        for shard, (after, until) in gaps.items()
    }
