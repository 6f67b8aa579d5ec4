"""The book order by order, as its events tell it: who stands where in the queue, and the checksums of it."""

import random
from typing import Any
from zlib import crc32

import pytest

from domain.event import Side
from domain.market import MarketRules
from domain.order import OrderFilled
from projections import book_orders, books, checksums
from projections.book_orders import BookOrder, Queues
from projections.projection import At
from stack.settings import CHECKOUT
from tests.unit.projections.folds import folded
from tests.unit.projections.test_books_of_all_orders import ACCOUNTS, SYMBOLS, Floor
from tests.unit.projections.trading import Venue, amend, ask, cancel, mark, opened, place
from tests.unit.projections.wishes import MIDDLE, Wishes


@pytest.fixture
def venue() -> Venue:
    return opened(Venue(), "ann", "bob", "cid")


def queue(venue: Venue, side: Side = "buy") -> list[tuple[str, list[tuple[str, str]]]]:
    """Return the queues with clients' own names, prices in dollars and quantities in hundredths of a coin."""
    names = {order.order_id: order.client_order_id for order in venue.shard.exchange.orders.values()}
    return [
        (f"{price / 100:g}", [(names[order.order_id], f"{order.quantity / 10**6:g}") for order in orders])
        for price, orders in side_of(venue, side)
    ]


def side_of(venue: Venue, side: Side) -> Queues:
    bands = [band for band in folded("book_orders", venue.events).values() if band["side"] == side]
    return book_orders.queues(bands, side)


def three_bids(venue: Venue) -> None:
    venue.batch(
        place("ann", "first", "buy", "1", "99"),
        place("bob", "second", "buy", "2", "99"),
        place("ann", "third", "buy", "3", "99"),
    )


def test_first_come_first_in_the_queue(venue: Venue) -> None:
    three_bids(venue)
    venue.batch(place("ann", "better", "buy", "1", "99.5"))
    assert queue(venue) == [
        ("99.5", [("better", "100")]),
        ("99", [("first", "100"), ("second", "200"), ("third", "300")]),
    ]


def test_less_keeps_the_place_and_more_loses_it(venue: Venue) -> None:
    three_bids(venue)
    venue.batch(amend("ann", "first", quantity="0.4"), amend("bob", "second", quantity="2.5"))
    assert queue(venue) == [("99", [("first", "40"), ("third", "300"), ("second", "250")])]


def test_another_price_is_the_end_of_another_queue(venue: Venue) -> None:
    three_bids(venue)
    venue.batch(place("cid", "there", "buy", "1", "98"), amend("ann", "first", price="98"))
    assert queue(venue) == [
        ("99", [("second", "200"), ("third", "300")]),
        ("98", [("there", "100"), ("first", "100")]),
    ]


def test_a_fill_of_a_part_keeps_the_place_and_of_the_whole_leaves_it(venue: Venue) -> None:
    three_bids(venue)
    venue.batch(place("cid", "hit", "sell", "1.5", "99"))
    assert queue(venue) == [("99", [("second", "150"), ("third", "300")])]


def test_an_icebergs_next_part_shows_behind_the_others(venue: Venue) -> None:
    venue.batch(ask("ann", "ice", side="buy", quantity="2", price="99", display_quantity="0.5"))
    venue.batch(place("bob", "behind", "buy", "1", "99"))
    assert queue(venue) == [("99", [("ice", "50"), ("behind", "100")])]
    venue.batch(place("cid", "hit", "sell", "0.5", "99"))
    assert queue(venue) == [("99", [("behind", "100"), ("ice", "50")])]


def test_what_waits_for_a_price_is_in_no_queue_before_it_has_come(venue: Venue) -> None:
    venue.batch(mark("100"))
    waiting = {"order_type": "stop_limit", "trigger_price": "101", "trigger_source": "mark"}
    venue.batch(ask("ann", "stop", side="buy", quantity="1", price="99", **waiting))
    venue.batch(place("bob", "earlier", "buy", "1", "99"))
    assert queue(venue) == [("99", [("earlier", "100")])]
    venue.batch(mark("101"))
    assert queue(venue) == [("99", [("earlier", "100"), ("stop", "100")])]


def test_what_is_cancelled_leaves(venue: Venue) -> None:
    three_bids(venue)
    venue.batch(cancel("bob", "second"))
    assert queue(venue) == [("99", [("first", "100"), ("third", "300")])]


