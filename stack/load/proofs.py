"""Proves a run: the events, replayed from zero, give the state the processor had, no money came or went,
every acknowledged order is stored once, and the read models say the same as the events.

One pass over the event store serves all but the last, which needs one of its own: from the first pass it is
known how far the read models have to have come.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import psycopg
from pymongo.database import Database

from domain.exchange import Exchange, replay
from domain.order import OrderCancelled, OrderFilled, OrderPlaced, OrderRejected
from projections.projection import Document
from stack.audit.in_transit import Sightings
from stack.audit.in_transit import differences as in_transit_differences
from stack.load import bounds
from streams import compare
from streams.codec import RecordedEvent
from streams.history import read_events
from streams.progress import Place
from streams.topics import destination

PROGRESS_EVENTS = 5_000

Said = Callable[[int], None]


@dataclass
class Stored:
    """What the event store has of the run's own orders. ``trades`` by symbol; ``volumes`` in base units."""

    trades: Counter[str] = field(default_factory=Counter)
    volumes: Counter[str] = field(default_factory=Counter)
    placed: int = 0
    rejected: int = 0
    cancelled: int = 0


@dataclass
class Proofs:
    """Whether each proof holds, and what speaks against it."""

    replay_hash_equal: bool = True
    read_models_equal: bool = False
    money_conserved: bool = True
    acknowledged_stored_once: bool = True
    events: int = 0
    differences: list[str] = field(default_factory=list)
    stored: Stored = field(default_factory=Stored)

    @property
    def all_true(self) -> bool:
        return all(self.verdicts().values())

    def verdicts(self) -> dict[str, bool]:
        return {
            "replay_hash_equal": self.replay_hash_equal,
            "read_models_equal": self.read_models_equal,
            "money_conserved": self.money_conserved,
            "acknowledged_stored_once": self.acknowledged_stored_once,
        }


class OwnOrders:
    """Follows the run's own orders through the events: how often each was stored, and what became of them."""

    def __init__(self, run_id: str) -> None:
        self.prefix = f"{run_id}-"
        self.times: Counter[str] = Counter()
        self.stored = Stored()

    def see(self, event: object) -> None:
        if isinstance(event, (OrderPlaced, OrderRejected)):
            if event.client_order_id.startswith(self.prefix):
                self.times[event.order_id] += 1
                self.stored.placed += isinstance(event, OrderPlaced)
                self.stored.rejected += isinstance(event, OrderRejected)
        elif isinstance(event, OrderFilled):
            if event.liquidity == "taker" and event.order_id in self.times:
                self.stored.trades[event.symbol] += 1
                self.stored.volumes[event.symbol] += event.quantity
        elif isinstance(event, OrderCancelled) and event.reason == "requested":
            self.stored.cancelled += event.order_id in self.times

    def wrong(self, acknowledged: Iterable[str]) -> Iterator[str]:
        """Yield what is not stored exactly once."""
        for order in acknowledged:
            if order not in self.times:
                yield f"order {order} was acknowledged and is not stored"
        for order, times in self.times.items():
            if times > 1:
                yield f"order {order} is stored {times} times"


@dataclass
class Head:
    """Where a shard's history ends, and the state hash the processor had there."""

    shard: int
    last_seq: int
    state_hash: int


def prove_history(
    connection: psycopg.Connection,
    ends: Sequence[Head],
    partitions: int,
    run_id: str,
    acknowledged: Iterable[str],
    said: Said,
) -> tuple[Proofs, dict[Place, int]]:
    """Replay every shard from zero and compare. Return also the last seq of each of ``partitions`` places.

    ``said(done)`` is told how many events it has come through.
    """
    proofs, own = Proofs(), OwnOrders(run_id)
    places: dict[Place, int] = {}
    sightings = [Sightings(end.shard) for end in ends]
    for end, seen in zip(ends, sightings, strict=True):
        exchange = Exchange()
        for recorded in read_events(connection, end.shard, until=end.last_seq):
            replay(exchange, recorded.event, recorded.occurred_at_us)
            seen.see(recorded.event, exchange.scales)
            own.see(recorded.event)
            places[Place(*destination(recorded.event, partitions), end.shard)] = recorded.seq
            proofs.events += 1
            if proofs.events % PROGRESS_EVENTS == 0:
                said(proofs.events)
        _compare(proofs, end, exchange)
        seen.finish(exchange)
    compare_shards(proofs, sightings)
    wrong = list(own.wrong(acknowledged))
    proofs.acknowledged_stored_once = not wrong
    proofs.differences.extend(wrong)
    proofs.stored = own.stored
    return proofs, places


def prove_read_models(
    connection: psycopg.Connection,
    database: Database[Document],
    ends: Sequence[Head],
    proofs: Proofs,
    said: Said,
) -> None:
    """Fold all events into read models once more, and compare every document with the stored one."""
    done = 0

    def counted(events: Iterable[RecordedEvent]) -> Iterator[RecordedEvent]:
        nonlocal done
        for recorded in events:
            done += 1
            if done % PROGRESS_EVENTS == 0:
                said(done)
            yield recorded

    found: list[str] = []
    for end in ends:
        events = read_events(connection, end.shard, until=end.last_seq)
        found += compare.differences(database, counted(events), shard=end.shard)
    proofs.read_models_equal = not found
    proofs.differences.extend(found)


def head(connection: psycopg.Connection, shard: int) -> Head:
    """Return the end of the shard's newest commit."""
    newest = "SELECT last_seq, state_hash FROM commits WHERE shard = %s ORDER BY last_seq DESC LIMIT 1"
    row = connection.execute(newest, (shard,)).fetchone()
    return Head(shard, row[0], int.from_bytes(row[1], "big")) if row else Head(shard, 0, 0)


def _compare(proofs: Proofs, end: Head, exchange: Exchange) -> None:
    if exchange.state_hash != end.state_hash:
        proofs.replay_hash_equal = False
        proofs.differences.append(
            f"shard {end.shard}: its events give the state {exchange.state_hash:016x}, "
            f"the processor had {end.state_hash:016x}"
        )
    for asset, amount in exchange.unaccounted().items():
        if amount:
            proofs.money_conserved = False
            proofs.differences.append(f"shard {end.shard}: {amount} minor units of {asset} came from nowhere")


def compare_shards(proofs: Proofs, sightings: Sequence[Sightings]) -> None:
    """What one shard credited, another has sent; what it has not yet is in transit, to the unit."""
    found = list(in_transit_differences(sightings))
    proofs.money_conserved = proofs.money_conserved and not found
    proofs.differences.extend(found)


def shown(differences: list[str]) -> list[str]:
    """Return the first few; there may be as many as orders."""
    rest = len(differences) - bounds.DIFFERENCES_SHOWN_MAX
    return differences[: bounds.DIFFERENCES_SHOWN_MAX] + ([f"and {rest} more"] if rest > 0 else [])
