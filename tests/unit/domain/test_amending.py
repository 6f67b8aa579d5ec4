"""Amending: an open order gets another quantity, price or trigger under its old id. It keeps its place in the
queue only if nothing but its quantity falls."""

import pytest

from domain.order import OrderAmended
from tests.unit.domain.expectations import (
    asks,
    bids,
    filled,
    has,
    holds,
    nothing_happened,
    nothing_traded,
    refused,
    traded,
    triggered,
    waits,
)
from tests.unit.domain.story import NOW_US, funded, given, last_price, listed_market, resting, waiting
from tests.unit.domain.wishes import amend, buy, cancel, sell

RICH = funded("eve", USD=10_000, BTC=100)
TWO_BIDS = (resting(buy("first", 5, at=100)), resting(buy("second", 5, at=100)))


# --- Its place in the queue -----------------------------------------------------------------------------


def test_a_smaller_quantity_keeps_its_place() -> None:
    given(listed_market(), *TWO_BIDS).when(amend("first", quantity=3)).then(
        bids(("first", 3, 100), ("second", 5, 100)), holds("first", USD=300), has("first", USD=200)
    )


def test_a_larger_quantity_queues_again() -> None:
    given(listed_market(), *TWO_BIDS, funded("first", USD=100)).when(amend("first", quantity=6)).then(
        bids(("second", 5, 100), ("first", 6, 100)), holds("first", USD=600), has("first", USD=0)
    )


def test_another_price_queues_again_even_if_the_quantity_falls() -> None:
    given(listed_market(), *TWO_BIDS).when(
        amend("first", price=99, quantity=3), amend("first", price=100)
    ).then(bids(("second", 5, 100), ("first", 3, 100)), holds("first", USD=300))


def test_what_changes_nothing_is_nothing() -> None:
    story = given(listed_market(), *TWO_BIDS, waiting(sell("waits", 1, stop=50)))
    story.when(amend("first"), amend("first", quantity="5.0", price="100.00")).then(nothing_happened)
    story.when(amend("waits"), amend("waits", quantity=1, trigger_price=50)).then(nothing_happened)


def test_the_event_says_what_leaves_the_book_and_what_enters() -> None:
    story = given(listed_market(), *TWO_BIDS).when(amend("first", quantity=3), amend("first", price=99))
    shrunk, moved = story.of_type(OrderAmended)
    assert (shrunk.leaves, shrunk.resting, shrunk.keeps_priority) == (200, 0, True)
    assert (moved.old_price, moved.leaves, moved.price, moved.resting) == (100_00, 300, 99_00, 300)
    assert not moved.keeps_priority


# --- Trading at once ------------------------------------------------------------------------------------


def test_a_price_that_meets_others_trades_at_once() -> None:
    given(
        listed_market(),
        resting(buy("alice", 5, at=99)),
        resting(sell("bob", 2, at=100)),
        funded("alice", USD=5),
    ).when(amend("alice", price=100)).then(
        traded(("bob", 2, 100)), bids(("alice", 3, 100)), holds("alice", USD=300), has("alice", USD=0, BTC=2)
    )


def test_it_trades_at_the_better_price_and_gets_the_rest_back() -> None:
    given(
        listed_market(),
        resting(buy("alice", 2, at=99)),
        resting(sell("bob", 2, at=100)),
        funded("alice", USD=4),
    ).when(amend("alice", price=101)).then(
        traded(("bob", 2, 100)), filled("alice"), has("alice", USD=2, BTC=2), holds("alice", USD=0)
    )


def test_a_sell_is_amended_as_well() -> None:
    given(listed_market(), resting(sell("alice", 5, at=101)), resting(buy("bob", 2, at=100))).when(
        amend("alice", price=100)
    ).then(traded(("bob", 2, 100)), asks(("alice", 3, 100)), holds("alice", BTC=3))


# --- After a fill ---------------------------------------------------------------------------------------


def test_the_quantity_is_the_total_with_what_is_filled() -> None:
    given(listed_market(), *TWO_BIDS, RICH).when(sell("eve", 2), amend("first", quantity=4)).then(
        bids(("first", 2, 100), ("second", 5, 100)), holds("first", USD=200), has("first", USD=100, BTC=2)
    )


def test_a_larger_quantity_adds_to_what_remains() -> None:
    given(listed_market(), *TWO_BIDS, RICH, funded("first", USD=100)).when(
        sell("eve", 2), amend("first", quantity=6)
    ).then(bids(("second", 5, 100), ("first", 4, 100)), holds("first", USD=400))


@pytest.mark.parametrize("quantity", [2, 1])
def test_what_is_filled_already_is_no_quantity(quantity: int) -> None:
    given(listed_market(), *TWO_BIDS, RICH).when(sell("eve", 2)).when(amend("first", quantity=quantity)).then(
        refused("invalid_quantity", f"quantity was {quantity}", "2 is filled", "cancel it")
    )


