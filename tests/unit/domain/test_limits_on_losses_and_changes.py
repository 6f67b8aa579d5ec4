"""Limits on a day's losses, and on orders that are changed."""

from domain.market import DAY_US
from tests.unit.domain.expectations import (
    accepted,
    asks,
    bids,
    refused,
    rejected,
    waits,
)
from tests.unit.domain.limiting import holding, limited, limits, rich
from tests.unit.domain.story import (
    NOW_US,
    Story,
    funded,
    given,
    last_price,
    listed_market,
    resting,
    waiting,
)
from tests.unit.domain.wishes import SYMBOL, amend, buy, replacing, sell

# --- Daily loss -----------------------------------------------------------------------------------------


def lost(**limit: str) -> Story:
    """Alice sold 2 of 10 for 10 less than she paid, each; the fees are 0.1 %."""
    return given(
        listed_market(maker_fee_ppm=1_000, taker_fee_ppm=1_000),
        rich("alice"),
        holding("alice", 10, 100),
        holding("alice", -2, 90),
        limited("alice", daily_loss=limit),
    )


def test_once_the_loss_is_there_orders_may_only_reduce() -> None:
    market = lost(USD="21.18")  # 20 realised, fees of 1.00 and 0.18
    market.when(buy("alice", 1, at=80, name="more")).then(
        rejected("daily_loss", "21.18 USD lost today", "up to 21.18 USD", "position of 8 BTC")
    )
    market.when(sell("alice", 6, at=120, name="less")).then(accepted("less"))
    market.when(sell("alice", "2.01", at=120, name="over")).then(rejected("daily_loss", "6 BTC included"))
    market.when(sell("alice", 2, stop=80, name="stop")).then(accepted("stop"))


def test_a_loss_just_below_the_limit_is_none() -> None:
    lost(USD="21.1801").when(buy("alice", 1, at=80, name="more")).then(accepted("more"))


def test_the_next_utc_day_begins_with_nothing_lost() -> None:
    market = lost(USD="1")
    midnight = (NOW_US // DAY_US + 1) * DAY_US
    market.time_passes(midnight - 1)
    market.when(buy("alice", 1, at=80, name="late")).then(rejected("daily_loss"))
    market.time_passes(midnight)
    market.when(buy("alice", 1, at=80, name="morning")).then(accepted("morning"))


def test_after_the_loss_an_order_may_become_smaller_but_not_another() -> None:
    market = given(
        listed_market(), rich("alice"), holding("alice", 10, 100), resting(buy("alice", 2, at=80, name="bid"))
    )
    holding("alice", -1, 90)(market)
    market.when(limits("alice", daily_loss={"USD": "10"}))
    market.when(amend("alice", "bid", price=79)).then(refused("daily_loss"))
    market.when(amend("alice", "bid", quantity=1)).then(bids(("bid", 1, 80)))


# --- Changing orders ------------------------------------------------------------------------------------


def test_an_amendment_is_checked_and_a_reduction_always_allowed() -> None:
    market = given(
        listed_market(),
        rich("alice"),
        resting(buy("alice", 4, at=100)),
        limited(
            "alice",
            max_order_notional={"USD": "100"},
            max_open_notional={"USD": "100"},
            max_position={SYMBOL: "1"},
        ),
    )
    market.when(amend("alice", quantity=5)).then(refused("max_order_notional"))
    market.when(amend("alice", quantity=3)).then(bids(("alice", 3, 100)))
    market.when(amend("alice", price=90)).then(bids(("alice", 3, 90)))
    market.when(amend("alice", price=91)).then(refused("max_order_notional", "worth 273 USD"))


def test_an_amended_order_does_not_count_beside_itself() -> None:
    market = given(
        listed_market(),
        rich("alice"),
        resting(sell("alice", 4, at=100)),
        limited("alice", max_open_notional={"USD": "500"}, max_position={SYMBOL: "5"}),
    )
    market.when(amend("alice", quantity=5)).then(asks(("alice", 5, 100)))
    market.when(amend("alice", quantity=6)).then(refused("max_open_notional", "other open orders 0 USD"))
    market.when(amend("alice", quantity=6, price=80)).then(
        refused("max_position", "6 BTC to sell", "other open orders to sell 0 BTC")
    )


def test_a_waiting_order_is_checked_when_its_trigger_is_moved() -> None:
    market = given(
        listed_market(market_buffer_ppm=0),
        rich("alice"),
        last_price(100),
        waiting(buy("alice", 1, stop=110)),
        limited("alice", max_order_notional={"USD": "110"}, order_rate=0),
    )
    market.when(amend("alice", trigger_price=111)).then(refused("max_order_notional"))
    market.when(amend("alice", trigger_price=109)).then(waits(("alice", 109)))


def test_a_replacement_counts_the_cancelled_order_as_gone() -> None:
    market = given(
        listed_market(),
        rich("alice"),
        resting(buy("alice", 5, at=100, name="old")),
        limited("alice", max_open_notional={"USD": "500"}, max_position={SYMBOL: "5"}),
    )
    market.when(replacing("old", buy("alice", 5, at=99, name="new"))).then(bids(("new", 5, 99)))
    market.when(replacing("new", buy("alice", 6, at=80, name="more"))).then(
        rejected("max_position"), bids(("new", 5, 99))
    )


def test_a_replacement_on_another_market_frees_only_its_own() -> None:
    other = {"symbol": "ETH-USD", "base_asset": "ETH"}
    market = given(listed_market(), listed_market(**other), rich("alice"), funded("alice", ETH="100"))
    resting(buy("alice", 5, at=100, name="old"))(market)
    market.when(limits("alice", max_open_notional={"USD": "500"}, max_position={"ETH-USD": "4"}))
    market.when(replacing("old", buy("alice", 5, at=100, symbol="ETH-USD", name="eth"))).then(
        rejected("max_position")
    )
    market.when(replacing("old", buy("alice", 4, at=125, symbol="ETH-USD", name="four"))).then(
        bids(("four", 4, 125), symbol="ETH-USD")
    )


def test_a_replacement_in_another_quote_asset_frees_nothing() -> None:
    other = {"symbol": "ETH-BTC", "base_asset": "ETH", "quote_asset": "BTC", "quote_scale": 4}
    market = given(listed_market(base_scale=4), listed_market(**other), rich("alice"))
    resting(buy("alice", 1, at=50, symbol="ETH-BTC", name="kept"))(market)
    resting(buy("alice", 5, at=100, name="old"))(market)
    market.when(limits("alice", max_open_notional={"BTC": "50"}))
    market.when(replacing("old", buy("alice", 1, at=10, symbol="ETH-BTC", name="eth"))).then(
        rejected("max_open_notional", "worth 10 BTC, other open orders 50 BTC")
    )
