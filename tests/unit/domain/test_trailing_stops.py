"""A trailing stop follows the best price since it was placed, a distance behind, and never goes back."""

import pytest

from domain.order import OrderPlaced, Trigger
from tests.unit.domain.expectations import (
    asks,
    filled,
    has,
    holds,
    refused,
    rejected,
    traded,
    triggered,
    waits,
)
from tests.unit.domain.story import (
    Story,
    funded,
    given,
    last_price,
    listed_market,
    mark_price,
    resting,
    waiting,
)
from tests.unit.domain.wishes import amend, but, buy, mark, sell

RICH = funded("eve", USD=100_000, BTC=100)


def trade_at(story: Story, price: int) -> Story:
    last_price(price)(story)
    return story


def test_a_sell_starts_its_offset_below_the_market() -> None:
    given(listed_market(), last_price(100), RICH).when(sell("eve", 1, trail=5)).then(
        waits(("eve", 95)), holds("eve", BTC=1)
    )


def test_a_buy_starts_its_offset_above_the_market() -> None:
    given(listed_market(market_buffer_ppm=0), last_price(100), RICH).when(buy("eve", 1, trail=5)).then(
        waits(("eve", 105)), holds("eve", USD=105)
    )


def test_a_sell_follows_the_price_up_and_not_down() -> None:
    story = given(listed_market(), last_price(100), waiting(sell("alice", 1, trail=5)))
    trade_at(story, 110).then(waits(("alice", 105)))
    trade_at(story, 106).then(waits(("alice", 105)))
    trade_at(story, 111).then(waits(("alice", 106)))


def test_a_buy_follows_the_price_down_and_not_up() -> None:
    story = given(listed_market(), last_price(100), waiting(buy("alice", 1, trail=5)))
    trade_at(story, 90).then(waits(("alice", 95)))
    trade_at(story, 94).then(waits(("alice", 95)))
    trade_at(story, 89).then(waits(("alice", 94)))


def test_it_goes_to_the_market_when_the_price_turns_by_its_offset() -> None:
    story = given(listed_market(), last_price(100), waiting(sell("alice", 1, trail=5)), RICH)
    trade_at(story, 110)
    given_bids = resting(buy("bob", 2, at=105))
    given_bids(story)
    story.when(sell("eve", 1)).then(
        triggered("alice"), traded(("bob", 1, 105), ("bob", 1, 105)), filled("alice"), has("alice", USD=105)
    )


def test_a_trailing_buy_has_its_funds_from_the_start_and_gets_back_what_it_did_not_need() -> None:
    story = given(
        listed_market(market_buffer_ppm=0), last_price(100), waiting(buy("alice", 1, trail=5)), RICH
    )
    trade_at(story, 50).then(waits(("alice", 55)), holds("alice", USD=105))
    resting(sell("bob", 2, at=55))(story)
    story.when(buy("eve", 1)).then(filled("alice"), has("alice", USD=50, BTC=1), holds("alice", USD=0))


def test_basis_points_are_of_the_price_it_follows() -> None:
    story = given(listed_market(), last_price(100), waiting(sell("alice", 1, trail_bps=250)))
    story.then(waits(("alice", "97.5")))
    trade_at(story, 200).then(waits(("alice", 195)))


def test_basis_points_round_to_the_side_of_the_market_but_keep_a_distance() -> None:
    story = given(
        listed_market(),
        last_price("0.33"),
        waiting(sell("alice", 1, trail_bps=1000)),
        waiting(buy("bob", 1, trail_bps=1)),
    )
    story.then(waits(("alice", "0.3"), ("bob", "0.34")))


def test_it_may_follow_the_mark_price() -> None:
    given(
        listed_market(),
        last_price(100),
        mark_price(120),
        waiting(sell("alice", 1, trail=5, trigger_source="mark")),
    ).then(waits(("alice", 115))).when(mark(130)).then(waits(("alice", 125)))


def test_it_needs_a_price_to_follow() -> None:
    given(listed_market(), RICH).when(sell("eve", 1, trail=5)).then(
        rejected("no_reference_price", "BTC-USD has no last price yet")
    )
    given(listed_market(), last_price(100), RICH).when(sell("eve", 1, trail=5, trigger_source="mark")).then(
        rejected("no_reference_price", "no mark price")
    )


@pytest.mark.parametrize("offset", [100, 101])
def test_a_sell_cannot_trail_below_nothing(offset: int) -> None:
    given(listed_market(), last_price(100), RICH).when(sell("eve", 1, trail=offset)).then(
        rejected("invalid_trigger", "behind a price of 100")
    )


def test_its_trigger_may_be_the_least_price_there_is() -> None:
    given(listed_market(), last_price("1.01"), RICH).when(sell("eve", 1, trail=1)).then(
        waits(("eve", "0.01"))
    )
    given(listed_market(), last_price("1.01"), RICH).when(sell("eve", 1, trail="1.01")).then(
        rejected("invalid_trigger", "no price above 0 is left")
    )


def test_it_is_placed_with_the_distance_that_was_asked_for() -> None:
    story = given(listed_market(), last_price(100), RICH).when(
        sell("eve", 1, trail=5, name="away"), sell("eve", 1, trail_bps=100, name="bps")
    )
    away, bps = story.of_type(OrderPlaced)
    assert (away.trigger, away.resting) == (Trigger(9_500, rising=False, source="last", trail=500), 0)
    assert (bps.trigger, bps.resting) == (Trigger(9_900, rising=False, source="last", trail_bps=100), 0)


@pytest.mark.parametrize("bps", [0, -1, 10_000])
def test_basis_points_have_bounds(bps: int) -> None:
    given(listed_market(), last_price(100), RICH).when(sell("eve", 1, trail_bps=bps)).then(
        rejected("invalid_trigger", f"trailing_bps was {bps}")
    )


@pytest.mark.parametrize("offset", ["0", "-1", "0.001", "x"])
def test_the_offset_is_a_multiple_of_the_tick(offset: str) -> None:
    given(listed_market(), last_price(100), RICH).when(sell("eve", 1, trail=offset)).then(
        rejected("invalid_trigger", "trailing_offset ", offset)
    )


def test_it_has_one_distance_and_no_trigger_price() -> None:
    story = given(listed_market(), last_price(100), RICH)
    both = but(sell("eve", 1, trail=5), trailing_bps=5)
    story.when(both).then(rejected("invalid_trigger", "one of them"))
    story.when(but(sell("eve", 1, trail=5), trailing_offset=None)).then(rejected("invalid_trigger"))
    story.when(but(sell("eve", 1, trail=5), trigger_price="95")).then(rejected("invalid_trigger"))
    story.when(but(sell("eve", 1, stop=95), trailing_offset="5")).then(rejected("invalid_trigger"))


def test_its_trigger_cannot_be_amended_by_hand() -> None:
    given(listed_market(), last_price(100), waiting(sell("alice", 1, trail=5))).when(
        amend("alice", trigger_price=90)
    ).then(refused("invalid_trigger"), waits(("alice", 95)), asks())
