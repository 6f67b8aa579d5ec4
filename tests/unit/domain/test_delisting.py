"""A closed market is taken off the list; what its assets are stays known, and it may come back as it was."""

import pytest

from domain.control import MarketDelisted
from domain.market import MarketListed
from domain.order import OrderFilled
from tests.unit.domain.expectations import bids, has, nothing_happened, refused, rejected, traded
from tests.unit.domain.story import (
    Story,
    after,
    funded,
    given,
    last_price,
    listed_market,
    mark_price,
    waiting,
)
from tests.unit.domain.wishes import (
    buy,
    change_rules,
    delist,
    deposit,
    list_market,
    mark,
    market_is,
    sell,
)


def delisted() -> Story:
    return given(
        listed_market(),
        last_price(100),
        mark_price(90),
        funded("alice", USD=1000),
        after(market_is("closed"), delist()),
    )


def test_a_closed_market_is_taken_off_the_list() -> None:
    story = given(listed_market(), after(market_is("closed"))).when(delist())
    assert story.events == [MarketDelisted("BTC-USD", "operator")]
    story.when(delist()).then(nothing_happened)


@pytest.mark.parametrize("status", ["open", "cancel_only", "halted"])
def test_it_is_closed_first(status: str) -> None:
    given(listed_market(), after(market_is(status))).when(delist()).then(refused("market_not_closed", status))


def test_it_was_listed() -> None:
    given(listed_market()).when(delist("X-Y")).then(refused("unknown_market", "X-Y"))


def test_from_then_on_nothing_can_be_done_with_it() -> None:
    story = delisted().when(buy("alice", 1, at=100)).then(rejected("market_delisted", "BTC-USD"))
    for command in (mark(100), market_is("open"), change_rules(tick_size="1")):
        story.when(command).then(refused("market_delisted", "BTC-USD"))


def test_it_is_named_no_more_among_the_listed() -> None:
    given(listed_market(), after(market_is("closed"), delist())).when(mark(1, symbol="X-Y")).then(
        refused("unknown_market")
    )
    delisted().when(buy("alice", 1, at=1, symbol="X-Y")).then(rejected("unknown_market", "listed are: none"))


def test_what_accounts_have_stays_and_its_assets_stay_known() -> None:
    delisted().then(has("alice", USD=1000)).when(deposit("alice", 5, "USD")).then(has("alice", USD=1005))


def test_it_comes_back_open_with_other_rules_and_no_price() -> None:
    story = delisted().when(list_market(tick_size="0.1", lot_size="0.1", min_quantity="0.1"))
    (listed,) = story.events
    assert isinstance(listed, MarketListed)
    assert (listed.rules.price_scale, listed.rules.tick, listed.rules.lot) == (2, 10, 10)
    market = story.exchange.markets["BTC-USD"]
    assert (market.status, market.last_price, market.mark_price) == ("open", None, None)
    story.when(buy("alice", 1, at=100)).then(bids(("alice", 1, 100)))


def test_it_goes_on_counting_its_trades() -> None:
    story = delisted().when(list_market())
    funded("bob", BTC=1)(story)
    story.when(buy("alice", 1, at=100), sell("bob", 1, at=100)).then(traded(("alice", 1, 100)))
    assert {fill.trade_id for fill in story.of_type(OrderFilled)} == {2}


def test_it_does_not_come_back_with_other_assets_or_scales() -> None:
    story = delisted()
    story.when(list_market(base_asset="XBT")).then(
        refused("market_exists", "was listed with another base_asset")
    )
    story.when(list_market(quote_scale=5)).then(refused("market_rules_invalid", "USD has scale 4"))
    story.when(list_market(tick_size="0.001")).then(refused("market_rules_invalid", "tick_size", "2"))


def test_triggers_wait_anew() -> None:
    story = delisted().when(list_market())
    waiting(sell("carol", 1, stop=95, name="stop"))(story)
    assert [order.client_order_id for order in story.exchange.orders.values()] == ["stop"]
