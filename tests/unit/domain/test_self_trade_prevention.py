"""Self-trade prevention: what happens where a new order meets one of its own account."""

import pytest

from domain.order import OrderAmended
from tests.unit.domain.expectations import (
    asks,
    bids,
    cancelled,
    filled,
    has,
    holds,
    nothing_traded,
    prevented,
    showing,
    traded,
    triggered,
)
from tests.unit.domain.story import Story, funded, given, last_price, listed_market, resting, waiting
from tests.unit.domain.wishes import SYMBOL, amend, buy, order_named, sell

RICH = funded("eve", USD=10_000, BTC=100)


def own_ask(quantity: int = 2, **more: object) -> Story:
    """Eve sells at 100, Bob behind her at the same price."""
    story = given(listed_market(), RICH).when(sell("eve", quantity, at=100, name="own", **more))
    resting(sell("bob", 5, at=100))(story)
    return story


def test_without_prevention_both_sides_trade() -> None:
    own_ask().when(buy("eve", 3, at=100)).then(prevented(), traded(("own", 2, 100), ("bob", 1, 100)))


@pytest.mark.parametrize("mode", ["expire_taker", "expire_maker", "expire_both", "decrement"])
def test_orders_of_others_are_met_as_ever(mode: str) -> None:
    given(listed_market(), resting(sell("bob", 5, at=100)), RICH).when(
        buy("eve", 3, at=100, self_trade=mode)
    ).then(prevented(), traded(("bob", 3, 100)))


def test_the_mode_of_the_new_order_counts() -> None:
    own_ask(self_trade="expire_taker").when(buy("eve", 2, at=100)).then(prevented(), traded(("own", 2, 100)))


# --- Expire the taker -----------------------------------------------------------------------------------


def test_the_new_order_expires() -> None:
    own_ask().when(buy("eve", 3, at=100, self_trade="expire_taker")).then(
        prevented(("eve", "own", 2, 100)),
        nothing_traded,
        cancelled("eve", 3, "self_trade"),
        asks(("own", 2, 100), ("bob", 5, 100)),
        bids(),
        has("eve", USD=10_000),
        holds("eve", USD=0, BTC=2),
    )


def test_it_trades_with_others_until_it_meets_its_own_and_nothing_of_it_rests() -> None:
    story = given(listed_market(), RICH, resting(sell("bob", 1, at=99)))
    story.when(sell("eve", 2, at=100, name="own"))
    story.when(buy("eve", 3, at=100, self_trade="expire_taker")).then(
        traded(("bob", 1, 99)),
        prevented(("eve", "own", 2, 100)),
        cancelled("eve", 2, "self_trade"),
        bids(),
        asks(("own", 2, 100)),
        holds("eve", USD=0),
    )


def test_what_it_does_not_reach_is_not_prevented() -> None:
    story = given(listed_market(), RICH, resting(sell("bob", 1, at=99)))
    story.when(sell("eve", 2, at=100, name="own"))
    story.when(buy("eve", 1, at=100, self_trade="expire_taker")).then(prevented(), filled("eve"))


# --- Expire the maker -----------------------------------------------------------------------------------


def test_the_resting_order_expires_and_the_new_one_goes_on() -> None:
    own_ask().when(buy("eve", 7, at=100, self_trade="expire_maker")).then(
        prevented(("eve", "own", 2, 100)),
        cancelled("own", 2, "self_trade"),
        traded(("bob", 5, 100)),
        bids(("eve", 2, 100)),
        asks(),
        holds("eve", USD=200, BTC=0),
    )


def test_all_of_an_iceberg_expires() -> None:
    own_ask(quantity=10, display=1).when(buy("eve", 5, at=100, self_trade="expire_maker")).then(
        cancelled("own", 10, "self_trade"), traded(("bob", 5, 100)), holds("eve", BTC=0), filled("eve")
    )


def test_an_iceberg_expires_once_where_the_new_order_goes_on_past_it() -> None:
    own_ask(quantity=10, display=1).when(buy("eve", 7, at=100, self_trade="expire_maker")).then(
        prevented(("eve", "own", 7, 100)),
        cancelled("own", 10, "self_trade"),
        traded(("bob", 5, 100)),
        bids(("eve", 2, 100)),
    )


def test_several_of_its_own_expire() -> None:
    story = own_ask().when(sell("eve", 1, at=101, name="second"))
    story.when(buy("eve", 6, at=101, self_trade="expire_maker")).then(
        cancelled("own", 2, "self_trade"), cancelled("second", 1, "self_trade"), bids(("eve", 1, 101))
    )


