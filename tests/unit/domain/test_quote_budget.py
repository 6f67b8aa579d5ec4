"""A market order by budget: spend so much of the quote asset, or earn so much, in whole lots."""

import pytest

from domain.order import OrderPlaced
from tests.unit.domain.expectations import (
    asks,
    cancelled,
    filled,
    has,
    holds,
    nothing_traded,
    rejected,
    traded,
)
from tests.unit.domain.story import funded, given, listed_market, resting
from tests.unit.domain.wishes import but, buy, sell

RICH = funded("eve", USD=1000, BTC=10)


def test_a_buy_spends_its_budget_over_the_levels() -> None:
    given(listed_market(), resting(sell("a", 1, at=100)), resting(sell("b", 5, at=200)), RICH).when(
        buy("eve", quote=300)
    ).then(
        traded(("a", 1, 100), ("b", 1, 200)), filled("eve"), has("eve", USD=700, BTC=12), holds("eve", USD=0)
    )


def test_what_does_not_buy_a_lot_comes_back() -> None:
    given(listed_market(lot_size="1", min_quantity="1"), resting(sell("a", 5, at=100)), RICH).when(
        buy("eve", quote=299)
    ).then(traded(("a", 2, 100)), filled("eve"), has("eve", USD=800), holds("eve", USD=0))


def test_the_fee_is_inside_the_budget() -> None:
    given(listed_market(taker_fee_ppm=10_000), resting(sell("a", 5, at=100)), RICH).when(
        buy("eve", quote=202)
    ).then(traded(("a", 2, 100)), has("eve", USD=798))


def test_one_unit_less_buys_one_lot_less() -> None:
    given(listed_market(taker_fee_ppm=10_000), resting(sell("a", 5, at=100)), RICH).when(
        buy("eve", quote="201.9999")
    ).then(traded(("a", "1.99", 100)), has("eve", USD="799.01"))


def test_a_sell_earns_its_budget_and_no_more() -> None:
    given(listed_market(), resting(buy("a", 1, at=100)), resting(buy("b", 5, at=50)), RICH).when(
        sell("eve", quote=150)
    ).then(traded(("a", 1, 100), ("b", 1, 50)), filled("eve"), has("eve", USD=1150, BTC=8))


def test_a_sell_earns_it_before_the_fee() -> None:
    given(listed_market(taker_fee_ppm=10_000), resting(buy("a", 5, at=100)), RICH).when(
        sell("eve", quote=200)
    ).then(traded(("a", 2, 100)), has("eve", USD=1198))


def test_a_sell_that_its_best_bid_could_fill_goes_no_further_down() -> None:
    """A lot at 100 is worth 1, one at 50 half of that: what is left would sell one there."""
    given(listed_market(), resting(buy("a", 1, at=100)), resting(buy("b", 1, at=50)), RICH).when(
        sell("eve", quote="1.5")
    ).then(traded(("a", "0.01", 100)), filled("eve"), has("eve", USD=1001))


def test_a_million_lots_are_counted_to_the_last_one() -> None:
    rich = funded("eve", BTC=20_000)
    given(listed_market(max_quantity="20000"), resting(buy("a", 20_000, at="0.01")), rich).when(
        sell("eve", quote=100)
    ).then(traded(("a", 10_000, "0.01")), has("eve", USD=100, BTC=10_000))


def test_one_unit_that_is_left_is_not_spent() -> None:
    """All or nothing is a question of the budget: something might have cost that little."""
    given(listed_market(), resting(sell("a", 1, at=100)), RICH).when(
        buy("eve", quote="100.0001", tif="fok")
    ).then(nothing_traded, cancelled("eve", 1, "fill_or_kill"), has("eve", USD=1000))


def test_its_quantity_is_what_it_trades() -> None:
    story = given(listed_market(), resting(sell("a", 5, at=100)), RICH).when(buy("eve", quote=300))
    (placed,) = story.of_type(OrderPlaced)
    assert (placed.quantity, placed.budget, placed.resting) == (300, 300_0000, 0)


def test_it_takes_what_is_there() -> None:
    given(listed_market(), resting(sell("a", 1, at=100)), RICH).when(buy("eve", quote=300)).then(
        traded(("a", 1, 100)), filled("eve"), has("eve", USD=900), holds("eve", USD=0), asks()
    )


@pytest.mark.parametrize("side", ["buy", "sell"])
def test_on_an_empty_book_it_is_cancelled(side: str) -> None:
    given(listed_market(), RICH).when((buy if side == "buy" else sell)("eve", quote=300)).then(
        nothing_traded,
        cancelled("eve", 0, "unfilled_remainder"),
        has("eve", USD=1000, BTC=10),
        holds("eve", USD=0, BTC=0),
    )


