"""A standby's memory: as the store has it, as far as it is published, and never trusted further."""

from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest

from commands import following
from commands.following import Following
from commands.paging import pages_of
from commands.shard import Shard
from commands.shard_snapshot import Stand
from commands.snapshots import write
from stack.running import Stack
from streams.history import read_events
from tests.integration.databases import own_database
from tests.integration.desk import MARKET, PARTITIONS, Desk, funded, place
from tests.unit.domain.dump import dump

IDS = 1_000


@pytest.fixture
def desk(servers: Stack) -> Iterator[Desk]:
    """A desk whose events are all published."""
    servers.prepare()
    with own_database(servers.settings.postgres_dsn) as dsn, closing(Desk(servers, dsn)) as open_desk:
        open_desk.send(MARKET, *funded("alice", "USD", "100000"))
        open_desk.settle()
        open_desk.start_again()
        yield open_desk


@pytest.fixture
def standby(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Iterator[Following]:
    monkeypatch.setattr(following, "LOOK_S", 0)
    its = Following(desk.dsn, PARTITIONS, IDS)
    yield its
    its.stop()


def trade(desk: Desk, *names: str) -> int:
    """Return the seq up to which all is published then."""
    desk.send(*(place(name) for name in names))
    desk.settle()
    desk.start_again()
    return desk.processor._shard.last_seq


def execute(desk: Desk, query: str) -> None:
    with psycopg.connect(desk.dsn, autocommit=True) as store:
        store.execute(query.encode())


def test_it_has_what_the_store_has(desk: Desk, standby: Following) -> None:
    standby.look()
    last = trade(desk, "1", "2")
    standby.look()
    followed = standby.take(0, last)
    assert followed is not None
    owner = desk.processor._shard
    assert dump(followed.exchange) == dump(owner.exchange)
    assert (followed.versions, followed.places) == (owner.versions, owner.places)
    assert (followed.last_seq, followed.now_us) == (owner.last_seq, owner.now_us)


def test_it_takes_in_a_bounded_part_at_a_time(
    desk: Desk, standby: Following, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "EVENTS_AT_ONCE_MAX", 2)
    last = trade(desk, "1")
    for _ in range(2):
        standby.look()
    followed = standby.take(0, last)
    assert followed is not None
    assert followed.last_seq == 4 < last


def test_it_goes_no_further_than_what_is_published(desk: Desk, standby: Following) -> None:
    trade(desk, "1")
    execute(desk, "UPDATE shards SET published_seq = 3")
    standby.look()
    followed = standby.take(0, 3)
    assert followed is not None
    assert followed.last_seq == 3


def test_it_begins_at_a_snapshot(desk: Desk, standby: Following) -> None:
    last = trade(desk, "1")
    with psycopg.connect(desk.dsn, autocommit=True) as store:
        row = store.execute(
            "SELECT chain_hash, state_hash FROM commits WHERE last_seq = %s", (last,)
        ).fetchone()
        assert row is not None
        stand = Stand(0, last, row[0], int.from_bytes(row[1], "big"))
        write(store, stand, pages_of(replayed(store)))
    standby.look()
    followed = standby.take(0, last)
    assert followed is not None
    assert followed.snapshot_seq == last


def replayed(store: psycopg.Connection) -> Shard:
    shard = Shard(0, PARTITIONS, IDS)
    shard.replay(read_events(store, 0))
    return shard


def test_what_is_taken_over_is_not_given_twice(desk: Desk, standby: Following) -> None:
    last = trade(desk, "1")
    standby.look()
    assert standby.take(0, last) is not None
    assert standby.take(0, last) is None


def test_a_history_that_is_to_be_published_again_is_not_taken_from_memory(
    desk: Desk, standby: Following
) -> None:
    trade(desk, "1")
    standby.look()
    assert standby.take(0, 0) is None


def test_a_state_that_differs_from_the_owners_is_given_up(
    desk: Desk, standby: Following, caplog: pytest.LogCaptureFixture
) -> None:
    standby.look()
    last = trade(desk, "1")
    execute(desk, "UPDATE commits SET state_hash = 'another!'")
    standby.look()
    assert "another state than its owner had" in caplog.text
    standby.look()
    assert standby.take(0, last) is None
