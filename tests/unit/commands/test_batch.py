"""A batch: the commands that share a commit."""

from collections.abc import Sequence
from typing import Any, Literal

import pytest

from commands.batch import POSTINGS_PER_EVENT_MAX, Batch, Placed
from commands.messages import AnyCommand, CommandMessage, Outcome
from commands.shard import Shard
from domain import exchange, ids
from domain.account import AccountPosted, Deposit, OpenAccount
from domain.market import ListMarket
from domain.order import AmendOrder, CancelOrder, CancelReplace, OrderRequest, PlaceOrder
from streams.codec import RecordedEvent, decode_recorded

NOW_US = 1_700_000_000_000_000

SETUP: list[AnyCommand] = [
    ListMarket(
        command_id="list",
        actor="admin",
        symbol="BTC-USD",
        base_asset="BTC",
        quote_asset="USD",
        base_scale=8,
        quote_scale=10,
        tick_size="0.01",
        lot_size="0.00000001",
        min_quantity="0.00000001",
        max_quantity="10000",
        min_notional="0",
        maker_fee_ppm=1_000,
        taker_fee_ppm=2_000,
    ),
    *(OpenAccount(command_id=f"open-{name}", actor="admin", account=name) for name in ("alice", "bob")),
]


def deposit(account: str, asset: str, amount: str, name: str = "") -> Deposit:
    client_id = name or f"first-{asset}"
    return Deposit(
        command_id=f"deposit-{account}-{client_id}-{amount}",
        actor="admin",
        transfer_id=ids.transfer_id(0, account, client_id),
        client_transfer_id=client_id,
        account=account,
        asset=asset,
        amount=amount,
    )


def order(
    name: str, account: str, side: str, quantity: str, price: str, command_id: str = "", **more: Any
) -> PlaceOrder:
    return PlaceOrder(
        command_id=command_id or f"place-{name}",
        actor=account,
        order_id=ids.order_id(0, account, name),
        account=account,
        client_order_id=name,
        symbol="BTC-USD",
        request=OrderRequest(side="buy" if side == "buy" else "sell", quantity=quantity, price=price, **more),
    )


FUNDED = [*SETUP, deposit("alice", "USD", "100000"), deposit("bob", "BTC", "1000")]


def decided(
    shard: Shard, commands: Sequence[AnyCommand], earlier: dict[str, list[RecordedEvent]] | None = None
) -> tuple[list[Outcome], list[Placed]]:
    batch = Batch(shard, NOW_US, earlier or {})
    for command in commands:
        batch.handle(CommandMessage(command, "me"))
    return batch.outcomes.get("me", []), batch.close()


@pytest.fixture
def shard() -> Shard:
    fresh = Shard(0, partitions=4, ids_expected=1_000)
    decided(fresh, FUNDED)
    return fresh


def recorded(placed: Sequence[Placed]) -> list[RecordedEvent]:
    return [decode_recorded(event.state) for event in placed]


def history(placed: Sequence[Placed]) -> dict[str, list[RecordedEvent]]:
    streams: dict[str, list[RecordedEvent]] = {}
    for event in recorded(placed):
        streams.setdefault(event.stream, []).append(event)
    return streams


def test_postings_to_one_account_become_one_event_that_keeps_each_cause(shard: Shard) -> None:
    commands = [order(str(n), "alice", "buy", "1", f"{90 + n}") for n in range(3)]
    _, placed = decided(shard, commands)
    *orders, grouped = recorded(placed)
    assert [event.event.__class__.__name__ for event in orders] == ["OrderPlaced"] * 3
    assert isinstance(grouped.event, AccountPosted)
    assert [posting.command_id for posting in grouped.event.postings] == ["place-0", "place-1", "place-2"]


def test_very_many_postings_are_split_so_that_no_event_grows_without_bound(shard: Shard) -> None:
    commands = [order(str(n), "alice", "buy", "0.1", "1") for n in range(POSTINGS_PER_EVENT_MAX + 1)]
    _, placed = decided(shard, commands)
    sizes = [len(e.event.postings) for e in recorded(placed) if isinstance(e.event, AccountPosted)]
    assert sizes == [POSTINGS_PER_EVENT_MAX, 1]


def test_seqs_and_versions_are_contiguous_over_batches(shard: Shard) -> None:
    before = shard.last_seq
    buy, sell = order("1", "alice", "buy", "3", "100"), order("2", "bob", "sell", "1", "100")
    _, first = decided(shard, [buy])
    _, second = decided(shard, [sell])
    assert [event.seq for event in (*first, *second)] == list(range(before + 1, shard.last_seq + 1))
    assert [e.version for e in recorded((*first, *second)) if e.stream == buy.order_id] == [1, 2]


