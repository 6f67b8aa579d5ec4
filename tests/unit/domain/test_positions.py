"""Positions: average cost on an account's own fills, and what it made of them on the UTC day.

Eve trades with whoever rests there, so that every number here is hers.
"""

import pytest

from domain.event import Side
from domain.market import DAY_US
from tests.unit.domain.story import NOW_US, Expectation, Step, Story, funded, given, listed_market, resting
from tests.unit.domain.wishes import SYMBOL, Number, buy, sell

RICH = funded("eve", USD=10_000, BTC=100)
LEAST = "0.01"


def trades(side: Side, quantity: Number, at: Number) -> Step:
    def step(story: Story) -> None:
        other, name = f"other-{len(story.history)}", f"eve-{len(story.history)}"
        take, rest = (buy, sell) if side == "buy" else (sell, buy)
        resting(rest(other, quantity, at=at))(story)
        story.handle(take("eve", quantity, at=at, name=name))

    return step


def position(quantity: int, cost: int, net: int) -> Expectation:
    """In hundredths of a BTC and ten-thousandths of a USD; ``net``: of the day, less fees."""

    def expectation(story: Story) -> None:
        found = story.exchange.accounts["eve"].positions[SYMBOL]
        assert (found.quantity, found.cost, found.net) == (quantity, cost, net)

    return expectation


def test_fills_in_one_direction_add_up() -> None:
    given(listed_market(), RICH, trades("buy", 1, 100), trades("buy", 2, 110)).then(
        position(300, 3_200_000, 0)
    )


def test_what_closes_takes_its_share_of_the_cost_with_it() -> None:
    given(listed_market(), RICH, trades("buy", 3, 100), trades("sell", 1, 110)).then(
        position(200, 2_000_000, 100_000)
    )


@pytest.mark.parametrize(
    ("opens", "closes", "made"), [("buy", "sell", 100), ("sell", "buy", -100)], ids=["long", "short"]
)
def test_the_least_that_can_be_traded_is_closed_by_the_least(opens: Side, closes: Side, made: int) -> None:
    story = given(listed_market(), RICH, trades(opens, LEAST, 100), trades(closes, LEAST, 101))
    story.then(position(0, 0, made))


def test_what_is_left_of_a_fill_opens_the_other_direction() -> None:
    given(listed_market(), RICH, trades("buy", 1, 100), trades("sell", 3, 90)).then(
        position(-200, 1_800_000, -100_000)
    )


def test_fees_lower_what_was_made_and_leave_the_cost_alone() -> None:
    given(listed_market(taker_fee_ppm=10_000), RICH, trades("buy", 1, 100)).then(
        position(100, 1_000_000, -10_000)
    )


def test_another_day_begins_with_nothing_made() -> None:
    story = given(listed_market(), RICH, trades("buy", 2, 100), trades("sell", 1, 110))
    story.then(position(100, 1_000_000, 100_000))
    story.now_us = NOW_US + DAY_US
    trades("sell", LEAST, 120)(story)
    story.then(position(99, 990_000, 2_000))
