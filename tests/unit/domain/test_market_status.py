"""A market is open, takes cancels only, is halted or closed; whatever it is, an order can be cancelled."""

import pytest

from domain.control import MarketStatusChanged
from domain.event import Command
from domain.order import OrderCancelled
from tests.unit.domain.expectations import (
    asks,
    bids,
    cancelled,
    filled,
    has,
    holds,
    nothing_happened,
    nothing_traded,
    refused,
    rejected,
    triggered,
    waits,
)
from tests.unit.domain.story import (
    NOW_US,
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
from tests.unit.domain.wishes import (
    amend,
    buy,
    cancel,
    cancel_all,
    list_market,
    mark,
    market_is,
    order_named,
    replacing,
    sell,
    venue_is,
)

RESTRICTED = ["cancel_only", "halted", "closed"]
ALIVE = ["cancel_only", "halted"]
ETH = "ETH-USD"


def resting_and_waiting() -> Story:
    """Alice bids at 100; Bob asks at 110 and sells should the last trade fall to 95."""
    return given(
        listed_market(),
        resting(buy("alice", 5, at=100)),
        resting(sell("bob", 5, at=110)),
        waiting(sell("bob", 5, stop=95, name="stop")),
    )


def test_a_change_of_status_says_who_and_why() -> None:
    story = given(listed_market()).when(market_is("halted"))
    assert story.events == [MarketStatusChanged("BTC-USD", "halted", "drill", "operator")]


@pytest.mark.parametrize("status", ["open", *RESTRICTED])
def test_the_same_status_again_changes_nothing(status: str) -> None:
    given(listed_market(), after(market_is(status))).when(market_is(status)).then(nothing_happened)


def test_only_a_listed_market_has_a_status() -> None:
    given(listed_market()).when(market_is("halted", symbol=ETH)).then(refused("unknown_market", ETH))


@pytest.mark.parametrize("status", RESTRICTED)
@pytest.mark.parametrize("order", [buy("carol", 1, at=90), buy("carol", 1), buy("carol", 1, stop=120)])
def test_new_orders_are_taken_only_while_it_is_open(status: str, order: Command) -> None:
    story = given(listed_market(), funded("carol", USD=1000), after(market_is(status)))
    story.when(order).then(rejected("market_not_open", "BTC-USD", status))


@pytest.mark.parametrize("status", RESTRICTED)
def test_a_test_order_is_refused_alike(status: str) -> None:
    given(listed_market(), funded("carol", USD=100), after(market_is(status))).when(
        buy("carol", 1, at=90, dry_run=True)
    ).then(refused("market_not_open", status))


@pytest.mark.parametrize("status", ALIVE)
def test_orders_stay_until_it_is_closed_and_can_be_cancelled(status: str) -> None:
    story = resting_and_waiting().when(market_is(status)).then(nothing_traded)
    story.then(bids(("alice", 5, 100)), asks(("bob", 5, 110)), waits(("stop", 95)))
    story.when(cancel("alice")).then(cancelled("alice", 5, "requested"), has("alice", USD=500))
    story.when(cancel_all("bob")).then(cancelled("bob", 5, "requested"), cancelled("stop", 5, "requested"))


@pytest.mark.parametrize("status", ALIVE)
def test_a_lost_session_takes_its_orders_with_it_all_the_same(status: str) -> None:
    given(listed_market(), resting(buy("alice", 1, at=100, session="s1")), after(market_is(status))).when(
        cancel_all("alice", session="s1")
    ).then(cancelled("alice", 1, "disconnected"))


@pytest.mark.parametrize("status", ALIVE)
def test_orders_expire_all_the_same(status: str) -> None:
    expires = NOW_US + 5
    story = given(
        listed_market(),
        resting(buy("alice", 1, at=100, tif="gtd", expires_at_us=expires)),
        after(market_is(status)),
    )
    story.time_passes(expires).then(cancelled("alice", 1, "expired"))


def test_with_cancels_only_an_order_may_get_smaller_and_nothing_else() -> None:
    story = resting_and_waiting().when(market_is("cancel_only"), amend("alice", quantity=3))
    story.then(bids(("alice", 3, 100)), holds("alice", USD=300))
    story.when(amend("bob", "stop", quantity=4)).then(holds("bob", BTC=9))
    for change in (
        amend("alice", quantity=4),
        amend("alice", price=99),
        amend("alice", quantity=2, price=99),
        amend("bob", "stop", trigger_price=94),
        amend("bob", "stop", trigger_price=94, quantity=1),
    ):
        story.when(change).then(refused("market_not_open", "cancel_only"))
    story.when(amend("alice", quantity=3)).then(nothing_happened)


def test_while_it_is_halted_an_order_does_not_even_get_smaller() -> None:
    story = resting_and_waiting().when(market_is("halted"), amend("alice", quantity=3))
    story.then(bids(("alice", 5, 100)))
    story.when(amend("alice", quantity=3)).then(refused("market_not_open", "halted"))


@pytest.mark.parametrize("status", ALIVE)
def test_a_replacement_does_what_it_can(status: str) -> None:
    story = resting_and_waiting().when(market_is(status))
    story.when(replacing("alice", buy("alice", 5, at=99, name="new"))).then(rejected("market_not_open"))
    story.then(bids(("alice", 5, 100)))
    story.when(replacing("alice", buy("alice", 5, at=99, name="other"), allow_failure=True))
    story.then(cancelled("alice", 5, "replaced"), bids())


@pytest.mark.parametrize("status", ALIVE)
def test_no_trigger_fires_until_it_opens(status: str) -> None:
    story = given(
        listed_market(),
        mark_price(100),
        resting(buy("carol", 5, at=90)),
        waiting(sell("bob", 5, stop=95, trigger_source="mark", name="stop")),
        after(market_is(status)),
    )
    story.when(mark(94)).then(triggered(), waits(("stop", 95)))
    story.when(market_is("open")).then(triggered("stop"), filled("carol"))


def test_what_the_price_has_left_again_does_not_fire() -> None:
    given(
        listed_market(),
        mark_price(100),
        waiting(sell("bob", 5, stop=95, trigger_source="mark", name="stop")),
        after(market_is("halted"), mark(94), mark(100)),
    ).when(market_is("open")).then(triggered(), waits(("stop", 95)))


def test_a_trailing_trigger_follows_while_nothing_fires() -> None:
    given(
        listed_market(),
        mark_price(100),
        waiting(sell("bob", 5, trail=5, trigger_source="mark", name="stop")),
        after(market_is("halted")),
    ).when(mark(120)).then(waits(("stop", 115)))


def test_closing_cancels_all_that_rests_or_waits_the_oldest_first() -> None:
    story = given(
        listed_market(symbol=ETH, base_asset="ETH"),
        listed_market(),
        resting(buy("alice", 5, at=100)),
        waiting(sell("bob", 5, stop=95, name="stop")),
        resting(buy("alice", 1, at=10, symbol=ETH, name="eth")),
    )
    story.when(market_is("closed")).then(bids(), asks(), waits(), holds("alice", USD=10), has("bob", BTC=5))
    ended = [(event.order_id, event.reason) for event in story.of_type(OrderCancelled)]
    assert ended == [(order_named(name), "market_closed") for name in ("alice", "stop")]
    story.then(bids(("eth", 1, 10), symbol=ETH))


def test_a_closed_market_opens_again_without_orders() -> None:
    story = given(listed_market(), resting(buy("alice", 5, at=100)), after(market_is("closed")))
    story.when(market_is("open"), buy("alice", 4, at=99, name="again")).then(bids(("again", 4, 99)))


def test_listing_it_again_does_not_open_it() -> None:
    given(listed_market(), after(market_is("halted"))).when(list_market()).then(nothing_happened)
    given(listed_market(), funded("alice", USD=100), after(market_is("halted"), list_market())).when(
        buy("alice", 1, at=1)
    ).then(rejected("market_not_open"))


def test_one_markets_status_is_no_others() -> None:
    story = given(listed_market(symbol=ETH, base_asset="ETH"), listed_market(), funded("alice", USD=100))
    story.when(market_is("closed", symbol=ETH), buy("alice", 1, at=100)).then(bids(("alice", 1, 100)))


def test_of_venue_and_market_the_stricter_counts() -> None:
    story = resting_and_waiting().when(market_is("cancel_only"), venue_is("halted"))
    story.when(amend("alice", quantity=3)).then(refused("venue_not_open", "halted"))
    story.when(venue_is("open"), amend("alice", quantity=3)).then(bids(("alice", 3, 100)))
    story.when(amend("alice", quantity=4)).then(refused("market_not_open", "cancel_only"))


def test_a_price_that_came_by_trade_is_looked_at_when_it_opens() -> None:
    """A stop that its own market's last trade fires fires at once: nothing is left for later."""
    story = given(
        listed_market(), last_price(100), waiting(sell("bob", 1, stop=99)), resting(buy("al", 2, at=98))
    )
    story.when(market_is("halted")).when(market_is("open")).then(triggered(), waits(("bob", 99)))
