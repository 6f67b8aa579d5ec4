"""Triggers: which price fires them, in which order they fire, and how one leads to the next."""

import pytest
from msgspec import structs

from tests.unit.domain.expectations import (
    asks,
    bids,
    cancelled,
    filled,
    has,
    holds,
    nothing_happened,
    refused,
    rejected,
    traded,
    triggered,
    waits,
)
from tests.unit.domain.story import (
    NOW_US,
    funded,
    given,
    last_price,
    listed_market,
    mark_price,
    resting,
    waiting,
)
from tests.unit.domain.wishes import buy, mark, sell

RICH = funded("eve", USD=100_000, BTC=100)


# --- One leads to the next ------------------------------------------------------------------------------


def test_what_a_triggered_order_trades_may_trigger_the_next() -> None:
    given(
        listed_market(),
        last_price(100),
        waiting(sell("first", 1, stop=95)),
        waiting(sell("second", 1, stop=90)),
        waiting(sell("third", 1, stop=85)),
        resting(buy("b1", 1, at=95)),
        resting(buy("b2", 1, at=90)),
        resting(buy("b3", 1, at=86)),
        RICH,
    ).when(sell("eve", 1)).then(
        triggered("first", "second"),
        traded(("b1", 1, 95), ("b2", 1, 90), ("b3", 1, 86)),
        waits(("third", 85)),
        bids(),
    )


def test_a_triggered_limit_order_that_rests_leads_to_nothing() -> None:
    given(
        listed_market(),
        last_price(100),
        waiting(sell("first", 1, stop=95, at=96)),
        waiting(sell("second", 1, stop=94)),
        resting(buy("b1", 1, at=95)),
        RICH,
    ).when(sell("eve", 1)).then(triggered("first"), asks(("first", 1, 96)), waits(("second", 94)))


def test_a_triggered_order_may_be_a_maker_for_the_next() -> None:
    given(
        listed_market(market_buffer_ppm=100_000),
        last_price(100),
        waiting(sell("seller", 1, take_profit=105, at=106)),
        waiting(buy("buyer", 1, stop=105)),
        resting(sell("bob", 1, at=105)),
        RICH,
    ).when(buy("eve", 1)).then(
        triggered("seller", "buyer"), traded(("bob", 1, 105), ("seller", 1, 106)), filled("buyer")
    )


# --- In which order -------------------------------------------------------------------------------------


def test_of_falling_triggers_the_highest_fires_first_whatever_their_age() -> None:
    given(
        listed_market(),
        last_price(100),
        waiting(sell("low", 1, stop=94, at=94)),
        waiting(sell("high", 1, stop=96, at=94)),
        waiting(sell("middle", 1, stop=95, at=94)),
        resting(buy("bob", 1, at=90)),
        RICH,
    ).when(sell("eve", 1)).then(
        triggered("high", "middle", "low"), asks(("high", 1, 94), ("middle", 1, 94), ("low", 1, 94))
    )


def test_of_rising_triggers_the_lowest_fires_first() -> None:
    given(
        listed_market(),
        last_price(100),
        waiting(buy("high", 1, stop=106, at=106)),
        waiting(buy("low", 1, stop=105, at=106)),
        resting(sell("bob", 1, at=110)),
        RICH,
    ).when(buy("eve", 1)).then(triggered("low", "high"))


def test_at_one_trigger_price_the_oldest_fires_first() -> None:
    given(
        listed_market(),
        last_price(100),
        waiting(sell("older", 1, stop=95, at=94)),
        waiting(sell("younger", 1, stop=95, at=94)),
        resting(buy("bob", 1, at=95)),
        RICH,
    ).when(sell("eve", 1)).then(triggered("older", "younger"), asks(("older", 1, 94), ("younger", 1, 94)))


def test_an_order_whose_price_has_gone_again_goes_on_waiting() -> None:
    """The first to fire sells down to 90: what waited for 108 and above waits on."""
    given(
        listed_market(),
        last_price(100),
        waiting(sell("near", 1, take_profit=105)),
        waiting(sell("far", 1, take_profit=108)),
        resting(sell("bob", 1, at=110)),
        resting(buy("carol", 5, at=90)),
        RICH,
    ).when(buy("eve", 1)).then(triggered("near"), waits(("far", 108)), bids(("carol", 4, 90)))


# --- Last and mark --------------------------------------------------------------------------------------


def test_the_mark_price_fires_those_that_wait_for_it() -> None:
    given(
        listed_market(),
        last_price(100),
        mark_price(100),
        waiting(sell("on-mark", 1, stop=95, at=94, trigger_source="mark")),
        waiting(sell("on-last", 1, stop=95, at=94)),
    ).when(mark(95)).then(triggered("on-mark"), waits(("on-last", 95)))