def test_a_repeat_in_the_same_batch_gets_the_first_outcome_marked(shard: Shard) -> None:
    again = order("1", "alice", "buy", "1", "100", command_id="again")
    (first, second), placed = decided(shard, [order("1", "alice", "buy", "1", "100"), again])
    assert (first.status, first.replayed) == ("open", False)
    assert (second.status, second.replayed, second.command_id) == ("open", True, "again")
    assert len(placed) == 2, "one order and one account's postings, once"


def test_a_repeat_after_the_order_was_filled_still_gets_the_first_outcome(shard: Shard) -> None:
    _, first = decided(shard, [order("1", "alice", "buy", "1", "100")])
    _, filled = decided(shard, [order("2", "bob", "sell", "1", "100")])
    earlier = history((*first, *filled))
    again = order("1", "alice", "buy", "1.0", "100.00", command_id="again")
    (outcome,), placed = decided(shard, [again], earlier)
    assert (outcome.status, outcome.replayed, outcome.fills) == ("open", True, ())
    assert not placed


def test_a_repeat_of_a_rejected_order_is_rejected_again_though_funds_have_come(shard: Shard) -> None:
    (first,), placed = decided(shard, [order("1", "bob", "buy", "1", "100")])
    decided(shard, [deposit("bob", "USD", "1000")])
    (again,), _ = decided(shard, [order("1", "bob", "buy", "1", "100")], history(placed))
    assert first.code == again.code == "insufficient_funds"
    assert (again.status, again.replayed) == ("rejected", True)


def test_the_same_id_with_other_content_is_refused(shard: Shard) -> None:
    _, placed = decided(shard, [order("1", "alice", "buy", "1", "100")])
    (outcome,), none = decided(shard, [order("1", "alice", "buy", "2", "100")], history(placed))
    assert (outcome.status, outcome.code) == ("refused", "id_reused")
    assert not none


@pytest.mark.parametrize("price", ["100", "100.001"])
def test_over_which_connection_an_order_came_is_no_part_of_it(shard: Shard, price: str) -> None:
    first, placed = decided(shard, [order("1", "alice", "buy", "1", price, session="lost")])
    again, more = decided(
        shard, [order("1", "alice", "buy", "1", price, session="next", command_id="2")], history(placed)
    )
    assert again[0].replayed
    assert (again[0].status, again[0].code) == (first[0].status, first[0].code)
    assert more == []


def test_a_deposit_counts_once(shard: Shard) -> None:
    available = shard.exchange.accounts["alice"].balances["USD"].available
    outcomes, placed = decided(shard, [deposit("alice", "USD", "5", "x"), deposit("alice", "USD", "5", "x")])
    assert [outcome.replayed for outcome in outcomes] == [False, True]
    (later,), _ = decided(shard, [deposit("alice", "USD", "5.0", "x")], history(placed))
    assert (later.status, later.replayed) == ("credited", True)
    gained = shard.exchange.accounts["alice"].balances["USD"].available - available
    assert gained == 5 * 10**10


def test_opening_and_listing_again_change_nothing(shard: Shard) -> None:
    outcomes, placed = decided(shard, SETUP)
    assert all(outcome.replayed for outcome in outcomes)
    assert not placed


def test_a_refused_command_leaves_no_event(shard: Shard) -> None:
    cancel = CancelOrder(command_id="c", actor="bob", order_id=ids.order_id(0, "bob", "none"), account="bob")
    (outcome,), placed = decided(shard, [cancel])
    assert (outcome.status, outcome.code) == ("refused", "order_not_open")
    assert not placed


def cancel_of(name: str, account: str = "alice") -> CancelOrder:
    return CancelOrder(
        command_id="again", actor=account, order_id=ids.order_id(0, "alice", name), account=account
    )


def test_a_cancel_sent_again_because_its_answer_was_lost_is_answered_the_same(shard: Shard) -> None:
    _, placed = decided(shard, [order("1", "alice", "buy", "1", "100")])
    (first,), cancelled = decided(shard, [cancel_of("1")])
    earlier = history((*placed, *cancelled))
    (again, others), none = decided(shard, [cancel_of("1"), cancel_of("1", account="bob")], earlier)
    assert (first.status, first.replayed) == ("cancelled", False)
    assert (again.status, again.remaining, again.replayed) == ("cancelled", first.remaining, True)
    assert (others.status, others.code) == ("refused", "order_not_open")
    assert not none


