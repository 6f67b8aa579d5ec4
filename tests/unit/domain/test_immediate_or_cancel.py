"""IOC: trade at once what matches within the limit, cancel the rest, never rest."""

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
from tests.unit.domain.story import funded, given, listed_market, resting
from tests.unit.domain.wishes import buy, sell


def test_it_trades_within_its_limit_and_cancels_the_rest() -> None:
    given(
        listed_market(),
        funded("eve", USD=1000),
        resting(sell("near", 2, at=100)),
        resting(sell("far", 2, at=101)),
    ).when(buy("eve", 4, at=100, tif="ioc")).then(
        traded(("near", 2, 100)),
        cancelled("eve", 2, "unfilled_remainder"),
        bids(),
        asks(("far", 2, 101)),
        has("eve", USD=800, BTC=2),
        holds("eve", USD=0),
    )


def test_it_is_filled_when_enough_is_there() -> None:
    given(listed_market(), funded("eve", BTC=2), resting(buy("bob", 3, at=100))).when(
        sell("eve", 2, at=99, tif="ioc")
    ).then(traded(("bob", 2, 100)), filled("eve"), bids(("bob", 1, 100)))


def test_it_is_cancelled_whole_when_nothing_matches() -> None:
    given(listed_market(), funded("eve", BTC=2), resting(buy("bob", 3, at=100))).when(
        sell("eve", 2, at=101, tif="ioc")
    ).then(nothing_traded, cancelled("eve", 2, "unfilled_remainder"), has("eve", BTC=2), holds("eve", BTC=0))


def test_it_needs_the_money_for_all_of_it_although_only_part_may_trade() -> None:
    given(listed_market(), funded("eve", USD=100), resting(sell("bob", 1, at=100))).when(
        buy("eve", 2, at=100, tif="ioc")
    ).then(rejected("insufficient_funds", "needs 200 USD", "available 100"))