def test_a_trade_does_not_fire_those_that_wait_for_the_mark_price() -> None:
    given(
        listed_market(),
        last_price(100),
        mark_price(100),
        waiting(sell("on-mark", 1, stop=95, trigger_source="mark")),
        resting(buy("bob", 5, at=90)),
        RICH,
    ).when(sell("eve", 1)).then(triggered(), waits(("on-mark", 95)))


def test_a_mark_price_leads_to_trades_that_fire_those_that_wait_for_the_last() -> None:
    given(
        listed_market(),
        last_price(100),
        mark_price(100),
        waiting(sell("on-mark", 1, stop=95, trigger_source="mark")),
        waiting(sell("on-last", 1, stop=93, at=93)),
        resting(buy("bob", 1, at=92)),
    ).when(mark(94)).then(triggered("on-mark", "on-last"), traded(("bob", 1, 92)), asks(("on-last", 1, 93)))


def test_whether_a_trigger_is_there_already_is_asked_of_its_own_price() -> None:
    story = given(listed_market(), last_price(100), mark_price(90), RICH)
    story.when(sell("eve", 1, stop=95, trigger_source="mark")).then(
        rejected("would_trigger_at_once", "the mark price is 90")
    )
    story.when(sell("eve", 1, stop=95)).then(waits(("eve", 95)))


def test_the_same_mark_price_again_is_no_news() -> None:
    given(listed_market(), mark_price(100)).when(mark(100)).then(nothing_happened)


def test_a_mark_price_is_cut_to_the_decimals_of_the_market() -> None:
    story = given(listed_market()).when(mark("100.01999999999999999999999"))
    assert story.exchange.markets["BTC-USD"].mark_price == 100_01


@pytest.mark.parametrize("price", ["0", "0.001", "-1", "", "x", "1.2.3", "1.00x", "9" * 19])
def test_a_mark_price_is_a_positive_decimal(price: str) -> None:
    given(listed_market()).when(mark(price)).then(refused("invalid_price", price))


def test_a_mark_price_is_of_a_listed_market() -> None:
    given().when(mark(1)).then(refused("unknown_market", "BTC-USD"))


# --- A market buy that waits ----------------------------------------------------------------------------


def test_a_market_buy_holds_a_buffer_beyond_its_trigger_and_the_fee() -> None:
    given(
        listed_market(market_buffer_ppm=50_000, taker_fee_ppm=10_000),
        last_price(100),
        waiting(buy("alice", 2, stop=200)),
    ).then(holds("alice", USD="424.2"))  # 2 x 200 x 1.05, and 1 %


def test_it_spends_no_more_than_it_holds() -> None:
    given(
        listed_market(market_buffer_ppm=50_000),
        last_price(100),
        waiting(buy("alice", 2, stop=200)),
        resting(sell("near", 2, at=200)),
        resting(sell("far", 5, at=300)),
        RICH,
    ).then(holds("alice", USD=420)).when(buy("eve", 1)).then(
        triggered("alice"),
        traded(("near", 1, 200), ("near", 1, 200), ("far", "0.73", 300)),
        cancelled("alice", "0.27", "budget_spent"),
        has("alice", USD=1, BTC="1.73"),
        holds("alice", USD=0),
    )


def test_what_it_does_not_spend_comes_back() -> None:
    given(
        listed_market(market_buffer_ppm=50_000),
        last_price(100),
        waiting(buy("alice", 2, stop=200)),
        resting(sell("bob", 3, at=200)),
        RICH,
    ).when(buy("eve", 1)).then(filled("alice"), has("alice", USD=20, BTC=2), holds("alice", USD=0))


def test_an_iceberg_on_its_way_does_not_make_it_spend_more() -> None:
    """Each part's fee would round down; all of them together are one fill, and rounded once."""
    given(
        listed_market(market_buffer_ppm=0, taker_fee_ppm=99_999, tick_size="0.01", lot_size="0.01"),
        last_price("0.01"),
        waiting(buy("alice", "0.19", stop="0.02")),
        resting(sell("bob", "0.2", at="0.02", display="0.01")),
        RICH,
    ).when(buy("eve", "0.01")).then(triggered("alice"), holds("alice", USD=0))


def test_a_mark_price_that_comes_too_late_fires_nothing() -> None:
    late = structs.replace(mark(110), valid_until_us=NOW_US - 1)
    waits_for_it = waiting(buy("up", 1, stop=105, trigger_source="mark"))
    given(listed_market(), mark_price(100), waits_for_it).when(late).then(
        refused("stale_command"), waits(("up", 105))
    )
    in_time = structs.replace(mark(110), valid_until_us=NOW_US)
    given(listed_market(), mark_price(100), waits_for_it).when(in_time).then(triggered("up"))
