"""Ends a process whose consumer has died in silence, Faust's best-known fault.

It looks from outside, in a thread and with a Kafka client of its own: what the consumer group has committed,
and where the partitions end. A dead consumer cannot tell that it is dead.
"""

import logging
import threading
from collections.abc import Callable, Iterable
from time import monotonic

from confluent_kafka import Consumer, KafkaException
from confluent_kafka import TopicPartition as KafkaPartition

from streams.kafka_address import client_options

log = logging.getLogger(__name__)

LOOK_EVERY_MS = 2_000
ANSWER_MS_MAX = 5_000


class LagWatch(threading.Thread):
    """Calls ``on_stall(why)`` once records of a followed partition have waited ``stall_ms_max`` while nothing
    was committed there, nor anything else done (``busy``).
    """

    def __init__(
        self, bootstrap: str, group: str, stall_ms_max: int, on_stall: Callable[[str], None]
    ) -> None:
        super().__init__(name="lag-watch", daemon=True)
        self.client = Consumer({**client_options(bootstrap), "group.id": group, "enable.auto.commit": False})
        self.stall_s_max = stall_ms_max / 1000
        self.on_stall = on_stall
        self.followed: frozenset[tuple[str, int]] = frozenset()
        self.committed: dict[tuple[str, int], int] = {}
        self.moved_at: dict[tuple[str, int], float] = {}
        self.busy_at: dict[str, float] = {}
        self.over = threading.Event()

    def follow(self, partitions: Iterable[tuple[str, int]]) -> None:
        """Watch these from now on, instead of those before."""
        self.followed = frozenset(partitions)

    def busy(self, topic: str) -> None:
        """Say that work on ``topic`` goes on though nothing is committed: catching up from the store."""
        self.busy_at[topic] = monotonic()

    def stop(self) -> None:
        self.over.set()

    def run(self) -> None:
        while not self.over.wait(LOOK_EVERY_MS / 1000):
            try:
                stalled = self.stalled()
            except KafkaException as error:
                # Kafka being away is no fault of ours, and ending the process would not bring it back.
                log.warning("Cannot look how far the consumer is: %s", error)
                self.moved_at.clear()
                continue
            if stalled and not self.over.is_set():
                self.on_stall(stalled)
        self.client.close()

    def stalled(self) -> str | None:
        """Return what has not moved for too long, in words; ``None``: all is well."""
        now, followed = monotonic(), self.followed
        if not followed:
            return None
        asked = [KafkaPartition(topic, partition) for topic, partition in followed]
        for found in self.client.committed(asked, timeout=ANSWER_MS_MAX / 1000):
            place = (found.topic, found.partition)
            start, end = self.client.get_watermark_offsets(found, timeout=ANSWER_MS_MAX / 1000, cached=False)
            committed = max(found.offset, start)
            if committed >= end or self.committed.get(place) != committed or place not in self.moved_at:
                self.moved_at[place] = now
            self.committed[place] = committed
            waited = now - max(self.moved_at[place], self.busy_at.get(found.topic, 0.0))
            if waited > self.stall_s_max:
                return f"{place[0]}/{place[1]} stands at {committed} of {end} for {waited:.0f} s"
        return None
