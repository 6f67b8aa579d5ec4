"""Time travel through histories of every kind of command, and of accounts that are in two shards."""

import random
from collections.abc import Iterator

import psycopg
import pytest

from commands.time_machine import TimeMachine
from domain.exchange import Exchange, replay
from domain.ids import market_stream
from stack.audit.machine import machine_on
from stack.running import Stack
from stack.settings import Settings
from stack.waiting import wait_until
from streams.audit import index
from streams.audit.histories import account_history, market_history, stream_history
from streams.audit.keeping import indexing
from streams.audit.searching import search
from streams.audit.store import IndexBehindError, Store
from streams.audit.travel import Asked, PointError, account_then, seq_of
from streams.codec import RecordedEvent
from tests.integration.audit_story import Noted, prepare, write
from tests.integration.databases import own_database
from tests.integration.desk import PARTITIONS
from tests.unit.domain.dump import dump
from tests.unit.projections import trading
from tests.unit.projections.controlled import controlled
from tests.unit.projections.trading import opened, place

IDS_EXPECTED = 1_000
WAIT_MS = 20_000


@pytest.fixture
def dsn(servers: Stack) -> Iterator[str]:
    with own_database(servers.settings.postgres_dsn, shards=2) as own:
        prepare(own)
        yield own


@pytest.fixture
def connection(dsn: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(dsn, autocommit=True) as opened_one:
        yield opened_one


@pytest.fixture
def every_kind(dsn: str, monkeypatch: pytest.MonkeyPatch) -> Noted:
    monkeypatch.setattr(trading, "Venue", Noted)
    venue = trading.trading(200, 5, money_moves=True)
    controlled(venue, "ETH-USD", ("acc5-0", "acc5-1"))
    assert isinstance(venue, Noted)
    write(dsn, 0, venue.commits)
    return venue


@pytest.fixture
def two_shards(dsn: str) -> list[Noted]:
    """Ann is in both: the second shard's day begins half a millisecond after the first's."""
    venues = [Noted(0), Noted(1)]
    venues[1].now_us += 500
    for venue, symbol in zip(venues, ("BTC-USD", "ETH-EUR"), strict=True):
        opened(venue, "ann", symbols=(symbol,))
        venue.batch(place("ann", f"bid-{symbol}", "buy", "1", "100", symbol))
        write(dsn, venue.shard.number, venue.commits)
    return venues


def test_going_forward_finds_every_state_and_proves_every_commit(
    connection: psycopg.Connection, every_kind: Noted
) -> None:
    machine = TimeMachine(connection, PARTITIONS, IDS_EXPECTED)
    reference = Exchange()
    ends = {made[-1].seq for made, _ in every_kind.commits}
    for number, recorded in enumerate(every_kind.events):
        replay(reference, recorded.event, recorded.occurred_at_us)
        if recorded.seq in ends or number % 9 == 0:
            stop = machine.go(0, recorded.seq)
            assert stop.proven == (recorded.seq in ends), stop.proof
            assert dump(stop.exchange) == dump(reference)


def test_jumping_to_and_fro_finds_the_same_states(
    connection: psycopg.Connection, every_kind: Noted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("commands.time_machine.KEEP_EVERY_EVENTS", 50)
    machine = TimeMachine(connection, PARTITIONS, IDS_EXPECTED)
    events = every_kind.events
    for seq in random.Random(3).sample(range(len(events)), 25):  # noqa: S311 - to be repeatable
        reference = Exchange()
        for recorded in events[:seq]:
            replay(reference, recorded.event, recorded.occurred_at_us)
        assert dump(machine.go(0, seq).exchange) == dump(reference)


def test_stepping_back_replays_only_from_what_was_put_aside(
    connection: psycopg.Connection, every_kind: Noted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("commands.time_machine.KEEP_EVERY_EVENTS", 50)
    machine = TimeMachine(connection, PARTITIONS, IDS_EXPECTED)
    last = len(every_kind.events)
    machine.go(0, last)
    began: list[int] = []

    def reading(_: object, __: int, after: int, until: int) -> Iterator[RecordedEvent]:
        began.append(after)
        return iter(every_kind.events[after:until])

    monkeypatch.setattr("commands.time_machine.read_events", reading)
    for seq in (last - 1, last - 2, last - 60):
        machine.go(0, seq)
    assert all(
        0 <= seq - after < 50 for seq, after in zip((last - 1, last - 2, last - 60), began, strict=True)
    )


@pytest.mark.parametrize("which", ["accounts", "markets"])
def test_histories_of_every_kind_of_event_can_be_told(
    connection: psycopg.Connection, every_kind: Noted, which: str
) -> None:
    store = Store(connection)
    exchange = every_kind.shard.exchange
    if which == "accounts":
        for account in exchange.accounts:
            steps = account_history(store, account, None, 10_000).steps if account != "fees" else []
            versions = [step.version for step in steps]
            assert versions == list(range(1, len(versions) + 1))
    else:
        for symbol in exchange.markets:
            steps = market_history(store, symbol, None, 10_000).steps
            fills = [step for step in steps if step.type.startswith("OrderFilled")]
            assert len(fills) == exchange.markets[symbol].last_trade_id
            assert [step.seq for step in steps] == sorted(step.seq for step in steps)


def test_whatever_the_history_has_is_found_by_its_id_and_told_event_by_event(
    connection: psycopg.Connection, every_kind: Noted
) -> None:
    store = Store(connection)
    by_stream: dict[str, list[int]] = {}
    for recorded in every_kind.events:
        by_stream.setdefault(recorded.stream, []).append(recorded.seq)
    for name, seqs in by_stream.items():
        assert [step.seq for step in stream_history(store, name, None, 10_000).steps] == seqs
        assert len(search(store, name)) >= 1


def test_a_time_is_the_end_of_the_last_commit_by_then(
    connection: psycopg.Connection, every_kind: Noted
) -> None:
    store, stream = Store(connection), market_stream(0, "BTC-USD")
    for made, _ in every_kind.commits:
        at_us = made[0].occurred_at_us
        commit = store.commit_by(0, at_us)
        before = store.commit_by(0, at_us - 1)
        assert commit is not None
        assert commit.last_seq >= made[-1].seq
        assert (0 if before is None else before.last_seq) < made[0].seq
    assert seq_of(store, 0, stream, Asked()) == len(every_kind.events)


def test_an_account_of_two_shards_has_one_history_by_time(
    connection: psycopg.Connection, two_shards: list[Noted]
) -> None:
    steps = account_history(Store(connection), "ann").steps
    assert {step.shard for step in steps} == {0, 1}
    assert [step.occurred_at for step in steps] == sorted(step.occurred_at for step in steps)
    paged, cursor = [], None
    while True:
        page = account_history(Store(connection), "ann", cursor, 1)
        paged += page.steps
        cursor = page.next_cursor
        if cursor is None:
            break
    assert paged == steps
    assert [found.shard for found in search(Store(connection), "ann") if found.kind == "account"] == [0, 1]


def test_an_account_of_two_shards_as_of_a_time_is_what_it_had_in_each(
    dsn: str, connection: psycopg.Connection, two_shards: list[Noted]
) -> None:
    settings = Settings(postgres_dsn=dsn, topic_partitions=PARTITIONS, ids_expected=IDS_EXPECTED)
    machine = machine_on(connection, settings)
    found = account_then(Store(connection), machine, "ann", Asked(time="2030-01-01T00:00:00Z"))
    balances = [each.account.balances for each in found.shards if each.account is not None]
    assert [[balance.asset for balance in each] for each in balances] == [["BTC", "USD"], ["ETH", "EUR"]]
    assert all(each.as_of.proven for each in found.shards)
    with pytest.raises(PointError, match="name one with shard"):
        account_then(Store(connection), machine, "ann", Asked(seq=3))
    assert len(account_then(Store(connection), machine, "ann", Asked(seq=3), shard=1).shards) == 1


def test_an_index_that_is_too_far_behind_says_how_far(
    connection: psycopg.Connection, every_kind: Noted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "STEP_EVENTS_MAX", 50)
    with pytest.raises(IndexBehindError, match=r"has come to seq \d+ of \d+"):
        Store(connection, index_events_max=100).found(index.COMMAND, "x")
    Store(connection).found(index.COMMAND, "x")  # one without a bound goes to the end
    assert Store(connection, index_events_max=0).found(index.COMMAND, "x") == []


def test_the_auditors_thread_keeps_the_index_up(
    dsn: str, connection: psycopg.Connection, every_kind: Noted
) -> None:
    def indexed() -> int:
        row = connection.execute("SELECT coalesce(max(last_seq), 0) FROM audit_index_ends").fetchone()
        return int(row[0]) if row else 0

    with indexing(dsn, 50):
        wait_until(lambda: indexed() == len(every_kind.events), WAIT_MS, "the index")
