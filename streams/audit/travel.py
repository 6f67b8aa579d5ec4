"""Time travel: the point in a shard's history that is meant by a version, a seq or a time, and what an order,
an account, a market or a book was there.

The replay itself is a ``Machine``: in the process of a command, or in a child of the query API.
"""

from collections.abc import Callable
from typing import Annotated, Literal, NamedTuple

import msgspec
from msgspec import Meta

from domain.exchange import Exchange
from domain.ids import account_stream, market_stream
from domain.order import OrderPlaced, OrderRejected
from streams.audit import as_of
from streams.audit.as_of import AccountAsOf, BookAsOf, Level, MarketAsOf, OrderAsOf
from streams.audit.states import OrderState
from streams.audit.steps import State, Time
from streams.audit.store import NotThereError, Store
from streams.audit.units import moment_us, time_of

What = Literal["order", "account", "market", "book"]


class Wanted(msgspec.Struct, frozen=True):
    """What to look up in a shard's exchange as it was after event ``seq``."""

    shard: int
    seq: int
    what: What
    name: str
    level: Level = 2


class Arrived(msgspec.Struct, frozen=True):
    """``found``: what was looked up, as JSON, ``null`` if it was not there."""

    found: msgspec.Raw
    proven: bool
    proof: str


Machine = Callable[[Wanted], Arrived]


def looked_up(exchange: Exchange, wanted: Wanted) -> OrderAsOf | AccountAsOf | MarketAsOf | BookAsOf | None:
    """Return what is wanted of an exchange that stands where it is wanted."""
    if wanted.what == "order":
        return as_of.order_as_of(exchange, wanted.name)
    if wanted.what == "account":
        return as_of.account_as_of(exchange, wanted.name)
    if wanted.what == "market":
        return as_of.market_as_of(exchange, wanted.name)
    return as_of.book_as_of(exchange, wanted.name, wanted.level)


# --- The point --------------------------------------------------------------------------------------------


class PointError(ValueError):
    """What was asked names no point; the text says why."""


class Asked(NamedTuple):
    """A version of the aggregate, a seq of its shard, or a time (RFC 3339); nothing: now."""

    version: int | None = None
    seq: int | None = None
    time: str | None = None

    def check(self) -> None:
        """Raise ``PointError`` unless at most one is given."""
        given = [name for name, value in self._asdict().items() if value is not None]
        if len(given) > 1:
            raise PointError(f"{' and '.join(given)} were given; give one of version, seq and time")


class Point(msgspec.Struct, frozen=True):
    """Where in a shard's history the state stands: after event ``seq``, which is part of the commit of
    ``first_seq`` to ``last_seq``. ``proven``: the replayed state has the hash that was recorded then.
    """

    shard: int
    seq: int
    occurred_at: Time | None
    first_seq: int
    last_seq: int
    proven: bool
    proof: Annotated[
        str,
        Meta(
            examples=["the replayed state has the hash 0123456789abcdef that the commit at seq 17 recorded"]
        ),
    ]


def seq_of(store: Store, shard: int, stream: str, asked: Asked) -> int:
    """Return the seq that is meant; 0: before all. Raises ``PointError``, ``NotThereError``."""
    asked.check()
    if asked.version is not None:
        found = store.stream(shard, stream, asked.version - 1, 1)
        if not found or found[0].version != asked.version:
            raise NotThereError(f"it has no version {asked.version} in shard {shard}")
        return found[0].seq
    if asked.seq is not None:
        if asked.seq:
            store.commit_of(shard, asked.seq)
        return asked.seq
    if asked.time is not None:
        try:
            commit = store.commit_by(shard, moment_us(asked.time))
        except ValueError as error:
            raise PointError(f"time: {error}") from None
        return 0 if commit is None else commit.last_seq
    return store.shards()[shard]


def _point(store: Store, wanted: Wanted, arrived: Arrived) -> Point:
    if wanted.seq == 0:
        return Point(wanted.shard, 0, None, 0, 0, arrived.proven, arrived.proof)
    commit = store.commit_of(wanted.shard, wanted.seq)
    return Point(
        wanted.shard,
        wanted.seq,
        time_of(commit.occurred_at_us),
        commit.first_seq,
        commit.last_seq,
        arrived.proven,
        arrived.proof,
    )


# --- The answers ------------------------------------------------------------------------------------------


