"""The time machine: a shard's exchange as it was after any event of its history.

A replay begins at the nearest state at hand before the point: where the machine stands, one that it put
aside on an earlier way, or a snapshot of the shard in the store; else at zero. So stepping forward costs the
events between, and stepping back at most the few since the state that was put aside last.
"""

from collections import OrderedDict
from collections.abc import Callable
from time import monotonic
from typing import NamedTuple

import psycopg
from psycopg.rows import TupleRow

from commands.snapshots import restore_newest
from domain.exchange import Exchange, replay
from domain.snapshot import ExchangeSnapshot
from domain.snapshots import restored, taken
from domain.state_hash import VERSION
from streams.history import read_events

KEEP_EVERY_EVENTS = 20_000
KEPT_MAX = 8
ORDERS_KEPT_MAX = 200_000
"""Open orders of an exchange beyond which none is put aside: that would take longer than it saves."""
SAY_EVERY_S = 0.5
SAY_EVERY_EVENTS = 1_000

Said = Callable[[int, int, int], None]


class Stop(NamedTuple):
    """An exchange at a point of its shard's history; whoever asked may read it until the machine moves on.

    ``proven``: the point is the end of a commit, and the state is the one whose hash that commit has.
    ``proof`` says so in a sentence, or why it cannot be said.
    """

    exchange: Exchange
    proven: bool
    proof: str


class HistoryDiffersError(RuntimeError):
    """The replayed events give another state than the processor had."""


class TimeMachine:
    """Goes to and fro in the histories of a store's shards; not for several threads.

    ``partitions``, ``ids_expected``: as the processor's snapshots were made for.
    """

    def __init__(self, connection: psycopg.Connection[TupleRow], partitions: int, ids_expected: int) -> None:
        self._connection = connection
        self._partitions = partitions
        self._ids_expected = ids_expected
        self._shard = -1
        self._seq = 0
        self._exchange = Exchange()
        self._kept: OrderedDict[tuple[int, int], ExchangeSnapshot] = OrderedDict()

    def go(self, shard: int, seq: int, said: Said = lambda *_: None) -> Stop:
        """Return the shard's exchange after event ``seq``. ``said`` hears (from, now at, going to) meanwhile.

        Raises ``HistoryDiffersError`` if the store says that it was another one.
        """
        self._begin(shard, seq)
        self._replay(seq, said)
        return Stop(self._exchange, *self._prove())

    # --- Where to begin -----------------------------------------------------------------------------------

    def _begin(self, shard: int, seq: int) -> None:
        """Stand at the nearest point at hand before ``seq``."""
        here = self._seq if self._shard == shard and self._seq <= seq else -1
        kept = max((at for of, at in self._kept if of == shard and here < at <= seq), default=-1)
        if self._load(shard, max(here, kept), seq):
            return
        if kept > here:
            self._kept.move_to_end((shard, kept))
            self._exchange, self._shard, self._seq = restored(self._kept[shard, kept]), shard, kept
        elif here < 0:
            self._exchange, self._shard, self._seq = Exchange(), shard, 0

    def _load(self, shard: int, better_than: int, seq: int) -> bool:
        """Stand where the newest stored snapshot was taken, if that saves much."""
        row = self._connection.execute(
            "SELECT max(last_seq) FROM snapshots WHERE shard = %s AND last_seq <= %s", (shard, seq)
        ).fetchone()
        if row is None or row[0] is None or row[0] < better_than + KEEP_EVERY_EVENTS:
            return False
        found = restore_newest(self._connection, shard, self._partitions, self._ids_expected, seq)
        if found is None or found.last_seq <= better_than:
            return False
        self._exchange, self._shard, self._seq = found.exchange, shard, found.last_seq
        return True

    # --- On the way ---------------------------------------------------------------------------------------

    def _replay(self, until: int, said: Said) -> None:
        came_from, heard = self._seq, monotonic()
        for recorded in read_events(self._connection, self._shard, self._seq, until):
            try:
                replay(self._exchange, recorded.event, recorded.occurred_at_us)
            except Exception as error:
                self._forget()
                raise HistoryDiffersError(
                    f"shard {self._shard}: the event at seq {recorded.seq} does not fit what was before it:"
                    f" {error!r}. Next: ./oms audit verify"
                ) from error
            self._seq = recorded.seq
            if self._seq % KEEP_EVERY_EVENTS == 0 and until - self._seq < KEPT_MAX * KEEP_EVERY_EVENTS:
                self._keep()
            if self._seq % SAY_EVERY_EVENTS == 0 and monotonic() - heard > SAY_EVERY_S:
                heard = monotonic()
                said(came_from, self._seq, until)

    def _keep(self) -> None:
        if len(self._exchange.orders) > ORDERS_KEPT_MAX:
            return
        self._kept[self._shard, self._seq] = taken(self._exchange)
        while len(self._kept) > KEPT_MAX:
            self._kept.popitem(last=False)

    def _forget(self) -> None:
        self._shard, self._seq, self._exchange = -1, 0, Exchange()
        self._kept.clear()

    # --- Arrived ------------------------------------------------------------------------------------------

    def _prove(self) -> tuple[bool, str]:
        shard, seq = self._shard, self._seq
        row = self._connection.execute(
            "SELECT first_seq, last_seq, state_hash, state_hash_version FROM commits"
            " WHERE shard = %s AND last_seq >= %s ORDER BY last_seq LIMIT 1",
            (shard, seq),
        ).fetchone()
        if row is None or seq == 0:
            return False, "nothing had happened yet"
        first, last, state_hash, version = row
        if seq < last:
            return False, (
                f"seq {seq} is within the commit of seqs {first} to {last}: a state nobody ever saw, whose"
                f" hash was not recorded; ask as of seq {last} for one that can be proven"
            )
        if version != VERSION:
            return False, f"its hash is of version {version}, this release computes version {VERSION}"
        if self._exchange.state_hash.to_bytes(8, "big") != state_hash:
            self._forget()
            raise HistoryDiffersError(
                f"shard {shard}: its events up to seq {seq} give another state than the processor had."
                " Next: ./oms audit verify"
            )
        return (
            True,
            f"the replayed state has the hash {state_hash.hex()} that the commit at seq {last} recorded",
        )
