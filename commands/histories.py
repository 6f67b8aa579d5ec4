"""What is known of a stream: what the store has, and what is on its way there.

The store is read over a connection of its own while a commit is on its way over the other. Such a read sees
all of that commit or nothing of it; what it does not see is added from memory, so that both ways give the
same.
"""

from collections.abc import Mapping, Sequence

from commands.batch import Placed
from commands.recorder import ShardRecorder
from streams.codec import RecordedEvent, decode_recorded


class Histories:
    """Tells the events of streams, the batch in flight included."""

    def __init__(self, store: ShardRecorder) -> None:
        self._store = store
        self._in_flight: Sequence[Placed] = ()
        self._by_stream: dict[str, list[bytes]] | None = None

    def commit_begins(self, placed: Sequence[Placed]) -> None:
        """``placed`` is in flight from now on; what was before is in the store."""
        self._in_flight, self._by_stream = placed, None

    def of(self, streams: Sequence[str]) -> Mapping[str, Sequence[RecordedEvent]]:
        """Return the events of those among ``streams`` that have any, in order: one query at most."""
        coming = {stream: self._coming(stream) for stream in streams}
        unknown = [stream for stream, events in coming.items() if not events or events[0].version > 1]
        found = self._store.select_streams(unknown) if unknown else {}
        stored = {stream: [decode_recorded(state) for state in states] for stream, states in found.items()}
        whole = {stream: _joined(stored.get(stream, []), events) for stream, events in coming.items()}
        return {stream: events for stream, events in whole.items() if events}

    def _coming(self, stream: str) -> list[RecordedEvent]:
        if self._by_stream is None:
            self._by_stream = {}
            for event in self._in_flight:
                self._by_stream.setdefault(event.originator_id, []).append(event.state)
        return [decode_recorded(state) for state in self._by_stream.get(stream, ())]


def _joined(stored: list[RecordedEvent], coming: list[RecordedEvent]) -> list[RecordedEvent]:
    last = stored[-1].version if stored else 0
    return stored + [event for event in coming if event.version > last]