class OrderThen(msgspec.Struct, frozen=True):
    """An order as of a point. ``state``: what its own events had made of it by then, ``null``: it was not
    placed yet. ``open``: what the exchange had of it, with its place in the queue; ``null``: it was not open.
    """

    order_id: str
    as_of: Point
    state: State | None
    open: OrderAsOf | None


class AccountInShard(msgspec.Struct, frozen=True):
    as_of: Point
    account: AccountAsOf | None


class AccountThen(msgspec.Struct, frozen=True):
    """An account as of a point, in each shard that it has been in."""

    account: str
    shards: list[AccountInShard]


class MarketThen(msgspec.Struct, frozen=True):
    """``market``: ``null`` if it was not listed yet."""

    symbol: str
    as_of: Point
    market: MarketAsOf | None


class BookThen(msgspec.Struct, frozen=True):
    """``book``: ``null`` if its market was not listed yet."""

    symbol: str
    as_of: Point
    book: BookAsOf | None


def order_then(store: Store, machine: Machine, shard: int, order: str, asked: Asked) -> OrderThen:
    """Raises ``NotThereError``, ``PointError``, and what the machine raises."""
    beginning = next(iter(store.stream(shard, order, 0, 1)), None)
    if beginning is None or not isinstance(beginning.event, OrderPlaced | OrderRejected):
        raise NotThereError(f"there is no order {order!r}")
    units = store.units_of(shard, beginning.event.symbol)
    wanted = Wanted(shard, seq_of(store, shard, order, asked), "order", order)
    arrived = machine(wanted)
    state = OrderState(shard)
    for recorded in store.whole_stream(shard, order):
        if recorded.seq > wanted.seq:
            break
        state.take(recorded)
    found = msgspec.json.decode(arrived.found, type=OrderAsOf | None)
    return OrderThen(order, _point(store, wanted, arrived), state.shown(units), found)


def account_then(
    store: Store, machine: Machine, account: str, asked: Asked, shard: int | None = None
) -> AccountThen:
    """Raises ``NotThereError``, ``PointError``, and what the machine raises."""
    shards = [each for each in store.shards() if store.stream(each, account_stream(each, account), 0, 1)]
    if not shards:
        raise NotThereError(f"there is no account {account!r}")
    if shard is not None and shard not in shards:
        raise NotThereError(f"account {account!r} is not in shard {shard}, but in {shards}")
    chosen = shards if shard is None else [shard]
    if len(chosen) > 1 and (asked.version is not None or asked.seq is not None):
        raise PointError(f"{account} is in shards {chosen}: name one with shard, or give a time")
    found = [_account_in(store, machine, account, each, asked) for each in chosen]
    return AccountThen(account, found)


def _account_in(store: Store, machine: Machine, account: str, shard: int, asked: Asked) -> AccountInShard:
    seq = seq_of(store, shard, account_stream(shard, account), asked)
    wanted = Wanted(shard, seq, "account", account)
    arrived = machine(wanted)
    found = msgspec.json.decode(arrived.found, type=AccountAsOf | None)
    return AccountInShard(_point(store, wanted, arrived), found)


def market_then(store: Store, machine: Machine, symbol: str, asked: Asked) -> MarketThen:
    """Raises ``NotThereError``, ``PointError``, and what the machine raises."""
    wanted = _of_market(store, symbol, asked, "market")
    arrived = machine(wanted)
    found = msgspec.json.decode(arrived.found, type=MarketAsOf | None)
    return MarketThen(symbol, _point(store, wanted, arrived), found)


def book_then(store: Store, machine: Machine, symbol: str, asked: Asked, level: Level = 2) -> BookThen:
    """Raises ``NotThereError``, ``PointError``, and what the machine raises."""
    wanted = msgspec.structs.replace(_of_market(store, symbol, asked, "book"), level=level)
    arrived = machine(wanted)
    found = msgspec.json.decode(arrived.found, type=BookAsOf | None)
    return BookThen(symbol, _point(store, wanted, arrived), found)


def _of_market(store: Store, symbol: str, asked: Asked, what: What) -> Wanted:
    shards = store.shards_of_market(symbol)
    if not shards:
        raise NotThereError(f"there is no market {symbol!r}")
    seq = seq_of(store, shards[0], market_stream(shards[0], symbol), asked)
    return Wanted(shards[0], seq, what, symbol)
