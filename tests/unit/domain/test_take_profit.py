"""A take-profit order waits on the other side of a stop: a sell above the market, a buy below it."""

import pytest

from tests.unit.domain.expectations import asks, bids, filled, has, holds, rejected, traded, triggered, waits
from tests.unit.domain.story import funded, given, last_price, listed_market, resting, waiting
from tests.unit.domain.wishes import buy, sell

RICH = funded("eve", USD=10_000, BTC=100)


def test_a_sell_waits_for_the_price_to_rise() -> None:
    given(
        listed_market(),
        last_price(100),
        waiting(sell("alice", 2, take_profit=110)),
        resting(sell("carol", 1, at=110)),
        resting(buy("bob", 5, at=108)),
        RICH,
    ).when(buy("eve", 1, at=110)).then(
        triggered("alice"), traded(("carol", 1, 110), ("bob", 2, 108)), filled("alice"), has("alice", USD=216)
    )


def test_a_buy_waits_for_the_price_to_fall() -> None:
    given(
        listed_market(market_buffer_ppm=100_000),
        last_price(100),
        waiting(buy("alice", 1, take_profit=90)),
        resting(buy("carol", 1, at=90)),
        resting(sell("bob", 5, at=95)),
        RICH,
    ).then(holds("alice", USD=99)).when(sell("eve", 1, at=90)).then(
        triggered("alice"),
        traded(("carol", 1, 90), ("bob", 1, 95)),
        filled("alice"),
        has("alice", USD=4, BTC=1),
    )


def test_with_a_limit_it_trades_at_that_or_better_and_rests() -> None:
    given(
        listed_market(),
        last_price(100),
        waiting(sell("alice", 2, take_profit=110, at=109)),
        resting(sell("carol", 1, at=110)),
        resting(buy("bob", 5, at=108)),
        RICH,
    ).when(buy("eve", 1, at=110)).then(triggered("alice"), asks(("alice", 2, 109)), bids(("bob", 5, 108)))


def test_a_buy_with_a_limit_rests_below_what_triggered_it() -> None:
    given(
        listed_market(),
        last_price(100),
        waiting(buy("alice", 2, take_profit=90, at=85)),
        resting(buy("carol", 1, at=90)),
        RICH,
    ).when(sell("eve", 1, at=90)).then(
        triggered("alice"), bids(("alice", 2, 85)), waits(), holds("alice", USD=170)
    )


@pytest.mark.parametrize(("side", "price"), [("sell", 100), ("sell", 99), ("buy", 100), ("buy", 101)])
def test_a_profit_that_is_there_already_is_refused(side: str, price: int) -> None:
    order = (buy if side == "buy" else sell)("eve", 1, take_profit=price)
    given(listed_market(), last_price(100), RICH).when(order).then(
        rejected("would_trigger_at_once", f"trigger_price was {price}", "the last price is 100")
    )


def test_a_stop_and_a_profit_wait_on_either_side() -> None:
    given(listed_market(), last_price(100), RICH).when(
        sell("eve", 1, stop=90, name="stop"), sell("eve", 1, take_profit=110, name="profit")
    ).then(waits(("stop", 90), ("profit", 110)), holds("eve", BTC=2))
