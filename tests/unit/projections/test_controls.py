"""What the venue controls, as it is read: the markets' status and rules, the accounts', the venue's own."""

import pytest

from api.query.views import account_view, market_view, venue_view
from domain.control import AccountStatusChanged, MarketStatusChanged
from projections import accounts, markets
from projections.projection import At
from tests.unit.projections.controlled import (
    SYMBOL,
    account_is,
    change_rules,
    delist,
    market_is,
    venue_is,
)
from tests.unit.projections.folds import folded
from tests.unit.projections.trading import Venue, list_market, mark, opened, place


@pytest.fixture
def venue() -> Venue:
    return opened(Venue(), "ann", "bob")


def test_a_market_says_its_status_and_who_gave_it_that(venue: Venue) -> None:
    view = market_view(folded("markets", venue.events)[SYMBOL])
    assert (view.status, view.status_reason, view.status_changed_at) == ("open", "", None)
    venue.batch(mark("100"))
    (halted,) = venue.batch(market_is("halted"))
    document = folded("markets", venue.events)[SYMBOL]
    view = market_view(document)
    assert (view.status, view.status_reason, view.mark_price) == ("halted", "drill", "100")
    assert (document["status_actor"], document["status_changed_at_us"]) == ("op", halted.occurred_at_us)


def test_a_market_has_its_rules_as_they_are_now(venue: Venue) -> None:
    venue.batch(mark("100"), market_is("cancel_only"))
    venue.batch(change_rules(tick_size="0.5", max_open_orders=7, sell_band_down_ppm=9, maker_fee_ppm=0))
    document = folded("markets", venue.events)[SYMBOL]
    assert markets.rules_of(document) == venue.shard.exchange.markets[SYMBOL].rules
    view = market_view(document)
    assert (view.tick_size, view.max_open_orders, view.sell_band_down_ppm) == ("0.5", 7, 9)
    assert (view.status, view.mark_price) == ("cancel_only", "100")


def test_a_delisted_market_says_so_until_it_comes_back(venue: Venue) -> None:
    venue.batch(mark("100"), place("ann", "1", "buy", "1", "99"), place("bob", "2", "sell", "1", "99"))
    venue.batch(market_is("closed"), delist())
    view = market_view(folded("markets", venue.events)[SYMBOL])
    assert (view.status, view.last_price) == ("delisted", "99")
    venue.batch(list_market(tick_size="0.1"))
    view = market_view(folded("markets", venue.events)[SYMBOL])
    assert (view.status, view.tick_size, view.last_price, view.mark_price) == ("open", "0.1", None, None)


def test_closing_empties_the_book_and_ends_the_orders(venue: Venue) -> None:
    venue.batch(place("ann", "1", "buy", "1", "99"), place("bob", "2", "sell", "1", "101"))
    venue.batch(market_is("closed"))
    book = folded("books", venue.events)[SYMBOL]
    assert (book["bids"], book["asks"]) == ({}, {})
    ended = [(order["status"], order["cancel_reason"]) for order in folded("orders", venue.events).values()]
    assert ended == [("cancelled", "market_closed")] * 2


def test_an_account_says_what_it_may_do(venue: Venue) -> None:
    view = account_view(folded("accounts", venue.events)["0|ann"])
    assert (view.status, view.reason, view.changed_at) == ("active", "", None)
    venue.batch(account_is("ann", "suspended"))
    found = folded("accounts", venue.events)
    view = account_view(found["0|ann"])
    assert (view.status, view.reason, view.actor) == ("suspended", "drill", "op")
    assert view.changed_at is not None
    assert found["0|bob"]["status"] == "active"


def test_an_account_that_shards_see_differently_has_the_strictest_status(venue: Venue) -> None:
    near = folded("accounts", venue.events)["0|ann"]
    far = {**near, "shard": 1, "status": "reduce_only", "reason": "risk"}
    view = account_view(near, far)
    assert (view.status, view.reason) == ("reduce_only", "risk")
    assert [(shard.shard, shard.status) for shard in view.shards] == [(0, "active"), (1, "reduce_only")]


def test_the_venue_says_what_it_takes(venue: Venue) -> None:
    assert folded("venue", venue.events) == {}
    venue.batch(venue_is("halted"))
    view = venue_view(folded("venue", venue.events)["0"])
    assert (view.shard, view.status, view.reason, view.actor) == (0, "halted", "drill", "op")


def test_what_was_never_listed_or_opened_has_no_status() -> None:
    with pytest.raises(ValueError, match="never listed"):
        markets.fold(None, MarketStatusChanged("X-Y", "halted", "", ""), At(0, 1, 1))
    with pytest.raises(ValueError, match="never opened"):
        accounts.fold(None, AccountStatusChanged("ann", "suspended", "", ""), At(0, 1, 1))
