"""Which ids were used before: an in-memory filter that never forgets one, and at times suspects too many.

What it does not know is new for certain. What it suspects is looked up in the store, one query a batch.
"""

from collections.abc import Iterable

from rbloom import Bloom

FALSE_POSITIVE_RATE = 0.001


def _hash(stream: str) -> int:
    """A stream id is a hash already; the filter wants a signed 128-bit integer, the same in each process."""
    return int(stream[:8] + stream[9:13] + stream[15:18] + stream[20:23] + stream[24:], 16)


class KnownIds:
    """A Bloom filter made for ``ids_expected``; with more it suspects more often, and is never wrong."""

    def __init__(self, ids_expected: int) -> None:
        self.ids_expected = ids_expected
        self._filter = Bloom(ids_expected, FALSE_POSITIVE_RATE, _hash)

    def add(self, stream: str) -> None:
        self._filter.add(stream)

    def suspects(self, streams: Iterable[str]) -> list[str]:
        """Return those of ``streams`` that may have been used before."""
        return [stream for stream in streams if stream in self._filter]

    def to_bytes(self) -> bytes:
        return bytes(self._filter.save_bytes())

    def restore(self, saved: bytes) -> None:
        """Know what was known by the filter that ``to_bytes`` was asked of."""
        self._filter = Bloom.load_bytes(saved, _hash)
