"""OCO: two orders of which one cancels the other. Together they hold funds only once."""

import pytest

from domain.event import Event
from domain.order import OrderCancelled, OrderPlaced, PlaceOrder
from tests.unit.domain.expectations import (
    asks,
    bids,
    cancelled,
    filled,
    has,
    holds,
    nothing_traded,
    refused,
    rejected,
    traded,
    triggered,
    waits,
)
from tests.unit.domain.expectations_of_lists import list_accepted, list_ended, list_goes_on, list_rejected
from tests.unit.domain.story import NOW_US, Story, funded, given, last_price, listed_market, mark_price
from tests.unit.domain.wishes import amend, but, buy, cancel, cancel_all, mark, replacing, sell
from tests.unit.domain.wishes_of_lists import cancel_list, oco

TAKE = sell("alice", 5, at=110, name="take")
STOP = sell("alice", 5, stop=90, trigger_source="mark", name="stop")
SELLS = oco(TAKE, STOP)
LOW = buy("alice", 5, at=90, name="low")
HIGH = buy("alice", 5, stop=110, trigger_source="mark", name="high")
BUYS = oco(LOW, HIGH)


def market(**alice: int | str) -> Story:
    """The last and the mark price are 100; bob has of everything."""
    return given(
        listed_market(),
        last_price(100),
        mark_price(100),
        funded("alice", **alice),
        funded("bob", USD=10_000, BTC=50),
    )


def exits() -> Story:
    """Alice has five bitcoin, and a list that sells them at 110 or below 90."""
    return market(BTC=5).when(SELLS)


# --- Entering -------------------------------------------------------------------------------------------


def test_both_legs_are_there_and_hold_the_same_funds_once() -> None:
    exits().then(
        list_accepted("take", "stop"),
        asks(("take", 5, 110)),
        waits(("stop", 90)),
        holds("alice", BTC=5),
        has("alice", BTC=0),
    )


def test_a_pair_of_buys_holds_what_the_dearer_one_needs() -> None:
    market(USD="577.5").when(BUYS).then(
        list_accepted("low", "high"), bids(("low", 5, 90)), holds("alice", USD="577.5"), has("alice", USD=0)
    )


def test_it_does_not_matter_which_leg_comes_first() -> None:
    market(BTC=5).when(oco(STOP, TAKE)).then(
        list_accepted("take", "stop"), asks(("take", 5, 110)), holds("alice", BTC=5)
    )


def test_two_legs_may_both_wait() -> None:
    take = sell("alice", 5, take_profit=110, name="take")
    market(BTC=5).when(oco(take, STOP)).then(waits(("stop", 90), ("take", 110)), holds("alice", BTC=5))


def test_a_leg_that_trades_at_once_ends_the_other() -> None:
    story = market(BTC=5).when(buy("bob", 2, at=110)).when(SELLS)
    story.then(
        traded(("bob", 2, 110)), cancelled("stop", 5, "list"), asks(("take", 3, 110)), holds("alice", BTC=3)
    )


# --- One cancels the other ------------------------------------------------------------------------------


def test_a_fill_ends_the_other_leg_at_once() -> None:
    exits().when(buy("bob", 5, at=110)).then(
        traded(("take", 5, 110)),
        filled("take"),
        cancelled("stop", 5, "list"),
        list_ended(),
        has("alice", USD=550, BTC=0),
        holds("alice", BTC=0),
    )


def test_a_partial_fill_ends_the_other_leg_and_the_rest_goes_on() -> None:
    story = exits().when(buy("bob", 2, at=110))
    story.then(
        traded(("take", 2, 110)),
        cancelled("stop", 5, "list"),
        asks(("take", 3, 110)),
        waits(),
        holds("alice", BTC=3),
        list_goes_on,
    )
    story.when(buy("bob", 3, at=110, name="again")).then(filled("take"), list_ended())


def test_a_stop_that_fires_takes_over_what_the_other_held() -> None:
    exits().when(buy("bob", 5, at=80)).when(mark(90)).then(
        cancelled("take", 5, "list"),
        triggered("stop"),
        traded(("bob", 5, 80)),
        filled("stop"),
        list_ended(),
        has("alice", USD=400, BTC=0),
        holds("alice", BTC=0),
    )