@pytest.mark.parametrize("side", ["buy", "sell"])
def test_a_budget_below_one_lot_trades_nothing(side: str) -> None:
    story = given(listed_market(), resting(sell("a", 1, at=100)), resting(buy("b", 1, at=90)), RICH)
    story.when((buy if side == "buy" else sell)("eve", quote="0.5")).then(
        nothing_traded, cancelled("eve", 0, "budget_spent"), has("eve", USD=1000, BTC=10)
    )


def test_a_buy_needs_its_whole_budget() -> None:
    given(listed_market(), resting(sell("a", 1, at=100)), RICH).when(buy("eve", quote=1001)).then(
        rejected("insufficient_funds", "needs 1001 USD", "available 1000")
    )


def test_a_sell_needs_what_it_sells() -> None:
    given(listed_market(), resting(buy("a", 50, at=100)), RICH).when(sell("eve", quote=1001)).then(
        rejected("insufficient_funds", "needs 10.01 BTC", "available 10")
    )


def test_an_iceberg_does_not_make_it_spend_more() -> None:
    """Each part of 0.01 at 0.09 costs 9 units and a fee of 0.9: ten of them, traded as one, 99 units."""
    given(
        listed_market(taker_fee_ppm=100_000), resting(sell("ice", 1, at="0.09", display="0.01")), RICH
    ).when(buy("eve", quote="0.0099")).then(traded(("ice", "0.1", "0.09")), has("eve", USD="999.9901"))


def test_it_trades_no_more_than_the_largest_order() -> None:
    given(listed_market(max_quantity="2"), *[resting(sell(name, 2, at=1)) for name in "ab"], RICH).when(
        buy("eve", quote=100)
    ).then(traded(("a", 2, 1)), filled("eve"), has("eve", USD=998))


# --- Rejections -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("budget", ["-1", "x", "1.00001"])
def test_a_budget_is_an_amount_of_the_quote_asset(budget: str) -> None:
    given(listed_market(), RICH).when(buy("eve", quote=budget)).then(rejected("invalid_quantity", budget))


def test_a_budget_is_worth_enough() -> None:
    given(listed_market(), RICH).when(buy("eve", quote=0)).then(rejected("min_notional"))
    given(listed_market(min_notional="10"), RICH).when(buy("eve", quote="9.99")).then(
        rejected("min_notional", "9.99", "at least 10")
    )


def test_an_order_has_a_quantity_or_a_budget() -> None:
    story = given(listed_market(), RICH)
    story.when(buy("eve", 1, quote=100)).then(rejected("invalid_quantity", "not both"))
    story.when(buy("eve")).then(rejected("invalid_quantity", "give either"))


def test_only_a_market_order_has_a_budget() -> None:
    given(listed_market(), RICH).when(but(buy("eve", quote=100), order_type="limit", price="100")).then(
        rejected("contradictory_order", "quote_quantity")
    )


# --- With self-trade prevention -------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["expire_maker", "expire_both", "expire_taker", "decrement"])
def test_its_own_order_first_in_line(mode: str) -> None:
    story = given(listed_market(), RICH).when(sell("eve", 1, at=100, name="own"))
    resting(sell("bob", 5, at=101))(story)
    story.when(buy("eve", quote=301, self_trade=mode))
    if mode == "expire_maker":
        story.then(traded(("bob", "2.98", 101)), cancelled("own", 1, "self_trade"), filled("eve"))
    elif mode == "decrement":
        story.then(traded(("bob", "1.99", 101)), cancelled("own", 1, "self_trade"), filled("eve"))
    else:
        story.then(nothing_traded, cancelled("eve", 0, "self_trade"))


def test_its_own_order_after_another() -> None:
    story = given(listed_market(), resting(sell("bob", 1, at=99)), RICH)
    story.when(sell("eve", 1, at=100, name="own"))
    story.when(buy("eve", quote=300, self_trade="expire_maker")).then(
        traded(("bob", 1, 99)), cancelled("own", 1, "self_trade"), filled("eve"), asks()
    )


def test_what_it_cannot_pay_for_it_does_not_meet() -> None:
    story = given(listed_market(), resting(sell("bob", 1, at=100)), RICH)
    story.when(sell("eve", 1, at=100, name="own"))
    story.when(buy("eve", quote=100, self_trade="expire_maker")).then(
        traded(("bob", 1, 100)), filled("eve"), asks(("own", 1, 100))
    )
