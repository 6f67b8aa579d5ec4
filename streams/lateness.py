"""Tells, again and again, when this process last had folded all there was on each of its partitions.

What "all there was" is, Kafka knows: where each partition ends. A thread asks twice a second, compares with
what has been processed, and writes down the latest of these moments up to whose end everything is done.
That costs a few requests for all partitions together, whatever the load, and is at most half a second older
than the truth, never newer.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException
from confluent_kafka import TopicPartition as KafkaPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined] # not in __all__
from pymongo.database import Database
from pymongo.errors import PyMongoError

from projections import caught_up
from projections.caught_up import CaughtUp
from projections.projection import Document
from streams.kafka_address import client_options

log = logging.getLogger(__name__)

LATEST = OffsetSpec.latest()  # type: ignore[no-untyped-call] # has no types
EARLIEST = OffsetSpec.earliest()  # type: ignore[no-untyped-call] # has no types
LOOK_EVERY_MS = 500
ANSWER_MS_MAX = 5_000
LOOKS_KEPT_MAX = 2_000

TopicAndPartition = tuple[str, int]


class Ends:
    """Where a partition ended, at which times; offsets are those of the next record."""

    def __init__(self) -> None:
        self.seen: deque[tuple[int, int]] = deque(maxlen=LOOKS_KEPT_MAX)
        self.caught_up_us: int | None = None

    def saw(self, now_us: int, end: int) -> None:
        self.seen.append((now_us, end))

    def done_until(self, offset: int) -> int | None:
        """Say that all before ``offset`` is folded. Return the latest moment at which that was all there was;
        ``None``: there was none yet.
        """
        while self.seen and self.seen[0][1] <= offset:
            self.caught_up_us = self.seen.popleft()[0]
        return self.caught_up_us


class Lateness(threading.Thread):
    """``projections``: those this process hosts, by topic."""

    def __init__(
        self,
        bootstrap: str,
        group: str,
        database: Database[Document],
        projections: Mapping[str, Sequence[str]],
    ) -> None:
        super().__init__(name="lateness", daemon=True)
        self.client = AdminClient(client_options(bootstrap))
        self.group = group
        self.database = database
        self.projections = projections
        self.followed: frozenset[TopicAndPartition] = frozenset()
        self.ends: dict[TopicAndPartition, Ends] = {}
        self.done: dict[TopicAndPartition, int] = {}
        self.over = threading.Event()

    def follow(self, partitions: Iterable[TopicAndPartition]) -> None:
        """Tell of these from now on, instead of those before: somebody else may have gone on with them."""
        self.done, self.ends = {}, {}
        self.followed = frozenset(partitions)

    def processed(self, topic: str, partition: int, offset: int) -> None:
        """Say that the record at ``offset`` is folded and written, and all before it."""
        self.done[topic, partition] = offset + 1

    def stop(self) -> None:
        self.over.set()

    def run(self) -> None:
        while not self.over.wait(LOOK_EVERY_MS / 1000):
            try:
                caught_up.write(self.database, self.look())
            except (KafkaException, PyMongoError) as error:
                log.warning("Cannot tell how late the read models are: %s", error)

    def look(self) -> list[CaughtUp]:
        """Ask where the partitions end, and return what is known of each."""
        followed, done, ends = sorted(self.followed), self.done, self.ends
        if not followed:
            return []
        now_us = time.time_ns() // 1_000
        end_of = self._offsets(followed, LATEST)
        start_of = self._offsets(followed, EARLIEST)
        if unknown := [place for place in followed if place not in done]:
            # What was processed meanwhile is further.
            done.update(self._committed(unknown) | done)
        found = []
        for place in followed:
            known = ends.setdefault(place, Ends())
            known.saw(now_us, end_of[place])
            if (at_us := known.done_until(max(done[place], start_of[place]))) is not None:
                found.append(CaughtUp(self.group, *place, list(self.projections[place[0]]), at_us))
        return found

    def _offsets(self, places: Sequence[TopicAndPartition], spec: OffsetSpec) -> dict[TopicAndPartition, int]:
        asked = {KafkaPartition(*place): spec for place in places}
        answers = self.client.list_offsets(asked, request_timeout=ANSWER_MS_MAX / 1000)
        return {(place.topic, place.partition): answer.result().offset for place, answer in answers.items()}

    def _committed(self, places: Sequence[TopicAndPartition]) -> dict[TopicAndPartition, int]:
        asked = ConsumerGroupTopicPartitions(self.group, [KafkaPartition(*place) for place in places])
        (answer,) = self.client.list_consumer_group_offsets(
            [asked], request_timeout=ANSWER_MS_MAX / 1000
        ).values()
        found = answer.result().topic_partitions
        return {(each.topic, each.partition): max(each.offset, 0) for each in found}
