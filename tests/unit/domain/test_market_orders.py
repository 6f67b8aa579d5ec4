"""Market orders take what is there, at once and at any price; what is left of them is cancelled."""

from tests.unit.domain.expectations import (
    asks,
    bids,
    cancelled,
    filled,
    has,
    holds,
    nothing_traded,
    rejected,
    traded,
)
from tests.unit.domain.story import funded, given, listed_market, opened, resting
from tests.unit.domain.wishes import buy, sell


def test_a_market_buy_goes_through_the_levels() -> None:
    given(
        listed_market(),
        funded("eve", USD=1000),
        resting(sell("near", 1, at=100)),
        resting(sell("far", 1, at=300)),
    ).when(buy("eve", 2)).then(
        traded(("near", 1, 100), ("far", 1, 300)),
        filled("eve"),
        has("eve", USD=600, BTC=2),
        holds("eve", USD=0),
    )


def test_a_market_sell_goes_through_the_levels() -> None:
    given(
        listed_market(), funded("eve", BTC=2), resting(buy("near", 1, at=100)), resting(buy("far", 1, at=1))
    ).when(sell("eve", 2)).then(
        traded(("near", 1, 100), ("far", 1, 1)),
        filled("eve"),
        has("eve", USD=101, BTC=0),
        holds("eve", BTC=0),
    )


def test_what_is_left_of_a_market_sell_is_cancelled_and_released() -> None:
    given(listed_market(), funded("eve", BTC=5), resting(buy("bob", 2, at=100))).when(sell("eve", 5)).then(
        traded(("bob", 2, 100)),
        cancelled("eve", 3, "unfilled_remainder"),
        has("eve", USD=200, BTC=3),
        holds("eve", BTC=0),
        asks(),
    )


def test_what_is_left_of_a_market_buy_is_cancelled() -> None:
    given(listed_market(), funded("eve", USD=1000), resting(sell("bob", 2, at=100))).when(buy("eve", 5)).then(
        traded(("bob", 2, 100)),
        cancelled("eve", 3, "unfilled_remainder"),
        has("eve", USD=800, BTC=2),
        holds("eve", USD=0),
        bids(),
    )


def test_a_market_order_on_an_empty_book_is_cancelled_whole() -> None:
    story = given(listed_market(), funded("eve", USD=1000, BTC=5))
    story.when(buy("eve", 5, name="buy")).then(nothing_traded, cancelled("buy", 5, "unfilled_remainder"))
    story.when(sell("eve", 5, name="sell")).then(nothing_traded, cancelled("sell", 5, "unfilled_remainder"))
    story.then(has("eve", USD=1000, BTC=5), holds("eve", USD=0, BTC=0), bids(), asks())


def test_a_market_buy_on_an_empty_book_needs_no_money() -> None:
    given(listed_market(), opened("poor")).when(buy("poor", 5)).then(
        cancelled("poor", 5, "unfilled_remainder")
    )


def test_a_market_buy_needs_what_its_trades_cost_with_their_fees() -> None:
    story = given(
        listed_market(taker_fee_ppm=10_000),
        funded("just", USD=101),
        funded("short", USD="100.9999"),
        resting(sell("bob", 1, at=100)),
    )
    story.when(buy("short", 1)).then(rejected("insufficient_funds", "needs 101 USD", "available 100.9999"))
    story.when(buy("just", 1)).then(traded(("bob", 1, 100)), has("just", USD=0, BTC=1))


def test_a_market_buy_that_is_too_dear_does_not_trade_in_part() -> None:
    given(
        listed_market(),
        funded("eve", USD=150),
        resting(sell("near", 1, at=100)),
        resting(sell("far", 1, at=300)),
    ).when(buy("eve", 2)).then(
        rejected("insufficient_funds", "needs 400 USD", "available 150"),
        asks(("near", 1, 100), ("far", 1, 300)),
        has("eve", USD=150),
    )


def test_a_market_order_is_never_too_small_in_worth() -> None:
    """Its worth shows only when it trades, and then it is too late to refuse it."""
    given(listed_market(min_notional="10"), funded("eve", BTC=1), resting(buy("bob", 100, at="0.1"))).when(
        sell("eve", 1)
    ).then(traded(("bob", 1, "0.1")))


def test_a_market_order_never_rests_even_when_good_till_cancelled() -> None:
    given(listed_market(), funded("eve", BTC=1)).when(sell("eve", 1, tif="gtc")).then(
        cancelled("eve", 1, "unfilled_remainder"), asks()
    )
