"""Limit orders trade at the best price first, at one price first come first served; the rest waits."""

from domain.order import OrderFilled
from tests.unit.domain.expectations import accepted, asks, bids, filled, has, nothing_traded, rejected, traded
from tests.unit.domain.story import funded, given, listed_market, opened, resting
from tests.unit.domain.wishes import buy, cancel, sell

EVE_RICH = funded("eve", USD=10_000, BTC=100)


def test_an_order_that_matches_nothing_rests() -> None:
    given(listed_market(), funded("alice", USD=1000)).when(buy("alice", 5, at=100)).then(
        accepted("alice"), nothing_traded, bids(("alice", 5, 100)), asks()
    )


def test_two_orders_at_one_price_trade_and_are_done() -> None:
    given(listed_market(), funded("alice", USD=1000), resting(sell("bob", 5, at=100))).when(
        buy("alice", 5, at=100)
    ).then(
        traded(("bob", 5, 100)),
        filled("alice"),
        filled("bob"),
        bids(),
        asks(),
        has("alice", USD=500, BTC=5),
        has("bob", USD=500, BTC=0),
    )


def test_prices_that_do_not_meet_do_not_trade() -> None:
    given(listed_market(), EVE_RICH, resting(sell("bob", 5, at="100.01"))).when(buy("eve", 5, at=100)).then(
        nothing_traded, bids(("eve", 5, 100)), asks(("bob", 5, "100.01"))
    )


def test_a_buy_takes_the_cheapest_seller_first() -> None:
    given(
        listed_market(),
        EVE_RICH,
        resting(sell("dear", 1, at=102)),
        resting(sell("cheap", 1, at=100)),
        resting(sell("middle", 1, at=101)),
    ).when(buy("eve", 3, at=102)).then(traded(("cheap", 1, 100), ("middle", 1, 101), ("dear", 1, 102)))


def test_a_sell_takes_the_highest_bidder_first() -> None:
    given(
        listed_market(),
        EVE_RICH,
        resting(buy("low", 1, at=98)),
        resting(buy("high", 1, at=100)),
        resting(buy("middle", 1, at=99)),
    ).when(sell("eve", 3, at=98)).then(traded(("high", 1, 100), ("middle", 1, 99), ("low", 1, 98)))


def test_at_one_price_first_come_is_first_served() -> None:
    given(
        listed_market(),
        EVE_RICH,
        resting(sell("first", 1, at=100)),
        resting(sell("second", 1, at=100)),
        resting(sell("third", 1, at=100)),
    ).when(buy("eve", 2, at=100)).then(traded(("first", 1, 100), ("second", 1, 100)), asks(("third", 1, 100)))


def test_a_partly_filled_order_keeps_its_place() -> None:
    given(
        listed_market(), EVE_RICH, resting(sell("first", 3, at=100)), resting(sell("second", 3, at=100))
    ).when(buy("eve", 1, at=100, name="one"), buy("eve", 3, at=100, name="two")).then(
        traded(("first", 1, 100), ("first", 2, 100), ("second", 1, 100)), asks(("second", 2, 100))
    )


def test_who_cancels_and_comes_back_queues_again() -> None:
    given(
        listed_market(),
        funded("eve", BTC=1),
        resting(buy("first", 1, at=100)),
        resting(buy("second", 1, at=100)),
    ).when(cancel("first"), buy("first", 1, at=100, name="again"), sell("eve", 1, at=100)).then(
        traded(("second", 1, 100)), bids(("again", 1, 100))
    )


def test_the_trades_of_a_market_are_numbered_from_1() -> None:
    story = given(listed_market(), EVE_RICH, resting(sell("a", 1, at=1)), resting(sell("b", 1, at=2)))
    fills = story.when(buy("eve", 2, at=2)).of_type(OrderFilled)
    assert [(fill.trade_id, fill.liquidity) for fill in fills] == [
        (1, "taker"),
        (1, "maker"),
        (2, "taker"),
        (2, "maker"),
    ]


def test_the_price_is_the_makers_whatever_the_taker_would_pay() -> None:
    given(listed_market(), EVE_RICH, resting(sell("bob", 1, at=90))).when(buy("eve", 1, at=100)).then(
        traded(("bob", 1, 90)), has("bob", USD=90), has("eve", USD=9910)
    )


def test_what_does_not_match_at_once_rests_behind_what_was_there() -> None:
    given(listed_market(), EVE_RICH, resting(sell("bob", 2, at=100)), resting(buy("early", 1, at=99))).when(
        buy("eve", 5, at=100), sell("early", 0, at=1)
    ).then(
        # the sell of 0 is rejected and changes nothing
        traded(("bob", 2, 100)),
        bids(("eve", 3, 100), ("early", 1, 99)),
        asks(),
    )


def test_the_smallest_and_the_largest_quantity_are_allowed() -> None:
    given(listed_market(min_quantity="0.05", max_quantity="10"), EVE_RICH).when(
        buy("eve", "0.05", at=1, name="least"), buy("eve", 10, at=1, name="most")
    ).then(bids(("least", "0.05", 1), ("most", 10, 1)))


def test_markets_do_not_trade_with_each_other() -> None:
    other = listed_market(symbol="ETH-USD", base_asset="ETH")
    given(listed_market(), other, EVE_RICH, resting(sell("bob", 1, at=10, symbol="ETH-USD"))).when(
        buy("eve", 1, at=10)
    ).then(nothing_traded, bids(("eve", 1, 10)), asks(("bob", 1, 10), symbol="ETH-USD"))


def test_an_account_may_trade_with_itself() -> None:
    """There is no self-trade prevention yet: both sides are settled as any others, both fees are due."""
    given(
        listed_market(maker_fee_ppm=1000, taker_fee_ppm=2000),
        funded("alice", USD=1001, BTC=1),
    ).when(sell("alice", 1, at=500, name="hers"), buy("alice", 1, at=500, name="hers too")).then(
        traded(("hers", 1, 500)),
        filled("hers"),
        filled("hers too"),
        has("alice", USD="999.5", BTC=1),
        has("fees", USD="1.5"),
    )


def test_a_rejected_order_leaves_the_book_alone() -> None:
    given(listed_market(), opened("poor"), resting(sell("bob", 1, at=100))).when(buy("poor", 1, at=100)).then(
        rejected("insufficient_funds"), asks(("bob", 1, 100)), bids()
    )
