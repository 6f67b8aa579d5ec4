"""The shard's processor on the real servers: what happens while a commit is in flight.

A commit is held up by a lock on the shard's row: it is sent, and cannot end before the lock is let go.
"""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from commands.committer import FencedError, wait_for
from commands.messages import CommandMessage
from commands.ownership import take_over
from commands.rebuilding import LostHistoryError
from domain.account import OpenAccount
from domain.order import OrderCancelled, OrderPlaced
from stack.running import Stack
from stack.waiting import wait_until
from streams.codec import encode
from streams.progress import read_token
from tests.integration.databases import commits_held_up, own_database, waits_for_the_row
from tests.integration.desk import MARKET, Desk, cancel, funded, message, place, told

WAIT_MS = 10_000


@pytest.fixture(scope="module")
def with_topics(servers: Stack) -> None:
    servers.prepare()


@pytest.fixture
def dsn(servers: Stack, with_topics: None) -> Iterator[str]:
    with own_database(servers.settings.postgres_dsn) as own:
        yield own


@pytest.fixture
def desk(servers: Stack, dsn: str) -> Iterator[Desk]:
    """A desk with a market and two funded accounts."""
    open_desk = Desk(servers, dsn)
    open_desk.send(MARKET, *funded("alice", "USD", "100000"), *funded("bob", "BTC", "1000"))
    assert {answer.status for answer in open_desk.settle()} == {"listed", "opened", "credited"}
    open_desk.answers.clear()
    yield open_desk
    open_desk.close()


def test_an_order_that_comes_alone_is_committed_at_once(desk: Desk) -> None:
    desk.send(place("1"))
    assert desk.processor.committer.busy
    assert told(desk.settle()) == [("open", False)]


def test_nothing_is_said_of_an_order_before_its_commit(desk: Desk) -> None:
    with commits_held_up(desk.dsn):
        desk.send(place("1"))
        desk.processor.advance()
        assert desk.heard() == []
    assert told(desk.settle()) == [("open", False)]


def test_what_comes_while_a_commit_is_in_flight_shares_the_next_one(desk: Desk) -> None:
    before = desk.commits()
    with commits_held_up(desk.dsn):
        for number in range(5):
            desk.send(place(str(number)))
    assert told(desk.settle()) == [("open", False)] * 5
    assert desk.commits() == before + 2


def test_a_repeat_of_an_order_in_flight_gets_the_first_outcome(desk: Desk) -> None:
    with commits_held_up(desk.dsn):
        desk.send(place("1"))
        desk.send(place("1"))
        assert desk.heard() == []
    assert told(desk.settle()) == [("open", False), ("open", True)]
    assert sum(isinstance(recorded.event, OrderPlaced) for recorded in desk.stored()) == 1


def test_the_answer_to_a_repeat_reads_back_what_the_first_one_wrote(desk: Desk) -> None:
    with commits_held_up(desk.dsn):
        desk.send(place("1"))
        desk.send(place("1"), OpenAccount(command_id="open-carol", actor="admin", account="carol"))
    desk.settle()
    first, second = (read_token(token) for token in desk.tokens[-2:])
    assert all(second.get(place, 0) >= seq for place, seq in first.items())


def test_an_id_in_flight_cannot_be_used_for_something_else(desk: Desk) -> None:
    with commits_held_up(desk.dsn):
        desk.send(place("1"))
        desk.send(place("1", quantity="2"))
    first, second = desk.settle()
    assert (first.status, second.status, second.code) == ("open", "refused", "id_reused")


def test_a_deposit_in_flight_is_credited_once(desk: Desk) -> None:
    again = funded("carol", "USD", "5")
    with commits_held_up(desk.dsn):
        desk.send(*again)
        desk.send(again[1])
    assert told(desk.settle()) == [("opened", False), ("credited", False), ("credited", True)]


def test_an_order_in_flight_can_be_cancelled(desk: Desk) -> None:
    with commits_held_up(desk.dsn):
        desk.send(place("1"))
        desk.send(cancel("1"))
    assert told(desk.settle()) == [("open", False), ("cancelled", False)]


def test_a_cancel_of_what_a_commit_in_flight_has_cancelled_is_answered_the_same(desk: Desk) -> None:
    desk.send(place("1"))
    desk.settle()
    with commits_held_up(desk.dsn):
        desk.send(cancel("1"))
        desk.send(cancel("1"))
        desk.send(cancel("1"))
    assert told(desk.settle()[1:]) == [("cancelled", False), ("cancelled", True), ("cancelled", True)]


def test_an_order_cancelled_behind_a_commit_in_flight_is_not_placed_anew_by_its_repeat(desk: Desk) -> None:
    desk.send(place("1"))
    desk.settle()
    with commits_held_up(desk.dsn):
        desk.send(place("2"))
        desk.send(cancel("1"))
        desk.send(place("1"))
    assert told(desk.settle()[2:]) == [("cancelled", False), ("open", True)]
    assert sum(isinstance(recorded.event, OrderPlaced) for recorded in desk.stored()) == 2


