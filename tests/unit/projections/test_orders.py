from typing import Any

import pytest

from domain.ids import order_id
from domain.order import OrderFilled
from projections import orders
from projections.projection import At
from tests.unit.projections.folds import folded
from tests.unit.projections.trading import SHARD, START_US, Venue, amend, ask, cancel, mark, opened, place


@pytest.fixture
def venue() -> Venue:
    return opened(Venue(), "ann", "bob")


def order(venue: Venue, account: str, name: str) -> Any:
    return folded("orders", venue.events)[order_id(SHARD, account, name)]


def test_an_order_that_rests_is_open(venue: Venue) -> None:
    venue.batch(place("ann", "bid", "buy", "2", "100"))
    found = order(venue, "ann", "bid")
    assert (found["status"], found["price"], found["quantity"], found["remaining"]) == (
        "open",
        100_00,
        200_000_000,
        200_000_000,
    )
    assert (found["account"], found["client_order_id"], found["fills"]) == ("ann", "bid", [])


def test_a_part_filled_order_sums_its_fills(venue: Venue) -> None:
    venue.batch(place("ann", "bid", "buy", "2", "100"))
    venue.batch(place("bob", "hit", "sell", "0.5", "99"), place("bob", "hit2", "sell", "0.25", "99"))
    found = order(venue, "ann", "bid")
    assert (found["status"], found["filled"], found["remaining"]) == (
        "partially_filled",
        75_000_000,
        125_000_000,
    )
    assert (found["notional"], found["fees"]) == ("7500000000", "7500000")
    assert [(fill["quantity"], fill["fee"], fill["liquidity"]) for fill in found["fills"]] == [
        (50_000_000, "5000000", "maker"),
        (25_000_000, "2500000", "maker"),
    ]
    assert found["updated_at_us"] == venue.now_us - 1_000
    assert START_US < found["created_at_us"] < found["updated_at_us"]


def test_a_filled_order_has_nothing_remaining(venue: Venue) -> None:
    venue.batch(place("ann", "bid", "buy", "2", "100"), place("bob", "hit", "sell", "2", "100"))
    found = order(venue, "bob", "hit")
    assert (found["status"], found["remaining"], found["filled"]) == ("filled", 0, 200_000_000)


def test_a_cancelled_order_says_why_and_how_much(venue: Venue) -> None:
    venue.batch(place("ann", "bid", "buy", "2", "100"), place("bob", "hit", "sell", "3", "100", tif="ioc"))
    found = order(venue, "bob", "hit")
    assert (found["status"], found["cancel_reason"], found["cancelled"], found["filled"]) == (
        "cancelled",
        "unfilled_remainder",
        100_000_000,
        200_000_000,
    )
    venue.batch(place("ann", "low", "buy", "1", "50"), cancel("ann", "low"))
    assert order(venue, "ann", "low")["cancel_reason"] == "requested"


def test_a_rejected_order_keeps_what_was_sent_and_why(venue: Venue) -> None:
    venue.batch(place("ann", "odd", "buy", "2", "100.003"))
    found = order(venue, "ann", "odd")
    told = (found["status"], found["code"], found["sent"]["price"], found["sent"]["quantity"])
    assert told == ("rejected", "invalid_price", "100.003", "2")
    assert "100.003" in found["detail"]


def test_only_the_latest_fills_are_kept_and_all_are_counted(venue: Venue) -> None:
    venue.batch(place("ann", "bid", "buy", "100", "100"))
    for number in range(orders.FILLS_MAX + 7):
        venue.batch(place("bob", f"hit{number}", "sell", "0.01", "100"))
    found = order(venue, "ann", "bid")
    assert (len(found["fills"]), found["fills_count"]) == (orders.FILLS_MAX, orders.FILLS_MAX + 7)
    assert found["fills"][-1]["trade_id"] == orders.FILLS_MAX + 7


def test_a_fill_of_an_order_nobody_placed_is_an_error() -> None:
    fill = OrderFilled("x", "ann", "BTC-USD", "buy", "maker", 1, "y", 1, 1, 1, 0, 0, 0)
    with pytest.raises(ValueError, match="never placed"):
        orders.fold(None, fill, At(0, 1, 1))


def test_a_rejected_order_keeps_numbers_no_database_holds(venue: Venue) -> None:
    venue.batch(
        ask("ann", "odd", side="buy", order_type="trailing_stop", quantity="1", trailing_bps=10**30),
    )
    found = order(venue, "ann", "odd")
    assert (found["code"], found["sent"]["trailing_bps"]) == ("invalid_trigger", "1" + "0" * 30)


def test_what_was_asked_for_is_kept_and_what_was_not_is_none(venue: Venue) -> None:
    expires_at_us = venue.now_us + 10**9
    gtd: dict[str, Any] = {
        "time_in_force": "gtd",
        "expires_at_us": expires_at_us,
        "post_only": True,
        "session": "s1",
    }
    venue.batch(
        ask("ann", "all", side="buy", quantity="2", price="100", display_quantity="0.5", **gtd),
        place("ann", "plain", "buy", "1", "99"),
    )
    names = ("time_in_force", "expires_at_us", "post_only", "session", "display", "budget", "trigger")
    told, plain = (order(venue, "ann", each) for each in ("all", "plain"))
    assert [told[name] for name in names] == ["gtd", expires_at_us, True, "s1", 50_000_000, None, None]
    assert [plain[name] for name in names] == ["gtc", None, False, None, None, None, None]


