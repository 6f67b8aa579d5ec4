"""The rule of average cost, by hand-made examples and by what must hold for all of them."""

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import positions
from domain.account import Fill
from domain.event import Side
from domain.market import DAY_US
from tests.unit.projections.folds import folded
from tests.unit.projections.trading import Venue, opened, place


class Holding(NamedTuple):
    """A position, and all that it has realised."""

    quantity: int
    cost: int
    realised: int


FLAT = Holding(0, 0, 0)


def traded(holding: Holding, fill: Fill) -> Holding:
    quantity, cost, gain = positions.traded(holding.quantity, holding.cost, fill)
    return Holding(quantity, cost, holding.realised + gain)


def fill(side: Side, quantity: int, price: int) -> Fill:
    return Fill("BTC-USD", 1, side, "taker", price, quantity, price * quantity, 0)


def after(*fills: Fill) -> Holding:
    holding = FLAT
    for each in fills:
        holding = traded(holding, each)
    return holding


@pytest.mark.parametrize(
    ("fills", "expected"),
    [
        ([fill("buy", 10, 100)], Holding(10, 1_000, 0)),
        ([fill("buy", 10, 100), fill("buy", 10, 200)], Holding(20, 3_000, 0)),
        ([fill("buy", 10, 100), fill("sell", 4, 150)], Holding(6, 600, 200)),
        ([fill("buy", 10, 100), fill("sell", 10, 90)], Holding(0, 0, -100)),
        ([fill("buy", 10, 100), fill("sell", 15, 120)], Holding(-5, 600, 200)),
        ([fill("sell", 10, 100)], Holding(-10, 1_000, 0)),
        ([fill("sell", 10, 100), fill("buy", 4, 90)], Holding(-6, 600, 40)),
        ([fill("sell", 10, 100), fill("buy", 15, 120)], Holding(5, 600, -200)),
    ],
    ids=["buy", "add", "reduce", "close at a loss", "turn short", "short", "cover", "turn long"],
)
def test_average_cost(fills: list[Fill], expected: Holding) -> None:
    assert after(*fills) == expected


def test_an_uneven_share_of_the_cost_is_rounded_down_and_nothing_is_lost() -> None:
    three = traded(FLAT, Fill("X", 1, "buy", "taker", 1, 3, 100, 0))
    one_sold = traded(three, fill("sell", 1, 40))
    assert one_sold == Holding(2, 67, 7)
    assert traded(one_sold, fill("sell", 2, 40)) == Holding(0, 0, 20)


fills_strategy = st.lists(
    st.builds(fill, st.sampled_from(["buy", "sell"]), st.integers(1, 10**12), st.integers(1, 10**9)),
    max_size=40,
)


@given(fills_strategy)
def test_cash_is_conserved(fills: list[Fill]) -> None:
    """What was made is what came in less what went out, plus what the open position stands for."""
    cash = sum(each.notional if each.side == "sell" else -each.notional for each in fills)
    quantity = sum(each.quantity if each.side == "buy" else -each.quantity for each in fills)
    holding = after(*fills)
    invested = holding.cost if quantity > 0 else -holding.cost
    assert holding.quantity == quantity
    assert holding.cost >= 0
    assert holding.realised == cash + invested


@given(fills_strategy)
def test_a_closed_position_costs_nothing(fills: list[Fill]) -> None:
    holding = after(*fills)
    if holding.quantity:
        side: Side = "sell" if holding.quantity > 0 else "buy"
        holding = traded(holding, fill(side, abs(holding.quantity), 7))
    assert holding.cost == 0


def test_fees_stand_beside_what_was_realised() -> None:
    venue = opened(Venue(), "ann", "bob")
    venue.batch(place("ann", "bid", "buy", "2", "100"), place("bob", "hit", "sell", "2", "100"))
    venue.batch(place("ann", "ask", "sell", "1", "110"), place("bob", "lift", "buy", "1", "110"))
    position = folded("positions", venue.events)["BTC-USD|ann"]
    assert (position["quantity"], position["cost"], position["realised"], position["fees"]) == (
        "100000000",
        "10000000000",
        "1000000000",
        "31000000",
    )
    assert position["fills"] == 2


def test_a_day_begins_with_nothing_made() -> None:
    venue = opened(Venue(), "ann", "bob")
    venue.batch(place("ann", "bid", "buy", "2", "100"), place("bob", "hit", "sell", "2", "100"))
    first = folded("positions", venue.events)["BTC-USD|ann"]
    assert first["day_net"] == "-20000000"  # a fee of 0.2
    venue.now_us += DAY_US
    venue.batch(place("ann", "ask", "sell", "1", "110"), place("bob", "lift", "buy", "1", "110"))
    then = folded("positions", venue.events)["BTC-USD|ann"]
    assert (then["day"], then["day_net"]) == (first["day"] + 1, "989000000")
    position = venue.shard.exchange.accounts["ann"].positions["BTC-USD"]
    assert (position.day, str(position.net)) == (then["day"], then["day_net"])
