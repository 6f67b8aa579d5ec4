"""Order lists as they are read: the list with its legs, and each leg among the orders."""

from typing import Any

import pytest

from domain.ids import list_id, order_id
from domain.order import OrderRequest
from domain.order_list import CancelOrderList, ListLeg, OrderListEnded, PlaceOrderList
from projections import order_lists
from projections.projection import At
from tests.unit.projections.folds import folded
from tests.unit.projections.trading import SHARD, Venue, cancel, opened, place

LIST = list_id(SHARD, "ann", "bracket")


@pytest.fixture
def venue() -> Venue:
    return opened(Venue(), "ann", "bob")


def bracket(quantity: str = "2") -> PlaceOrderList:
    requests = {
        "entry": OrderRequest(side="buy", quantity=quantity, price="100"),
        "exit": OrderRequest(side="sell", quantity=quantity, price="110"),
        "stop": OrderRequest(side="sell", order_type="stop", quantity=quantity, trigger_price="90"),
    }
    return PlaceOrderList(
        command_id="bracket",
        actor="ann",
        list_id=LIST,
        account="ann",
        client_list_id="bracket",
        symbol="BTC-USD",
        kind="otoco",
        legs=tuple(
            ListLeg(order_id(SHARD, "ann", name), name, request) for name, request in requests.items()
        ),
    )


def the_list(venue: Venue) -> Any:
    return folded("order_lists", venue.events)[LIST]


def leg(venue: Venue, name: str) -> Any:
    return folded("orders", venue.events)[order_id(SHARD, "ann", name)]


def statuses(venue: Venue) -> list[str]:
    return [leg(venue, name)["status"] for name in ("entry", "exit", "stop")]


def test_a_list_is_executing_and_names_its_legs(venue: Venue) -> None:
    venue.batch(bracket())
    found = the_list(venue)
    assert (found["account"], found["kind"], found["status"]) == ("ann", "otoco", "executing")
    assert [(leg["client_order_id"], leg["role"]) for leg in found["legs"]] == [
        ("entry", "working"),
        ("exit", "pending"),
        ("stop", "pending"),
    ]
    assert statuses(venue) == ["open", "pending", "pending"]
    assert (leg(venue, "exit")["list_id"], leg(venue, "exit")["role"]) == (LIST, "pending")
    assert leg(venue, "exit")["quantity"] == 200_000_000, "as asked for"


def test_pending_legs_show_what_is_in_force_of_them(venue: Venue) -> None:
    venue.batch(bracket(), place("bob", "hit", "sell", "0.5", "100"))
    assert statuses(venue) == ["partially_filled", "open", "waiting"]
    assert [leg(venue, name)["quantity"] for name in ("exit", "stop")] == [50_000_000] * 2
    assert folded("books", venue.events)["BTC-USD"]["asks"] == {"11000": "50000000"}


def test_a_list_is_done_when_its_last_order_is(venue: Venue) -> None:
    venue.batch(bracket(), place("bob", "hit", "sell", "2", "100"))
    assert the_list(venue)["status"] == "executing"
    venue.batch(place("bob", "lift", "buy", "2", "110"))
    assert (the_list(venue)["status"], the_list(venue)["end_reason"]) == ("all_done", "done")
    assert statuses(venue) == ["filled", "filled", "cancelled"]
    assert leg(venue, "stop")["cancel_reason"] == "list"
    assert order_lists.PROJECTION.ended(the_list(venue))


def test_a_list_that_its_owner_cancels_says_so(venue: Venue) -> None:
    venue.batch(bracket())
    venue.batch(CancelOrderList(command_id="c", actor="ann", list_id=LIST, account="ann"))
    assert (the_list(venue)["status"], the_list(venue)["end_reason"]) == ("all_done", "requested")


def test_a_rejected_list_says_why_and_so_do_its_legs(venue: Venue) -> None:
    venue.batch(bracket("2000000"))
    found = the_list(venue)
    assert (found["status"], found["code"]) == ("rejected", "invalid_quantity")
    assert statuses(venue) == ["rejected"] * 3
    assert leg(venue, "exit")["list_id"] == LIST


def test_an_order_by_itself_is_in_no_list(venue: Venue) -> None:
    venue.batch(place("ann", "entry", "buy", "1", "100"), cancel("ann", "entry"))
    assert (leg(venue, "entry")["list_id"], leg(venue, "entry")["role"]) == (None, None)


def test_a_list_that_ends_without_a_beginning_is_a_gap() -> None:
    with pytest.raises(ValueError, match="never placed"):
        order_lists.fold(None, OrderListEnded(LIST, "ann", "BTC-USD", "done"), At(SHARD, 1, 1))
