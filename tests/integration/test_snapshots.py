"""Snapshots on the real servers: a shard goes on from one exactly as from all of its history, and what is
wrong with a snapshot costs a replay and nothing else.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import psycopg
import pytest

from commands import snapshots
from commands.paging import SnapshotError, pages_of
from commands.shard import Shard
from commands.shard_snapshot import Stand
from commands.snapshotting import SnapshotConfig
from stack.running import Stack
from stack.waiting import wait_until
from streams.history import read_events
from tests.integration.databases import commits_held_up, own_database
from tests.integration.desk import MARKET, PARTITIONS, Desk, cancel, funded, place, told
from tests.unit.domain.dump import dump

WAIT_MS = 20_000
OFTEN = SnapshotConfig(events=1, interval_ms_min=0)
SELDOM = SnapshotConfig(events=1_000_000)


@pytest.fixture
def dsn(servers: Stack) -> Iterator[str]:
    servers.prepare()
    with own_database(servers.settings.postgres_dsn) as own:
        yield own


def a_desk(servers: Stack, dsn: str, config: SnapshotConfig) -> Desk:
    desk = Desk(servers, dsn, snapshots=config)
    desk.send(MARKET, *funded("alice", "USD", "100000"), *funded("bob", "BTC", "1000"))
    desk.settle()
    desk.answers.clear()
    return desk


@pytest.fixture
def desk(servers: Stack, dsn: str) -> Iterator[Desk]:
    """Writes a snapshot after each commit, if none is under way."""
    with closing(a_desk(servers, dsn, OFTEN)) as open_desk:
        yield open_desk


@pytest.fixture
def writer(servers: Stack, dsn: str) -> Iterator[Desk]:
    """Writes none by itself."""
    with closing(a_desk(servers, dsn, SELDOM)) as open_desk:
        yield open_desk


def execute(dsn: str, query: str, *values: Any) -> list[Any]:
    with psycopg.connect(dsn, autocommit=True) as store:
        cursor = store.execute(query.encode(), values)
        return cursor.fetchall() if cursor.description else []


def written(desk: Desk) -> list[int]:
    """Return the seqs of the stored snapshots, newest first."""
    desk.processor.advance()  # which also takes note of a writer that has ended
    return [seq for (seq,) in execute(desk.dsn, "SELECT last_seq FROM snapshots ORDER BY 1 DESC")]


def take(desk: Desk) -> Stand:
    """Write a snapshot of the shard as it is, by hand."""
    rows = execute(desk.dsn, "SELECT last_seq, chain_hash, state_hash FROM commits ORDER BY 1 DESC LIMIT 1")
    ((last_seq, chain_hash, state_hash),) = rows
    stand = Stand(0, last_seq, chain_hash, int.from_bytes(state_hash, "big"))
    with psycopg.connect(desk.dsn, autocommit=True) as store:
        snapshots.write(store, stand, pages_of(shard_of(desk)))
    return stand


def shard_of(desk: Desk) -> Shard:
    return desk.processor._shard


def replayed(desk: Desk) -> Shard:
    shard = Shard(0, PARTITIONS, desk.config.ids_expected)
    with psycopg.connect(desk.dsn) as store:
        shard.replay(read_events(store, 0))
    return shard


def remembers(shard: Shard) -> dict[str, Any]:
    return {
        "exchange": dump(shard.exchange),
        "versions": shard.versions,
        "places": shard.places,
        "last_seq": shard.last_seq,
        "now_us": shard.now_us,
        "known": shard.known.to_bytes(),
    }


def passed_over(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if "passed over" in record.getMessage()]


def test_a_forked_child_writes_what_the_shard_remembers_while_the_parent_goes_on(desk: Desk) -> None:
    desk.send(place("1"))
    desk.settle()
    wait_until(lambda: shard_of(desk).snapshot_seq > 0 and written(desk) != [], WAIT_MS, "a snapshot")
    for number in range(2, 6):
        desk.send(place(str(number)))
    desk.settle()
    assert told(desk.answers) == [("open", False)] * 5
    desk.start_again()
    assert remembers(shard_of(desk)) == remembers(replayed(desk))


def test_a_shard_goes_on_from_its_snapshot_and_replays_the_rest(
    writer: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    writer.send(place("1"), place("2"), place("3", quantity="2", account="bob", side="sell"))
    writer.settle()
    writer.processor.release()
    stand = take(writer)
    writer.processor = writer.owner()
    writer.send(place("4"), cancel("1"))
    writer.settle()
    with caplog.at_level(logging.INFO):
        writer.start_again()
    assert shard_of(writer).snapshot_seq == stand.last_seq
    assert any(f"restored the snapshot at seq {stand.last_seq}" in message for message in caplog.messages)
    assert remembers(shard_of(writer)) == remembers(replayed(writer))


def test_what_was_asked_before_the_snapshot_is_known_after_it(writer: Desk) -> None:
    writer.send(place("1"), cancel("1"))
    writer.settle()
    writer.processor.release()
    take(writer)
    writer.processor = writer.owner()
    writer.answers.clear()
    writer.send(place("1"))
    assert told(writer.settle()) == [("open", True)]


def test_a_snapshot_beyond_what_is_published_is_not_used_as_its_places_are_not_known_yet(
    writer: Desk,
) -> None:
    writer.send(place("1"))
    writer.settle()
    writer.processor.release()
    earlier = take(writer)
    writer.processor = writer.owner()
    writer.send(place("2"))
    writer.settle()
    writer.processor.release()
    take(writer)
    execute(writer.dsn, "UPDATE shards SET published_seq = %s", earlier.last_seq + 1)
    writer.processor = writer.owner()
    assert shard_of(writer).snapshot_seq == earlier.last_seq
    assert remembers(shard_of(writer)) == remembers(replayed(writer))


DAMAGES = {
    "its page 1 is damaged": "UPDATE snapshot_pages SET content = content || 'x' WHERE page = 1",
    "its last pages are missing": "DELETE FROM snapshot_pages WHERE page = 2",
    "its state is of version": "UPDATE snapshots SET state_hash_version = 1",
    "another release wrote it": "UPDATE snapshots SET layout = 'other'",
    "another history": "UPDATE snapshots SET chain_hash = 'other'",
    "not what its commit says": "UPDATE commits SET state_hash = 'other'",
}


@pytest.mark.parametrize(("reason", "damage"), DAMAGES.items(), ids=list(DAMAGES))
def test_a_snapshot_of_no_use_is_passed_over_with_a_word_and_the_history_replayed(
    writer: Desk, caplog: pytest.LogCaptureFixture, reason: str, damage: str
) -> None:
    writer.send(place("1"))
    writer.settle()
    writer.processor.release()
    take(writer)
    execute(writer.dsn, damage)
    shard = restored(writer)
    assert shard is None
    (said,) = passed_over(caplog)
    assert reason in said


def test_a_damaged_snapshot_gives_way_to_the_one_before(
    writer: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    writer.send(place("1"))
    writer.settle()
    earlier = take(writer)
    writer.send(place("2"))
    writer.settle()
    later = take(writer)
    execute(writer.dsn, "UPDATE snapshot_pages SET content = '' WHERE last_seq = %s", later.last_seq)
    found = restored(writer)
    assert found is not None
    assert found.last_seq == earlier.last_seq
    assert len(passed_over(caplog)) == 1


def restored(desk: Desk, partitions: int = PARTITIONS, ids_expected: int = 1_000) -> Shard | None:
    with psycopg.connect(desk.dsn, autocommit=True) as store:
        return snapshots.restore_newest(store, 0, partitions, ids_expected, 2**62)


def test_a_snapshot_for_other_settings_is_passed_over(writer: Desk, caplog: pytest.LogCaptureFixture) -> None:
    take(writer)
    assert restored(writer) is not None
    assert restored(writer, partitions=PARTITIONS + 1) is None
    assert restored(writer, ids_expected=2_000) is None
    partitions, ids = passed_over(caplog)
    assert "for 4 partitions, there are 5" in partitions
    assert "for 1000 ids, not 2000" in ids


def test_a_commit_that_was_never_made_leaves_no_snapshot(
    writer: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshots, "COMMIT_WAIT_S", 0.1)
    stand = Stand(0, shard_of(writer).last_seq, b"another chain", shard_of(writer).exchange.state_hash)
    with (
        psycopg.connect(writer.dsn, autocommit=True) as store,
        pytest.raises(SnapshotError, match="no commit"),
    ):
        snapshots.write(store, stand, pages_of(shard_of(writer)))
    assert written(writer) == []


def test_the_snapshot_of_a_commit_in_flight_is_stored_once_that_is_made(desk: Desk) -> None:
    wait_until(lambda: not writing(desk), WAIT_MS, "the first is written")
    before = written(desk)
    with commits_held_up(desk.dsn):
        desk.send(place("1"))
        assert writing(desk)
        assert written(desk) == before
    desk.settle()
    wait_until(lambda: written(desk)[0] == shard_of(desk).last_seq, WAIT_MS, "the second is written")


def writing(desk: Desk) -> int:
    desk.processor._snapshotting.look()
    return desk.processor._snapshotting._child


def test_only_the_newest_are_kept(writer: Desk) -> None:
    seqs = []
    for number in range(5):
        writer.send(place(str(number)))
        writer.settle()
        seqs.append(take(writer).last_seq)
    assert written(writer) == seqs[:-4:-1]
    pages = execute(writer.dsn, "SELECT DISTINCT last_seq FROM snapshot_pages ORDER BY 1")
    assert [seq for (seq,) in pages] == seqs[-3:]


def test_a_writer_that_takes_too_long_is_ended_and_another_one_tries_again(
    servers: Stack, dsn: str, caplog: pytest.LogCaptureFixture
) -> None:
    config = SnapshotConfig(events=1, interval_ms_min=0, write_ms_max=500)
    with psycopg.connect(dsn) as holder:
        holder.execute("LOCK TABLE snapshot_pages IN ACCESS EXCLUSIVE MODE")
        with closing(a_desk(servers, dsn, config)) as desk:
            child = writing(desk)
            assert child
            wait_until(lambda: not writing(desk), WAIT_MS, "the writer is ended")
            assert "ended the writer" in caplog.text
            with pytest.raises(ProcessLookupError):
                os.kill(child, 0)
            holder.rollback()
            desk.send(place("1"))
            desk.settle()
            wait_until(lambda: written(desk) != [], WAIT_MS, "the next one is written")


def test_the_writer_ends_with_its_shard(servers: Stack, dsn: str) -> None:
    with psycopg.connect(dsn) as holder:
        holder.execute("LOCK TABLE snapshot_pages IN ACCESS EXCLUSIVE MODE")
        with closing(a_desk(servers, dsn, OFTEN)) as desk:
            child = writing(desk)
            assert child
            desk.processor.abandon()
            with pytest.raises(ProcessLookupError):
                os.kill(child, 0)
