"""An account may trade, only sell, or place no orders at all; what it may not have is cancelled with that."""

from collections.abc import Callable

import pytest

from domain.control import AccountStatusChanged
from domain.event import Command
from domain.order import OrderCancelled
from tests.unit.domain.expectations import (
    asks,
    bids,
    cancelled,
    has,
    holds,
    nothing_happened,
    refused,
    rejected,
    waits,
)
from tests.unit.domain.story import (
    Story,
    after,
    funded,
    given,
    last_price,
    listed_market,
    opened,
    resting,
    waiting,
)
from tests.unit.domain.transfer_wishes import cancel_withdrawal, complete_withdrawal, move, request_withdrawal
from tests.unit.domain.wishes import (
    account_is,
    amend,
    buy,
    cancel,
    cancel_all,
    deposit,
    market_is,
    open_account,
    order_named,
    sell,
)

STOPPED = ["cancel_only", "suspended"]


def orders() -> Story:
    """Alice bids, asks, and waits to sell; Bob bids."""
    return given(
        listed_market(),
        resting(buy("alice", 1, at=100, name="bid")),
        resting(sell("alice", 1, at=110, name="ask")),
        waiting(sell("alice", 1, stop=90, name="stop")),
        waiting(buy("alice", 1, stop=120, name="stop-buy")),
        resting(buy("bob", 1, at=99)),
    )


def all_cancelled(story: Story, *names: str) -> None:
    ended = [(event.order_id, event.reason) for event in story.of_type(OrderCancelled)]
    assert ended == [(order_named(name), "account_restricted") for name in names]


def test_a_change_says_who_and_why() -> None:
    story = given(opened("alice")).when(account_is("alice", "suspended"))
    assert story.events == [AccountStatusChanged("alice", "suspended", "drill", "operator")]


@pytest.mark.parametrize("status", ["active", "reduce_only", *STOPPED])
def test_the_same_status_again_changes_nothing(status: str) -> None:
    story = given(opened("alice"), after(account_is("alice", status)))
    story.when(account_is("alice", status)).then(nothing_happened)
    story.when(open_account("alice")).then(nothing_happened)


@pytest.mark.parametrize("account", ["nobody", "fees"])
def test_only_a_traders_open_account_has_a_status(account: str) -> None:
    given(listed_market()).when(account_is(account, "suspended")).then(refused("unknown_account", account))


@pytest.mark.parametrize("status", STOPPED)
def test_stopped_it_loses_all_its_orders_in_the_same_decision(status: str) -> None:
    story = orders().when(account_is("alice", status))
    all_cancelled(story, "bid", "ask", "stop", "stop-buy")
    story.then(bids(("bob", 1, 99)), asks(), waits(), holds("alice", USD=0, BTC=0), has("alice", BTC=2))


@pytest.mark.parametrize("status", STOPPED)
@pytest.mark.parametrize(
    "order", [buy("alice", 1, at=1), sell("alice", 1, at=200), sell("alice", 1, stop=80)]
)
def test_stopped_it_places_no_orders(status: str, order: object) -> None:
    story = orders().when(account_is("alice", status))
    story.when(order).then(rejected("account_restricted", "alice", status))  # type: ignore[arg-type] # a command


def test_reduced_it_may_only_sell() -> None:
    story = orders().when(account_is("alice", "reduce_only"))
    all_cancelled(story, "bid", "stop-buy")
    story.then(asks(("ask", 1, 110)), waits(("stop", 90)))
    story.when(buy("alice", 1, at=1)).then(rejected("account_restricted", "reduce_only", "may only sell"))
    story.when(cancel("alice", "stop"), sell("alice", 1, at=120, name="more"))
    story.then(asks(("ask", 1, 110), ("more", 1, 120)))
    story.when(amend("alice", "ask", price=111)).then(asks(("ask", 1, 111), ("more", 1, 120)))


@pytest.mark.parametrize("status", ["reduce_only", *STOPPED])
def test_it_takes_deposits_all_the_same(status: str) -> None:
    given(listed_market(), opened("alice"), after(account_is("alice", status))).when(
        deposit("alice", 5, "USD")
    ).then(has("alice", USD=5))


@pytest.mark.parametrize("status", ["reduce_only", *STOPPED])
def test_released_it_trades_again(status: str) -> None:
    story = orders().when(account_is("alice", status)).when(account_is("alice", "active"))
    assert story.events == [AccountStatusChanged("alice", "active", "drill", "operator")]
    story.when(buy("alice", 1, at=100, name="again")).then(bids(("again", 1, 100), ("bob", 1, 99)))


def test_others_trade_on() -> None:
    orders().when(account_is("alice", "suspended"), sell("alice", 1), cancel_all("alice")).then(
        bids(("bob", 1, 99))
    )


def test_a_makers_fill_is_not_waited_for() -> None:
    """What has traded has traded; only the rest of the order is cancelled."""
    story = given(listed_market(), resting(buy("alice", 5, at=100)), resting(sell("bob", 1, at=105)))
    story.when(account_is("bob", "suspended"), sell("bob", 1, at=100, name="late")).then(
        bids(("alice", 5, 100))
    )
    story.when(account_is("alice", "suspended")).then(cancelled("alice", 5, "account_restricted"))


def test_whoever_stops_an_account_does_not_loosen_it() -> None:
    story = given(opened("alice"), after(account_is("alice", "suspended")))
    story.when(account_is("alice", "cancel_only", only_tighten=True)).then(nothing_happened)
    story = given(opened("alice"), after(account_is("alice", "reduce_only")))
    story.when(account_is("alice", "cancel_only", only_tighten=True))
    assert story.events == [AccountStatusChanged("alice", "cancel_only", "drill", "operator")]


def test_its_orders_go_while_the_market_is_halted_too() -> None:
    orders().when(market_is("halted"), account_is("alice", "suspended")).then(
        bids(("bob", 1, 99)), asks(), waits()
    )


def test_a_status_is_there_before_any_order() -> None:
    given(listed_market(), last_price(100), opened("alice")).when(
        account_is("alice", "reduce_only"), buy("alice", 1)
    ).then(bids())


# --- Its funds ------------------------------------------------------------------------------------------


def moneyed(status: str) -> Story:
    return given(
        listed_market(), funded("alice", USD=100), funded("bob", USD=100), after(account_is("alice", status))
    )


def test_a_suspended_account_sends_nothing_out() -> None:
    for wish in (request_withdrawal("alice", 30, "USD"), move("alice", "bob", 30, "USD")):
        moneyed("suspended").when(wish).then(
            refused("account_restricted", "suspended"), has("alice", USD=100), holds("alice", USD=0)
        )


@pytest.mark.parametrize("status", ["active", "reduce_only", "cancel_only"])
def test_one_that_may_place_no_orders_keeps_the_use_of_its_funds(status: str) -> None:
    story = moneyed(status).when(request_withdrawal("alice", 30, "USD")).then(holds("alice", USD=30))
    story.when(move("alice", "bob", 30, "USD")).then(has("bob", USD=130))


def test_what_a_suspended_account_is_sent_it_gets() -> None:
    moneyed("suspended").when(move("bob", "alice", 30, "USD")).then(has("alice", USD=130))


@pytest.mark.parametrize("end", [complete_withdrawal, cancel_withdrawal])
def test_a_withdrawal_under_way_ends(end: Callable[[str], Command]) -> None:
    """It may have left already: what custody says is so."""
    story = given(listed_market(), funded("alice", USD=100)).when(request_withdrawal("alice", 30, "USD"))
    story.when(account_is("alice", "suspended"), end("alice")).then(holds("alice", USD=0))
