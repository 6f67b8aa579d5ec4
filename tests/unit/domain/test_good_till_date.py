"""GTD and DAY: an order ends by itself when its time has come."""

import pytest

from domain.market import DAY_US, SECOND_US
from domain.order import OrderCancelled
from tests.unit.domain.expectations import (
    asks,
    bids,
    cancelled,
    has,
    holds,
    nothing_happened,
    rejected,
    traded,
    waits,
)
from tests.unit.domain.story import NOW_US, Story, funded, given, last_price, listed_market, resting, waiting
from tests.unit.domain.wishes import but, buy, cancel, sell

RICH = funded("eve", USD=10_000, BTC=100)
LATER_US = NOW_US + 60 * SECOND_US


def until(expires_at_us: int, account: str = "alice", name: str = "") -> Story:
    return given(
        listed_market(),
        resting(buy(account, 1, at=100, tif="gtd", expires_at_us=expires_at_us, name=name or account)),
        RICH,
    )


def test_it_ends_when_its_time_has_come_and_not_before() -> None:
    story = until(LATER_US)
    story.time_passes(LATER_US - 1).then(nothing_happened, bids(("alice", 1, 100)))
    story.time_passes(LATER_US).then(
        cancelled("alice", 1, "expired"), bids(), has("alice", USD=100), holds("alice", USD=0)
    )


def test_only_what_has_not_traded_expires() -> None:
    story = until(LATER_US).when(sell("eve", "0.4"))
    story.time_passes(LATER_US).then(cancelled("alice", "0.6", "expired"), has("alice", USD=60, BTC="0.4"))


def test_several_expire_the_earliest_first() -> None:
    story = until(LATER_US)
    resting(sell("bob", 1, at=101, tif="gtd", expires_at_us=LATER_US - 1))(story)
    resting(sell("carol", 1, at=102, tif="gtd", expires_at_us=LATER_US + 1))(story)
    story.time_passes(LATER_US)
    assert [event.account for event in story.of_type(OrderCancelled)] == ["bob", "alice"]
    story.then(asks(("carol", 1, 102)))


def test_a_waiting_order_expires_too() -> None:
    story = given(
        listed_market(),
        last_price(100),
        waiting(sell("alice", 1, stop=90, at=90, tif="gtd", expires_at_us=LATER_US)),
    )
    story.time_passes(LATER_US).then(cancelled("alice", 1, "expired"), waits(), has("alice", BTC=1))


def test_a_triggered_order_keeps_its_time() -> None:
    story = given(
        listed_market(),
        last_price(100),
        waiting(sell("alice", 1, stop=90, at=90, tif="gtd", expires_at_us=LATER_US)),
        resting(buy("bob", 1, at=89)),
        RICH,
    ).when(sell("eve", 1))
    story.then(asks(("alice", 1, 90))).time_passes(LATER_US).then(cancelled("alice", 1, "expired"), asks())


def test_what_is_done_does_not_expire() -> None:
    until(LATER_US).when(cancel("alice")).time_passes(LATER_US).then(nothing_happened)


def test_an_expiring_order_may_be_taken_until_then() -> None:
    until(LATER_US).time_passes(LATER_US - 1).when(sell("eve", 1)).then(traded(("alice", 1, 100)))


def test_an_order_without_a_time_stays_however_long_it_takes() -> None:
    story = given(listed_market(), resting(buy("alice", 1, at=100)))
    assert story.exchange.next_expiry_us() is None
    story.time_passes(NOW_US + 10_000 * DAY_US).then(nothing_happened, bids(("alice", 1, 100)))


# --- The next time to look ------------------------------------------------------------------------------


def test_the_exchange_knows_when_the_next_order_expires() -> None:
    story = until(LATER_US)
    resting(sell("bob", 1, at=101, tif="gtd", expires_at_us=LATER_US - 1))(story)
    assert story.exchange.next_expiry_us() == LATER_US - 1
    story.when(cancel("bob"))
    assert story.exchange.next_expiry_us() == LATER_US
    story.time_passes(LATER_US)
    assert story.exchange.next_expiry_us() is None


# --- Day orders -----------------------------------------------------------------------------------------

MIDNIGHT_US = (NOW_US // DAY_US + 1) * DAY_US


def test_a_day_order_ends_with_the_session() -> None:
    story = given(listed_market(), resting(buy("alice", 1, at=100, tif="day")))
    story.time_passes(MIDNIGHT_US - 1).then(nothing_happened)
    story.time_passes(MIDNIGHT_US).then(cancelled("alice", 1, "expired"))


@pytest.mark.parametrize(("ends_s", "hours"), [(3600, 1), (86_399, 24)])
def test_a_session_ends_when_the_market_says(ends_s: int, hours: int) -> None:
    ends_us = ends_s * SECOND_US
    expected = next(end for end in (MIDNIGHT_US - DAY_US + ends_us, MIDNIGHT_US + ends_us) if end > NOW_US)
    story = given(listed_market(session_end_s=ends_s), resting(buy("alice", 1, at=100, tif="day")))
    assert story.exchange.next_expiry_us() == expected
    assert (expected - NOW_US) <= DAY_US, hours


def test_at_the_very_end_of_a_session_the_next_one_counts() -> None:
    story = given(listed_market(), RICH).time_passes(MIDNIGHT_US).when(buy("eve", 1, at=1, tif="day"))
    assert story.exchange.next_expiry_us() == MIDNIGHT_US + DAY_US


# --- Rejections -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("expires_at_us", [0, NOW_US - 1, NOW_US])
def test_the_time_lies_in_the_future(expires_at_us: int) -> None:
    given(listed_market(), RICH).when(buy("eve", 1, at=1, tif="gtd", expires_at_us=expires_at_us)).then(
        rejected("invalid_expiry")
    )


def test_the_time_is_ten_years_ahead_at_most() -> None:
    last_us = NOW_US + 3_650 * DAY_US
    until(last_us).then(bids(("alice", 1, 100)))
    given(listed_market(), RICH).when(buy("eve", 1, at=1, tif="gtd", expires_at_us=last_us + 1)).then(
        rejected("invalid_expiry", "315360000 s from now", "up to 3650 days")
    )


def test_only_gtd_has_a_time_and_it_needs_one() -> None:
    story = given(listed_market(), RICH)
    story.when(buy("eve", 1, at=1, tif="gtd")).then(rejected("invalid_expiry"))
    story.when(but(buy("eve", 1, at=1), expires_at_us=LATER_US)).then(rejected("invalid_expiry"))


@pytest.mark.parametrize(("tif", "time_us"), [("gtd", LATER_US), ("day", None)])
def test_a_market_order_does_not_expire(tif: str, time_us: int | None) -> None:
    given(listed_market(), RICH).when(buy("eve", 1, tif=tif, expires_at_us=time_us)).then(
        rejected("contradictory_order", "time_in_force")
    )
