"""Limits: what an account may do at most, from the moment they are set."""

from typing import Any

import pytest

from domain.account import AccountLimitsSet
from domain.market import SECOND_US
from tests.unit.domain.expectations import (
    accepted,
    bids,
    cancelled,
    nothing_happened,
    refused,
    rejected,
    triggered,
    waits,
)
from tests.unit.domain.limiting import holding, limited, limits, rich
from tests.unit.domain.story import (
    NOW_US,
    given,
    last_price,
    listed_market,
    opened,
    resting,
    waiting,
)
from tests.unit.domain.wishes import SYMBOL, amend, buy, cancel, sell

# --- Setting them ---------------------------------------------------------------------------------------


def test_limits_hold_at_once_and_replace_those_before() -> None:
    market = given(listed_market(), rich("alice"), limited("alice", max_order_notional={"USD": "100"}))
    market.when(buy("alice", 2, at=100, name="big")).then(rejected("max_order_notional"))
    market.when(limits("alice", max_order_notional={"USD": "200"}), buy("alice", 2, at=100, name="again"))
    market.then(accepted("again"))


def test_setting_the_same_limits_again_changes_nothing() -> None:
    market = given(listed_market(), opened("alice"), limited("alice", max_position={SYMBOL: "5"}))
    market.when(limits("alice", max_position={SYMBOL: "5.00"})).then(nothing_happened)


def test_an_account_may_be_freed_of_all_limits() -> None:
    market = given(listed_market(), rich("alice"), limited("alice", order_rate=0))
    market.when(limits("alice"), buy("alice", 2, at=100)).then(accepted("alice"))
    assert market.exchange.accounts["alice"].limits is None


def test_each_change_of_limits_is_an_event_of_its_own() -> None:
    market = given(listed_market(), opened("alice")).when(limits("alice", order_rate=5), limits("alice"))
    assert [event.limits.order_rate for event in market.of_type(AccountLimitsSet)] == [5, None]


@pytest.mark.parametrize(
    ("asked", "code", "says"),
    [
        ({"order_rate": -1}, "invalid_limit", "order_rate was -1"),
        ({"order_rate": 1_000_001}, "invalid_limit", "order_rate was 1000001"),
        ({"daily_loss": {"USD": "-5"}}, "invalid_limit", "daily_loss of USD: '-5'"),
        ({"max_open_notional": {"USD": "0.00001"}}, "invalid_limit", "max_open_notional of USD: 0.00001"),
        ({"max_order_notional": {"EUR": "1"}}, "unknown_asset", "max_order_notional of 'EUR'"),
        ({"max_position": {"ETH-USD": "1"}}, "unknown_market", "'ETH-USD'"),
        ({"max_position": {SYMBOL: "x"}}, "invalid_limit", "max_position on BTC-USD: 'x'"),
    ],
)
def test_a_limit_that_cannot_be_kept_is_refused(asked: dict[str, Any], code: str, says: str) -> None:
    given(listed_market(), opened("alice")).when(limits("alice", **asked)).then(refused(code, says))


@pytest.mark.parametrize("account", ["nobody", "fees"])
def test_only_open_accounts_of_traders_have_limits(account: str) -> None:
    given(listed_market()).when(limits(account, order_rate=1)).then(refused("unknown_account", account))


# --- One order ------------------------------------------------------------------------------------------


def test_an_order_worth_just_the_limit_is_accepted_and_one_lot_more_is_not() -> None:
    market = given(listed_market(), rich("alice"), limited("alice", max_order_notional={"USD": "200"}))
    market.when(buy("alice", 2, at=100)).then(accepted("alice"))
    market.when(sell("alice", "2.01", at=100, name="more")).then(
        rejected("max_order_notional", "worth 201 USD", "up to 200 USD")
    )


def test_a_market_order_is_worth_what_it_trades() -> None:
    market = given(
        listed_market(),
        rich("alice"),
        resting(sell("bob", 1, at=100)),
        resting(sell("carol", 1, at=110)),
        limited("alice", max_order_notional={"USD": "209"}),
    )
    market.when(buy("alice", 2)).then(rejected("max_order_notional", "worth 210 USD"))
    market.when(buy("alice", 1, name="one")).then(accepted("one"))


