"""What is it? An id that an auditor was given, and what the history knows by it."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from domain.control import VenueStatusChanged
from domain.ids import account_stream, market_stream, shard_of
from domain.order import OrderFilled, OrderPlaced, OrderRejected
from domain.order_list import OrderListPlaced, OrderListRejected
from streams.audit import index
from streams.audit.sentences import sentence
from streams.audit.steps import Time
from streams.audit.store import Store
from streams.audit.units import Units, time_of
from streams.codec import RecordedEvent

Kind = Literal[
    "order", "order list", "transfer", "account", "market", "command", "correlation", "trade", "venue"
]


class Finding(msgspec.Struct, frozen=True):
    """Something the history knows by that name, and the event it begins with. ``href``: where to go on."""

    kind: Kind
    id: str
    sentence: str
    occurred_at: Time
    actor: str
    shard: int
    seq: int
    href: Annotated[str, Meta(examples=["/v1/audit/accounts/alice"])]


class Findings(msgspec.Struct, frozen=True):
    """All that goes by the name ``q``."""

    q: str
    found: list[Finding]


def search(store: Store, q: str) -> list[Finding]:
    """Return what there is of that name: of any kind, the ids of aggregates first.

    A trade is named by symbol and number, as ``BTC-USD/17``. Raises ``IndexBehindError``.
    """
    units = store.units()
    every = (*_aggregates(store, q, units), *_indexed(store, q, units))
    return list({(found.kind, found.id, found.shard, found.seq): found for found in every}.values())


def _aggregates(store: Store, q: str, units: Units) -> Iterator[Finding]:
    for shard in store.shards():
        for stream in _streams(shard, q):
            first = next(iter(store.stream(shard, stream, 0, 1)), None)
            if first is not None:
                yield _of_stream(first, units)


def _streams(shard: int, q: str) -> list[str]:
    named = [account_stream(shard, q), market_stream(shard, q)]
    try:
        return [*named, q] if shard_of(q) == shard else named
    except ValueError:
        return named


def _indexed(store: Store, q: str, units: Units) -> Iterator[Finding]:
    for recorded in store.found(index.CLIENT_ID, q):
        if q in _client_ids(recorded.event):
            yield _of_stream(recorded, units)
    for recorded in store.found(index.COMMAND, q):
        if recorded.causation_id == q:
            yield _finding("command", q, recorded, units, f"/v1/audit/commands/{q}")
    for recorded in store.found(index.CORRELATION, q):
        if recorded.correlation_id == q:
            command = recorded.causation_id
            yield _finding("correlation", q, recorded, units, f"/v1/audit/commands/{command}")
    symbol, _, number = q.partition("/")
    if number:
        for recorded in store.found(index.TRADE, symbol, number):
            event = recorded.event
            if isinstance(event, OrderFilled) and (event.symbol, str(event.trade_id)) == (symbol, number):
                yield _finding("trade", q, recorded, units, f"/v1/audit/trades/{q}")


def _client_ids(event: object) -> list[Any]:
    names = ("client_order_id", "client_list_id", "client_transfer_id")
    return [getattr(event, name, None) for name in names]


def _of_stream(recorded: RecordedEvent, units: Units) -> Finding:
    event = recorded.event
    if isinstance(event, OrderPlaced | OrderRejected):
        return _finding("order", event.order_id, recorded, units, f"/v1/audit/orders/{event.order_id}")
    if isinstance(event, OrderListPlaced | OrderListRejected):
        return _finding("order list", event.list_id, recorded, units, f"/v1/audit/streams/{event.list_id}")
    named: Any = event
    if hasattr(event, "transfer_id"):
        # either shard has a stream of its own for one that goes from the one to the other
        where = f"/v1/audit/streams/{recorded.stream}"
        return _finding("transfer", named.transfer_id, recorded, units, where)
    if isinstance(event, VenueStatusChanged):
        return _finding("venue", recorded.stream, recorded, units, f"/v1/audit/streams/{recorded.stream}")
    if hasattr(event, "rules"):
        symbol = named.rules.symbol
        return _finding("market", symbol, recorded, units, f"/v1/audit/markets/{symbol}")
    account = named.account
    return _finding("account", account, recorded, units, f"/v1/audit/accounts/{account}")


def _finding(kind: Kind, name: str, recorded: RecordedEvent, units: Units, href: str) -> Finding:
    return Finding(
        kind=kind,
        id=name,
        sentence=sentence(recorded.event, units),
        occurred_at=time_of(recorded.occurred_at_us),
        actor=recorded.actor,
        shard=int(recorded.event_id.partition("-")[0]),
        seq=recorded.seq,
        href=href,
    )
