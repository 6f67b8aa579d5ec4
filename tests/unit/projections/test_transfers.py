"""Transfers: what became of each deposit, withdrawal, transfer and adjustment."""

import pytest

from domain.transfer import WithdrawalCompleted
from projections import transfers
from projections.projection import At, Document
from tests.unit.domain.transfer_wishes import (
    adjust,
    cancel_withdrawal,
    complete_withdrawal,
    move,
    request_withdrawal,
)
from tests.unit.projections.folds import folded
from tests.unit.projections.trading import Venue, deposit, list_market, open_account

UNIT = 10**8


@pytest.fixture
def venue() -> Venue:
    made = Venue()
    made.batch(list_market(), open_account("ann"), open_account("bob"), deposit("ann", "USD", "100"))
    return made


def found(venue: Venue, name: str, account: str = "ann") -> Document:
    (one,) = [
        document
        for document in folded("transfers", venue.events).values()
        if (document["client_transfer_id"], document["account"]) == (name, account)
    ]
    return one


def told(document: Document, *names: str) -> tuple[object, ...]:
    return tuple(document[name] for name in names)


def test_a_deposit_is_complete_at_once(venue: Venue) -> None:
    deposited = found(venue, "d-USD")
    assert told(deposited, "kind", "direction", "status", "amount", "asset") == (
        "deposit",
        "in",
        "completed",
        str(100 * UNIT),
        "USD",
    )
    assert deposited["begun_at_us"] == deposited["ended_at_us"]


def test_a_withdrawal_is_requested_then_completed(venue: Venue) -> None:
    venue.batch(request_withdrawal("ann", "5", "USD"))
    assert told(found(venue, "out"), "kind", "direction", "status", "destination", "ended_at_us") == (
        "withdrawal",
        "out",
        "requested",
        "address-7",
        None,
    )
    venue.batch(complete_withdrawal("ann", reference="tx-9"))
    done = found(venue, "out")
    assert told(done, "status", "reference", "amount") == ("completed", "tx-9", str(5 * UNIT))
    assert done["ended_at_us"] == done["begun_at_us"] + 1_000


def test_a_withdrawal_may_be_cancelled(venue: Venue) -> None:
    venue.batch(request_withdrawal("ann", "5", "USD"), cancel_withdrawal("ann", reason="no such address"))
    assert told(found(venue, "out"), "status", "reason") == ("cancelled", "no such address")


def test_each_account_of_a_transfer_sees_its_own_side(venue: Venue) -> None:
    venue.batch(move("ann", "bob", "5", "USD"))
    assert told(found(venue, "move"), "direction", "counter_account") == ("out", "bob")
    assert told(found(venue, "move", "bob"), "direction", "counter_account") == ("in", "ann")


def test_an_adjustment_says_why_and_who_agreed(venue: Venue) -> None:
    venue.batch(adjust("ann", "credit", "1", "USD"), adjust("ann", "debit", "2", "USD", name="back"))
    assert told(found(venue, "fix"), "kind", "direction", "reason", "approver") == (
        "adjustment",
        "in",
        "a mistake",
        "auditor",
    )
    assert found(venue, "back")["direction"] == "out"


def test_an_end_without_a_beginning_is_an_error() -> None:
    event = WithdrawalCompleted("x", "ann", "USD", 1, "tx")
    ((_, part),) = transfers.parts(event, 0)
    with pytest.raises(ValueError, match="never requested"):
        transfers.fold(None, part, At(0, 1, 1))