# --- Expire both ----------------------------------------------------------------------------------------


def test_both_expire() -> None:
    own_ask().when(buy("eve", 3, at=100, self_trade="expire_both")).then(
        prevented(("eve", "own", 2, 100)),
        cancelled("own", 2, "self_trade"),
        cancelled("eve", 3, "self_trade"),
        asks(("bob", 5, 100)),
        bids(),
        holds("eve", USD=0, BTC=0),
    )


# --- Decrement ------------------------------------------------------------------------------------------


def test_the_larger_new_order_goes_on_with_what_is_left() -> None:
    own_ask().when(buy("eve", 8, at=100, self_trade="decrement")).then(
        prevented(("eve", "own", 2, 100)),
        cancelled("own", 2, "self_trade"),
        traded(("bob", 5, 100)),
        bids(("eve", 1, 100)),
        holds("eve", USD=100, BTC=0),
    )


def test_the_larger_resting_order_stays_in_its_place_with_what_is_left() -> None:
    own_ask(quantity=5).when(buy("eve", 3, at=100, self_trade="decrement")).then(
        prevented(("eve", "own", 3, 100)),
        cancelled("eve", 0, "self_trade"),
        nothing_traded,
        asks(("own", 2, 100), ("bob", 5, 100)),
        holds("eve", USD=0, BTC=2),
    )


def test_each_order_that_is_decremented_says_what_it_is_left_with() -> None:
    """The new one is not in the book: nothing leaves it there."""
    story = own_ask(quantity=5).when(buy("eve", 3, at=101, self_trade="decrement"))
    order, own = order_named("eve"), order_named("own")
    assert story.of_type(OrderAmended) == [
        OrderAmended(order, "eve", SYMBOL, "buy", 10_100, 10_100, 0, 0, 0, 0, 0, keeps_priority=True),
        OrderAmended(own, "eve", SYMBOL, "sell", 10_000, 10_000, 200, 200, 300, 0, 200, keeps_priority=True),
    ]


def test_two_equal_orders_are_both_done() -> None:
    own_ask().when(buy("eve", 2, at=100, self_trade="decrement")).then(
        cancelled("own", 2, "self_trade"), cancelled("eve", 0, "self_trade"), asks(("bob", 5, 100)), bids()
    )


def test_an_order_of_which_the_rest_is_decremented_is_filled() -> None:
    """What it traded is all that it is left with: it traded in full."""
    story = given(listed_market(), RICH, resting(sell("bob", 1, at=99)))
    story.when(sell("eve", 5, at=100, name="own"))
    story.when(buy("eve", 3, at=100, self_trade="decrement")).then(
        prevented(("eve", "own", 2, 100)),
        traded(("bob", 1, 99)),
        filled("eve"),
        asks(("own", 3, 100)),
        holds("eve", USD=0, BTC=3),
    )


def test_an_iceberg_is_decremented_from_its_hidden_end() -> None:
    own_ask(quantity=10, display=4).when(buy("eve", 3, at=100, self_trade="decrement")).then(
        asks(("own", 7, 100), ("bob", 5, 100)), showing("sell", (9, 100)), holds("eve", BTC=7)
    )


def test_a_market_order_is_decremented() -> None:
    own_ask().when(buy("eve", 9, self_trade="decrement")).then(
        traded(("bob", 5, 100)), cancelled("eve", 2, "unfilled_remainder"), holds("eve", USD=0, BTC=0)
    )


# --- In other operations --------------------------------------------------------------------------------


def test_an_amended_order_does_not_trade_with_its_own() -> None:
    story = own_ask().when(buy("eve", 3, at=99, name="bid", self_trade="expire_taker"))
    story.when(amend("eve", name="bid", price=100)).then(
        prevented(("bid", "own", 2, 100)), cancelled("bid", 3, "self_trade"), bids(), holds("eve", USD=0)
    )


def test_a_triggered_order_does_not_trade_with_its_own() -> None:
    given(
        listed_market(),
        last_price(100),
        waiting(sell("alice", 2, stop=95, self_trade="expire_maker", name="stop")),
        resting(buy("carol", 1, at=95)),
        resting(buy("alice", 1, at=95, name="own")),
        resting(buy("bob", 2, at=95)),
        RICH,
    ).when(sell("eve", 1)).then(
        triggered("stop"),
        prevented(("stop", "own", 1, 95)),
        cancelled("own", 1, "self_trade"),
        traded(("carol", 1, 95), ("bob", 2, 95)),
        filled("stop"),
    )