def test_a_budget_is_spent_on_what_it_pays_for(venue: Venue) -> None:
    venue.batch(place("bob", "ask", "sell", "3", "100"))
    venue.batch(
        ask("ann", "spend", side="buy", order_type="market", time_in_force="ioc", quote_quantity="150.3")
    )
    found = order(venue, "ann", "spend")
    assert (found["budget"], found["quantity"], found["filled"]) == (15_030_000_000, *2 * (150_000_000,))


def test_an_order_waits_for_its_trigger_and_is_open_once_it_has_fired(venue: Venue) -> None:
    stop = {"side": "buy", "order_type": "stop_limit", "trigger_price": "105", "trigger_source": "mark"}
    venue.batch(ask("ann", "stop", quantity="2", price="106", **stop))
    waits = order(venue, "ann", "stop")
    trigger = {"price": 105_00, "rising": True, "source": "mark", "trail": None, "trail_bps": None}
    not_yet = {"fired_price": None, "fired_at_us": None}
    assert (waits["status"], waits["trigger"]) == ("waiting", {**trigger, **not_yet})
    venue.batch(amend("ann", "stop", trigger_price="104"))
    assert order(venue, "ann", "stop")["trigger"] == {**trigger, **not_yet, "price": 104_00}

    fires_at_us = venue.now_us
    venue.batch(mark("104.5"))
    fired = order(venue, "ann", "stop")
    assert (fired["status"], fired["price"], fired["remaining"]) == ("open", 106_00, 200_000_000)
    happened = {"price": 104_00, "fired_price": 104_00, "fired_at_us": fires_at_us}
    assert fired["trigger"] == {**trigger, **happened}
    venue.batch(place("bob", "hit", "sell", "0.5", "106"))
    assert order(venue, "ann", "stop")["status"] == "partially_filled"


def test_a_trailing_trigger_is_shown_as_placed_until_it_fires(venue: Venue) -> None:
    venue.batch(mark("100"))
    trailing = {"order_type": "trailing_stop", "trailing_offset": "2", "trigger_source": "mark"}
    venue.batch(ask("ann", "trail", side="sell", quantity="1", **trailing))
    venue.batch(mark("110"))
    trigger = order(venue, "ann", "trail")["trigger"]
    assert (trigger["price"], trigger["trail"], trigger["rising"]) == (98_00, 2_00, False)
    venue.batch(mark("107.9"))
    found = order(venue, "ann", "trail")
    assert (found["trigger"]["price"], found["trigger"]["fired_price"]) == (98_00, 108_00)
    assert (found["status"], found["cancel_reason"]) == ("cancelled", "unfilled_remainder")


def test_an_amended_order_has_its_new_terms_and_keeps_its_fills(venue: Venue) -> None:
    venue.batch(place("ann", "bid", "buy", "2", "100"), place("bob", "hit", "sell", "0.5", "100"))
    venue.batch(amend("ann", "bid", quantity="3", price="101"))
    found = order(venue, "ann", "bid")
    told = (found["price"], found["quantity"], found["filled"], found["remaining"], found["status"])
    assert told == (101_00, 300_000_000, 50_000_000, 250_000_000, "partially_filled")


def test_both_orders_show_the_trade_that_was_prevented(venue: Venue) -> None:
    venue.batch(place("ann", "bid", "buy", "2", "100"))
    venue.batch(ask("ann", "hit", side="sell", quantity="0.5", price="99", self_trade="decrement"))
    bid, hit = order(venue, "ann", "bid"), order(venue, "ann", "hit")
    assert (bid["status"], bid["quantity"], bid["remaining"]) == ("open", *2 * (150_000_000,))
    assert (hit["status"], hit["cancel_reason"], hit["filled"]) == ("cancelled", "self_trade", 0)
    for one, other in ((bid, hit), (hit, bid)):
        (prevented,) = one["prevented"]
        told = (prevented["counter_order_id"], prevented["price"], prevented["quantity"], prevented["mode"])
        assert told == (other["_id"], 100_00, 50_000_000, "decrement")
        assert one["prevented_count"] == 1


def test_only_the_latest_prevented_trades_are_kept_and_all_are_counted(venue: Venue) -> None:
    venue.batch(place("ann", "bid", "buy", "100", "100"))
    for number in range(orders.PREVENTED_MAX + 3):
        venue.batch(
            ask("ann", f"hit{number}", side="sell", quantity="1", price="99", self_trade="expire_taker")
        )
    found = order(venue, "ann", "bid")
    assert (len(found["prevented"]), found["prevented_count"]) == (
        orders.PREVENTED_MAX,
        orders.PREVENTED_MAX + 3,
    )


def test_an_order_whose_time_has_come_is_cancelled(venue: Venue) -> None:
    gtd: dict[str, Any] = {"time_in_force": "gtd", "expires_at_us": venue.now_us + 500}
    venue.batch(ask("ann", "brief", side="buy", quantity="1", price="100", **gtd))
    venue.batch()
    assert order(venue, "ann", "brief")["cancel_reason"] == "expired"


def test_page_keys_sort_by_time() -> None:
    keys = [orders.page_key(us, "id") for us in (0, 9, 10, START_US, 99_999_999_999_999_999)]
    assert keys == sorted(keys)
