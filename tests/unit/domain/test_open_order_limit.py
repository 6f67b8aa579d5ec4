"""An account has at most so many open orders on a market, resting and waiting ones together."""

import pytest

from domain.event import Command
from tests.unit.domain.expectations import accepted, bids, filled, rejected
from tests.unit.domain.story import Story, after, funded, given, listed_market, mark_price
from tests.unit.domain.wishes import buy, cancel, change_rules, replacing, sell

ETH = "ETH-USD"


def full() -> Story:
    """Alice has as many orders as she may: one rests, one waits."""
    return given(
        listed_market(max_open_orders=2),
        listed_market(symbol=ETH, base_asset="ETH", max_open_orders=2),
        mark_price(100),
        funded("alice", USD=10_000, BTC=10),
        funded("bob", USD=10_000, BTC=10),
        after(
            buy("alice", 1, at=90, name="rests"),
            sell("alice", 1, stop=80, trigger_source="mark", name="waits"),
        ),
    )


@pytest.mark.parametrize("order", [buy("alice", 1, at=91), buy("alice", 1, stop=120, trigger_source="mark")])
def test_one_more_is_rejected(order: Command) -> None:
    full().when(order).then(rejected("max_open_orders", "alice has 2 open orders on BTC-USD; 2 are allowed"))


def test_where_one_is_allowed_there_may_be_one() -> None:
    story = given(listed_market(max_open_orders=1), funded("alice", USD=100))
    story.when(buy("alice", 1, at=10)).then(bids(("alice", 1, 10)))
    story.when(buy("alice", 1, at=11, name="second")).then(rejected("max_open_orders", "has 1 open orders"))


@pytest.mark.parametrize(
    "order", [buy("alice", 1), buy("alice", 1, at=95, tif="ioc"), buy("alice", 1, at=95, tif="fok")]
)
def test_an_order_that_never_stays_open_is_not_counted(order: Command) -> None:
    full().when(sell("bob", 1, at=95), order).then(filled("alice"))


def test_each_market_and_account_counts_for_itself() -> None:
    full().when(buy("alice", 1, at=1, symbol=ETH), buy("bob", 1, at=91)).then(
        accepted("alice"), accepted("bob")
    )


def test_orders_that_are_done_do_not_count() -> None:
    full().when(cancel("alice", "waits"), buy("alice", 1, at=91)).then(
        bids(("alice", 1, 91), ("rests", 1, 90))
    )
    full().when(sell("bob", 1, at=90), buy("alice", 1, at=91)).then(bids(("alice", 1, 91)))


def test_what_a_replacement_cancels_does_not_count() -> None:
    full().when(replacing("rests", buy("alice", 1, at=92, name="new"))).then(bids(("new", 1, 92)))


def test_what_it_cancels_on_another_market_counts_there() -> None:
    story = full().when(buy("alice", 1, at=1, symbol=ETH, name="eth"))
    story.when(replacing("eth", buy("alice", 1, at=92, name="new"))).then(rejected("max_open_orders"))


def test_none_is_any_number() -> None:
    story = given(listed_market(), funded("alice", USD=1000))
    story.when(*(buy("alice", "0.01", at=1, name=f"o{n}") for n in range(50)))
    assert len(story.exchange.orders) == 50


def test_a_lower_limit_cancels_nothing() -> None:
    full().when(change_rules(max_open_orders=1)).then(bids(("rests", 1, 90)))