def test_a_buy_stop_spends_what_both_held() -> None:
    market(USD="577.5").when(BUYS).when(sell("bob", 5, at=115)).when(mark(110)).then(
        cancelled("low", 5, "list"),
        traded(("bob", 5, 115)),
        has("alice", USD="2.5", BTC=5),
        holds("alice", USD=0),
    )


def test_a_take_profit_that_fires_ends_the_stop() -> None:
    take = sell("alice", 5, take_profit=110, trigger_source="mark", name="take")
    market(BTC=5).when(oco(take, STOP)).when(buy("bob", 5, at=109)).when(mark(111)).then(
        cancelled("stop", 5, "list"), triggered("take"), traded(("bob", 5, 109)), list_ended()
    )


def test_a_stop_limit_rests_once_it_has_fired() -> None:
    stop = sell("alice", 5, stop=90, at=89, trigger_source="mark", name="stop")
    market(BTC=5).when(oco(TAKE, stop)).when(mark(90)).then(
        cancelled("take", 5, "list"), asks(("stop", 5, 89)), holds("alice", BTC=5), list_goes_on
    )


def test_a_trailing_stop_follows_the_market_as_a_leg_too() -> None:
    stop = sell("alice", 5, trail=10, trigger_source="mark", name="stop")
    story = market(BTC=5).when(oco(sell("alice", 5, at=130, name="take"), stop)).when(mark(120))
    story.then(waits(("stop", 110)))
    story.when(mark(110)).then(triggered("stop"), cancelled("take", 5, "list"), list_ended())


def test_a_trailing_buy_spends_no_more_than_where_it_stands_when_it_fires() -> None:
    low = buy("alice", 5, at=10, name="low")
    high = buy("alice", 5, trail=10, trigger_source="mark", name="high")
    story = market(USD="577.5").when(oco(low, high)).then(holds("alice", USD="577.5")).when(mark(50))
    story.when(sell("bob", 5, at=70)).when(mark(60)).then(
        traded(("bob", "4.5", 70)), cancelled("low", 5, "list"), holds("alice", USD=0), list_ended()
    )


def test_the_trade_that_would_fire_the_other_leg_ends_it_instead() -> None:
    """One taker fills the first leg at the very price the second waits for."""
    take = sell("alice", 5, at=95, name="take")
    stop = sell("alice", 5, stop=90, name="stop")
    story = market(BTC=5).when(oco(take, stop)).when(sell("bob", 1, at=90, name="cheap"))
    story.when(buy("bob", 6, at=95, name="sweep")).then(
        traded(("cheap", 1, 90), ("take", 5, 95)), triggered(), cancelled("stop", 5, "list"), list_ended()
    )


@pytest.mark.parametrize(("name", "other"), [("take", "stop"), ("stop", "take")])
def test_a_leg_its_owner_cancels_ends_the_other(name: str, other: str) -> None:
    exits().when(cancel("alice", name)).then(
        cancelled(name, 5, "requested"),
        cancelled(other, 5, "list"),
        list_ended(),
        has("alice", BTC=5),
        holds("alice", BTC=0),
    )


def test_a_leg_that_expires_ends_the_other() -> None:
    take = but(TAKE, time_in_force="gtd", expires_at_us=NOW_US + 1)
    market(BTC=5).when(oco(take, STOP)).time_passes(NOW_US + 1).then(
        cancelled("take", 5, "expired"), cancelled("stop", 5, "list"), list_ended(), has("alice", BTC=5)
    )


@pytest.mark.parametrize("mode", ["expire_maker", "decrement"])
def test_self_trade_prevention_counts_as_a_fill_would(mode: str) -> None:
    story = market(BTC=5, USD=1000).when(SELLS)
    story.when(buy("alice", 2, at=110, name="own", self_trade=mode)).then(
        nothing_traded, cancelled("stop", 5, "list"), waits()
    )


def test_a_mass_cancel_ends_both() -> None:
    exits().when(cancel_all("alice")).then(
        cancelled("take", 5, "requested"), cancelled("stop", 5, "requested"), list_ended()
    )


