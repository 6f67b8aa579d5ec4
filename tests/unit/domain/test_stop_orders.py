"""A stop order waits until the price has come to its trigger, and goes to the market then: a buy above the
market, a sell below it."""

import pytest

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
    triggered,
    waits,
)
from tests.unit.domain.story import funded, given, last_price, listed_market, resting, waiting
from tests.unit.domain.wishes import but, buy, cancel, sell

RICH = funded("eve", USD=10_000, BTC=100)


def test_it_waits_outside_the_book() -> None:
    given(listed_market(), last_price(100), RICH).when(sell("eve", 2, stop=95)).then(
        nothing_traded, waits(("eve", 95)), asks(), holds("eve", BTC=2)
    )


def test_it_sells_at_the_market_when_the_price_has_fallen_to_its_trigger() -> None:
    given(
        listed_market(),
        last_price(100),
        waiting(sell("alice", 2, stop=95)),
        resting(buy("near", 1, at=95)),
        resting(buy("far", 5, at=90)),
        RICH,
    ).when(sell("eve", 1)).then(
        triggered("alice"),
        traded(("near", 1, 95), ("far", 2, 90)),
        filled("alice"),
        waits(),
        has("alice", USD=180, BTC=0),
        holds("alice", BTC=0),
    )


def test_it_buys_at_the_market_when_the_price_has_risen_to_its_trigger() -> None:
    given(
        listed_market(market_buffer_ppm=100_000),
        last_price(100),
        waiting(buy("alice", 1, stop=105)),
        resting(sell("bob", 2, at=105)),
        RICH,
    ).when(buy("eve", 1)).then(
        triggered("alice"), filled("alice"), has("alice", USD="10.5", BTC=1), holds("alice", USD=0)
    )


def test_it_does_nothing_while_the_price_stays_on_this_side() -> None:
    given(
        listed_market(),
        last_price(100),
        waiting(sell("alice", 2, stop=95)),
        resting(buy("bob", 5, at="95.01")),
        RICH,
    ).when(sell("eve", 1)).then(triggered(), waits(("alice", 95)))


def test_a_stop_limit_does_not_trade_beyond_its_limit_and_rests() -> None:
    given(
        listed_market(),
        last_price(100),
        waiting(sell("alice", 3, stop=95, at=94)),
        resting(buy("near", 2, at=95)),
        resting(buy("far", 5, at=90)),
        RICH,
    ).when(sell("eve", 1)).then(
        triggered("alice"),
        traded(("near", 1, 95), ("near", 1, 95)),
        asks(("alice", 2, 94)),
        bids(("far", 5, 90)),
        holds("alice", BTC=2),
    )


def test_what_is_left_of_a_stop_at_the_market_is_cancelled() -> None:
    given(
        listed_market(),
        last_price(100),
        waiting(sell("alice", 3, stop=95)),
        resting(buy("b", 2, at=95)),
        RICH,
    ).when(sell("eve", 1)).then(
        triggered("alice"), cancelled("alice", 2, "unfilled_remainder"), has("alice", USD=95, BTC=2)
    )


def test_a_stop_may_wait_before_anything_was_traded() -> None:
    given(listed_market(), RICH).when(sell("eve", 2, stop=95)).then(waits(("eve", 95)))


def test_it_can_be_cancelled_while_it_waits() -> None:
    given(listed_market(), waiting(buy("alice", 1, stop=100, at=101))).then(holds("alice", USD=101)).when(
        cancel("alice")
    ).then(cancelled("alice", 1, "requested"), waits(), has("alice", USD=101), holds("alice", USD=0))


def test_it_needs_funds_from_the_start() -> None:
    given(listed_market(), funded("alice", BTC=1)).when(sell("alice", 2, stop=95)).then(
        rejected("insufficient_funds", "needs 2 BTC", "available 1")
    )


@pytest.mark.parametrize("tif", ["ioc", "gtc"])
def test_a_triggered_limit_may_be_immediate_or_cancel(tif: str) -> None:
    """The time in force counts from the trigger on, and not while it waits."""
    story = given(
        listed_market(),
        last_price(100),
        waiting(sell("alice", 3, stop=95, at=95, tif=tif)),
        resting(buy("bob", 2, at=95)),
        RICH,
    ).when(sell("eve", 1))
    story.then(traded(("bob", 1, 95), ("bob", 1, 95)))
    story.then(cancelled("alice", 2, "unfilled_remainder") if tif == "ioc" else asks(("alice", 2, 95)))


def test_a_triggered_fill_or_kill_is_killed_if_it_cannot_be_filled() -> None:
    given(
        listed_market(),
        last_price(100),
        waiting(sell("alice", 3, stop=95, at=95, tif="fok")),
        resting(buy("bob", 2, at=95)),
        RICH,
    ).when(sell("eve", 1)).then(
        triggered("alice"),
        traded(("bob", 1, 95)),
        cancelled("alice", 3, "fill_or_kill"),
        has("alice", BTC=3),
        bids(("bob", 1, 95)),
    )


# --- Rejections -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("price", [100, 99])
def test_a_buy_whose_trigger_is_there_already_is_refused(price: int) -> None:
    given(listed_market(), last_price(100), RICH).when(buy("eve", 1, stop=price)).then(
        rejected("would_trigger_at_once", f"trigger_price was {price}", "the last price is 100")
    )


@pytest.mark.parametrize("price", [100, 101])
def test_a_sell_whose_trigger_is_there_already_is_refused(price: int) -> None:
    given(listed_market(), last_price(100), RICH).when(sell("eve", 1, stop=price)).then(
        rejected("would_trigger_at_once")
    )


def test_the_trigger_price_is_a_multiple_of_the_tick() -> None:
    given(listed_market(), RICH).when(sell("eve", 1, stop="90.001")).then(
        rejected("invalid_trigger", "trigger_price ", "90.001", "ticks of 0.01")
    )


def test_a_stop_without_a_limit_and_without_a_buffer_holds_its_trigger_price_to_the_unit() -> None:
    given(listed_market(market_buffer_ppm=0), funded("eve", USD=50_000)).when(
        buy("eve", 1, stop=20_000)
    ).then(holds("eve", USD=20_000))


def test_a_stop_needs_a_trigger_price() -> None:
    given(listed_market(), RICH).when(but(buy("eve", 1, stop=100), trigger_price=None)).then(
        rejected("invalid_trigger", "needs a trigger_price")
    )


def test_a_limit_order_has_no_trigger_price() -> None:
    given(listed_market(), RICH).when(but(buy("eve", 1, at=100), trigger_price="99")).then(
        rejected("invalid_trigger", "has no trigger_price")
    )


@pytest.mark.parametrize("price", ["0", "-1", "x", "100.001"])
def test_the_trigger_is_a_price_of_the_market(price: str) -> None:
    given(listed_market(), RICH).when(buy("eve", 1, stop=price)).then(
        rejected("invalid_trigger", price, "ticks of 0.01")
    )


def test_a_stop_limit_needs_a_price_and_a_stop_has_none() -> None:
    story = given(listed_market(), RICH)
    story.when(but(buy("eve", 1, stop=100, at=100), price=None)).then(rejected("price_required"))
    story.when(but(buy("eve", 1, stop=100), price="100")).then(rejected("price_forbidden"))