def test_a_cancel_of_what_a_commit_in_flight_has_filled_comes_too_late(desk: Desk) -> None:
    desk.send(place("1"))
    desk.settle()
    with commits_held_up(desk.dsn):
        desk.send(place("2", account="bob", side="sell"))
        desk.send(cancel("1"))
    *_, filled, late = desk.settle()
    assert (filled.status, late.status) == ("filled", "refused")


def test_a_fill_of_an_old_order_in_flight_belongs_to_the_history_of_its_repeat(desk: Desk) -> None:
    desk.send(place("1"))
    desk.settle()
    with commits_held_up(desk.dsn):
        desk.send(place("2", account="bob", side="sell"))
        desk.send(place("1"))
    first, _, again = desk.settle()
    assert (again.status, again.replayed, again.remaining) == (first.status, True, first.remaining)


def test_orders_expire_while_a_commit_is_in_flight(desk: Desk) -> None:
    soon = time.time_ns() // 1_000 + 100_000
    with commits_held_up(desk.dsn):
        desk.send(place("1", time_in_force="gtd", expires_at_us=soon))
        time.sleep(0.15)
        desk.processor.advance()
    desk.settle()
    ended = [recorded.event for recorded in desk.stored() if isinstance(recorded.event, OrderCancelled)]
    assert [event.reason for event in ended] == ["expired"]


def test_a_commit_overtaken_in_flight_writes_nothing_and_stops_the_owner(desk: Desk) -> None:
    before = len(desk.stored())
    with ThreadPoolExecutor(1) as pool, commits_held_up(desk.dsn):
        desk.send(place("1"))
        desk.send(place("2"))
        wait_until(lambda: waits_for_the_row(desk.dsn), WAIT_MS, "the commit waits")
        taking = pool.submit(take_over, desk.dsn, 0)
        with pytest.raises(psycopg.OperationalError):
            wait_and_advance(desk)
        assert not taking.done()  # it waits for the row as well, until nobody holds it up
        taking.add_done_callback(lambda done: done.result().connection.close())
    assert (len(desk.stored()), desk.heard()) == (before, [])


def test_a_commit_of_an_owner_that_was_replaced_is_fenced(desk: Desk) -> None:
    before = len(desk.stored())
    with psycopg.connect(desk.dsn, autocommit=True) as other:
        other.execute("UPDATE shards SET epoch = epoch + 1")
    desk.send(place("1"))
    desk.processor.take([message(desk.offset, encode(CommandMessage(place("2"), desk.channel)))])
    with pytest.raises(FencedError, match="epoch"):
        wait_and_advance(desk)
    assert (len(desk.stored()), desk.heard()) == (before, [])


def test_what_was_refused_is_not_decided_again_after_a_restart(desk: Desk) -> None:
    desk.send(cancel("never"))
    assert [outcome.status for outcome in desk.settle()] == ["refused"]
    desk.processor.abandon()
    desk.processor = desk.owner()
    assert desk.processor.next_offset == desk.offset


def test_nothing_is_refused_in_the_name_of_a_shard_that_another_owns(desk: Desk) -> None:
    with psycopg.connect(desk.dsn, autocommit=True) as other:
        other.execute("UPDATE shards SET epoch = epoch + 1")
    desk.send(cancel("never"))
    with pytest.raises(FencedError, match="epoch"):
        wait_and_advance(desk)
    assert desk.heard() == []


def test_a_released_shard_has_committed_and_published_everything(desk: Desk) -> None:
    desk.send(place("1"))
    desk.send(place("2"))
    desk.processor.release()
    assert told(desk.heard()) == [("open", False)] * 2
    successor = take_over(desk.dsn, 0)
    successor.connection.close()
    assert (successor.next_offset, successor.published_seq) == (desk.offset, successor.last_seq)


def test_an_abandoned_shard_says_nothing_more_and_its_successor_goes_on_from_the_store(desk: Desk) -> None:
    with commits_held_up(desk.dsn):
        desk.send(place("1"))
        desk.send(place("2"))
        desk.processor.abandon()
    desk.processor = desk.owner()
    desk.offset = desk.processor.next_offset
    assert desk.heard() == []
    desk.send(place("1"), place("2"))
    assert {outcome.status for outcome in desk.settle()} == {"open"}
    placed = [recorded for recorded in desk.stored() if isinstance(recorded.event, OrderPlaced)]
    assert len(placed) == 2


def test_what_kafka_gives_again_is_dropped_and_a_gap_stops_the_processor(desk: Desk) -> None:
    value = encode(CommandMessage(place("1"), desk.channel))
    twice = [message(desk.offset, value), message(desk.offset, value)]
    desk.processor.take(twice)
    desk.processor.advance()
    assert told(desk.settle()) == [("open", False)]
    with pytest.raises(LostHistoryError, match="is next"):
        desk.processor.take([message(desk.offset + 2, value)])


def wait_and_advance(desk: Desk) -> None:
    while True:
        wait_for([desk.processor.committer], 5)
        desk.processor.advance()
