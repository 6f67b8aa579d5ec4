"""An account's past: from the read models, once they have come far enough, and from the event store."""

from collections.abc import Callable, Mapping, Sequence
from time import monotonic, sleep
from typing import NamedTuple

import psycopg
from pymongo.database import Database

from api.market_data.bounds import StreamBounds
from api.market_data.private_views import accounts_of
from domain.ids import account_stream
from projections import balances, orders, progress
from projections.generations import LiveView, live_view
from projections.projection import Document
from streams.codec import RecordedEvent, decode_recorded, encode
from streams.history import read_states
from streams.progress import Place
from streams.topics import ACCOUNTS, partition_of

CONNECT_S_MAX = 5
LOOK_S = 0.02
BALANCES_MAX = 10_000
OPEN = (orders.PENDING, orders.WAITING, orders.OPEN, orders.PARTIALLY_FILLED)

_LAST_OF_STREAM = """
    SELECT notification_id FROM events WHERE shard = %s AND originator_id = %s
    ORDER BY originator_version DESC LIMIT 1
"""
_STANDS = "SELECT shard, last_seq FROM shards"


class NotNowError(Exception):
    """It could not be done in time, or would be too much; the text says which."""


class Copy(NamedTuple):
    """``orders``, ``balances``: each document as of its own seq. Nothing in them is newer than ``until``, by
    shard.
    """

    orders: list[Document]
    balances: list[Document]
    until: dict[int, int]


class PrivateStore:
    """``seen``: the last event of each place of the topic of orders that this process has taken."""

    def __init__(
        self,
        database: Database[Document],
        postgres_dsn: str,
        partitions: int,
        limits: StreamBounds,
        seen: Callable[[], Mapping[Place, int]],
    ) -> None:
        self._database = database
        self._dsn = postgres_dsn
        self._partitions = partitions
        self._bounds = limits
        self._seen = seen

    def copy_of(self, account: str, shards: Sequence[int], deadline: float) -> Copy:
        """Read what is at least as new as this moment. Raises ``NotNowError`` if the read models are not by
        ``deadline``, or the account has too much open; ``psycopg.Error``, ``PyMongoError``.
        """
        needed = dict(self._seen())
        with psycopg.connect(self._dsn, autocommit=True, connect_timeout=CONNECT_S_MAX) as store:
            own = self._own_places(store, account, shards)
            view = live_view(self._database)
            self._wait_for(view, "orders", needed, deadline)
            self._wait_for(view, "balances", own, deadline)
            found = orders.of_account(
                view, account, statuses=OPEN, orders_max=self._bounds.open_orders_max + 1
            )
            if len(found) > self._bounds.open_orders_max:
                most = self._bounds.open_orders_max
                raise NotNowError(f"{account} has more than {most} open orders: ask for them by pages")
            held = balances.of_account(view, account, BALANCES_MAX)
            until: dict[int, int] = dict(store.execute(_STANDS).fetchall())
        return Copy(found, held, until)

    def _own_places(self, store: psycopg.Connection, account: str, shards: Sequence[int]) -> dict[Place, int]:
        partition = partition_of(account, self._partitions)
        last: dict[Place, int] = {}
        for shard in shards:
            row = store.execute(_LAST_OF_STREAM, (shard, account_stream(shard, account))).fetchone()
            if row is not None:
                last[Place(ACCOUNTS, partition, shard)] = row[0]
        return last

    def _wait_for(
        self, view: LiveView, projection: str, needed: Mapping[Place, int], deadline: float
    ) -> None:
        while True:
            marks = progress.read(view, projection)
            seen = {Place(mark.topic, mark.partition, mark.shard): mark.seq for mark in marks}
            behind = [place for place, seq in needed.items() if seen.get(place, 0) < seq]
            if not behind:
                return
            if monotonic() > deadline:
                raise NotNowError(f"the read model {projection} is behind by more than can be waited for")
            sleep(LOOK_S)

    def events_of(self, account: str, shard: int, after: int, until: int) -> list[RecordedEvent]:
        """Return what happened to the account with after < seq <= until."""
        text = encode(account)
        with psycopg.connect(self._dsn, autocommit=True, connect_timeout=CONNECT_S_MAX) as store:
            named = (state for state in read_states(store, shard, after, until) if text in state)
            return [each for each in map(decode_recorded, named) if account in accounts_of(each.event)]
