"""Withdrawals: requested, which holds the money; then completed, when it has left, or cancelled."""

from collections.abc import Callable

import pytest

from domain.account import Posting
from domain.event import Command
from domain.ids import transfer_id
from domain.transfer import WithdrawalCancelled, WithdrawalCompleted, WithdrawalRequested
from tests.unit.domain.expectations import accepted, has, holds, refused, rejected
from tests.unit.domain.story import Story, funded, given, listed_market, opened, resting
from tests.unit.domain.transfer_wishes import (
    cancel_withdrawal,
    complete_withdrawal,
    request_withdrawal,
)
from tests.unit.domain.wishes import SHARD, buy, sell

Wish = Callable[..., Command]

OUT = transfer_id(SHARD, "alice", "out")


def requested(amount: str = "30") -> Story:
    """Alice has 100 USD and wants 30 of them out."""
    return given(listed_market(), funded("alice", USD=100), opened("bob")).when(
        request_withdrawal("alice", amount, "USD")
    )


def test_a_request_holds_the_funds() -> None:
    story = requested()
    assert story.events == [
        WithdrawalRequested(OUT, "out", "alice", "USD", 300_000, "address-7"),
        Posting("alice", "USD", "hold", 300_000, 700_000, 300_000, "request-out", transfer_id=OUT),
    ]
    story.then(has("alice", USD=70), holds("alice", USD=30))


def test_what_is_completed_has_left() -> None:
    story = requested().when(complete_withdrawal("alice", reference="tx-1"))
    assert story.events == [
        WithdrawalCompleted(OUT, "alice", "USD", 300_000, "tx-1"),
        Posting("alice", "USD", "withdraw", 300_000, 700_000, 0, "complete-out", transfer_id=OUT),
    ]
    story.then(has("alice", USD=70), holds("alice", USD=0))
    assert story.exchange.outside == {"USD": 700_000}


def test_what_is_cancelled_is_available_again() -> None:
    story = requested().when(cancel_withdrawal("alice", reason="no such address"))
    assert story.events == [
        WithdrawalCancelled(OUT, "alice", "USD", 300_000, "no such address"),
        Posting("alice", "USD", "release", 300_000, 1_000_000, 0, "cancel-out", transfer_id=OUT),
    ]
    story.then(has("alice", USD=100), holds("alice", USD=0))
    assert story.exchange.outside == {"USD": 1_000_000}


def test_what_is_under_way_cannot_be_traded_with() -> None:
    requested().when(buy("alice", 1, at=71)).then(rejected("insufficient_funds", "available 70"))
    requested().when(buy("alice", 1, at=70)).then(accepted("alice"), holds("alice", USD=100))


def test_what_an_order_holds_cannot_be_withdrawn() -> None:
    given(listed_market(), resting(buy("alice", 1, at=40)), funded("alice", USD=5)).when(
        request_withdrawal("alice", "5.0001", "USD")
    ).then(refused("insufficient_funds", "needs 5.0001 USD", "available 5"), holds("alice", USD=40))


def test_all_that_is_available_can_be_withdrawn() -> None:
    requested("100").when(complete_withdrawal("alice")).then(has("alice", USD=0), holds("alice", USD=0))


def test_a_withdrawal_and_an_order_hold_beside_each_other() -> None:
    story = requested().when(buy("alice", 1, at=70, name="bid")).then(holds("alice", USD=100))
    story.when(complete_withdrawal("alice")).then(holds("alice", USD=70), has("alice", USD=0))
    funded("carol", BTC=1)(story)
    story.when(sell("carol", 1, at=70)).then(holds("alice", USD=0), has("alice", BTC=1))


def test_several_are_under_way_at_once() -> None:
    story = requested().when(request_withdrawal("alice", "20", "USD", name="second"))
    story.then(holds("alice", USD=50)).when(complete_withdrawal("alice", name="second")).then(
        holds("alice", USD=30), has("alice", USD=50)
    )
    assert list(story.exchange.withdrawals) == [OUT]


@pytest.mark.parametrize("end", [complete_withdrawal, cancel_withdrawal])
@pytest.mark.parametrize("again", [complete_withdrawal, cancel_withdrawal])
def test_it_ends_once(end: Wish, again: Wish) -> None:
    story = requested().when(end("alice"))
    story.when(again("alice")).then(refused("withdrawal_not_open", OUT))


@pytest.mark.parametrize("end", [complete_withdrawal, cancel_withdrawal])
def test_it_is_ended_in_the_name_of_its_own_account(end: Wish) -> None:
    wish = end("bob", owner="alice")
    requested().when(wish).then(refused("withdrawal_not_open", "bob"), holds("alice", USD=30))


def test_ending_it_says_how() -> None:
    requested().when(complete_withdrawal("alice", reference="")).then(refused("reference_required"))
    requested().when(cancel_withdrawal("alice", reason="")).then(refused("reason_required"))


@pytest.mark.parametrize("amount", ["0", "-1", "1.00001", "all"])
def test_the_amount_is_a_positive_decimal_of_the_asset(amount: str) -> None:
    requested().when(request_withdrawal("alice", amount, "USD", name="x")).then(refused("invalid_amount"))


def test_the_asset_is_known_and_the_account_open_and_not_the_venues() -> None:
    story = requested()
    story.when(request_withdrawal("alice", 1, "EUR", name="x")).then(refused("unknown_asset", "EUR"))
    story.when(request_withdrawal("nobody", 1, "USD")).then(refused("unknown_account", "nobody"))
    story.when(request_withdrawal("fees", 1, "USD")).then(refused("reserved_account", "fees"))
