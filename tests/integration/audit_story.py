"""A short history for the auditor: written by a real processor, or by hand for any shard."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg

from commands.copying import COLUMNS
from commands.messages import AnyCommand
from commands.schema import events_table
from commands.snapshotting import SnapshotConfig
from domain.control import SetAccountStatus
from domain.ids import order_id
from domain.order import AmendOrder, CancelOrder, OrderRequest, PlaceOrder
from domain.state_hash import VERSION
from domain.trade import BustTrade
from stack.running import Stack
from streams.audit import access, index
from streams.codec import RecordedEvent, encode, event_type
from tests.integration.databases import own_database
from tests.integration.desk import MARKET, Desk, funded
from tests.unit.projections.trading import Venue

BID = order_id(0, "alice", "bid")


def ask(account: str, name: str, by: str = "", correlation: str = "", **request: Any) -> PlaceOrder:
    return PlaceOrder(
        command_id=f"{account}-{name}",
        actor=by or account,
        correlation_id=correlation,
        order_id=order_id(0, account, name),
        account=account,
        client_order_id=name,
        symbol="BTC-USD",
        request=OrderRequest(**request),
    )


def about_bid(kind: Any, **more: Any) -> Any:
    return kind(command_id=f"{kind.__name__}-bid", order_id=BID, account="alice", **more)


def batches() -> Iterator[list[AnyCommand]]:
    """Alice's bid is placed, partly filled, amended and cancelled. Then dan's market order fills another of
    hers and some of carol's; that triggers bob's stop, which fills more of carol's. The first trade is
    busted.
    """
    for account, asset in (("alice", "USD"), ("carol", "USD"), ("bob", "BTC"), ("dan", "BTC")):
        yield [MARKET, *funded(account, asset, "10000")]
    bid = {"side": "buy", "quantity": "2", "price": "100"}
    yield [ask("alice", "bid", by="desk-7", correlation="rebalance-17", **bid)]
    yield [ask("bob", "hit", side="sell", quantity="0.5", price="100")]
    yield [about_bid(AmendOrder, actor="desk-8", quantity="1.5")]
    yield [about_bid(CancelOrder, actor="alice")]
    yield [
        ask("alice", "high", side="buy", quantity="1", price="100"),
        ask("carol", "low", side="buy", quantity="5", price="90"),
        ask("bob", "stop", side="sell", quantity="1", order_type="stop", trigger_price="99"),
        ask("dan", "odd", side="sell", quantity="1", price="100.001"),
    ]
    market = {"order_type": "market", "time_in_force": "ioc"}
    yield [ask("dan", "hit", correlation="rebalance-17", side="sell", quantity="1.5", **market)]
    suspend = SetAccountStatus(
        command_id="suspend", actor="risk", account="dan", status="suspended", reason="look into it"
    )
    yield [suspend]
    bust = BustTrade(
        command_id="bust", actor="ops", symbol="BTC-USD", trade_id=1, order_id=BID, reason="fat finger"
    )
    yield [bust]


@contextmanager
def told(servers: Stack) -> Iterator[Desk]:
    """Have a processor write the history to a database of its own."""
    servers.prepare()
    with own_database(servers.settings.postgres_dsn) as dsn:
        prepare(dsn)
        with closing(Desk(servers, dsn, snapshots=SnapshotConfig(events=1_000_000))) as desk:
            for batch in batches():
                desk.send(*batch)
                desk.settle()
            yield desk


def prepare(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        index.create(connection)
        access.create(connection)


def write(dsn: str, shard: int, made: list[tuple[list[RecordedEvent], int]]) -> None:
    """Write commits, (events, state hash after them) each, as a shard's history: its chain is made up."""
    with psycopg.connect(dsn, autocommit=True) as connection, connection.transaction():
        for events, state_hash in made:
            first, last = events[0].seq, events[-1].seq
            with (
                connection.cursor() as cursor,
                cursor.copy(f"COPY {events_table(shard)} ({COLUMNS}) FROM STDIN".encode()) as copy,
            ):
                for each in events:
                    kind = event_type(each.event)
                    copy.write_row((shard, each.seq, each.stream, each.version, kind, encode(each)))
            values = (shard, last, first, events[0].occurred_at_us, state_hash.to_bytes(8, "big"), VERSION)
            connection.execute(
                "INSERT INTO commits (shard, last_seq, first_seq, next_offset, epoch, occurred_at_us,"
                " state_hash, state_hash_version, chain_hash) VALUES (%s, %s, %s, 0, 1, %s, %s, %s, %s)",
                (*values, f"{shard}-{last}".encode()),
            )
            connection.execute("UPDATE shards SET last_seq = %s WHERE shard = %s", (last, shard))


class Noted(Venue):
    """A venue that notes its commits, for ``write``."""

    def __init__(self, shard: int = 0) -> None:
        super().__init__(shard=shard)
        self.commits: list[tuple[list[RecordedEvent], int]] = []

    def batch(self, *commands: AnyCommand) -> list[RecordedEvent]:
        made = super().batch(*commands)
        if made:
            self.commits.append((made, self.shard.exchange.state_hash))
        return made
