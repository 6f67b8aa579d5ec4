"""A market's rules change while orders rest: what still fits stays as it is, the rest is cancelled."""

from typing import Any

import msgspec
import pytest

from domain.control import MarketRulesChanged
from domain.order import OrderCancelled
from tests.unit.domain.expectations import (
    asks,
    bids,
    cancelled,
    has,
    holds,
    nothing_happened,
    refused,
    rejected,
    showing,
    traded,
    waits,
)
from tests.unit.domain.story import Story, after, funded, given, listed_market, market_rules, resting, waiting
from tests.unit.domain.wishes import amend, buy, change_rules, list_market, market_is, order_named, sell


def all_cancelled(story: Story, *names: str) -> None:
    ended = [(event.order_id, event.reason) for event in story.of_type(OrderCancelled)]
    assert ended == [(order_named(name), "rules_changed") for name in names]


def test_the_event_says_all_rules_as_they_are_from_now_on() -> None:
    story = given(listed_market())
    before = market_rules(story)
    story.when(change_rules(tick_size="0.05", min_notional="10", taker_fee_ppm=7, max_open_orders=3))
    after_it = msgspec.structs.replace(
        before, tick=5, min_notional=100_000, taker_fee_ppm=7, max_open_orders=3
    )
    assert story.events == [MarketRulesChanged("BTC-USD", after_it, "operator")]
    assert market_rules(story) == after_it


@pytest.mark.parametrize(
    ("change", "field", "value"),
    [
        ({"tick_size": "0.02"}, "tick", 2),
        ({"lot_size": "0.1"}, "lot", 10),
        ({"min_quantity": "2"}, "min_quantity", 200),
        ({"max_quantity": "3"}, "max_quantity", 300),
        ({"min_notional": "0.5"}, "min_notional", 5000),
        ({"maker_fee_ppm": 1}, "maker_fee_ppm", 1),
        ({"taker_fee_ppm": 2}, "taker_fee_ppm", 2),
        ({"market_buffer_ppm": 3}, "market_buffer_ppm", 3),
        ({"session_end_s": 4}, "session_end_s", 4),
        ({"max_open_orders": 5}, "max_open_orders", 5),
        ({"buy_band_up_ppm": 6}, "buy_band_up_ppm", 6),
        ({"buy_band_down_ppm": 7}, "buy_band_down_ppm", 7),
        ({"sell_band_up_ppm": 8}, "sell_band_up_ppm", 8),
        ({"sell_band_down_ppm": 9}, "sell_band_down_ppm", 9),
    ],
    ids=str,
)
def test_each_rule_changes_alone(change: dict[str, Any], field: str, value: int) -> None:
    story = given(listed_market(min_quantity="0.1", max_quantity="1000"))
    before = market_rules(story)
    story.when(change_rules(**change))
    assert market_rules(story) == msgspec.structs.replace(before, **{field: value})
    story.when(change_rules(**change)).then(nothing_happened)


def test_what_is_left_out_stays() -> None:
    given(listed_market()).when(change_rules()).then(nothing_happened)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"tick_size": "0.001"}, ["tick_size: 0.001 has 3 decimals", "2"]),
        ({"tick_size": "0"}, ["tick_size was 0"]),
        ({"lot_size": "0.001"}, ["lot_size"]),
        ({"lot_size": "0.3"}, ["min_quantity was 0.01"]),
        ({"max_quantity": "0.005"}, ["max_quantity"]),
        ({"min_quantity": "1001"}, ["the least is more than the most"]),
        ({"min_notional": "-1"}, ["min_notional"]),
        ({"maker_fee_ppm": 100_001}, ["100001"]),
        ({"market_buffer_ppm": -1}, ["-1"]),
        ({"session_end_s": 86_400}, ["86400"]),
        ({"max_open_orders": -1}, ["max_open_orders was -1"]),
        ({"max_open_orders": 1_000_001}, ["1000001"]),
        ({"buy_band_up_ppm": 100_000_001}, ["buy_band_up_ppm was 100000001"]),
        ({"buy_band_down_ppm": 1_000_000}, ["buy_band_down_ppm was 1000000", "999999"]),
        ({"sell_band_up_ppm": -1}, ["sell_band_up_ppm was -1"]),
        ({"sell_band_down_ppm": 1_000_000}, ["sell_band_down_ppm"]),
    ],
    ids=str,
)
def test_rules_that_contradict_each_other_are_refused(change: dict[str, Any], says: list[str]) -> None:
    given(listed_market()).when(change_rules(**change)).then(refused("market_rules_invalid", *says))


def test_tick_times_lot_stays_a_whole_number_of_quote_units() -> None:
    story = given(listed_market(quote_scale=2, lot_size="1", min_quantity="1"))
    story.when(change_rules(lot_size="0.5", min_quantity="1")).then(
        refused("market_rules_invalid", "tick x lot")
    )
    story.when(change_rules(lot_size="0.5", min_quantity="1", tick_size="0.02"))
    assert (market_rules(story).tick, market_rules(story).lot) == (2, 50)


def test_only_a_listed_market_has_rules() -> None:
    given(listed_market()).when(change_rules(symbol="X-Y", tick_size="1")).then(refused("unknown_market"))


