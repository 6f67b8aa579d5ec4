"""OTO and OTOCO: pending orders that follow what a working order fills, part by part."""

import pytest

from domain.event import Event
from domain.order import OrderPlaced, PlaceOrder
from tests.unit.domain.expectations import (
    asks,
    bids,
    cancelled,
    filled,
    has,
    holds,
    nothing_traded,
    refused,
    traded,
    triggered,
    waits,
)
from tests.unit.domain.expectations_of_lists import (
    in_force,
    list_accepted,
    list_ended,
    list_goes_on,
    list_rejected,
    pending,
)
from tests.unit.domain.story import NOW_US, Story, funded, given, last_price, listed_market, mark_price
from tests.unit.domain.wishes import amend, but, buy, cancel, cancel_all, mark, sell
from tests.unit.domain.wishes_of_lists import cancel_list, oto, otoco

ENTRY = buy("alice", 5, at=100, name="entry")
EXIT = sell("alice", 5, at=110, name="exit")
STOP = sell("alice", 5, stop=90, trigger_source="mark", name="stop")


def market(**alice: int | str) -> Story:
    """The last and the mark price are 105; bob has of everything."""
    return given(
        listed_market(),
        last_price(105),
        mark_price(105),
        funded("alice", **alice),
        funded("bob", USD=10_000, BTC=50),
    )


def one() -> Story:
    return market(USD=500).when(oto(ENTRY, EXIT))


def bracket() -> Story:
    return market(USD=500).when(otoco(ENTRY, EXIT, STOP))


# --- One triggers the other -----------------------------------------------------------------------------


def test_the_pending_leg_is_accepted_and_does_nothing_yet() -> None:
    one().then(
        list_accepted("entry", "exit"),
        pending("exit"),
        bids(("entry", 5, 100)),
        asks(),
        holds("alice", USD=500, BTC=0),
    )


def test_nobody_trades_with_a_pending_leg() -> None:
    one().when(buy("bob", 1, at=110)).then(nothing_traded, asks())


def test_it_comes_into_force_when_the_working_leg_is_filled() -> None:
    story = one().when(sell("bob", 5, at=100))
    story.then(filled("entry"), pending(), asks(("exit", 5, 110)), holds("alice", BTC=5, USD=0), list_goes_on)
    story.when(buy("bob", 5, at=110, name="out")).then(filled("exit"), list_ended(), has("alice", USD=550))


def test_it_follows_partial_fills() -> None:
    story = one().when(sell("bob", 2, at=100))
    story.then(asks(("exit", 2, 110)), in_force("exit", 2), bids(("entry", 3, 100)), holds("alice", BTC=2))
    story.when(sell("bob", 1, at=100, name="more")).then(asks(("exit", 3, 110)), in_force("exit", 3))


def test_a_working_leg_that_trades_at_once_brings_it_into_force_at_once() -> None:
    story = market(USD=500).when(sell("bob", 2, at=99))
    story.when(oto(ENTRY, EXIT)).then(
        traded(("bob", 2, 99)), asks(("exit", 2, 110)), bids(("entry", 3, 100)), holds("alice", BTC=2)
    )


def test_a_market_order_may_lead() -> None:
    story = market(USD=500).when(sell("bob", 3, at=99))
    story.when(oto(buy("alice", 5, name="entry"), EXIT)).then(
        cancelled("entry", 2, "unfilled_remainder"), asks(("exit", 3, 110)), in_force("exit", 3), list_goes_on
    )


def test_a_stop_may_lead() -> None:
    entry = buy("alice", 2, stop=106, trigger_source="mark", name="entry")
    exit_ = sell("alice", 2, at=130, name="exit")
    story = market(USD=500).when(sell("bob", 2, at=107)).when(oto(entry, exit_))
    story.then(waits(("entry", 106)), pending("exit"))
    story.when(mark(106)).then(triggered("entry"), filled("entry"), asks(("exit", 2, 130)))


