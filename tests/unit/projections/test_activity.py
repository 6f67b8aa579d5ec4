"""Activity: what happened to an account, in its own words, and who may know who did it."""

from collections.abc import Iterator
from typing import Any

import pytest

from domain.account import LimitsRequest
from domain.control import SetAccountStatus
from projections import activity
from projections.activity import WINDOW_EVENTS
from tests.unit.domain.transfer_wishes import complete_withdrawal, move, request_withdrawal
from tests.unit.projections.folds import folded
from tests.unit.projections.trading import (
    Venue,
    amend,
    ask,
    bust,
    cancel,
    opened,
    place,
    set_limits,
    trading,
)


@pytest.fixture
def venue() -> Venue:
    return opened(Venue(), "ann", "bob")


def happened(venue: Venue, account: str) -> list[dict[str, Any]]:
    """Return all that is told of an account, oldest first."""
    return sorted(_told(venue, account), key=lambda entry: (entry["seq"], entry["n"]))


def _told(venue: Venue, account: str) -> Iterator[dict[str, Any]]:
    for name in ("activity", "order_activity"):
        for document in folded(name, venue.events).values():
            if document["account"] == account:
                yield from activity.entries_of(document)


def since(venue: Venue, account: str, seq: int) -> list[dict[str, Any]]:
    return [entry for entry in happened(venue, account) if entry["seq"] > seq]


def kinds(entries: list[dict[str, Any]]) -> list[str]:
    return [entry["what"] for entry in entries]


def test_an_account_begins_with_its_opening_and_what_it_was_given(venue: Venue) -> None:
    opened_, *deposits = happened(venue, "ann")
    assert (opened_["what"], opened_["actor"]) == ("account_opened", "ann")
    assert [(each["what"], each["asset"], each["amount"]) for each in deposits] == [
        ("deposited", "BTC", "10000000000000000"),
        ("deposited", "USD", "10000000000000000"),
    ]


def test_the_life_of_an_order_is_told(venue: Venue) -> None:
    before = venue.events[-1].seq
    venue.batch(place("ann", "b1", "buy", "2", "99"))
    venue.batch(amend("ann", "b1", quantity="1.5"))
    venue.batch(place("bob", "hit", "sell", "0.5", "99"))
    venue.batch(cancel("ann", "b1"))
    told = since(venue, "ann", before)
    assert kinds(told) == ["order_placed", "order_amended", "order_filled", "order_cancelled"]
    assert {entry["symbol"] for entry in told} == {"BTC-USD"}
    filled = told[2]
    assert (filled["liquidity"], filled["price"], filled["quantity"]) == ("maker", 99_00, 5 * 10**7)
    assert (told[3]["reason"], told[3]["remaining"]) == ("requested", 10**8)


def test_nobody_is_told_who_the_other_side_was(venue: Venue) -> None:
    venue.batch(place("ann", "b1", "buy", "2", "99"))
    before = venue.events[-1].seq
    venue.batch(place("bob", "hit", "sell", "0.5", "99"))
    (filled,) = since(venue, "ann", before)
    assert "actor" not in filled
    assert "bob" not in str(filled)


def test_what_follows_from_anothers_order_does_not_name_its_trader(venue: Venue) -> None:
    venue.batch(ask("ann", "stop", side="sell", order_type="stop", quantity="1", trigger_price="98"))
    venue.batch(place("bob", "bid", "buy", "5", "97.5"))
    before = venue.events[-1].seq
    venue.batch(place("bob", "hit", "sell", "1", "97.5"))
    told = since(venue, "ann", before)
    assert "order_triggered" in kinds(told)
    assert not [entry for entry in told if "bob" in str(entry)]


def test_who_asked_is_told(venue: Venue) -> None:
    before = venue.events[-1].seq
    venue.batch(set_limits("ann", LimitsRequest(order_rate=9)))
    venue.batch(
        SetAccountStatus(
            command_id="s", actor="risk-desk", account="ann", status="suspended", reason="odd orders"
        )
    )
    limits, status = since(venue, "ann", before)
    assert (limits["what"], limits["actor"], limits["limits"]) == (
        "limits_set",
        "risk-desk",
        {"order_rate": 9},
    )
    assert (status["what"], status["actor"], status["status"], status["reason"]) == (
        "status_changed",
        "risk-desk",
        "suspended",
        "odd orders",
    )


def test_a_rejected_order_says_why(venue: Venue) -> None:
    before = venue.events[-1].seq
    venue.batch(place("ann", "odd", "buy", "2", "99.003"))
    (rejected,) = since(venue, "ann", before)
    assert (rejected["what"], rejected["code"]) == ("order_rejected", "invalid_price")


def test_both_sides_of_a_transfer_know_of_it(venue: Venue) -> None:
    before = venue.events[-1].seq
    venue.batch(move("ann", "bob", "7", "USD"))
    (sent,), (received,) = since(venue, "ann", before), since(venue, "bob", before)
    assert (sent["what"], sent["to_account"], sent["amount"]) == ("transferred_out", "bob", "700000000")
    assert (received["what"], received["amount"]) == ("transferred_in", "700000000")
    assert sent["transfer_id"] == received["transfer_id"]


def test_a_withdrawal_is_told_in_its_two_steps(venue: Venue) -> None:
    before = venue.events[-1].seq
    venue.batch(request_withdrawal("ann", "5", "USD"), complete_withdrawal("ann", reference="tx-1"))
    requested, completed = since(venue, "ann", before)
    assert (requested["what"], completed["what"], completed["reference"]) == (
        "withdrawal_requested",
        "withdrawal_completed",
        "tx-1",
    )


def test_a_busted_trade_is_told_to_both_each_with_its_own_order(venue: Venue) -> None:
    venue.batch(place("ann", "b1", "buy", "1", "99"))
    made = venue.batch(place("bob", "hit", "sell", "1", "99"))
    before = venue.events[-1].seq
    fill = next(event.event for event in made if type(event.event).__name__ == "OrderFilled")
    venue.batch(bust(fill))  # type: ignore[arg-type] # it is one
    (anns,), (bobs,) = since(venue, "ann", before), since(venue, "bob", before)
    assert (anns["what"], anns["reason"], anns["actor"]) == ("trade_busted", "erroneous", "op")
    assert anns["order_id"] != bobs["order_id"]


def test_a_document_is_of_one_window_and_one_place_so_that_it_stays_small() -> None:
    venue = trading(2_000, seed=3)
    assert venue.shard.last_seq > WINDOW_EVENTS
    for name in ("activity", "order_activity"):
        for document in folded(name, venue.events).values():
            seqs = [entry["seq"] for entry in activity.entries_of(document)]
            assert {seq // WINDOW_EVENTS for seq in seqs} == {document["window"]}
            assert seqs == sorted(seqs)
            assert len(seqs) <= WINDOW_EVENTS
