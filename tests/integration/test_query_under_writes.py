"""Lists that are read while others write, exports that are broken off, and those that are one too many."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http import HTTPStatus
from itertools import islice
from threading import Event, Thread
from time import sleep
from typing import Any
from uuid import uuid4

import httpx
import pytest
from litestar.testing import TestClient
from pymongo import MongoClient

from api.query.app import QueryConfig, create_app
from api.query.exports import CHUNK_MAX, PIECE_ROWS
from projections import store
from projections.registry import PROJECTIONS
from stack.running import Stack
from stack.waiting import wait_until
from streams.compare import differences, heads, wait_until_visible
from streams.projector import Bounds, Projector, Record
from streams.sources import SOURCES
from tests.integration.serving import served
from tests.integration.test_query_api import PARTITIONS, SECRET, get, problem, token
from tests.unit.projections.trading import Piece, Venue, slices, trading

ANALYST = token("analyst")
ACCOUNT = "acc2-1"
PATIENCE_S = 60  # of a machine that has other things to do
LISTS = {
    "/v1/orders?sort=created_at": ("orders", "order_id"),
    "/v1/orders?sort=-created_at": ("orders", "order_id"),
    f"/v1/orders?account={ACCOUNT}&account=acc2-2": ("orders", "order_id"),
    "/v1/markets/BTC-USD/trades": ("trades", "trade_id"),
    f"/v1/accounts/{ACCOUNT}/trades": ("trades", "order_id symbol trade_id"),
    "/v1/pnl/daily": ("days", "account symbol day"),
    "/v1/transfers": ("transfers", "account transfer_id"),
    "/v1/balances": ("balances", "account asset"),
}


class Writing:
    """Feeds the read models slice by slice, as a worker would."""

    def __init__(self, servers: Stack, venue: Venue) -> None:
        name = f"writing-{uuid4().hex[:8]}"
        self.client: MongoClient[Any] = MongoClient(servers.settings.mongo_url)
        self.database = self.client[name]
        store.prepare(self.database, list(PROJECTIONS.values()))
        self.config = QueryConfig(servers.settings.mongo_url, name, SECRET)
        self.pieces: Iterator[Piece] = slices(venue.states, lambda: 20, PARTITIONS)
        self.projectors = {topic: self._projector(topic) for topic in set(SOURCES.values())}

    def _projector(self, topic: str) -> Projector:
        fed = [PROJECTIONS[each] for each, source in SOURCES.items() if source == topic]
        return Projector(self.database, topic, PARTITIONS, fed, lambda *_: iter(()), Bounds())

    def write(self, some: int | None) -> int:
        """Write the next slices, and return how many there were."""
        written = 0
        for place, value in islice(self.pieces, some):
            letters = self.projectors[place.topic].process([Record(place.partition, 0, value)])
            assert letters == []
            written += 1
        return written


@pytest.fixture(scope="module")
def venue() -> Venue:
    return trading(700, seed=2, money_moves=True)


@contextmanager
def going_on(writing: Writing) -> Iterator[Event]:
    """Write what is left, a slice at a time, beside what the test does; the event is set when all is
    written.
    """
    over, stop = Event(), Event()

    def write_on() -> None:
        while not stop.is_set() and writing.write(1):
            sleep(0.005)
        over.set()

    thread = Thread(target=write_on)
    thread.start()
    yield over
    stop.set()
    thread.join()


def keys_of(answer: Any, path: str) -> list[Any]:
    name, fields = LISTS[path]
    return [tuple(each[field] for field in fields.split()) for each in answer[name]]


@pytest.mark.parametrize("path", LISTS)
def test_what_was_there_at_the_start_comes_once_while_others_write(
    servers: Stack, venue: Venue, path: str
) -> None:
    writing = Writing(servers, venue)
    writing.write(60)
    with TestClient(create_app(writing.config)) as api:
        at_start = keys_of(get(api, path, limit=500), path)
        assert len(at_start) > 3
        found: list[Any] = []
        cursor, pages = None, 0
        with going_on(writing):
            while cursor is not None or not pages:
                answer = get(api, path, limit=3, **({"cursor": cursor} if cursor else {}))
                found += keys_of(answer, path)
                cursor, pages = answer["next_cursor"], pages + 1
        assert pages > 1
        assert len(found) == len(set(found)), "nothing comes twice"
        assert set(at_start) <= set(found), "nothing is missing"
    writing.client.drop_database(writing.config.mongo_database)
    writing.client.close()


def test_what_is_written_slice_by_slice_is_what_a_fresh_fold_gives(servers: Stack, venue: Venue) -> None:
    writing = Writing(servers, venue)
    writing.write(None)
    wait_until_visible(writing.database, heads(venue.events, PARTITIONS), 10)
    assert differences(writing.database, venue.events) == []
    writing.client.drop_database(writing.config.mongo_database)
    writing.client.close()


@pytest.fixture(scope="module")
def many(servers: Stack) -> Iterator[QueryConfig]:
    """Many orders: one that was made by trading, with other ids and times."""
    writing = Writing(servers, trading(30, seed=2))
    writing.write(None)
    orders = writing.database["orders"]
    like = orders.find_one({"status": "filled"})
    assert like is not None
    copies = [
        {**like, "_id": f"{number:036d}", "page_key": f"{like['created_at_us'] + number:017d}-{number:036d}"}
        for number in range(10 * CHUNK_MAX)
    ]
    orders.insert_many(copies, ordered=False)
    yield replace(writing.config, exports_max=1)
    writing.client.drop_database(writing.config.mongo_database)
    writing.client.close()


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_an_export_that_is_broken_off_ends_and_makes_room(many: QueryConfig, kind: str) -> None:
    with served(many) as address:
        exported = f"{address}/v1/orders?format={kind}"
        with httpx.stream("GET", exported, headers=ANALYST, timeout=PATIENCE_S) as answer:
            pieces = answer.iter_raw(1)  # kept: the connection goes with it
            next(pieces)
            second = asked(exported)
            assert problem(second) == (HTTPStatus.SERVICE_UNAVAILABLE, "too_many_exports")
            assert second.headers["Retry-After"]
        some = f"{exported}&account={ACCOUNT}"
        wait_until(lambda: asked(some).is_success, PATIENCE_S * 1_000, "there is room again")


def test_an_export_beyond_the_bound_breaks_off(many: QueryConfig) -> None:
    with (
        served(replace(many, export_rows_max=PIECE_ROWS + 1)) as address,
        pytest.raises(httpx.RemoteProtocolError),
    ):
        asked(f"{address}/v1/orders?format=csv")


def asked(url: str) -> httpx.Response:
    return httpx.get(url, headers=ANALYST, timeout=PATIENCE_S)
