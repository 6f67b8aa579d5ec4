"""Order lists where the venue controls and limits what is traded: legs are orders like all others."""

from typing import Any

from domain.control import ChangeMarketRules
from tests.unit.domain.expectations import asks, bids, cancelled, holds, rejected, triggered, waits
from tests.unit.domain.expectations_of_lists import (
    in_force,
    list_accepted,
    list_ended,
    list_goes_on,
    list_rejected,
    pending,
)
from tests.unit.domain.limiting import limited, limits
from tests.unit.domain.story import Story, funded, given, last_price, listed_market, mark_price
from tests.unit.domain.wishes import account_is, buy, change_rules, mark, market_is, sell, venue_is
from tests.unit.domain.wishes_of_lists import oco, oto, otoco

ENTRY = buy("alice", 5, at=100, name="entry")
EXIT = sell("alice", 5, at=110, name="exit")
STOP = sell("alice", 5, stop=90, trigger_source="mark", name="stop")


def market(alice_limits: dict[str, Any] | None = None, **rules: Any) -> Story:
    """The last and the mark price are 105; both traders have of everything."""
    return given(
        listed_market(**rules),
        last_price(105),
        mark_price(105),
        funded("alice", USD=10_000, BTC=50),
        funded("bob", USD=10_000, BTC=50),
        *([limited("alice", **alice_limits)] if alice_limits else []),
    )


# --- Statuses -------------------------------------------------------------------------------------------


def test_a_list_is_rejected_where_the_market_is_not_open() -> None:
    market().when(market_is("halted")).when(oto(ENTRY, EXIT)).then(list_rejected("market_not_open"))


def test_no_leg_may_be_of_a_side_that_the_account_may_not_place() -> None:
    """The working leg sells, which is allowed; the pending one would buy."""
    lists = oto(sell("alice", 5, at=110, name="out"), buy("alice", 5, at=100, name="back"))
    market().when(account_is("alice", "reduce_only")).when(lists).then(
        list_rejected("account_restricted", "back")
    )


def test_closing_the_market_ends_pending_legs_and_the_list() -> None:
    story = market().when(otoco(ENTRY, EXIT, STOP)).when(market_is("closed"))
    story.then(
        cancelled("entry", 5, because="market_closed"),
        cancelled("exit", 0, because="market_closed"),
        cancelled("stop", 0, because="market_closed"),
        list_ended(),
        holds("alice", USD=0, BTC=0),
    )


def test_the_kill_switch_ends_them_too() -> None:
    story = market().when(otoco(ENTRY, EXIT, STOP)).when(venue_is("halted", cancel_orders=True))
    story.then(cancelled("exit", 0, because="kill_switch"), list_ended(), holds("alice", USD=0, BTC=0))


def test_who_may_only_sell_keeps_the_exits_of_what_was_bought() -> None:
    story = market().when(oto(ENTRY, EXIT)).when(sell("bob", 2, at=100))
    story.when(account_is("alice", "reduce_only"))
    story.then(cancelled("entry", 3, because="account_restricted"), list_goes_on, asks(("exit", 2, 110)))


def test_with_the_entry_forbidden_before_any_fill_the_exits_end() -> None:
    story = market().when(oto(ENTRY, EXIT)).when(account_is("alice", "reduce_only"))
    story.then(cancelled("entry", 5, because="account_restricted"), cancelled("exit", 0, because="list"))


def test_a_stop_of_a_pair_fires_when_the_market_opens_again() -> None:
    story = market().when(oco(EXIT, STOP)).when(market_is("halted")).when(mark(90))
    story.then(waits(("stop", 90)))
    story.when(market_is("open")).then(triggered("stop"), cancelled("exit", 5, because="list"))


# --- Rules ----------------------------------------------------------------------------------------------


def test_a_pending_leg_that_could_grow_off_the_lot_is_cancelled() -> None:
    story = market().when(oto(buy("alice", 6, at=100, name="entry"), EXIT)).when(_lots_of(2))
    story.then(cancelled("exit", 0, because="rules_changed"), bids(("entry", 6, 100)))


def test_a_pending_leg_on_the_new_lot_stays() -> None:
    story = market().when(oto(buy("alice", 6, at=100, name="entry"), sell("alice", 4, at=110, name="exit")))
    story.when(_lots_of(2)).then(pending("exit"))