def test_it_may_want_less_than_the_working_leg_fills() -> None:
    story = market(USD=500).when(oto(ENTRY, sell("alice", 3, at=110, name="exit")))
    story.when(sell("bob", 2, at=100)).then(in_force("exit", 2))
    story.when(sell("bob", 3, at=100, name="more")).then(in_force("exit", 3), has("alice", BTC=2))


def test_a_pending_stop_waits_once_it_is_in_force() -> None:
    story = market(USD=500).when(oto(ENTRY, STOP)).then(waits(), pending("stop"))
    story.when(mark(90)).then(triggered())
    story.when(mark(95)).when(sell("bob", 5, at=100)).then(waits(("stop", 90)), holds("alice", BTC=5))


def test_a_pending_stop_whose_price_has_come_meanwhile_fires_as_it_comes_into_force() -> None:
    story = market(USD=500).when(oto(ENTRY, STOP)).when(mark(90), buy("bob", 9, at=80))
    story.when(sell("bob", 2, at=100, name="hit")).then(
        traded(("entry", 2, 100), ("bob", 2, 80)),
        triggered("stop"),
        cancelled("entry", 3, "list"),
        list_ended(),
    )


def test_a_pending_trailing_stop_follows_from_the_price_at_which_it_comes_into_force() -> None:
    trail = sell("alice", 5, trail=10, trigger_source="mark", name="stop")
    story = market(USD=500).when(oto(ENTRY, trail)).when(mark(200)).when(mark(120))
    story.when(sell("bob", 2, at=100)).then(waits(("stop", 110)))
    story.when(mark(130)).when(sell("bob", 1, at=100, name="more")).then(waits(("stop", 120)))


def test_one_so_far_behind_that_no_price_is_left_is_cancelled() -> None:
    trail = sell("alice", 5, trail=50, trigger_source="mark", name="stop")
    story = market(USD=500).when(oto(ENTRY, trail)).when(mark(40))
    story.when(sell("bob", 2, at=100)).then(
        cancelled("stop", 0, "invalid_trigger"), bids(("entry", 3, 100)), list_goes_on
    )


# --- Ends -----------------------------------------------------------------------------------------------


def test_a_working_leg_that_ends_unfilled_takes_it_along() -> None:
    one().when(cancel("alice", "entry")).then(
        cancelled("entry", 5, "requested"), cancelled("exit", 0, "list"), list_ended(), has("alice", USD=500)
    )


def test_so_it_is_with_one_that_is_killed_at_once() -> None:
    market(USD=500).when(oto(but(ENTRY, time_in_force="fok"), EXIT)).then(
        cancelled("entry", 5, "fill_or_kill"), cancelled("exit", 0, "list"), list_ended()
    )


def test_and_with_one_that_expires() -> None:
    entry = but(ENTRY, time_in_force="gtd", expires_at_us=NOW_US + 1)
    market(USD=500).when(oto(entry, EXIT)).time_passes(NOW_US + 1).then(
        cancelled("entry", 5, "expired"), cancelled("exit", 0, "list"), list_ended(), has("alice", USD=500)
    )


def test_one_that_ends_partially_filled_leaves_what_it_filled() -> None:
    story = one().when(sell("bob", 2, at=100)).when(cancel("alice", "entry"))
    story.then(asks(("exit", 2, 110)), in_force("exit", 2), list_goes_on, has("alice", USD=300))
    story.when(buy("bob", 2, at=110, name="out")).then(filled("exit"), list_ended())


def test_a_pending_leg_that_its_owner_cancels_leaves_the_working_one() -> None:
    story = one().when(cancel("alice", "exit"))
    story.then(cancelled("exit", 0, "requested"), bids(("entry", 5, 100)), list_goes_on)
    story.when(sell("bob", 5, at=100)).then(filled("entry"), list_ended(), has("alice", BTC=5))


def test_a_pending_leg_may_expire_before_it_is_in_force() -> None:
    exit_ = but(EXIT, time_in_force="gtd", expires_at_us=NOW_US + 1)
    market(USD=500).when(oto(ENTRY, exit_)).time_passes(NOW_US + 1).then(
        cancelled("exit", 0, "expired"), bids(("entry", 5, 100)), list_goes_on
    )


