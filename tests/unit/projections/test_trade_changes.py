"""What of the trades was busted or corrected, and how balances, positions and the rest follow."""

import pytest

from domain.ids import order_id
from domain.order import OrderFilled
from projections.trade_changes import document_id
from tests.unit.projections.folds import folded
from tests.unit.projections.trading import SHARD, Venue, bust, correct, opened, place

BID, HIT = order_id(SHARD, "ann", "bid"), order_id(SHARD, "bob", "hit")


@pytest.fixture
def court() -> Venue:
    """Ann's bid for 2 at 100 got 0.5 from Bob; she paid 0.05 (maker), he 0.1 (taker)."""
    court = opened(Venue(), "ann", "bob")
    court.batch(place("ann", "bid", "buy", "2", "100"), place("bob", "hit", "sell", "0.5", "100"))
    return court


def fill(court: Venue) -> OrderFilled:
    return next(each.event for each in court.events if isinstance(each.event, OrderFilled))


def test_what_was_never_changed_has_no_document(court: Venue) -> None:
    assert folded("trade_changes", court.events) == {}


def test_a_bust_is_told_for_each_order(court: Venue) -> None:
    court.batch(bust(fill(court)))
    found = folded("trade_changes", court.events)
    assert found.keys() == {document_id(BID, 1), document_id(HIT, 1)}
    expected = {
        "account": "ann",
        "status": "busted",
        "price": None,
        "busted": 50_000_000,
        "notional_change": str(-50 * 10**8),
        "fees_change": str(-5 * 10**6),
        "reason": "erroneous",
    }
    bid = found[document_id(BID, 1)]
    assert {name: bid[name] for name in expected} == expected
    assert (found[document_id(HIT, 1)]["account"], found[document_id(HIT, 1)]["fees_change"]) == (
        "bob",
        str(-(10**7)),
    )


def test_changes_in_a_row_add_up_to_what_the_last_one_says(court: Venue) -> None:
    court.batch(correct(fill(court), "90"), correct(fill(court), "80"))
    bid = folded("trade_changes", court.events)[document_id(BID, 1)]
    assert (bid["status"], bid["price"], bid["busted"]) == ("corrected", 80_00, 0)
    assert (bid["notional_change"], bid["fees_change"]) == (str(-10 * 10**8), str(-(10**6)))
    court.batch(bust(fill(court)))
    bid = folded("trade_changes", court.events)[document_id(BID, 1)]
    assert (bid["notional_change"], bid["fees_change"]) == (str(-50 * 10**8), str(-5 * 10**6))


def test_balances_and_positions_follow_and_orders_and_trades_stay_as_they_were(court: Venue) -> None:
    before = {name: folded(name, court.events) for name in ("orders", "trades", "books")}
    opening = folded("balances", court.events[:-4])
    court.batch(correct(fill(court), "90"), bust(fill(court)))
    after = {name: folded(name, court.events) for name in before}
    assert after == before
    balances = folded("balances", court.events)
    assert {key: balances[key]["available"] for key in balances if "bob" in key} == {
        key: opening[key]["available"] for key in opening if "bob" in key
    }
    positions = folded("positions", court.events)
    assert {(p["quantity"], p["cost"], p["realised"], p["fees"]) for p in positions.values()} == {
        ("0", "0", "0", "0")
    }
    assert folded("markets", court.events)["BTC-USD"]["last_price"] == 100_00
