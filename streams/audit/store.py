"""Reading the event store as an auditor needs it: streams, commits, times, and what the audit index finds."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import NamedTuple
from uuid import UUID

import psycopg

from domain.ids import market_stream
from domain.market import MarketListed
from streams.audit import index
from streams.audit.units import Units
from streams.codec import RecordedEvent, decode_recorded
from streams.history import read_events

PLACES_MAX = 1_000
TERMS_MAX = 100_000
"""Events that an account's terms, or a market's rules, follow from, at most."""
STREAM_PAGE = 1_000

_STREAM = """
    SELECT state FROM events WHERE shard = %s AND originator_id = %s AND originator_version > %s
    ORDER BY originator_version LIMIT %s
"""
_BY_SEQ = "SELECT state FROM events WHERE shard = %s AND notification_id = ANY(%s) ORDER BY notification_id"
_OF_STREAM_IN = """
    SELECT state FROM events WHERE shard = %s AND notification_id BETWEEN %s AND %s AND originator_id = %s
    ORDER BY notification_id
"""
_BEGINNINGS = (
    "SELECT state FROM events WHERE shard = %s AND originator_id = ANY(%s) AND originator_version = 1"
)
_COMMIT = """
    SELECT shard, first_seq, last_seq, occurred_at_us, state_hash, state_hash_version, epoch FROM commits
    WHERE shard = %s AND last_seq >= %s ORDER BY last_seq LIMIT 1
"""


class NotThereError(LookupError):
    """The history has nothing of that name; the text says of which."""


class IndexBehindError(Exception):
    """The audit index has not come as far as the history."""

    def __init__(self, reach: index.Reach) -> None:
        super().__init__(
            f"the audit index of shard {reach.shard} has come to seq {reach.indexed:,} of {reach.last_seq:,}"
        )
        self.reach = reach


class Commit(NamedTuple):
    """``state_hash``: of the shard's state after it."""

    shard: int
    first_seq: int
    last_seq: int
    occurred_at_us: int
    state_hash: bytes
    state_hash_version: int
    epoch: int


