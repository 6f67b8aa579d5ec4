"""The audit index: where in the history a command, a caller's own id, a trade, a market, an account's terms
are to be found. It is made outside the hot path, from the events alone: see docs/adr/0017.

An entry is a 64-bit hash of what is looked for and the seq of an event; whoever looks reads the event and
sees whether it is meant. ``audit_index_ends`` says how far each shard's index goes, and which commit ended
there: an index of another history, as after a backup was put back, is thrown away and made anew.
"""

from collections.abc import Iterator
from typing import NamedTuple

import psycopg
import xxhash

from domain.account import AccountPosted
from domain.market import MarketListed, MarkPriceSet
from domain.order import OrderFilled, OrderPlaced, OrderRejected
from domain.trade import TradeBusted, TradeCorrected
from streams.codec import ACCOUNT_EVENTS, ORDER_EVENTS, RecordedEvent
from streams.history import read_events

STEP_EVENTS_MAX = 20_000
"""Events that are indexed in one transaction, unless a single commit has more."""

COMMAND, CORRELATION, CLIENT_ID, TRADE = "command", "correlation", "client id", "trade"
MARKET, ACCOUNT, LISTED, VENUE = "market", "account", "listed", "venue"

TABLES = """
    CREATE TABLE IF NOT EXISTS audit_index (
        shard smallint NOT NULL,
        key bigint NOT NULL,
        seq bigint NOT NULL
    );
    CREATE INDEX IF NOT EXISTS audit_index_key ON audit_index (key, shard, seq);
    CREATE TABLE IF NOT EXISTS audit_index_ends (
        shard smallint PRIMARY KEY,
        last_seq bigint NOT NULL,
        chain_hash bytea NOT NULL
    );
"""
_COPY = "COPY audit_index (shard, key, seq) FROM STDIN (FORMAT BINARY)"
_ADVANCE = """
    INSERT INTO audit_index_ends (shard, last_seq, chain_hash) VALUES (%s, %s, %s)
    ON CONFLICT (shard) DO UPDATE SET last_seq = excluded.last_seq, chain_hash = excluded.chain_hash
"""
_COMMIT_UP_TO = """
    (SELECT last_seq, chain_hash FROM commits
     WHERE shard = %(shard)s AND last_seq > %(after)s AND last_seq <= %(until)s
     ORDER BY last_seq DESC LIMIT 1)
    UNION ALL
    (SELECT last_seq, chain_hash FROM commits WHERE shard = %(shard)s AND last_seq > %(after)s
     ORDER BY last_seq LIMIT 1)
    LIMIT 1
"""
_CLASS = 0x6F6D7302  # a number of our own: shards are indexed by one connection each at a time

Names = tuple[str, ...]


class Reach(NamedTuple):
    """How far a shard's index goes, and how far its history did when it was looked at."""

    shard: int
    indexed: int
    last_seq: int

    @property
    def behind(self) -> int:
        return self.last_seq - self.indexed


def create(connection: psycopg.Connection) -> None:
    """Create what is missing; what is there stays."""
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s, %s)", (_CLASS, -1))
        there = connection.execute("SELECT to_regclass('audit_index')").fetchone()
        if there is None or there[0] is None:  # what is there is in use, and would be locked
            connection.execute(TABLES)


def key_of(kind: str, *names: str) -> int:
    """Return the hash that ``names`` of one kind are found by, as a signed 64-bit integer."""
    named = "".join([f"{len(name)}:{name}" for name in (kind, *names)])
    return xxhash.xxh3_64_intdigest(named.encode()) - 2**63


# --- What is looked for -----------------------------------------------------------------------------------


def entries(recorded: RecordedEvent) -> Iterator[Names]:
    """Yield what an event is found by, its command apart."""
    event = recorded.event
    kind = type(event)
    if kind in ORDER_EVENTS:
        yield from _of_order(event)
    elif kind in ACCOUNT_EVENTS:
        if not isinstance(event, AccountPosted):
            yield ACCOUNT, event.account  # type: ignore[union-attr] # every event of this family has it
    elif (client_id := _client_id(event)) is not None:
        yield CLIENT_ID, client_id
    else:
        yield from _of_market(event)


