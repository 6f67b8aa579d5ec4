"""Price bands: each side's prices stay within bounds around the mark price, or else the last price."""

import pytest

from domain.event import Command
from tests.unit.domain.expectations import (
    accepted,
    asks,
    bids,
    cancelled,
    filled,
    has,
    nothing_traded,
    refused,
    rejected,
    traded,
    triggered,
    waits,
)
from tests.unit.domain.story import (
    Step,
    Story,
    after,
    funded,
    given,
    last_price,
    listed_market,
    mark_price,
    resting,
    waiting,
)
from tests.unit.domain.wishes import amend, buy, change_rules, mark, replacing, sell

BANDS = {
    "buy_band_up_ppm": 100_000,
    "buy_band_down_ppm": 500_000,
    "sell_band_up_ppm": 1_000_000,
    "sell_band_down_ppm": 200_000,
}


def banded(*more: Step) -> Story:
    """Around a mark price of 100: buys from 50 to 110, sells from 80 to 200."""
    rich = funded("alice", USD=100_000, BTC=100), funded("bob", USD=100_000, BTC=100)
    return given(listed_market(**BANDS), mark_price(100), *rich, *more)


@pytest.mark.parametrize(
    "order",
    [
        buy("alice", 1, at=110),
        buy("alice", 1, at=50),
        sell("alice", 1, at=80),
        sell("alice", 1, at=200),
    ],
)
def test_prices_on_the_bounds_are_taken(order: Command) -> None:
    banded().when(order).then(accepted("alice"))


@pytest.mark.parametrize(
    ("order", "says"),
    [
        (buy("alice", 1, at="110.01"), ["110.01", "buy", "at least 50 and at most 110"]),
        (buy("alice", 1, at="49.99"), ["49.99", "buy"]),
        (sell("alice", 1, at="79.99"), ["79.99", "sell", "at least 80 and at most 200"]),
        (sell("alice", 1, at="200.01"), ["200.01", "sell"]),
        (buy("alice", 1, at=120, tif="ioc"), ["120"]),
        (buy("alice", 1, at=120, post_only=True), ["120"]),
    ],
    ids=str,
)
def test_prices_beyond_them_are_not(order: Command, says: list[str]) -> None:
    banded().when(order).then(rejected("price_band", *says))


def test_bounds_are_exact_and_never_wider_than_the_band() -> None:
    story = given(
        listed_market(buy_band_up_ppm=1, sell_band_down_ppm=1),
        mark_price("99.99"),
        funded("alice", USD=1000, BTC=9),
    )
    story.when(buy("alice", 1, at="100")).then(rejected("price_band", "at most 99.99"))
    story.when(sell("alice", 1, at="99.98")).then(rejected("price_band", "at least 99.99"))


def test_without_a_price_yet_there_is_no_band() -> None:
    given(listed_market(**BANDS), funded("alice", USD=1000)).when(buy("alice", 1, at=999)).then(
        accepted("alice")
    )


def test_without_a_mark_price_the_last_price_is_the_reference() -> None:
    story = given(listed_market(**BANDS), last_price(10), funded("alice", USD=1000))
    story.when(buy("alice", 1, at=12)).then(rejected("price_band", "at most 11"))
    story.when(mark(100), buy("alice", 1, at=109, name="second")).then(accepted("second"))


def test_a_side_without_a_bound_has_none() -> None:
    story = given(listed_market(buy_band_up_ppm=1), mark_price(100), funded("alice", USD=1000, BTC=9))
    story.when(buy("alice", 1, at="0.01"), sell("alice", 1, at="0.02", name="low"))
    story.then(accepted("alice"), accepted("low"))


def test_orders_that_rest_stay_when_the_reference_moves() -> None:
    banded(resting(buy("alice", 1, at=110, name="bid"))).when(mark(50)).then(bids(("bid", 1, 110)))


