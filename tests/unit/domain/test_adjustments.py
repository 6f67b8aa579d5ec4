"""Adjustments: the venue corrects what an account has, for a reason, and not alone."""

from tests.unit.domain.expectations import has, refused
from tests.unit.domain.story import funded, given, listed_market, opened, resting
from tests.unit.domain.transfer_wishes import adjust
from tests.unit.domain.wishes import buy, deposit


def test_the_venue_may_give() -> None:
    story = given(listed_market(), opened("alice")).when(adjust("alice", "credit", 5, "USD"))
    story.then(has("alice", USD=5))
    assert (story.exchange.outside, story.exchange.adjustments) == ({}, {"USD": 50_000})


def test_the_venue_may_take() -> None:
    story = given(listed_market(), funded("alice", USD=9)).when(adjust("alice", "debit", 5, "USD"))
    story.then(has("alice", USD=4))
    assert (story.exchange.outside, story.exchange.adjustments) == ({"USD": 90_000}, {"USD": -50_000})


def test_the_venue_takes_no_more_than_is_available() -> None:
    given(listed_market(), resting(buy("alice", 1, at=40)), funded("alice", USD=5)).when(
        adjust("alice", "debit", 6, "USD")
    ).then(refused("insufficient_funds", "needs 6 USD", "available 5"))


def test_an_adjustment_has_a_reason_and_a_second_pair_of_eyes() -> None:
    story = given(listed_market(), opened("alice"))
    story.when(adjust("alice", "credit", 5, "USD", reason="")).then(refused("reason_required"))
    story.when(adjust("alice", "credit", 5, "USD", approver="")).then(refused("approval_required"))
    story.when(adjust("alice", "credit", 5, "USD", approver="operator")).then(
        refused("approval_required", "'operator'")
    )


def test_the_account_is_a_traders_and_the_asset_known() -> None:
    story = given(listed_market(), opened("alice"))
    story.when(adjust("fees", "credit", 5, "USD")).then(refused("reserved_account"))
    story.when(adjust("nobody", "credit", 5, "USD")).then(refused("unknown_account"))
    story.when(adjust("alice", "credit", 5, "EUR")).then(refused("unknown_asset"))


def test_nobody_can_be_given_more_than_an_account_can_hold() -> None:
    most = "99999999999999.9999"  # 18 digits
    story = given(listed_market(), opened("bob"))
    story.when(*(deposit("bob", most, "USD", name=f"bob-{n}") for n in range(9)))
    story.when(adjust("bob", "credit", most, "USD")).then(refused("balance_limit", most))
