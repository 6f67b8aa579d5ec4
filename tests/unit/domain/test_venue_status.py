"""The venue's own switch: it takes no new orders on any market, and may cancel all there are."""

import pytest

from domain.control import VenueStatusChanged
from domain.order import OrderCancelled
from tests.unit.domain.expectations import (
    asks,
    bids,
    cancelled,
    has,
    nothing_happened,
    refused,
    rejected,
    triggered,
    waits,
)
from tests.unit.domain.story import Story, after, given, listed_market, mark_price, resting, waiting
from tests.unit.domain.wishes import amend, buy, cancel, deposit, mark, market_is, order_named, sell, venue_is

ETH = "ETH-USD"
RESTRICTED = ["cancel_only", "halted"]


def two_markets() -> Story:
    return given(
        listed_market(),
        listed_market(symbol=ETH, base_asset="ETH"),
        mark_price(100),
        resting(buy("alice", 5, at=90, name="btc")),
        resting(buy("alice", 5, at=10, name="eth", symbol=ETH)),
        waiting(sell("bob", 5, stop=95, trigger_source="mark", name="stop")),
    )


def test_a_change_says_who_and_why() -> None:
    story = two_markets().when(venue_is("halted"))
    assert story.events == [VenueStatusChanged("halted", "drill", "operator")]


@pytest.mark.parametrize("status", ["open", *RESTRICTED])
def test_the_same_status_again_changes_nothing(status: str) -> None:
    given(listed_market(), after(venue_is(status))).when(venue_is(status)).then(nothing_happened)


@pytest.mark.parametrize("status", RESTRICTED)
@pytest.mark.parametrize("symbol", ["BTC-USD", ETH])
def test_no_market_takes_orders(status: str, symbol: str) -> None:
    story = two_markets().when(venue_is(status), deposit("alice", 100, "USD"))
    story.when(buy("alice", 1, at=1, symbol=symbol)).then(rejected("venue_not_open", status))
    story.when(amend("alice", "btc", quantity=6)).then(refused("venue_not_open", status))


@pytest.mark.parametrize("status", RESTRICTED)
def test_orders_stay_and_can_be_cancelled(status: str) -> None:
    story = two_markets().when(venue_is(status)).then(bids(("btc", 5, 90)), waits(("stop", 95)))
    story.when(cancel("alice", "btc")).then(cancelled("btc", 5, "requested"))


@pytest.mark.parametrize("status", RESTRICTED)
def test_no_trigger_fires_until_it_opens(status: str) -> None:
    story = two_markets().when(venue_is(status), mark(94)).then(triggered(), waits(("stop", 95)))
    story.when(venue_is("open")).then(triggered("stop"))


def test_a_status_of_its_own_keeps_a_market_from_opening_with_the_venue() -> None:
    story = two_markets().when(market_is("halted"), venue_is("halted"), mark(94))
    story.when(venue_is("open")).then(triggered(), waits(("stop", 95)))
    story.when(market_is("open")).then(triggered("stop"))


def test_with_cancels_only_an_order_may_get_smaller() -> None:
    two_markets().when(venue_is("cancel_only"), amend("alice", "btc", quantity=2)).then(bids(("btc", 2, 90)))


@pytest.mark.parametrize("status", ["open", *RESTRICTED])
def test_it_may_cancel_all_orders_of_all_markets_the_oldest_first(status: str) -> None:
    story = two_markets().when(venue_is(status, cancel_orders=True))
    ended = [(event.order_id, event.reason) for event in story.of_type(OrderCancelled)]
    assert ended == [(order_named(name), "kill_switch") for name in ("btc", "eth", "stop")]
    story.then(bids(), asks(), waits(), bids(symbol=ETH), has("alice", USD=500), has("bob", BTC=5))


def test_orders_that_were_left_can_be_cancelled_later() -> None:
    story = two_markets().when(venue_is("halted")).when(venue_is("halted", cancel_orders=True))
    assert [type(event).__name__ for event in story.events if hasattr(event, "reason")] == [
        "OrderCancelled"
    ] * 3