def test_an_exit_that_has_traded_to_its_end_ends_what_is_left_of_the_entry() -> None:
    one().when(sell("bob", 2, at=100)).when(buy("bob", 2, at=110, name="out")).then(
        filled("exit"), cancelled("entry", 3, "list"), list_ended(), has("alice", USD=520, BTC=0)
    )


def test_a_mass_cancel_takes_pending_legs_too() -> None:
    bracket().when(cancel_all("alice")).then(
        cancelled("entry", 5, "requested"),
        cancelled("exit", 0, "requested"),
        cancelled("stop", 0, "requested"),
        list_ended(),
    )


def test_a_list_is_cancelled_as_a_whole() -> None:
    bracket().when(sell("bob", 2, at=100)).when(cancel_list("alice")).then(
        cancelled("entry", 3, "requested"),
        cancelled("exit", 2, "requested"),
        cancelled("stop", 2, "requested"),
        list_ended("requested"),
        has("alice", USD=300, BTC=2),
        holds("alice", USD=0, BTC=0),
    )


def test_a_pending_leg_is_not_amended() -> None:
    one().when(amend("alice", "exit", price=120)).then(refused("leg_of_order_list"), pending("exit"))


# --- Funds ----------------------------------------------------------------------------------------------


def test_the_exit_is_paid_for_by_what_the_entry_brought() -> None:
    market(USD=500).when(oto(ENTRY, EXIT)).when(sell("bob", 5, at=100)).then(
        holds("alice", BTC=5), has("alice", BTC=0, USD=0)
    )


def test_a_pending_leg_that_cannot_be_paid_for_is_cancelled_and_nothing_else() -> None:
    more = buy("alice", 5, at=99, name="more")
    market(USD=600).when(oto(ENTRY, more)).when(sell("bob", 1, at=100)).then(
        asks(), bids(("entry", 4, 100), ("more", 1, 99))
    )
    market(USD=550).when(oto(ENTRY, more)).when(sell("bob", 1, at=100)).then(
        cancelled("more", 0, "insufficient_funds"),
        bids(("entry", 4, 100)),
        list_goes_on,
        has("alice", USD=50),
    )


def test_what_was_in_force_of_it_ends_with_it() -> None:
    more = buy("alice", 5, at=99, name="more")
    story = market(USD=600).when(oto(ENTRY, more)).when(sell("bob", 1, at=100))
    story.when(sell("bob", 1, at=100, name="again")).then(
        cancelled("more", 1, "insufficient_funds"), bids(("entry", 3, 100)), has("alice", USD=100)
    )


def test_a_pair_that_cannot_be_paid_for_ends_as_a_pair() -> None:
    low, high = buy("alice", 5, at=80, name="low"), buy("alice", 5, stop=120, name="high")
    market(USD=550).when(otoco(ENTRY, low, high)).when(sell("bob", 1, at=100)).then(
        cancelled("low", 0, "insufficient_funds"),
        cancelled("high", 0, "insufficient_funds"),
        bids(("entry", 4, 100)),
    )


def test_a_post_only_leg_that_would_take_when_it_comes_into_force_is_cancelled() -> None:
    back = buy("alice", 2, at=108, name="back", post_only=True)
    story = market(BTC=2).when(buy("bob", 2, at=105), sell("bob", 1, at=107, name="ask"))
    story.when(oto(sell("alice", 2, name="entry"), back)).then(
        filled("entry"), cancelled("back", 0, "post_only_would_take"), list_ended(), asks(("ask", 1, 107))
    )


# --- A bracket ------------------------------------------------------------------------------------------


def test_both_exits_come_into_force_together_and_hold_once() -> None:
    bracket().then(pending("exit", "stop")).when(sell("bob", 2, at=100)).then(
        asks(("exit", 2, 110)), waits(("stop", 90)), holds("alice", BTC=2, USD=300), has("alice", BTC=0)
    )