def replacement(command_id: str, mode: Literal["stop_on_failure", "allow_failure"]) -> CancelReplace:
    return CancelReplace(
        command_id=command_id,
        actor="alice",
        cancel_order_id=ids.order_id(0, "alice", "1"),
        mode=mode,
        order_id=ids.order_id(0, "alice", "2"),
        account="alice",
        client_order_id="2",
        symbol="BTC-USD",
        request=OrderRequest(side="buy", quantity="1", price="99"),
    )


@pytest.mark.parametrize("mode", ["stop_on_failure", "allow_failure"])
def test_a_replacement_repeated_in_the_same_batch_or_later_is_answered_the_same(
    shard: Shard, mode: Literal["stop_on_failure", "allow_failure"]
) -> None:
    _, first = decided(shard, [order("1", "alice", "buy", "1", "100")])
    (new, again), placed = decided(shard, [replacement("new", mode), replacement("again", mode)])
    (later,), none = decided(shard, [replacement("later", mode)], history((*first, *placed)))
    assert [(o.status, o.remaining, o.replayed) for o in (new, again, later)] == [
        ("open", 10**8, False),
        ("open", 10**8, True),
        ("open", 10**8, True),
    ]
    assert not none


def test_an_amendment_repeated_tells_how_the_order_stands(shard: Shard) -> None:
    decided(shard, [order("1", "alice", "buy", "2", "100")])
    amend = AmendOrder(
        command_id="a", actor="alice", order_id=ids.order_id(0, "alice", "1"), account="alice", quantity="1"
    )
    (first, again), _ = decided(shard, [amend, amend])
    assert (first.status, first.quantity, first.remaining, first.replayed) == ("open", 10**8, 10**8, False)
    assert (again.status, again.quantity, again.remaining, again.replayed) == ("open", 10**8, 10**8, True)


def test_a_defect_in_one_decision_refuses_that_command_and_no_other(
    shard: Shard, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> list[object]:
        raise ZeroDivisionError

    decisions: dict[Any, Any] = exchange.DECISIONS
    monkeypatch.setitem(decisions, CancelOrder, broken)
    cancel = CancelOrder(command_id="c", actor="bob", order_id=ids.order_id(0, "bob", "none"), account="bob")
    (first, second), _ = decided(shard, [cancel, order("1", "alice", "buy", "1", "100")])
    assert (first.status, first.code) == ("refused", "internal_error")
    assert second.status == "open"


def test_replaying_what_was_stored_gives_the_same_shard(shard: Shard) -> None:
    fresh = Shard(0, partitions=4, ids_expected=1_000)
    placed = decided(fresh, FUNDED)[1]
    placed += decided(fresh, [order(str(n), "alice", "buy", "2", f"{90 + n}") for n in range(9)])[1]
    placed += decided(fresh, [order("s", "bob", "sell", "5", "95")])[1]
    rebuilt = Shard(0, partitions=4, ids_expected=1_000)
    rebuilt.replay(recorded(placed))
    assert rebuilt.exchange.state_hash == fresh.exchange.state_hash
    assert (rebuilt.versions, rebuilt.places, rebuilt.last_seq, rebuilt.now_us) == (
        fresh.versions,
        fresh.places,
        fresh.last_seq,
        NOW_US,
    )


def test_a_cancel_sent_again_in_the_same_batch_is_answered_the_same(shard: Shard) -> None:
    decided(shard, [order("1", "alice", "buy", "1", "100")])
    outcomes, placed = decided(shard, [cancel_of("1"), cancel_of("1"), cancel_of("1", account="bob")])
    assert [(outcome.status, outcome.replayed) for outcome in outcomes] == [
        ("cancelled", False),
        ("cancelled", True),
        ("refused", False),
    ]
    assert [type(event.event).__name__ for event in recorded(placed)] == ["OrderCancelled", "AccountPosted"]


def test_what_further_commands_need_to_know_can_be_learned_while_the_batch_is_open(shard: Shard) -> None:
    first = order("1", "alice", "buy", "1", "100")
    _, placed = decided(shard, [first])
    batch = Batch(shard, NOW_US, {})
    batch.learn(history(placed))
    batch.handle(CommandMessage(first, "me"))
    assert (batch.outcomes["me"][0].replayed, batch.replayed, batch.close()) == (True, True, [])
