from itertools import chain

import pytest

from domain.market import MarkPriceSet
from domain.order import OrderCancelled
from projections import books, markets, trades
from projections.projection import At
from streams.topics import EXECUTIONS, destination
from tests.unit.projections.folds import folded
from tests.unit.projections.trading import Venue, amend, ask, cancel, mark, opened, place, trading


@pytest.fixture
def venue() -> Venue:
    return opened(Venue(), "ann", "bob")


def test_a_book_shows_what_rests(venue: Venue) -> None:
    venue.batch(
        place("ann", "b1", "buy", "1", "99"),
        place("bob", "b2", "buy", "2", "99"),
        place("ann", "b3", "buy", "5", "98"),
        place("bob", "a1", "sell", "3", "101"),
    )
    book = folded("books", venue.events)["BTC-USD"]
    assert books.best_levels(book, "buy", 10) == [(99_00, 300_000_000), (98_00, 500_000_000)]
    assert books.best_levels(book, "buy", 1) == [(99_00, 300_000_000)]
    assert books.best_levels(book, "sell", 10) == [(101_00, 300_000_000)]


def test_makers_and_cancelled_orders_leave_the_book_and_takers_never_enter(venue: Venue) -> None:
    venue.batch(place("ann", "b1", "buy", "1", "99"), place("ann", "b2", "buy", "2", "98"))
    venue.batch(place("bob", "hit", "sell", "0.4", "99", tif="ioc"), cancel("ann", "b2"))
    book = folded("books", venue.events)["BTC-USD"]
    assert books.best_levels(book, "buy", 10) == [(99_00, 60_000_000)]
    assert book["asks"] == {}


def test_the_book_is_that_of_the_exchange_itself() -> None:
    venue = trading(800, seed=3)
    found = folded("books", venue.events)
    compared = 0
    for symbol, market in venue.shard.exchange.markets.items():
        for side, own in (("buy", market.book.bids), ("sell", market.book.asks)):
            levels = [(level.price, level.quantity) for level in own.best_first()]
            assert books.best_levels(found[symbol], side, 10_000) == levels  # type: ignore[arg-type]
            compared += len(levels)
    assert compared


def test_more_leaving_a_level_than_rests_there_is_an_error() -> None:
    event = OrderCancelled("x", "ann", "BTC-USD", "buy", 100, 5, 5, "requested")
    ((_, changes),) = books.parts(event, 0)
    with pytest.raises(ValueError, match="only 0 rests"):
        books.fold(None, changes, At(0, 1, 1))


def test_of_an_iceberg_the_book_has_what_shows(venue: Venue) -> None:
    venue.batch(ask("ann", "ice", side="buy", quantity="2", price="99", display_quantity="0.5"))
    venue.batch(place("bob", "hit", "sell", "0.8", "99"))
    book = folded("books", venue.events)["BTC-USD"]
    assert books.best_levels(book, "buy", 10) == [(99_00, 20_000_000)]


def test_an_amended_order_moves_in_the_book(venue: Venue) -> None:
    venue.batch(place("ann", "b1", "buy", "1", "99"), place("bob", "b2", "buy", "2", "99"))
    venue.batch(amend("ann", "b1", price="98"), amend("bob", "b2", quantity="0.5"))
    book = folded("books", venue.events)["BTC-USD"]
    assert books.best_levels(book, "buy", 10) == [(99_00, 50_000_000), (98_00, 100_000_000)]


def test_a_market_has_its_last_price_and_its_mark_price(venue: Venue) -> None:
    before = folded("markets", venue.events)["BTC-USD"]
    assert (before["last_price"], before["mark_price"]) == (None, None)
    venue.batch(place("ann", "b1", "buy", "1", "99"), place("ann", "b2", "buy", "2", "98"))
    venue.batch(place("bob", "hit", "sell", "2", "98"), mark("98.579"))
    market = folded("markets", venue.events)["BTC-USD"]
    assert (market["last_price"], market["mark_price"]) == (98_00, 98_57)
    assert market["traded_at_us"] == market["marked_at_us"] == venue.now_us - 1_000
    assert markets.rules_of(market) == venue.shard.exchange.markets["BTC-USD"].rules


def test_a_price_of_a_market_nobody_listed_is_an_error() -> None:
    with pytest.raises(ValueError, match="never listed"):
        markets.fold(None, MarkPriceSet("BTC-USD", 1), At(0, 1, 1))


def test_all_of_a_market_is_published_to_one_partition() -> None:
    """Its orders wait for its mark price, so whoever follows them must meet both in order."""
    cancelled = OrderCancelled("x", "ann", "BTC-USD", "buy", 100, 5, 5, "requested")
    assert destination(MarkPriceSet("BTC-USD", 1), 64) == destination(cancelled, 64)
    assert destination(MarkPriceSet("BTC-USD", 1), 64).topic == EXECUTIONS


def test_each_trade_stands_once_from_its_takers_side(venue: Venue) -> None:
    venue.batch(place("ann", "b1", "buy", "1", "99"), place("ann", "b2", "buy", "2", "98"))
    venue.batch(place("bob", "hit", "sell", "2", "98"))
    (bucket,) = folded("trades", venue.events).values()
    assert [(trade["trade_id"], trade["price"], trade["taker_side"]) for trade in bucket["trades"]] == [
        (1, 99_00, "sell"),
        (2, 98_00, "sell"),
    ]


def test_trades_fill_one_document_after_another() -> None:
    venue = trading(900, seed=4, symbols=("BTC-USD",))
    buckets = folded("trades", venue.events)
    ids = [
        [trade["trade_id"] for trade in buckets[f"BTC-USD|{number}"]["trades"]]
        for number in range(len(buckets))
    ]
    size = trades.TRADES_PER_DOCUMENT
    assert len(ids) > 2
    assert [first for first, *_ in ids] == [1 + size * number for number in range(len(ids))]
    assert list(chain.from_iterable(ids)) == list(
        range(1, venue.shard.exchange.markets["BTC-USD"].last_trade_id + 1)
    )


def test_balances_are_those_of_the_exchange_itself() -> None:
    venue = trading(500, seed=5)
    found = folded("balances", venue.events)
    own = {
        f"0|{asset}|{holder.account}": (str(balance.available), str(balance.held))
        for holder in venue.shard.exchange.accounts.values()
        for asset, balance in holder.balances.items()
    }
    assert {key: (document["available"], document["held"]) for key, document in found.items()} == own