def test_orders_off_the_new_tick_are_cancelled() -> None:
    story = given(
        listed_market(),
        resting(buy("alice", 1, at="100.01", name="off")),
        resting(buy("alice", 1, at="100", name="on")),
        waiting(sell("bob", 1, stop="99.5", name="stop")),
        waiting(sell("bob", 1, stop=99, at="98.9", name="stop-limit")),
    )
    story.when(change_rules(tick_size="1"))
    all_cancelled(story, "off", "stop-limit")
    story.then(bids(("on", 1, 100)), holds("alice", USD=100), has("alice", USD="100.01"))
    story.then(waits(("stop", "99.5")))


def test_orders_off_the_new_lot_are_cancelled() -> None:
    story = given(
        listed_market(min_quantity="1"),
        resting(sell("alice", "1.5", at=100, name="off")),
        resting(sell("alice", 2, at=100, name="on")),
        resting(sell("alice", 4, at=100, display="1.5", name="shows-off")),
        resting(sell("alice", 4, at=100, display=2, name="iceberg")),
        waiting(buy("bob", "1.5", stop=120, name="waits-off")),
    )
    story.when(change_rules(lot_size="1"))
    all_cancelled(story, "off", "shows-off", "waits-off")
    story.then(asks(("on", 2, 100), ("iceberg", 4, 100)), waits())


def test_an_order_of_which_an_odd_part_traded_is_off_the_lot() -> None:
    story = given(
        listed_market(min_quantity="0.5", lot_size="0.5"),
        resting(sell("alice", 3, at=100, name="odd")),
        resting(sell("alice", 4, at=101, display=1, name="half-shown")),
        funded("bob", USD=1000),
        after(buy("bob", "0.5", at=100, name="first")),
    )
    story.when(change_rules(lot_size="1", min_quantity="1"))
    all_cancelled(story, "odd")
    story.then(asks(("half-shown", 4, 101)))


def test_an_iceberg_that_shows_half_a_lot_is_off_it() -> None:
    """Half a lot traded; the price was amended, which shows a whole lot again; half a lot traded again."""
    story = given(
        listed_market(min_quantity="0.5", lot_size="0.5"),
        resting(sell("alice", 3, at=100, display=1)),
        funded("bob", USD=1000),
        after(buy("bob", "0.5", at=100, name="first"), amend("alice", price=101)),
        after(buy("bob", "0.5", at=101, name="second")),
    ).then(showing("sell", ("0.5", 101)), asks(("alice", 2, 101)))
    story.when(change_rules(lot_size="1", min_quantity="1"))
    all_cancelled(story, "alice")


def test_an_iceberg_that_waits_and_would_show_half_a_lot_is_off_it() -> None:
    story = given(
        listed_market(min_quantity="0.5", lot_size="0.5"),
        waiting(sell("alice", 3, stop=90, at=89, display="1.5")),
    )
    story.when(change_rules(lot_size="1", min_quantity="1"))
    all_cancelled(story, "alice")


def test_an_order_keeps_the_fees_it_was_placed_under() -> None:
    story = given(
        listed_market(maker_fee_ppm=10_000, taker_fee_ppm=20_000), resting(buy("alice", 10, at=100))
    )
    story.when(change_rules(maker_fee_ppm=0, taker_fee_ppm=50_000))
    story.then(holds("alice", USD=1020))
    sold = given(listed_market(maker_fee_ppm=10_000, taker_fee_ppm=20_000), resting(buy("alice", 10, at=100)))
    sold = sold.when(change_rules(maker_fee_ppm=0, taker_fee_ppm=50_000))
    funded("bob", BTC=10)(sold)
    sold.when(sell("bob", 10, at=100)).then(
        traded(("alice", 10, 100)), has("alice", USD=10, BTC=10), has("bob", USD=950), has("fees", USD=60)
    )


def test_a_waiting_buy_keeps_what_it_holds_when_the_buffer_changes() -> None:
    story = given(listed_market(market_buffer_ppm=100_000), waiting(buy("alice", 1, stop=100)))
    story.when(change_rules(market_buffer_ppm=0)).then(holds("alice", USD=110))
    story.when(amend("alice", trigger_price=101)).then(holds("alice", USD=101), has("alice", USD=9))


def test_smaller_orders_than_the_new_least_stay_and_new_ones_are_refused() -> None:
    story = given(listed_market(), resting(buy("alice", 1, at=100)), funded("bob", USD=500))
    story.when(change_rules(min_quantity="2")).then(bids(("alice", 1, 100)))
    story.when(buy("bob", 1, at=100)).then(rejected("invalid_quantity", "2 to 1000"))


def test_rules_change_while_the_market_is_not_open() -> None:
    story = given(listed_market(), resting(buy("alice", 1, at="100.01")), after(market_is("halted")))
    story.when(change_rules(tick_size="1")).then(cancelled("alice", 1, "rules_changed"))


def test_listing_with_the_rules_as_they_are_now_changes_nothing() -> None:
    """The tick may have fewer decimals than the market's prices by now."""
    story = given(listed_market(), after(change_rules(tick_size="0.1")))
    story.when(list_market(tick_size="0.1")).then(nothing_happened)
    story.when(list_market()).then(refused("market_exists", "another tick"))