def test_both_grow_together() -> None:
    bracket().when(sell("bob", 2, at=100)).when(sell("bob", 3, at=100, name="rest")).then(
        in_force("exit", 5), in_force("stop", 5), holds("alice", BTC=5, USD=0), list_goes_on
    )


def test_profit_taken_ends_the_stop() -> None:
    bracket().when(sell("bob", 5, at=100)).when(buy("bob", 5, at=110, name="out")).then(
        filled("exit"), cancelled("stop", 5, "list"), list_ended(), has("alice", USD=550, BTC=0)
    )


def test_a_stop_that_fires_ends_the_profit_and_the_rest_of_the_entry() -> None:
    story = bracket().when(sell("bob", 2, at=100), buy("bob", 9, at=80, name="low"))
    story.when(mark(90)).then(
        cancelled("exit", 2, "list"),
        cancelled("entry", 3, "list"),
        triggered("stop"),
        traded(("low", 2, 80)),
        list_ended(),
        has("alice", USD=460, BTC=0),
        holds("alice", USD=0, BTC=0),
    )


def test_an_exit_that_has_traded_in_part_goes_on_growing_alone() -> None:
    story = bracket().when(sell("bob", 2, at=100)).when(buy("bob", 1, at=110, name="out"))
    story.then(cancelled("stop", 2, "list"), asks(("exit", 1, 110)), list_goes_on)
    story.when(sell("bob", 3, at=100, name="rest")).then(
        asks(("exit", 4, 110)), in_force("exit", 5), holds("alice", BTC=4)
    )


def test_a_bracket_may_sell_first() -> None:
    entry = sell("alice", 5, at=110, name="entry")
    low, high = buy("alice", 5, at=100, name="low"), buy("alice", 5, stop=120, name="high")
    story = market(BTC=5, USD=100).when(otoco(entry, low, high)).when(buy("bob", 5, at=110))
    story.then(filled("entry"), bids(("low", 5, 100)), waits(("high", 120)), holds("alice", USD=630))
    story.when(sell("bob", 5, at=100, name="back")).then(filled("low"), list_ended(), has("alice", USD=150))


def test_of_a_pair_that_is_pending_one_cancels_the_other_already() -> None:
    story = bracket().when(cancel("alice", "stop"))
    story.then(cancelled("stop", 0, "requested"), cancelled("exit", 0, "list"), bids(("entry", 5, 100)))
    story.then(list_goes_on)


# --- Rejected, whole ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "exit_", "code"),
    [
        (ENTRY, sell("alice", 6, at=110, name="exit"), "invalid_order_list"),
        (ENTRY, sell("alice", 5, name="exit"), "invalid_order_list"),
        (ENTRY, sell("alice", 5, at=110, tif="ioc", name="exit"), "invalid_order_list"),
        (ENTRY, sell("alice", 5, at=100, name="exit"), "invalid_order_list"),
        (buy("alice", quote=500, name="entry"), EXIT, "invalid_order_list"),
        (ENTRY, sell("alice", quote=500, name="exit"), "invalid_order_list"),
        (ENTRY, sell("alice", 5, at="110.001", name="exit"), "invalid_price"),
        (buy("alice", 6, at=100, name="entry"), EXIT, "insufficient_funds"),
    ],
)
def test_what_does_not_fit_together_is_rejected_whole(
    entry: PlaceOrder, exit_: PlaceOrder, code: str
) -> None:
    market(USD=500).when(oto(entry, exit_)).then(list_rejected(code), bids(), has("alice", USD=500))


def test_the_exits_of_a_bracket_fit_together_or_it_is_rejected() -> None:
    market(USD=500).when(otoco(ENTRY, EXIT, sell("alice", 4, stop=90, name="stop"))).then(
        list_rejected("invalid_order_list", "the same side and quantity")
    )


def test_the_events_say_which_leg_is_pending() -> None:
    legs: list[Event] = bracket().of_type(OrderPlaced)
    assert [leg.pending for leg in legs] == [True, True, False]  # type: ignore[attr-defined] # orders placed