def _lots_of(size: int) -> ChangeMarketRules:
    return change_rules(lot_size=str(size), min_quantity=str(size), max_quantity="1000")


def test_all_legs_count_as_open_orders() -> None:
    market(max_open_orders=2).when(otoco(ENTRY, EXIT, STOP)).then(list_rejected("max_open_orders", "stop"))
    market(max_open_orders=3).when(otoco(ENTRY, EXIT, STOP)).then(list_accepted("entry", "exit", "stop"))


def test_a_pending_leg_counts_for_the_next_order() -> None:
    story = market(max_open_orders=2).when(oto(ENTRY, EXIT)).when(sell("alice", 1, at=120, name="more"))
    story.then(rejected("max_open_orders"))


def test_a_pending_price_may_be_beyond_the_band_until_then() -> None:
    """At 110 nobody may sell while the mark is at 105, but at 109."""
    story = market(sell_band_up_ppm=40_000).when(oto(ENTRY, EXIT))
    story.then(list_accepted("entry", "exit"))
    story.when(mark(109)).when(sell("bob", 5, at=100)).then(in_force("exit", 5))


def test_a_pending_price_is_looked_at_when_it_comes_into_force() -> None:
    """An exit at 110 is within a band of 10 % around 105, and beyond it around 99."""
    story = market(sell_band_up_ppm=100_000).when(oto(ENTRY, EXIT)).when(mark(99))
    story.when(sell("bob", 5, at=100)).then(cancelled("exit", 0, because="price_band"), list_ended())


# --- Limits ---------------------------------------------------------------------------------------------


def test_all_legs_must_fit_into_the_second() -> None:
    market({"order_rate": 2}).when(otoco(ENTRY, EXIT, STOP)).then(list_rejected("order_rate"))
    market({"order_rate": 3}).when(otoco(ENTRY, EXIT, STOP)).then(list_accepted("entry", "exit", "stop"))


def test_a_leg_that_queues_again_is_no_order_sent() -> None:
    story = market({"order_rate": 3}).when(oto(ENTRY, EXIT)).when(sell("bob", 2, at=100))
    story.when(sell("bob", 1, at=100, name="second")).then(in_force("exit", 3))
    story.when(buy("alice", 1, at=50, name="third")).then(bids(("entry", 2, 100), ("third", 1, 50)))


def test_no_rate_holds_up_a_leg_that_comes_into_force() -> None:
    """The list has used up the second."""
    story = market({"order_rate": 2}).when(oto(ENTRY, EXIT)).when(sell("bob", 5, at=100))
    story.then(in_force("exit", 5))


def test_a_pending_leg_counts_in_no_notional() -> None:
    """500 for the entry are all that may be open."""
    story = market({"max_open_notional": {"USD": "500"}}).when(oto(ENTRY, EXIT))
    story.then(list_accepted("entry", "exit"))


def test_what_a_limit_refuses_cancels_the_leg_and_says_so() -> None:
    """The exit is worth 550 once it is in force."""
    story = market({"max_order_notional": {"USD": "500"}}).when(oto(ENTRY, EXIT)).when(sell("bob", 5, at=100))
    story.then(cancelled("exit", 0, because="max_order_notional"), list_ended(), holds("alice", USD=0, BTC=0))


def test_each_leg_of_a_pair_is_looked_at_as_if_it_were_alone() -> None:
    """Only one of both sells: 550 or 450, and never 1000."""
    story = market({"max_open_notional": {"USD": "550"}}).when(oco(EXIT, STOP))
    story.then(list_accepted("exit", "stop"))


def test_a_pair_grows_though_only_reducing_is_allowed() -> None:
    """The exits may come to all that was bought, part by part: only one of both sells it."""
    story = market().when(otoco(ENTRY, EXIT, STOP)).when(limits("alice", daily_loss={"USD": "0"}))
    story.when(buy("alice", 1, at=50)).then(rejected("daily_loss"))
    story.when(sell("bob", 2, at=100)).when(sell("bob", 1, at=100, name="second"))
    story.then(in_force("exit", 3), in_force("stop", 3))