def test_a_budget_is_what_the_order_is_worth() -> None:
    market = given(
        listed_market(),
        rich("alice"),
        resting(sell("bob", 1, at=100)),
        limited("alice", max_order_notional={"USD": "150"}),
    )
    market.when(buy("alice", quote=151)).then(rejected("max_order_notional", "worth 151 USD"))
    market.when(buy("alice", quote=150, name="less")).then(accepted("less"))


def test_a_stop_buy_is_worth_its_trigger_price_and_the_buffer_and_a_stop_sell_its_trigger_price() -> None:
    market = given(
        listed_market(market_buffer_ppm=50_000),
        rich("alice"),
        last_price(100),
        limited("alice", max_order_notional={"USD": "110"}),
    )
    market.when(buy("alice", 1, stop=105)).then(rejected("max_order_notional", "worth 110.25 USD"))
    market.when(buy("alice", 1, stop=104, name="near")).then(accepted("near"))
    market.when(sell("alice", 1, take_profit=110, name="profit")).then(accepted("profit"))


def test_a_dry_run_meets_the_limits_too() -> None:
    market = given(listed_market(), rich("alice"), limited("alice", max_order_notional={"USD": "1"}))
    market.when(buy("alice", 1, at=100, dry_run=True)).then(refused("max_order_notional"))


# --- All open orders ------------------------------------------------------------------------------------


def test_what_is_open_counts_on_both_sides_until_it_is_gone() -> None:
    market = given(
        listed_market(),
        rich("alice"),
        resting(buy("alice", 1, at=90, name="bid")),
        resting(sell("alice", 1, at=110, name="ask")),
        limited("alice", max_open_notional={"USD": "250"}),
    )
    market.when(buy("alice", 1, at=60, name="more")).then(
        rejected("max_open_notional", "worth 60 USD", "other open orders 200 USD", "up to 250 USD")
    )
    market.when(cancel("alice", "bid"), buy("alice", 1, at=60, name="then")).then(accepted("then"))


def test_an_order_that_can_never_stay_open_does_not_count_as_open() -> None:
    market = given(listed_market(), rich("alice"), limited("alice", max_open_notional={"USD": "0"}))
    market.when(buy("alice", 1, at=100, tif="ioc")).then(cancelled("alice", 1, "unfilled_remainder"))
    market.when(buy("alice", 1, at=100, name="rests")).then(rejected("max_open_notional"))


def test_a_fill_makes_room() -> None:
    market = given(
        listed_market(),
        rich("alice"),
        rich("bob"),
        limited("alice", max_open_notional={"USD": "100"}),
        resting(buy("alice", 1, at=100, name="first")),
    )
    market.when(buy("alice", "0.41", at=100, name="second")).then(rejected("max_open_notional"))
    market.when(sell("bob", "0.5", at=100)).when(buy("alice", "0.5", at=100, name="third"))
    market.then(accepted("third"))


def test_a_waiting_order_counts_as_open_and_a_trailing_one_with_where_its_trigger_stands() -> None:
    market = given(
        listed_market(market_buffer_ppm=0),
        rich("alice"),
        last_price(100),
        waiting(sell("alice", 1, trail=10)),
        limited("alice", max_open_notional={"USD": "100"}),
    )
    market.when(buy("alice", "0.2", at=50, name="fits")).then(accepted("fits"), waits(("alice", 90)))
    last_price(105)(market)
    market.when(buy("alice", "0.01", at=50, name="more")).then(
        rejected("max_open_notional", "other open orders 105 USD")
    )


# --- Positions ------------------------------------------------------------------------------------------


def test_a_position_counts_with_all_open_orders_of_the_same_side() -> None:
    market = given(
        listed_market(),
        rich("alice"),
        holding("alice", 3, 100),
        resting(buy("alice", 1, at=90, name="bid")),
        limited("alice", max_position={SYMBOL: "5"}),
    )
    market.when(buy("alice", "1.01", at=80, name="more")).then(
        rejected(
            "max_position", "1.01 BTC to buy", "other open orders to buy 1 BTC", "position 3 BTC", "5 BTC"
        )
    )
    market.when(buy("alice", 1, at=80, name="fits")).then(accepted("fits"))
    market.when(sell("alice", 8, at=120, name="turns")).then(accepted("turns"))
    market.when(sell("alice", "0.01", at=120, name="over")).then(rejected("max_position"))


