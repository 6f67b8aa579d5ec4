"""Order lists in batches: each is placed once, whatever is sent again, and so is each of its legs."""

import pytest

from commands.messages import Outcome
from commands.shard import Shard
from domain import ids
from domain.order import CancelOrder, OrderRequest
from domain.order_list import CancelOrderList, ListKind, ListLeg, PlaceOrderList
from streams.topics import EXECUTIONS
from tests.unit.commands.test_batch import FUNDED, decided, history, order, recorded


@pytest.fixture
def shard() -> Shard:
    fresh = Shard(0, partitions=4, ids_expected=1_000)
    decided(fresh, FUNDED)
    return fresh


def leg(name: str, side: str, quantity: str, price: str) -> ListLeg:
    request = OrderRequest(side="buy" if side == "buy" else "sell", quantity=quantity, price=price)
    return ListLeg(ids.order_id(0, "alice", name), name, request)


def oto(command_id: str = "place", quantity: str = "1", *, kind: ListKind = "oto") -> PlaceOrderList:
    return PlaceOrderList(
        command_id=command_id,
        actor="alice",
        list_id=LIST,
        account="alice",
        client_list_id="list",
        symbol="BTC-USD",
        kind=kind,
        legs=(leg("entry", "buy", quantity, "100"), leg("exit", "sell", quantity, "110")),
    )


LIST = ids.list_id(0, "alice", "list")
ENTRY, EXIT = (ids.order_id(0, "alice", name) for name in ("entry", "exit"))
HIT = order("hit", "bob", "sell", "1", "100")
CANCEL = CancelOrderList(command_id="cancel", actor="alice", list_id=LIST, account="alice")


def told(outcome: Outcome) -> tuple[str, list[tuple[str, str]], bool]:
    return outcome.status, [(leg.order_id, leg.status) for leg in outcome.legs], outcome.replayed


def test_a_list_is_answered_with_what_became_of_each_leg(shard: Shard) -> None:
    (outcome,), placed = decided(shard, [oto()])
    assert told(outcome) == ("executing", [(ENTRY, "open"), (EXIT, "pending")], False)
    assert outcome.list_id == LIST
    places = {event.place for event in placed if not event.topic.startswith("Account")}
    assert {(place.topic) for place in places} == {EXECUTIONS}
    assert len(places) == 1, "a list is published where its orders are"


def test_legs_that_come_into_force_at_once_say_so(shard: Shard) -> None:
    (_, outcome), _ = decided(shard, [HIT, oto()])
    assert told(outcome) == ("executing", [(ENTRY, "filled"), (EXIT, "open")], False)


def test_the_same_list_again_is_answered_the_same_in_the_same_batch_or_later(shard: Shard) -> None:
    (first, again), placed = decided(shard, [oto(), oto("again")])
    _, filled = decided(shard, [HIT])
    (later,), none = decided(shard, [oto("later", "1.0")], history((*placed, *filled)))
    assert told(again) == told(later) == (*told(first)[:2], True)
    assert not none


def test_other_content_under_the_same_id_is_refused(shard: Shard) -> None:
    (_, again), placed = decided(shard, [oto(), oto("again", "2")])
    (later,), _ = decided(shard, [oto("later", "2")], history(placed))
    assert [(o.status, o.code) for o in (again, later)] == [("refused", "id_reused")] * 2


def test_a_rejected_list_stays_rejected_and_so_do_its_legs(shard: Shard) -> None:
    (first,), placed = decided(shard, [oto(quantity="5000")])
    assert told(first) == ("rejected", [(ENTRY, "rejected"), (EXIT, "rejected")], False)
    assert first.code == "insufficient_funds"
    (again, single), none = decided(
        shard, [oto("again", "5000"), order("entry", "alice", "buy", "5000", "100")], history(placed)
    )
    assert told(again) == ("rejected", [(ENTRY, "rejected"), (EXIT, "rejected")], True)
    assert (single.status, single.code) == ("refused", "id_reused")
    assert not none


def test_an_order_with_the_id_of_a_leg_is_refused(shard: Shard) -> None:
    entry = order("entry", "alice", "buy", "1", "100")
    (_, single), placed = decided(shard, [oto(), entry])
    (later,), _ = decided(shard, [entry], history(placed))
    assert [(o.status, o.code) for o in (single, later)] == [("refused", "id_reused")] * 2


def test_a_list_with_a_leg_of_the_id_of_an_order_is_refused(shard: Shard) -> None:
    (_, refused), placed = decided(shard, [order("exit", "alice", "buy", "1", "90"), oto()])
    (later,), none = decided(shard, [oto()], history(placed))
    assert [(o.status, o.code, o.list_id) for o in (refused, later)] == [("refused", "id_reused", LIST)] * 2
    assert not none
    assert not shard.exchange.lists


def test_a_list_is_cancelled_and_the_cancel_may_be_sent_again(shard: Shard) -> None:
    _, placed = decided(shard, [oto()])
    (first,), cancelled = decided(shard, [CANCEL])
    (again,), none = decided(shard, [CANCEL], history((*placed, *cancelled)))
    assert told(first) == ("cancelled", [(ENTRY, "cancelled"), (EXIT, "cancelled")], False)
    assert (again.status, again.replayed) == ("cancelled", True)
    assert not none


def test_a_cancel_may_be_sent_again_before_the_first_is_stored(shard: Shard) -> None:
    decided(shard, [oto()])
    (_, again), _ = decided(shard, [CANCEL, CANCEL])
    assert (again.status, again.replayed) == ("cancelled", True)


def test_a_list_that_ended_by_itself_is_not_cancelled(shard: Shard) -> None:
    _, placed = decided(shard, [oto()])
    leg_gone = CancelOrder(command_id="c", actor="alice", order_id=ENTRY, account="alice")
    _, ended = decided(shard, [leg_gone])
    (outcome,), _ = decided(shard, [CANCEL], history((*placed, *ended)))
    assert (outcome.status, outcome.code) == ("refused", "order_list_not_open")


def test_a_list_that_is_over_leaves_nothing_behind(shard: Shard) -> None:
    before = dict(shard.versions)
    _, placed = decided(shard, [oto(), CANCEL])
    streams = {event.stream for event in recorded(placed)}
    assert {LIST, ENTRY, EXIT} <= streams
    assert set(shard.versions) == set(before)


def test_replaying_what_was_stored_gives_the_same_shard() -> None:
    fresh, rebuilt = (Shard(0, partitions=4, ids_expected=1_000) for _ in range(2))
    placed = decided(fresh, FUNDED)[1]
    placed += decided(fresh, [oto()])[1]
    placed += decided(fresh, [order("hit", "bob", "sell", "0.5", "100")])[1]
    rebuilt.replay(recorded(placed))
    assert rebuilt.exchange.state_hash == fresh.exchange.state_hash
    assert (rebuilt.versions, rebuilt.places) == (fresh.versions, fresh.places)