def test_a_market_order_stops_at_the_band() -> None:
    story = banded(
        resting(sell("carol", 1, at=105)), resting(sell("dave", 1, at=110)), resting(sell("eve", 1, at=111))
    )
    story.when(buy("alice", 5)).then(
        traded(("carol", 1, 105), ("dave", 1, 110)),
        cancelled("alice", 3, "price_band"),
        asks(("eve", 1, 111)),
    )
    story.then(has("alice", USD=100_000 - 215))


def test_a_market_order_that_sells_stops_at_its_own() -> None:
    story = banded(resting(buy("carol", 1, at=80)), resting(buy("dave", 1, at=79)))
    story.when(sell("alice", 5)).then(traded(("carol", 1, 80)), cancelled("alice", 4, "price_band"))


def test_a_book_that_is_empty_within_the_band_is_no_unfilled_remainder() -> None:
    banded(resting(sell("eve", 1, at=111))).when(buy("alice", 1)).then(
        nothing_traded, cancelled("alice", 1, "price_band")
    )


def test_a_book_that_has_no_more_is_not_the_bands_doing() -> None:
    banded(resting(sell("eve", 1, at=105))).when(buy("alice", 2)).then(
        cancelled("alice", 1, "unfilled_remainder")
    )


def test_a_budget_is_spent_within_the_band() -> None:
    story = banded(resting(sell("carol", 1, at=105)), resting(sell("eve", 9, at=111)))
    story.when(buy("alice", quote=1000)).then(traded(("carol", 1, 105)), filled("alice"))
    story.when(buy("bob", quote=1000)).then(nothing_traded, cancelled("bob", 0, "price_band"))


def test_all_or_nothing_within_the_band() -> None:
    story = banded(resting(sell("carol", 1, at=105)), resting(sell("eve", 9, at=111)))
    story.when(buy("alice", 2, tif="fok")).then(nothing_traded, cancelled("alice", 2, "fill_or_kill"))
    story.when(buy("bob", quote=1000, tif="fok")).then(nothing_traded, cancelled("bob", 1, "fill_or_kill"))


def test_a_triggered_market_order_stops_at_the_band() -> None:
    story = banded(
        resting(sell("carol", 1, at=109)),
        resting(sell("dave", 1, at=121)),
        waiting(buy("eve", 2, stop=108, trigger_source="mark")),
    )
    story.when(mark(108)).then(triggered("eve"), traded(("carol", 1, 109)), cancelled("eve", 1, "price_band"))


def test_the_limit_of_an_order_that_waits_is_looked_at_when_it_is_triggered() -> None:
    story = banded(
        resting(sell("carol", 1, at=110)), waiting(buy("eve", 2, stop=105, at=130, trigger_source="mark"))
    )
    story.then(waits(("eve", 105)))
    story.when(mark(105)).then(traded(("carol", 1, 110)), cancelled("eve", 1, "price_band"), bids())


def test_a_triggered_order_within_the_band_rests() -> None:
    story = banded(waiting(buy("eve", 2, stop=105, at=106, trigger_source="mark")))
    story.when(mark(105)).then(triggered("eve"), bids(("eve", 2, 106)))


def test_an_order_that_fills_whole_within_the_band_is_filled() -> None:
    story = banded(
        resting(sell("carol", 2, at=110)), waiting(buy("eve", 2, stop=105, at=130, trigger_source="mark"))
    )
    story.when(mark(105)).then(filled("eve"))


def test_an_order_may_not_be_amended_beyond_the_band() -> None:
    story = banded(resting(buy("carol", 2, at=100)), after(change_rules(buy_band_up_ppm=50_000)))
    story.when(amend("carol", price=106)).then(refused("price_band", "106"))
    story.when(mark(90)).when(amend("carol", quantity=3)).then(refused("price_band", "100"))
    story.when(amend("carol", quantity=1)).then(bids(("carol", 1, 100)))


def test_a_replacement_beyond_the_band_is_rejected() -> None:
    banded(resting(buy("carol", 1, at=100))).when(
        replacing("carol", buy("carol", 1, at=111, name="new"))
    ).then(rejected("price_band"))
