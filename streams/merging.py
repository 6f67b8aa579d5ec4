"""Putting one shard's events, which come by several topic partitions, back into the order they happened in.

A shard's seqs are contiguous over both topics of events. So whoever reads all of their partitions knows,
without being told, whether anything is still on its way.
"""

from collections.abc import Iterable

from streams.codec import RecordedEvent


class ShardOrder:
    """``seq``: the last event that was given out. Events may come in any order, and twice."""

    def __init__(self, seq: int) -> None:
        self.seq = seq
        self._waiting: dict[int, RecordedEvent] = {}

    @property
    def waiting(self) -> int:
        """How many events wait for one before them."""
        return len(self._waiting)

    @property
    def waiting_until(self) -> int:
        """The last event that waits: once all up to it are there, none does."""
        return max(self._waiting, default=self.seq)

    def add(self, events: Iterable[RecordedEvent]) -> list[RecordedEvent]:
        """Return what can be given out now, in order."""
        waiting, ready, seq = self._waiting, list[RecordedEvent](), self.seq
        for event in events:
            if event.seq > seq:
                waiting[event.seq] = event
        while (event_now := waiting.pop(seq + 1, None)) is not None:
            ready.append(event_now)
            seq += 1
        self.seq = seq
        return ready