def _of_order(event: object) -> Iterator[Names]:
    if isinstance(event, OrderFilled):
        if event.liquidity == "taker":
            yield TRADE, event.symbol, str(event.trade_id)
    elif isinstance(event, OrderPlaced | OrderRejected):
        yield CLIENT_ID, event.client_order_id


def _client_id(event: object) -> str | None:
    for name in ("client_list_id", "client_transfer_id"):
        found = getattr(event, name, None)
        if isinstance(found, str):
            return found
    return None


def _of_market(event: object) -> Iterator[Names]:
    if isinstance(event, MarketListed):
        yield (LISTED,)
        yield MARKET, event.rules.symbol
    elif isinstance(event, TradeBusted | TradeCorrected):
        yield TRADE, event.symbol, str(event.trade_id)
        yield MARKET, event.symbol
    elif (symbol := getattr(event, "symbol", None)) is not None:
        if not isinstance(event, MarkPriceSet) and not hasattr(event, "list_id"):
            yield MARKET, symbol
    elif hasattr(event, "status"):
        yield (VENUE,)


def rows_of(events: Iterator[RecordedEvent]) -> Iterator[tuple[int, int]]:
    """Yield (key, seq); the events of a command follow one another, and the first one stands for all."""
    before: tuple[str, str] = ("", "")
    for recorded in events:
        cause = (recorded.causation_id, recorded.correlation_id)
        if cause != before:
            before = cause
            if cause[0]:
                yield key_of(COMMAND, cause[0]), recorded.seq
            if cause[1]:
                yield key_of(CORRELATION, cause[1]), recorded.seq
        for names in entries(recorded):
            yield key_of(*names), recorded.seq


# --- Making it --------------------------------------------------------------------------------------------


def advance(connection: psycopg.Connection, shard: int, events_max: int = STEP_EVENTS_MAX) -> Reach:
    """Index some more of a shard's history, whole commits of it, in one transaction. Safe beside others that
    do the same.
    """
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s, %s)", (_CLASS, shard))
        after = _end(connection, shard)
        commit = connection.execute(
            _COMMIT_UP_TO, {"shard": shard, "after": after, "until": after + events_max}
        ).fetchone()
        if commit is not None:
            until, chain_hash = commit
            _copy(connection, shard, after, until)
            connection.execute(_ADVANCE, (shard, until, chain_hash))
            after = until
    return Reach(shard, after, max(after, _last_seq(connection, shard)))


def _copy(connection: psycopg.Connection, shard: int, after: int, until: int) -> None:
    rows = list(rows_of(read_events(connection, shard, after, until)))
    with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
        copy.set_types(["int2", "int8", "int8"])
        for key, seq in rows:
            copy.write_row((shard, key, seq))


def _end(connection: psycopg.Connection, shard: int) -> int:
    """Return up to where the index goes; forget one of another history."""
    row = connection.execute(
        "SELECT e.last_seq, e.chain_hash = c.chain_hash FROM audit_index_ends e LEFT JOIN commits c"
        " ON c.shard = e.shard AND c.last_seq = e.last_seq WHERE e.shard = %s",
        (shard,),
    ).fetchone()
    if row is None:
        return 0
    if row[1]:
        return int(row[0])
    connection.execute("DELETE FROM audit_index WHERE shard = %s", (shard,))
    connection.execute("DELETE FROM audit_index_ends WHERE shard = %s", (shard,))
    return 0


def _last_seq(connection: psycopg.Connection, shard: int) -> int:
    row = connection.execute("SELECT last_seq FROM shards WHERE shard = %s", (shard,)).fetchone()
    return 0 if row is None else int(row[0])


# --- Looking ----------------------------------------------------------------------------------------------


def found(connection: psycopg.Connection, *names: str, places_max: int) -> list[tuple[int, int]]:
    """Return (shard, seq) of what may be meant, by shard and seq, at most ``places_max``."""
    return connection.execute(
        "SELECT shard, seq FROM audit_index WHERE key = %s ORDER BY shard, seq LIMIT %s",
        (key_of(*names), places_max),
    ).fetchall()


def found_many(connection: psycopg.Connection, shard: int, keys: list[int]) -> list[tuple[int, int]]:
    """Return (key, seq) of all ``keys`` in one shard, by seq."""
    return connection.execute(
        "SELECT key, seq FROM audit_index WHERE key = ANY(%s) AND shard = %s ORDER BY seq", (keys, shard)
    ).fetchall()
