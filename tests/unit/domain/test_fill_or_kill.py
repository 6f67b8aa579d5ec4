"""FOK: all of it trades at once, or nothing happens."""

from domain.order import OrderCancelled, OrderPlaced
from tests.unit.domain.expectations import (
    asks,
    bids,
    cancelled,
    filled,
    has,
    holds,
    nothing_traded,
    prevented,
    rejected,
    traded,
)
from tests.unit.domain.story import funded, given, listed_market, resting
from tests.unit.domain.wishes import buy, sell

RICH = funded("eve", USD=1000, BTC=10)


def test_it_is_filled_over_several_levels() -> None:
    given(listed_market(), resting(sell("a", 1, at=99)), resting(sell("b", 2, at=100)), RICH).when(
        buy("eve", 3, at=100, tif="fok")
    ).then(traded(("a", 1, 99), ("b", 2, 100)), filled("eve"))


def test_it_is_killed_when_a_part_is_missing() -> None:
    given(listed_market(), resting(sell("a", 1, at=99)), resting(sell("b", 2, at=101)), RICH).when(
        buy("eve", 2, at=100, tif="fok")
    ).then(
        nothing_traded,
        cancelled("eve", 2, "fill_or_kill"),
        asks(("a", 1, 99), ("b", 2, 101)),
        bids(),
        has("eve", USD=1000),
        holds("eve", USD=0),
    )


def test_what_icebergs_hide_counts() -> None:
    given(listed_market(), resting(sell("ice", 5, at=100, display=1)), RICH).when(
        buy("eve", 5, at=100, tif="fok")
    ).then(traded(("ice", 5, 100)), filled("eve"))


def test_a_market_order_may_be_fill_or_kill() -> None:
    story = given(listed_market(), resting(buy("bob", 2, at=100)), RICH)
    story.when(sell("eve", 3, tif="fok", name="more")).then(
        cancelled("more", 3, "fill_or_kill"), nothing_traded
    )
    story.when(sell("eve", 2, tif="fok", name="just")).then(filled("just"))


def test_it_needs_the_money_first() -> None:
    given(listed_market(), funded("poor", USD=100)).when(buy("poor", 2, at=100, tif="fok")).then(
        rejected("insufficient_funds")
    )


# --- With a budget --------------------------------------------------------------------------------------


def test_a_budget_is_spent_whole_or_not_at_all() -> None:
    story = given(listed_market(), resting(sell("bob", 3, at=100)), RICH)
    story.when(buy("eve", quote=400, tif="fok", name="more")).then(
        nothing_traded, cancelled("more", 3, "fill_or_kill"), has("eve", USD=1000), asks(("bob", 3, 100))
    )
    story.when(buy("eve", quote=300, tif="fok", name="just")).then(filled("just"), has("eve", USD=700))


def test_what_buys_no_further_lot_does_not_kill() -> None:
    given(listed_market(lot_size="1", min_quantity="1"), resting(sell("bob", 3, at=100)), RICH).when(
        buy("eve", quote=250, tif="fok")
    ).then(traded(("bob", 2, 100)), filled("eve"), has("eve", USD=800))


# --- With self-trade prevention -------------------------------------------------------------------------


def own_order_in_the_way(mode: str) -> None:
    story = given(listed_market(), RICH).when(sell("eve", 2, at=100, name="own"))
    resting(sell("bob", 1, at=101))(story)
    story.when(buy("eve", 3, at=101, tif="fok", self_trade=mode)).then(
        nothing_traded,
        prevented(),
        cancelled("eve", 3, "fill_or_kill"),
        asks(("own", 2, 100), ("bob", 1, 101)),
        holds("eve", USD=0),
    )


def test_what_must_not_trade_does_not_fill_it() -> None:
    own_order_in_the_way("expire_taker")
    own_order_in_the_way("expire_both")
    own_order_in_the_way("expire_maker")
    own_order_in_the_way("decrement")


def test_killed_it_never_was_in_the_book() -> None:
    story = given(listed_market(), RICH).when(buy("eve", 3, at=101, tif="fok"))
    (placed,) = story.of_type(OrderPlaced)
    (killed,) = story.of_type(OrderCancelled)
    assert (placed.resting, killed.resting, killed.remaining) == (0, 0, 300)


def test_the_least_quantity_that_it_loses_to_its_own_kills_it() -> None:
    story = given(listed_market(), RICH).when(sell("eve", "0.01", at=100, name="own"))
    resting(sell("bob", 5, at=100))(story)
    story.when(buy("eve", "0.02", at=100, tif="fok", self_trade="decrement")).then(
        nothing_traded, cancelled("eve", "0.02", "fill_or_kill"), asks(("own", "0.01", 100), ("bob", 5, 100))
    )


def test_it_is_filled_by_others_when_its_own_orders_give_way() -> None:
    story = given(listed_market(), RICH).when(sell("eve", 2, at=100, name="own"))
    resting(sell("bob", 3, at=101))(story)
    story.when(buy("eve", 3, at=101, tif="fok", self_trade="expire_maker")).then(
        prevented(("eve", "own", 2, 100)),
        traded(("bob", 3, 101)),
        cancelled("own", 2, "self_trade"),
        filled("eve"),
    )