def test_a_position_above_a_limit_that_was_lowered_may_still_be_reduced() -> None:
    market = given(
        listed_market(),
        rich("alice"),
        holding("alice", 10, 100),
        limited("alice", max_position={SYMBOL: "2"}),
    )
    market.when(buy("alice", "0.01", at=90, name="more")).then(rejected("max_position"))
    market.when(sell("alice", 5, at=110, name="less")).then(accepted("less"))


def test_a_short_position_has_the_same_limit() -> None:
    market = given(
        listed_market(),
        rich("alice"),
        holding("alice", -4, 100),
        limited("alice", max_position={SYMBOL: "5"}),
    )
    market.when(sell("alice", "1.01", at=110, name="more")).then(rejected("max_position", "position -4 BTC"))
    market.when(buy("alice", 9, at=90, name="turns")).then(accepted("turns"))


def test_the_market_limits_all_accounts_that_have_no_limit_of_their_own() -> None:
    market = given(listed_market(max_position="5"), rich("alice"), rich("bob"), rich("carol"))
    market.when(limits("bob", max_position={SYMBOL: "7"}), limits("carol", order_rate=9))
    market.when(buy("alice", 5, at=100)).then(accepted("alice"))
    market.when(buy("alice", "0.01", at=100, name="more")).then(rejected("max_position", "up to 5 BTC"))
    market.when(buy("bob", 7, at=100)).then(accepted("bob"))
    market.when(buy("carol", 6, at=100)).then(rejected("max_position", "up to 5 BTC"))


# --- Order rate -----------------------------------------------------------------------------------------


def test_orders_are_counted_by_the_second_rejected_ones_too() -> None:
    market = given(listed_market(), rich("alice"), limited("alice", order_rate=2))
    market.when(buy("alice", 1, at=100, name="1")).then(accepted("1"))
    market.when(buy("alice", 1, at="100.003", name="2")).then(rejected("invalid_price"))
    market.when(buy("alice", 1, at=100, name="3")).then(
        rejected("order_rate", "2 orders in this second", "2 are allowed")
    )
    market.when(buy("bob", 1, at=100)).then(rejected("unknown_account"))
    market.time_passes(NOW_US + SECOND_US)
    market.when(buy("alice", 1, at=100, name="4")).then(accepted("4"))


def test_cancels_are_never_limited() -> None:
    market = given(listed_market(), rich("alice"), resting(buy("alice", 1, at=100)))
    market.when(limits("alice", order_rate=0, daily_loss={"USD": "0"}, max_position={SYMBOL: "0"}))
    market.when(cancel("alice")).then(cancelled("alice", 1, "requested"))


def test_an_amendment_counts_as_an_order_if_it_queues_anew() -> None:
    market = given(
        listed_market(), rich("alice"), resting(buy("alice", 2, at=100)), limited("alice", order_rate=1)
    )
    market.when(amend("alice", quantity=1)).then(bids(("alice", 1, 100)))
    market.when(amend("alice", price=101)).then(bids(("alice", 1, 101)))
    market.when(amend("alice", price=102)).then(refused("order_rate"))
    market.when(buy("alice", 1, at=100, name="new")).then(rejected("order_rate"))


def test_an_order_is_not_refused_when_its_trigger_fires() -> None:
    market = given(
        listed_market(),
        rich("alice"),
        last_price(100),
        waiting(buy("alice", 1, stop=105)),
        resting(sell("bob", 1, at=105)),
        resting(sell("carol", 1, at=106)),
        rich("dave"),
        limited("alice", order_rate=0, max_position={SYMBOL: "0"}, max_order_notional={"USD": "0"}),
    )
    market.when(buy("dave", 1)).then(triggered("alice"), accepted("dave"))
    assert market.exchange.accounts["alice"].positions[SYMBOL].quantity == 100