# --- Cancelled as a whole -------------------------------------------------------------------------------


def test_a_list_is_cancelled_as_a_whole() -> None:
    exits().when(cancel_list("alice")).then(
        cancelled("take", 5, "requested"),
        cancelled("stop", 5, "requested"),
        list_ended("requested"),
        asks(),
        waits(),
        has("alice", BTC=5),
    )


def test_nobody_cancels_the_list_of_another_nor_one_that_is_over() -> None:
    story = exits()
    story.when(cancel_list("bob")).then(refused("order_list_not_open", "bob has no open list"))
    story.when(cancel_list("alice")).when(cancel_list("alice")).then(refused("order_list_not_open"))


# --- What a leg cannot do -------------------------------------------------------------------------------


def test_a_leg_is_not_amended() -> None:
    exits().when(amend("alice", "take", quantity=4)).then(
        refused("leg_of_order_list"), asks(("take", 5, 110))
    )


def test_a_leg_is_not_replaced() -> None:
    exits().when(replacing("take", sell("alice", 5, at=111, name="new"))).then(
        rejected("leg_of_order_list"), asks(("take", 5, 110))
    )


# --- Rejected, whole ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second", "code"),
    [
        (TAKE, sell("alice", 4, stop=90, name="stop"), "invalid_order_list"),
        (TAKE, buy("alice", 5, stop=110, name="stop"), "invalid_order_list"),
        (TAKE, sell("alice", 5, at=120, name="stop"), "invalid_order_list"),
        (STOP, sell("alice", 5, stop=80, name="stop2"), "invalid_order_list"),
        (sell("alice", 5, name="take"), STOP, "invalid_order_list"),
        (sell("alice", 5, at=110, tif="ioc", name="take"), STOP, "invalid_order_list"),
        (sell("alice", 5, at=90, name="take"), STOP, "invalid_order_list"),
        (TAKE, sell("alice", 5, stop=100, name="stop"), "would_trigger_at_once"),
        (sell("alice", 6, at=110, name="take"), sell("alice", 6, stop=90, name="stop"), "insufficient_funds"),
        (sell("alice", 5, at="110.001", name="take"), STOP, "invalid_price"),
    ],
)
def test_what_does_not_fit_together_is_rejected_whole(
    first: PlaceOrder, second: PlaceOrder, code: str
) -> None:
    market(BTC=5).when(oco(first, second)).then(list_rejected(code), asks(), waits(), has("alice", BTC=5))


def test_a_pair_of_buys_needs_its_profit_below_its_stop() -> None:
    market(USD=1000).when(oco(buy("alice", 5, at=110, name="low"), HIGH)).then(
        list_rejected("invalid_order_list", "the profit was at 110, the stop at 110")
    )


def test_a_post_only_leg_that_would_take_rejects_the_list() -> None:
    story = market(BTC=5).when(buy("bob", 1, at=110))
    story.when(oco(but(TAKE, post_only=True), STOP)).then(
        list_rejected("post_only_would_take"), waits(), has("alice", BTC=5)
    )


def test_a_list_that_comes_too_late_is_rejected() -> None:
    late = sell("alice", 5, at=110, name="take", until_us=NOW_US - 1)
    market(BTC=5).when(oco(late, STOP)).then(list_rejected("stale_command"))


def test_the_reason_names_the_leg() -> None:
    market(BTC=5).when(oco(sell("alice", 5, at="110.001", name="take"), STOP)).then(
        list_rejected("invalid_price", "leg take: price 110.001")
    )


def test_legs_of_one_name_are_refused_without_a_trace() -> None:
    market(BTC=5).when(oco(TAKE, sell("alice", 5, stop=90, name="take"))).then(
        refused("invalid_order_list", "the same client order id")
    )


def test_the_events_name_the_list_they_belong_to() -> None:
    story = exits()
    (placed, *_) = story.events
    legs: list[Event] = [event for event in story.events if isinstance(event, OrderPlaced)]
    assert {leg.list_id for leg in legs} == {placed.list_id}  # type: ignore[attr-defined] # each has one
    story.when(cancel("alice", "take"))
    assert [event.reason for event in story.of_type(OrderCancelled)] == ["requested", "list"]
