"""Fees: a part of what a trade is worth, in the quote asset, of maker and taker, rounded down."""

import pytest

from domain.markets import fee_on
from domain.order import OrderFilled
from tests.unit.domain.expectations import bids, has, holds, rejected, traded
from tests.unit.domain.story import funded, given, listed_market, resting
from tests.unit.domain.wishes import buy, sell

WITH_FEES = listed_market(maker_fee_ppm=1000, taker_fee_ppm=2000)


def test_the_buyer_pays_the_fee_on_top() -> None:
    given(WITH_FEES, funded("alice", USD=1000), resting(sell("bob", 5, at=100))).when(
        buy("alice", 5, at=100)
    ).then(has("alice", USD=499, BTC=5), has("bob", USD="499.5", BTC=0), has("fees", USD="1.5"))


def test_the_seller_receives_the_worth_less_the_fee() -> None:
    given(WITH_FEES, funded("alice", BTC=5), resting(buy("bob", 5, at=100))).when(sell("alice", 5)).then(
        has("alice", USD=499, BTC=0), has("bob", USD="0.5", BTC=5), has("fees", USD="1.5")
    )


def test_each_side_is_told_its_fee() -> None:
    story = given(WITH_FEES, funded("alice", BTC=5), resting(buy("bob", 5, at=100))).when(sell("alice", 5))
    fees = [(fill.account, fill.liquidity, fill.fee) for fill in story.of_type(OrderFilled)]
    assert fees == [("alice", "taker", 1_0000), ("bob", "maker", 5000)]


@pytest.mark.parametrize(
    ("notional", "ppm", "fee"),
    [
        (777, 2000, 1),
        (499, 2000, 0),
        (500, 2000, 1),
        (999, 2000, 1),
        (1, 100_000, 0),
        (10, 100_000, 1),
        (9, 0, 0),
    ],
)
def test_fees_round_down(notional: int, ppm: int, fee: int) -> None:
    assert fee_on(notional, ppm) == fee


def test_a_fee_of_less_than_the_smallest_unit_is_none() -> None:
    given(WITH_FEES, funded("alice", USD=1), resting(sell("bob", "0.01", at="0.01"))).when(
        buy("alice", "0.01", at="0.01")
    ).then(has("alice", USD="0.9999"), has("bob", USD="0.0001"), has("fees", USD=0))


def test_many_small_fills_cost_no_more_than_one_large_one() -> None:
    """One fill of 3 x 7.77 x 0.01 costs 4 units of fee, three fills 1 unit each; the fourth goes back."""
    story = given(
        listed_market(maker_fee_ppm=2000, taker_fee_ppm=2000),
        funded("bob", BTC=1),
        resting(buy("alice", "0.03", at="7.77")),
    ).then(holds("alice", USD="0.2335"))
    story.when(sell("bob", "0.01", name="one")).then(holds("alice", USD="0.1557"), has("alice", USD=0))
    story.when(sell("bob", "0.01", name="two")).then(holds("alice", USD="0.0778"), has("alice", USD="0.0001"))
    story.when(sell("bob", "0.01", name="three")).then(holds("alice", USD=0), has("alice", USD="0.0001"))


def test_a_buy_holds_the_larger_fee_until_it_knows_which_is_due() -> None:
    given(WITH_FEES, funded("alice", USD=1002)).when(buy("alice", 10, at=100)).then(
        holds("alice", USD=1002), has("alice", USD=0)
    )


def test_a_market_may_charge_the_maker_more_than_the_taker() -> None:
    maker_pays = listed_market(maker_fee_ppm=2000, taker_fee_ppm=1000)
    story = given(maker_pays, funded("alice", USD=1002), funded("bob", BTC=10)).when(buy("alice", 10, at=100))
    story.then(holds("alice", USD=1002)).when(sell("bob", 10)).then(
        holds("alice", USD=0), has("bob", USD=999)
    )


def test_what_was_held_for_the_larger_fee_is_released_when_the_smaller_is_due() -> None:
    given(WITH_FEES, funded("bob", BTC=10), resting(buy("alice", 10, at=100))).when(sell("bob", 10)).then(
        holds("alice", USD=0), has("alice", USD=1, BTC=10)
    )


def test_an_account_that_cannot_pay_the_fee_cannot_buy() -> None:
    given(WITH_FEES, funded("alice", USD="1001.9999")).when(buy("alice", 10, at=100)).then(
        rejected("insufficient_funds", "needs 1002 USD", "available 1001.9999"), bids()
    )


def test_a_seller_needs_no_money_for_the_fee() -> None:
    given(WITH_FEES, funded("alice", BTC=1), resting(buy("bob", 1, at=100))).when(sell("alice", 1)).then(
        traded(("bob", 1, 100)), has("alice", USD="99.8")
    )


def test_the_highest_fee_leaves_the_seller_nine_tenths() -> None:
    given(
        listed_market(maker_fee_ppm=100_000, taker_fee_ppm=100_000),
        funded("alice", BTC=1),
        resting(buy("bob", 1, at=100)),
    ).when(sell("alice", 1)).then(has("alice", USD=90), has("bob", USD=0), has("fees", USD=20))


def test_fees_of_all_markets_go_to_the_venue() -> None:
    given(
        listed_market(taker_fee_ppm=10_000),
        listed_market(
            symbol="ETH-BTC",
            base_asset="ETH",
            quote_asset="BTC",
            base_scale=2,
            quote_scale=2,
            tick_size="1",
            taker_fee_ppm=50_000,
        ),
        funded("alice", USD=101, ETH=1),
        resting(sell("bob", 1, at=100)),
        resting(buy("carol", 1, at=10, symbol="ETH-BTC")),
    ).when(buy("alice", 1), sell("alice", 1, symbol="ETH-BTC", name="eth")).then(
        has("fees", USD=1, BTC="0.5")
    )
