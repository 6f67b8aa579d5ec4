"""What each hour changed for an account, and what a market was worth by its end."""

from typing import Any

import pytest

from domain.account import AccountPosted
from domain.order import OrderFilled
from projections.account_hours import HOUR_US, HOURS_A_DAY
from projections.projection import Document
from tests.unit.projections.folds import folded
from tests.unit.projections.trading import START_US, Venue, bust, mark, opened, place

CENTS, UNITS = 100, 10**8
HOUR = START_US // HOUR_US


@pytest.fixture
def venue() -> Venue:
    """Ann buys 2 at 100 of Bob, as the maker."""
    made = opened(Venue(), "ann", "bob")
    made.batch(place("ann", "bid", "buy", "2", "100"), place("bob", "hit", "sell", "2", "100"))
    return made


def hours(venue: Venue, account: str) -> list[dict[str, Any]]:
    found = folded("account_hours", venue.events)
    return [
        entry for document in found.values() if document["account"] == account for entry in document["hours"]
    ]


def in_units(quantity: float, cash: float, fees: float) -> dict[str, str]:
    figures = {"quantity": quantity, "cash": cash, "fees": fees}
    return {name: str(round(value * UNITS)) for name, value in figures.items()}


def test_a_buyer_pays_and_a_seller_earns_and_both_pay_fees(venue: Venue) -> None:
    assert hours(venue, "ann") == [{"hour": HOUR, **in_units(2, -200, 0.2)}]
    assert hours(venue, "bob") == [{"hour": HOUR, **in_units(-2, 200, 0.4)}]


def test_each_hour_has_its_own_entry_and_each_day_its_own_document(venue: Venue) -> None:
    for step in (1, HOURS_A_DAY):
        venue.now_us += step * HOUR_US
        venue.batch(place("ann", f"b{step}", "buy", "1", "90"), place("bob", f"h{step}", "sell", "1", "90"))
    assert [entry["hour"] for entry in hours(venue, "ann")] == [HOUR, HOUR + 1, HOUR + 1 + HOURS_A_DAY]
    assert len([each for each in folded("account_hours", venue.events) if "|ann|" in each]) == 2


def test_a_busted_trade_leaves_nothing_behind_in_its_hour(venue: Venue) -> None:
    fill = next(each.event for each in venue.events if isinstance(each.event, OrderFilled))
    venue.batch(bust(fill))
    assert hours(venue, "ann") == [{"hour": HOUR, **in_units(0, 0, 0)}]


def test_postings_without_fills_are_no_trading() -> None:
    venue = opened(Venue(), "ann")
    assert any(isinstance(recorded.event, AccountPosted) for recorded in venue.events)
    assert folded("account_hours", venue.events) == {}


def prices(venue: Venue) -> list[Document]:
    return list(folded("market_hours", venue.events).values())


def test_the_last_price_and_mark_of_an_hour_are_what_it_ended_with(venue: Venue) -> None:
    venue.batch(mark("101"))
    venue.batch(mark("102"))
    (day,) = prices(venue)
    assert day["hours"] == [{"hour": HOUR, "mark": 102 * CENTS, "last": 100 * CENTS}]
    assert (day["marked"], day["traded"]) == (True, True)


def test_what_an_hour_did_not_set_it_does_not_tell(venue: Venue) -> None:
    venue.now_us += HOUR_US
    venue.batch(mark("103"))
    (day,) = prices(venue)
    assert day["hours"] == [
        {"hour": HOUR, "mark": None, "last": 100 * CENTS},
        {"hour": HOUR + 1, "mark": 103 * CENTS, "last": None},
    ]
