"""The book order by order, over the query API, while the read models write on."""

from collections.abc import Iterator
from contextlib import suppress
from threading import Event, Thread
from typing import Any
from uuid import uuid4
from zlib import crc32

import pytest
from litestar.testing import TestClient
from pymongo import MongoClient
from pymongo.database import Database

from api.problems import Problem
from api.query.app import QueryConfig, create_app
from api.query.book_views import order_book_view
from domain.ids import order_id
from domain.market import MarketRules
from projections import book_orders, checksums, store
from projections.folding import Folding
from projections.projection import Document
from projections.registry import PROJECTIONS
from stack.running import Stack
from streams.projector import Bounds, Projector, Record
from streams.topics import EXECUTIONS
from tests.integration.test_query_api import ANALYST, PARTITIONS, SECRET, get, written
from tests.unit.projections.folds import fold_into
from tests.unit.projections.trading import SHARD, Venue, ask, opened, place, slices, trading


@pytest.fixture(scope="module")
def venue() -> Venue:
    made = opened(Venue(PARTITIONS), "ann", "bob")
    made.batch(place("ann", "first", "buy", "1", "100"), place("bob", "second", "buy", "2", "100"))
    made.batch(place("ann", "low", "buy", "1", "99.5"), place("bob", "offer", "sell", "1.5", "101"))
    made.batch(ask("ann", "ice", side="sell", quantity="2", price="101", display_quantity="0.5"))
    return made


@pytest.fixture(scope="module")
def api(servers: Stack, venue: Venue) -> Iterator[TestClient[Any]]:
    with written(servers, venue) as config, TestClient(create_app(config)) as client:
        yield client


BOOK = "/v1/markets/BTC-USD/book"


def test_level_3_has_the_orders_in_the_order_in_which_they_trade(api: TestClient[Any]) -> None:
    book = get(api, BOOK, level=3)
    first, second, ice = (
        order_id(SHARD, who, name) for who, name in (("ann", "first"), ("bob", "second"), ("ann", "ice"))
    )
    best = book["bids"][0]
    assert (best["price"], best["quantity"]) == ("100", "3")
    assert [(order["order_id"], order["quantity"]) for order in best["orders"]] == [
        (first, "1"),
        (second, "2"),
    ]
    assert best["orders"][0]["joined"] < best["orders"][1]["joined"]
    assert [(order["order_id"], order["quantity"]) for order in book["asks"][0]["orders"]][1] == (ice, "0.5")
    assert not [
        order for side in ("bids", "asks") for level in book[side] for order in level if "account" in order
    ]


def test_the_levels_of_all_three_agree(api: TestClient[Any]) -> None:
    one, two, three = (get(api, BOOK, level=level) for level in (1, 2, 3))
    assert (one["level"], two["level"], three["level"]) == (1, 2, 3)
    assert (one["bids"], one["asks"]) == (two["bids"][:1], two["asks"][:1])
    for side in ("bids", "asks"):
        told = [(level["price"], level["quantity"]) for level in three[side]]
        assert told == [(level["price"], level["quantity"]) for level in two[side]]
    assert one["checksum"] == two["checksum"]


def test_a_client_can_compute_the_checksums_from_what_it_is_told(api: TestClient[Any]) -> None:
    two, three = get(api, BOOK), get(api, BOOK, level=3)
    bid, ask_, low = two["bids"][0], two["asks"][0], two["bids"][1]
    text = ":".join(f"{level['price']}:{level['quantity']}" for level in (bid, ask_, low))
    assert two["checksum"] == crc32(text.encode())
    named = [
        f"{order['order_id']}:{level['price']}:{order['quantity']}"
        for level in (three["bids"][0], three["asks"][0], three["bids"][1])
        for order in level["orders"]
    ]
    assert three["checksum"] == crc32(":".join(named).encode())


def test_the_checksum_does_not_depend_on_how_deep_one_looks(api: TestClient[Any]) -> None:
    for level in (2, 3):
        shallow, deep = get(api, BOOK, level=level, depth=1), get(api, BOOK, level=level, depth=1_000)
        assert len(shallow["bids"]) == 1
        assert shallow["checksum"] == deep["checksum"]


def test_there_is_no_level_4(api: TestClient[Any]) -> None:
    answer = api.get(BOOK, params={"level": 4}, headers=ANALYST)
    assert answer.status_code == 400


def test_whoever_reads_while_it_moves_sees_the_book_of_one_moment(servers: Stack) -> None:
    """A reader as busy as it can be, and a writer of small batches: each book that was read is, order by
    order, the fold of the events up to its seq."""
    symbol = "BTC-USD"
    venue = trading(1_500, seed=21, symbols=(symbol,))
    name = f"books-{uuid4().hex[:8]}"
    rules = venue.shard.exchange.markets[symbol].rules
    with MongoClient[Document](servers.settings.mongo_url) as client:
        seen = _read_while_it_moves(client[name], venue, rules)
        client.drop_database(name)
    assert len(seen) > 1, "it was read while it moved"
    assert seen == {seq: _checksum_at(venue, rules, seq) for seq in seen}


def _read_while_it_moves(database: Database[Document], venue: Venue, rules: MarketRules) -> dict[int, int]:
    """Return the checksum of each book that was read, by its seq."""
    store.prepare(database, list(PROJECTIONS.values()))
    fed = [PROJECTIONS[each] for each in ("markets", "books", "book_orders")]
    pieces = [
        (to, value) for to, value in slices(venue.states, lambda: 25, PARTITIONS) if to.topic == EXECUTIONS
    ]
    writer = Projector(database, EXECUTIONS, PARTITIONS, fed, lambda *_: iter(()), Bounds())
    shown = Event()

    def write() -> None:
        for number, (to, value) in enumerate(pieces):
            assert writer.process([Record(to.partition, 0, value)]) == []
            if number % 10 == 0:  # on a busy machine the reader may else find no moment at all
                shown.clear()
                shown.wait(timeout=5)

    writing = Thread(target=write)
    writing.start()
    seen: dict[int, int] = {}
    while writing.is_alive():
        with suppress(Problem):  # 503: it moved on under each attempt, and nothing is shown
            book = order_book_view(database, rules, PARTITIONS, 50)
            seen[book.seq] = book.checksum
            shown.set()
    writing.join()
    book = order_book_view(database, rules, PARTITIONS, 50)
    return seen | {book.seq: book.checksum}


def _checksum_at(venue: Venue, rules: MarketRules, seq: int) -> int:
    folding = Folding(PROJECTIONS["book_orders"])
    fold_into(folding, (recorded for recorded in venue.events if recorded.seq <= seq))
    sides = {
        side: book_orders.queues((band for band in folding.documents.values() if band["side"] == side), side)
        for side in book_orders.SIDES
    }
    return checksums.of_orders(rules, sides["buy"], sides["sell"])


def test_the_partitions_are_told_to_the_api(servers: Stack) -> None:
    config = QueryConfig(servers.settings.mongo_url, "none", SECRET)
    assert config.partitions == servers.settings.topic_partitions
