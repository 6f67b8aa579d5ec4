"""Our recorder, first by the eventsourcing library's own test cases, then by what it adds: the fence."""

from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest
from eventsourcing.persistence import IntegrityError, StoredEvent
from eventsourcing.tests.persistence import ApplicationRecorderTestCase

from commands.committer import Commit, FencedError
from commands.hash_chain import CommitHeader, chain
from commands.ownership import Ownership, take_over
from commands.recorder import ShardRecorder
from stack.running import Stack
from streams.history import read_states
from tests.integration.databases import own_database

SHARD = 0


@pytest.fixture
def dsn(servers: Stack) -> Iterator[str]:
    with own_database(servers.settings.postgres_dsn) as own:
        yield own


class TestLibraryCases(ApplicationRecorderTestCase[ShardRecorder]):
    """Inherited: what the library asks of every recorder."""

    @pytest.fixture(autouse=True)
    def _own_database(self, dsn: str) -> Iterator[None]:
        with psycopg.connect(dsn, autocommit=True) as self.connection:
            yield

    def create_recorder(self) -> ShardRecorder:
        return ShardRecorder(self.connection, SHARD)

    def test_insert_subscribe(self) -> None:
        self.optional_test_insert_subscribe()


del ApplicationRecorderTestCase  # else pytest would collect the abstract case as well


@pytest.fixture
def owned(dsn: str) -> Iterator[Ownership]:
    ownership = take_over(dsn, SHARD)
    yield ownership
    ownership.connection.close()


def events(count: int) -> list[StoredEvent]:
    return [StoredEvent(str(uuid4()), 1, "Tested.v1", b'{"n":%d}' % number) for number in range(count)]


def commit_of(ownership: Ownership, stored: list[StoredEvent], *, next_offset: int) -> Commit:
    first = ownership.last_seq + 1
    header = CommitHeader(SHARD, ownership.epoch, first, first + len(stored) - 1, next_offset, 1, 2**64 - 1)
    linked = chain(ownership.chain_hash, header, [event.state for event in stored])
    return Commit(header, ownership.next_offset, published_seq=0, chain_hash=linked)


def test_a_commit_moves_the_shard_on_and_a_successor_finds_it_so(dsn: str, owned: Ownership) -> None:
    stored = events(3)
    commit = commit_of(owned, stored, next_offset=17)
    assert ShardRecorder(owned.connection, SHARD).insert_events(stored, commit=commit) == [1, 2, 3]
    successor = take_over(dsn, SHARD)
    assert (successor.epoch, successor.next_offset, successor.last_seq) == (owned.epoch + 1, 17, 3)
    assert successor.chain_hash == commit.chain_hash
    successor.connection.close()


def test_a_replaced_owner_cannot_write_even_over_a_new_connection(dsn: str, owned: Ownership) -> None:
    successor = take_over(dsn, SHARD)
    stored = events(1)
    with psycopg.connect(dsn, autocommit=True) as woken:
        with pytest.raises(FencedError, match="epoch"):
            ShardRecorder(woken, SHARD).insert_events(stored, commit=commit_of(owned, stored, next_offset=1))
        assert ShardRecorder(woken, SHARD).max_notification_id() is None
    successor.connection.close()


def test_taking_over_ends_the_old_owners_session_inside_its_transaction(dsn: str, owned: Ownership) -> None:
    owned.connection.execute("BEGIN")
    owned.connection.execute("UPDATE shards SET next_offset = 99 WHERE shard = 0")
    successor = take_over(dsn, SHARD)
    assert successor.next_offset == 0
    with pytest.raises(psycopg.OperationalError):
        owned.connection.execute("COMMIT")
    successor.connection.close()


def test_the_same_commit_twice_is_refused_as_a_whole(owned: Ownership) -> None:
    recorder = ShardRecorder(owned.connection, SHARD)
    stored = events(2)
    commit = commit_of(owned, stored, next_offset=2)
    recorder.insert_events(stored, commit=commit)
    with pytest.raises(IntegrityError):
        recorder.insert_events(stored, commit=commit)
    assert recorder.max_notification_id() == 2


def test_streams_are_read_together_in_order(owned: Ownership) -> None:
    recorder = ShardRecorder(owned.connection, SHARD)
    stream = str(uuid4())
    recorder.insert_events([StoredEvent(stream, version, "T.v1", b"%d" % version) for version in (1, 2, 3)])
    assert recorder.select_streams([stream, str(uuid4())]) == {stream: [b"1", b"2", b"3"]}


def test_a_store_that_was_just_filled_is_read_by_its_index(dsn: str) -> None:
    """Nobody has looked at the table yet, as after a restore: each page would sort all that is left."""
    page = "SELECT notification_id, state FROM events WHERE shard = 0 AND notification_id > 0 LIMIT 10000"
    ordered = page.replace(" LIMIT", " ORDER BY notification_id LIMIT")
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("ALTER TABLE events_0 SET (autovacuum_enabled = off)")
        connection.execute(
            "INSERT INTO events"
            " SELECT 0, seq, gen_random_uuid(), 1, 'A', '' FROM generate_series(1, 50000) AS seq"
        )
        assert sum(1 for _ in read_states(connection, SHARD)) == 50_000
        plan = connection.execute(f"EXPLAIN {ordered}".encode()).fetchall()
    assert not [line for (line,) in plan if "Sort" in line], plan