def test_the_sides_do_not_meet(venue: Venue) -> None:
    three_bids(venue)
    venue.batch(place("cid", "offer", "sell", "1", "99.01"))
    assert queue(venue, "sell") == [("99.01", [("offer", "100")])]


def test_more_leaving_than_shows_is_an_error() -> None:
    fill = OrderFilled("x", "ann", "BTC-USD", "buy", "maker", 1, "y", 100, 5, 500, 0, 0, 0)
    ((_, part),) = book_orders.parts(fill, 0)
    with pytest.raises(ValueError, match="5 of order x leaves the book, where only 0 shows"):
        book_orders.fold(None, part, At(0, 1, 1))


@pytest.mark.parametrize("price", [1, 4_095, 4_096, 9_999, 10**6, 6_000_000, 2**62])
def test_a_band_is_narrow_wherever_the_price_is(price: int) -> None:
    lowest = book_orders.band(price)
    assert lowest <= price
    width = next(
        step for step in (2**bits for bits in range(64)) if book_orders.band(lowest + step) != lowest
    )
    assert width * 2_048 <= max(price, 2_048)


# --- Checksums --------------------------------------------------------------------------------------------


def rules(venue: Venue) -> MarketRules:
    return venue.shard.exchange.markets["BTC-USD"].rules


def test_the_checksum_of_levels_is_of_prices_and_quantities_by_turns(venue: Venue) -> None:
    three_bids(venue)
    venue.batch(place("ann", "low", "buy", "0.25", "98.5"), place("cid", "offer", "sell", "1", "101"))
    book = folded("books", venue.events)["BTC-USD"]
    bids, asks = books.best_levels(book, "buy", 100), books.best_levels(book, "sell", 100)
    assert checksums.of_levels(rules(venue), bids, asks) == crc32(b"99:6:101:1:98.5:0.25")


def test_the_checksum_of_orders_knows_them_and_their_order(venue: Venue) -> None:
    bids = [(99_00, [BookOrder("a", 99_00, 10**8, 1), BookOrder("b", 99_00, 2 * 10**8, 2)])]
    asks = [(100_00, [BookOrder("c", 100_00, 5 * 10**7, 3)])]
    own = rules(venue)
    assert checksums.of_orders(own, bids, asks) == crc32(b"a:99:1:b:99:2:c:100:0.5")
    swapped = [(99_00, bids[0][1][::-1])]
    assert checksums.of_orders(own, swapped, asks) != checksums.of_orders(own, bids, asks)


def test_levels_beyond_the_best_ones_do_not_count(venue: Venue) -> None:
    own = rules(venue)
    bids = [(1_000 - number, 10**8) for number in range(checksums.LEVELS + 1)]
    assert checksums.of_levels(own, bids, []) == checksums.of_levels(own, bids[:-1], [])
    assert checksums.of_levels(own, bids[:-1], []) != checksums.of_levels(own, bids[:-2], [])


def test_an_empty_book_has_the_checksum_of_nothing(venue: Venue) -> None:
    assert checksums.of_levels(rules(venue), [], []) == crc32(b"") == 0


def test_the_example_in_the_documents_is_right() -> None:
    page = (CHECKOUT / "docs" / "books.md").read_text()
    example = page.partition("```python\n")[2].partition("```")[0]
    assert "crc32" in example
    exec(example, {})  # noqa: S102 - our own page


# --- Any orders at all --------------------------------------------------------------------------------------


class Crowded(Wishes):
    """Traders who all want the same few prices, and often show a part of what they have only."""

    def price(self) -> str:
        return f"{MIDDLE + self.chance.randint(-3, 3) / 4:.2f}"

    def extras(self) -> dict[str, Any]:
        return self.chance.choice([{}, {}, {"display_quantity": "0.3"}])


@pytest.mark.parametrize("seed", range(6))
def test_long_queues_are_those_of_the_exchange_after_each_command(seed: int) -> None:
    floor = Floor(seed)
    floor.wishes = Crowded(random.Random(seed), ACCOUNTS, SYMBOLS, "{}-{}".format)  # noqa: S311 - repeatable
    longest = 0
    for _ in range(400):
        floor.step()
        floor.check()
        queues = floor.queues(SYMBOLS[0], "buy") + floor.queues(SYMBOLS[0], "sell")
        longest = max([longest, *(len(orders) for _, orders in queues)])
    assert longest >= 3
    assert {"revealed", "amended", "amended in place", "rests when triggered"} <= floor.happened.keys()