class Store:
    """Reads over one connection; not for several threads.

    ``index_events_max``: how much of the history it indexes itself, of each shard, where the index is behind;
    ``None``: all, and ``said`` hears how far it is.
    """

    def __init__(
        self,
        connection: psycopg.Connection,
        index_events_max: int | None = None,
        said: Callable[[index.Reach], None] = lambda _: None,
    ) -> None:
        self.connection = connection
        self._index_events_max = index_events_max
        self._said = said
        self._indexed = False
        self._units: Units | None = None

    # --- Shards and commits -------------------------------------------------------------------------------

    def shards(self) -> dict[int, int]:
        """Return the last seq of each shard."""
        return dict(self.connection.execute("SELECT shard, last_seq FROM shards ORDER BY shard").fetchall())

    def commit_of(self, shard: int, seq: int) -> Commit:
        """Return the commit that seq belongs to. Raises ``NotThereError``."""
        commit = self._commit(shard, seq)
        if commit is None or seq < 1:
            last = self.shards().get(shard)
            there = "there is no such shard" if last is None else f"its history ends at seq {last}"
            raise NotThereError(f"shard {shard} has no seq {seq}: {there}")
        return commit

    def commit_by(self, shard: int, time_us: int) -> Commit | None:
        """Return the last commit at or before a time; ``None``: there was none yet.

        Times never run backwards in a shard, so that halving the history finds it.
        """
        low, high = 0, self.shards().get(shard, 0)
        best: Commit | None = None
        while low < high:
            middle = (low + high) // 2
            commit = self._commit(shard, middle + 1)
            if commit is None or commit.occurred_at_us > time_us:
                high = middle
            else:
                best, low = commit, commit.last_seq
        return best

    def _commit(self, shard: int, seq: int) -> Commit | None:
        """Return the first commit that ends at ``seq`` or later."""
        row = self.connection.execute(_COMMIT, (shard, seq)).fetchone()
        return None if row is None else Commit(*row)

    def events_of(self, commit: Commit) -> list[RecordedEvent]:
        return list(read_events(self.connection, commit.shard, commit.first_seq - 1, commit.last_seq))

    # --- Streams ------------------------------------------------------------------------------------------

    def stream(
        self, shard: int, stream: str, after: int = 0, events_max: int = STREAM_PAGE
    ) -> list[RecordedEvent]:
        """Return the events of a stream after version ``after``, at most ``events_max``."""
        rows = self.connection.execute(_STREAM, (shard, UUID(stream), after, events_max), binary=True)
        return [decode_recorded(state) for (state,) in rows.fetchall()]

    def whole_stream(self, shard: int, stream: str) -> Iterator[RecordedEvent]:
        after = 0
        while page := self.stream(shard, stream, after):
            yield from page
            after = page[-1].version

    def of_stream_in(self, commit: Commit, stream: str) -> list[RecordedEvent]:
        """Return the events of a stream that one commit has."""
        values = (commit.shard, commit.first_seq, commit.last_seq, UUID(stream))
        rows = self.connection.execute(_OF_STREAM_IN, values, binary=True)
        return [decode_recorded(state) for (state,) in rows.fetchall()]

    def beginnings(self, shard: int, streams: Sequence[str]) -> list[RecordedEvent]:
        """Return the first event of each stream."""
        rows = self.connection.execute(_BEGINNINGS, (shard, [UUID(each) for each in streams]), binary=True)
        return [decode_recorded(state) for (state,) in rows.fetchall()]

    def at(self, shard: int, seqs: Sequence[int]) -> list[RecordedEvent]:
        """Return the events at ``seqs``, in order; those that are not there are left out."""
        rows = self.connection.execute(_BY_SEQ, (shard, list(seqs)), binary=True)
        return [decode_recorded(state) for (state,) in rows.fetchall()]

    # --- The index ----------------------------------------------------------------------------------------

    def found(self, *names: str, most: int = PLACES_MAX) -> list[RecordedEvent]:
        """Return the events that the index has for ``names``, by shard and seq, at most ``most``.

        Some may be others that share the hash: whoever asks looks whether it is meant.
        """
        self.reach_the_end()
        return self._indexed_events(*names, most=most)

    def _indexed_events(self, *names: str, most: int = PLACES_MAX) -> list[RecordedEvent]:
        places = index.found(self.connection, *names, places_max=most)
        by_shard: dict[int, list[int]] = {}
        for shard, seq in places:
            by_shard.setdefault(shard, []).append(seq)
        return [event for shard, seqs in by_shard.items() for event in self.at(shard, seqs)]

    def found_in(self, shard: int, keys: list[int]) -> list[int]:
        """Return the seqs of all ``keys`` of one shard, in order."""
        self.reach_the_end()
        return sorted({seq for _, seq in index.found_many(self.connection, shard, keys)})

    def reach_the_end(self) -> None:
        """Index what is missing, within the bound. Raises ``IndexBehindError`` where it is not enough."""
        if self._indexed:
            return
        for shard, last_seq in self.shards().items():
            self._reach(shard, last_seq)
        self._indexed = True

    def _reach(self, shard: int, last_seq: int) -> None:
        done = 0
        while True:
            reach = index.advance(self.connection, shard, index.STEP_EVENTS_MAX)
            if reach.indexed >= last_seq:
                return
            done += index.STEP_EVENTS_MAX
            self._said(reach)
            if self._index_events_max is not None and done >= self._index_events_max:
                raise IndexBehindError(reach)

    # --- Units --------------------------------------------------------------------------------------------

    def units(self) -> Units:
        """Return the decimals of all markets that were ever listed, so far as the index knows of them."""
        if self._units is None:
            with suppress(IndexBehindError):
                self.reach_the_end()
            listed = [recorded.event for recorded in self._indexed_events(index.LISTED, most=TERMS_MAX)]
            self._units = Units(event for event in listed if isinstance(event, MarketListed))
        return self._units

    def units_of(self, shard: int, symbol: str) -> Units:
        """Return the decimals of one market, for which nobody needs the index."""
        if self._units is not None and symbol in self._units.rules:
            return self._units
        first = self.stream(shard, market_stream(shard, symbol), 0, 1)
        return Units(each.event for each in first if isinstance(each.event, MarketListed))

    def shards_of_market(self, symbol: str) -> list[int]:
        return [shard for shard in self.shards() if self.stream(shard, market_stream(shard, symbol), 0, 1)]