# --- Funds ----------------------------------------------------------------------------------------------


def test_more_needs_more_funds() -> None:
    given(listed_market(), *TWO_BIDS, funded("first", USD=99)).when(amend("first", quantity=6)).then(
        refused("insufficient_funds", "needs 100 USD", "available 99"),
        bids(("first", 5, 100), ("second", 5, 100)),
        holds("first", USD=500),
    )


def test_what_it_holds_pays_for_the_amended_order() -> None:
    given(listed_market(), resting(buy("alice", 5, at=100))).when(amend("alice", price=50, quantity=10)).then(
        bids(("alice", 10, 50)), has("alice", USD=0), holds("alice", USD=500)
    )


def test_fees_stay_those_of_the_order() -> None:
    given(listed_market(taker_fee_ppm=10_000), resting(buy("alice", 5, at=100))).when(
        amend("alice", quantity=1)
    ).then(holds("alice", USD=101), has("alice", USD=404))


# --- Waiting orders -------------------------------------------------------------------------------------


def test_a_waiting_order_gets_another_trigger() -> None:
    given(
        listed_market(),
        last_price(100),
        waiting(sell("alice", 1, stop=90, at=89)),
        resting(buy("bob", 5, at=95)),
        RICH,
    ).when(amend("alice", trigger_price=95)).then(waits(("alice", 95))).when(sell("eve", 1)).then(
        triggered("alice")
    )


def test_a_waiting_order_gets_another_limit_and_quantity() -> None:
    given(listed_market(), waiting(buy("alice", 1, stop=100, at=101)), funded("alice", USD=99)).when(
        amend("alice", price=50, quantity=4)
    ).then(waits(("alice", 100)), holds("alice", USD=200), has("alice", USD=0))


def test_a_waiting_market_buy_holds_for_its_new_trigger() -> None:
    given(listed_market(market_buffer_ppm=100_000), waiting(buy("alice", 1, stop=100))).then(
        holds("alice", USD=110)
    ).when(amend("alice", trigger_price=50)).then(holds("alice", USD=55), has("alice", USD=55))


def test_a_trigger_that_is_there_already_is_refused() -> None:
    given(listed_market(), last_price(100), waiting(sell("alice", 1, stop=90))).when(
        amend("alice", trigger_price=100)
    ).then(refused("would_trigger_at_once", "trigger_price was 100"), waits(("alice", 90)))


def test_only_a_waiting_order_has_a_trigger() -> None:
    given(listed_market(), *TWO_BIDS).when(amend("first", trigger_price=90)).then(refused("invalid_trigger"))


def test_a_triggered_order_is_amended_like_any_other() -> None:
    given(
        listed_market(),
        last_price(100),
        waiting(sell("alice", 3, stop=95, at=96)),
        resting(buy("bob", 2, at=95)),
        RICH,
    ).when(sell("eve", 1), amend("alice", price=95)).then(
        traded(("bob", 1, 95), ("bob", 1, 95)), asks(("alice", 2, 95)), waits()
    )


# --- Refusals -------------------------------------------------------------------------------------------


def test_an_order_that_is_not_open_is_not_amended() -> None:
    story = given(listed_market(), *TWO_BIDS).when(cancel("first"))
    story.when(amend("first", quantity=3)).then(refused("order_not_open"))
    story.when(amend("first", name="second", quantity=3)).then(refused("order_not_open"))


@pytest.mark.parametrize("quantity", ["0", "-1", "x", "0.001", "1000.01"])
def test_the_quantity_is_one_of_the_market(quantity: str) -> None:
    given(listed_market(), *TWO_BIDS).when(amend("first", quantity=quantity)).then(
        refused("invalid_quantity", quantity)
    )


@pytest.mark.parametrize("price", ["0", "-1", "x", "100.001"])
def test_the_price_is_one_of_the_market(price: str) -> None:
    given(listed_market(), *TWO_BIDS).when(amend("first", price=price)).then(refused("invalid_price", price))


def test_a_market_order_that_waits_has_no_price() -> None:
    given(listed_market(), waiting(sell("alice", 1, stop=90))).when(amend("alice", price=90)).then(
        refused("price_forbidden", "price was 90 on a stop order")
    )


def test_it_stays_worth_enough() -> None:
    given(listed_market(min_notional="100"), *TWO_BIDS).when(amend("first", price=1)).then(
        refused("min_notional", "worth 5 USD")
    )


def test_an_amendment_that_comes_too_late_is_refused() -> None:
    given(listed_market(), *TWO_BIDS).when(amend("first", quantity=3, until_us=NOW_US - 1)).then(
        refused("stale_command"), nothing_traded, bids(("first", 5, 100), ("second", 5, 100))
    )
