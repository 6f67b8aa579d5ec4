"""Groups: accounts of one owner do not trade with each other, where their orders ask for that."""

import pytest

from domain.account import AccountGroupSet
from domain.order import TradePrevented
from streams.codec import encode
from tests.unit.domain.expectations import (
    asks,
    bids,
    cancelled,
    filled,
    has,
    holds,
    nothing_happened,
    nothing_traded,
    prevented,
    refused,
    traded,
    triggered,
)
from tests.unit.domain.story import Story, funded, given, last_price, listed_market, opened, resting, waiting
from tests.unit.domain.transfer_wishes import set_group
from tests.unit.domain.wishes import amend, buy, sell


def desk(*accounts: str) -> Story:
    """Bob sells 2 at 100, Carol 5 behind him; these accounts are of one desk."""
    story = given(listed_market(), resting(sell("bob", 2, at=100)), resting(sell("carol", 5, at=100)))
    funded("eve", USD=10_000)(story)
    return story.when(*(set_group(account, "desk") for account in accounts))


def test_accounts_of_a_group_do_not_trade_with_each_other() -> None:
    desk("bob", "eve").when(buy("eve", 3, at=100, self_trade="expire_taker")).then(
        prevented(("eve", "bob", 2, 100)),
        nothing_traded,
        cancelled("eve", 3, "self_trade"),
        asks(("bob", 2, 100), ("carol", 5, 100)),
    )


def test_the_event_names_both_accounts() -> None:
    story = desk("bob", "eve").when(buy("eve", 3, at=100, self_trade="expire_maker"))
    (event,) = story.of_type(TradePrevented)
    assert (event.account, event.counter_account) == ("eve", "bob")


def test_of_one_accounts_own_orders_it_is_named_once() -> None:
    story = given(listed_market(), resting(sell("eve", 2, at=100, name="own")), funded("eve", USD=500))
    story.when(set_group("eve", "desk"), buy("eve", 2, at=100, self_trade="expire_maker"))
    (event,) = story.of_type(TradePrevented)
    assert (event.account, event.counter_account) == ("eve", "")
    assert b"counter_account" not in encode(event)


def test_the_other_accounts_order_expires_and_gets_its_hold_back() -> None:
    desk("bob", "eve").when(buy("eve", 3, at=100, self_trade="expire_maker")).then(
        cancelled("bob", 2, "self_trade"), has("bob", BTC=2), holds("bob", BTC=0), traded(("carol", 3, 100))
    )


def test_both_orders_are_decremented() -> None:
    desk("bob", "eve").when(buy("eve", 3, at=100, self_trade="decrement")).then(
        prevented(("eve", "bob", 2, 100)),
        cancelled("bob", 2, "self_trade"),
        has("bob", BTC=2),
        traded(("carol", 1, 100)),
        filled("eve"),
    )


def test_those_outside_the_group_are_met_as_ever() -> None:
    desk("eve").when(buy("eve", 3, at=100, self_trade="expire_taker")).then(
        prevented(), traded(("bob", 2, 100), ("carol", 1, 100))
    )


def test_another_group_is_another_owner() -> None:
    desk("bob").when(set_group("eve", "others"), buy("eve", 2, at=100, self_trade="expire_taker")).then(
        prevented(), traded(("bob", 2, 100))
    )


def test_a_group_by_the_name_of_an_account_is_not_that_account() -> None:
    desk().when(set_group("eve", "bob"), buy("eve", 2, at=100, self_trade="expire_taker")).then(
        prevented(), traded(("bob", 2, 100))
    )


def test_without_prevention_a_group_trades_with_itself() -> None:
    desk("bob", "eve").when(buy("eve", 2, at=100)).then(prevented(), traded(("bob", 2, 100)))


def test_a_group_is_in_force_for_what_rests_already() -> None:
    """``desk`` puts Bob into the group after he has placed his order; when he leaves it, he trades."""
    desk("bob", "eve").when(set_group("bob", None), buy("eve", 2, at=100, self_trade="expire_taker")).then(
        prevented(), traded(("bob", 2, 100))
    )


def test_a_group_is_in_force_for_what_waits() -> None:
    story = given(
        listed_market(),
        last_price(100),
        waiting(sell("alice", 2, stop=95, self_trade="expire_maker", name="stop")),
        resting(buy("carol", 1, at=95)),
        resting(buy("bob", 2, at=95)),
        funded("eve", BTC=1),
    )
    story.when(set_group("alice", "desk"), set_group("bob", "desk"))
    story.when(sell("eve", 1, at=95)).then(
        triggered("stop"),
        prevented(("stop", "bob", 2, 95)),
        cancelled("bob", 2, "self_trade"),
        traded(("carol", 1, 95)),
    )


def test_an_amended_order_meets_its_group_too() -> None:
    story = desk("bob", "eve").when(buy("eve", 3, at=99, self_trade="expire_taker"))
    story.when(amend("eve", price=100)).then(
        prevented(("eve", "bob", 2, 100)), cancelled("eve", 3, "self_trade"), bids(), holds("eve", USD=0)
    )


def test_what_is_so_already_is_no_event() -> None:
    story = given(opened("eve")).when(set_group("eve", "desk"))
    assert story.events == [AccountGroupSet("eve", "desk")]
    story.when(set_group("eve", "desk")).then(nothing_happened)
    story.when(set_group("eve", None))
    assert story.events == [AccountGroupSet("eve", None)]
    story.when(set_group("eve", None)).then(nothing_happened)


@pytest.mark.parametrize("group", ["", "g" * 37])
def test_a_groups_name_is_bounded(group: str) -> None:
    given(opened("eve")).when(set_group("eve", group)).then(refused("invalid_group", f"{len(group)}"))


def test_the_account_is_a_traders() -> None:
    given().when(set_group("nobody", "desk")).then(refused("unknown_account"))
    given().when(set_group("fees", "desk")).then(refused("unknown_account"))
