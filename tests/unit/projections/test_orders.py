from typing import Any

import pytest

from domain.ids import order_id
from domain.order import OrderFilled
from projections import orders
from projections.projection import At
from tests.unit.projections.folds import folded
from tests.unit.projections.trading import SHARD, START_US, Venue, cancel, opened, place


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
    assert (found["status"], found["code"], found["sent_price"]) == ("rejected", "invalid_price", "100.003")
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


def test_page_keys_sort_by_time() -> None:
    keys = [orders.page_key(us, "id") for us in (0, 9, 10, START_US, 99_999_999_999_999_999)]
    assert keys == sorted(keys)
