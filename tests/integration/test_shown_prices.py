"""Prices as the mark pricer shows them in a real database, and as the query API answers them."""

import time
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import pytest
from litestar.testing import TestClient
from pymongo import MongoClient

from api.query.app import QueryConfig, create_app
from api.query.decimals import time_of
from projections import external_prices
from stack.pricing import ReadModels
from stack.running import Stack
from streams.prices import PriceTick
from streams.pricing.formulas import PricingRules
from streams.pricing.pricing import Pace, Pricing
from tests.integration.test_query_api import ANALYST, get, written
from tests.unit.projections.trading import Venue, mark, opened, place

PRICES = "/v1/markets/BTC-USD/prices"


@pytest.fixture
def config(servers: Stack) -> Iterator[QueryConfig]:
    venue = opened(Venue(), "ann", "bob", symbols=("BTC-USD", "ETH-USD"))
    venue.batch(place("ann", "bid", "buy", "2", "99"), place("bob", "ask", "sell", "1", "101"))
    venue.batch(place("bob", "hit", "sell", "1", "99"), mark("99.5"))
    with written(servers, venue) as made:
        yield made


@pytest.fixture
def models(config: QueryConfig) -> Iterator[ReadModels]:
    with MongoClient[Any](config.mongo_url) as client:
        yield ReadModels(client[config.mongo_database])


@pytest.fixture
def api(config: QueryConfig) -> Iterator[TestClient[Any]]:
    with TestClient(create_app(config)) as client:
        yield client


def now_us() -> int:
    return time.time_ns() // 1_000


def priced(models: ReadModels, *quotes: tuple[str, str, str], at_us: int | None = None) -> Pricing:
    """Return a pricing that has heard these quotes, computed all markets once, and shown them."""
    moment_us = at_us or now_us()
    pricing = Pricing(PricingRules(), {}, Pace())
    for source, bid, ask in quotes:
        pricing.board.take(
            PriceTick("quote", "BTC-USD", source, "r", 1, moment_us, moment_us, bid=bid, ask=ask), moment_us
        )
    pricing.beat(models.own_markets(["BTC-USD", "NONE-USD"]), moment_us, 0.0)
    models.show(pricing.board, pricing.marked, moment_us)
    return pricing


def test_a_market_is_read_with_its_own_best_prices(models: ReadModels) -> None:
    found = models.own_markets(["BTC-USD", "ETH-USD", "NONE-USD"])
    assert set(found) == {"BTC-USD", "ETH-USD"}
    market = found["BTC-USD"]
    assert (market.bid, market.ask, market.last) == (99_00, 101_00, 99_00)
    assert (market.shard, market.tick, market.price_scale, market.mark_price) == (0, 1, 2, 99_50)
    empty = found["ETH-USD"]
    assert (empty.bid, empty.ask, empty.last, empty.mark_price) == (None, None, None, None)


def test_what_was_computed_is_answered_with_its_sources(models: ReadModels, api: TestClient[Any]) -> None:
    priced(models, ("binance", "99", "100"), ("coinbase", "99.1", "100.1"), ("liar", "200", "201"))
    found = get(api, PRICES)
    assert (found["index"], found["mark"], found["market_mark"], found["last"]) == (
        "99.55",
        "99.05",
        "99.5",
        "99",
    )
    assert found["fresh"] is True
    states = {each["source"]: each["state"] for each in found["sources"]}
    assert states == {"binance": "fresh", "coinbase": "fresh", "liar": "outlier"}


def test_what_was_computed_long_ago_is_not_fresh(models: ReadModels, api: TestClient[Any]) -> None:
    priced(models, ("binance", "99", "100"), at_us=now_us() - 60_000_000)
    found = get(api, PRICES)
    assert found["fresh"] is False
    assert found["age_ms"] >= 60_000
    assert [each["state"] for each in found["sources"]] == ["stale"]


def test_a_market_nobody_speaks_of_has_no_prices(api: TestClient[Any]) -> None:
    found = get(api, "/v1/markets/ETH-USD/prices")
    assert (found["index"], found["mark"], found["computed_at"], found["sources"]) == (None, None, None, [])
    assert api.get("/v1/markets/NONE-USD/prices", headers=ANALYST).status_code == HTTPStatus.NOT_FOUND


def test_history_is_paged_newest_first_over_a_restart(models: ReadModels, api: TestClient[Any]) -> None:
    began_us = now_us() - 300_000_000
    times = [began_us + number * 20_000_000 for number in range(12)]
    for number, at_us in enumerate(times):
        with MongoClient[Any](_url(models)) as client:
            again = ReadModels(client[models._database.name])  # as after a restart
            priced(again, ("binance", f"{99 + number}", f"{101 + number}"), at_us=at_us)
    points: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = get(api, f"{PRICES}/history", limit=5, **cursor)
        points += page["points"]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert [point["at"] for point in points] == [time_of(at_us) for at_us in reversed(times)]
    assert [point["index"] for point in points] == [f"{100 + number}" for number in reversed(range(12))]
    some = get(api, f"{PRICES}/history", **{"from": time_of(times[3]), "to": time_of(times[5])})
    assert [point["at"] for point in some["points"]] == [time_of(times[4]), time_of(times[3])]


def _url(models: ReadModels) -> str:
    host, port = models._database.client.address or ("", 0)
    return f"mongodb://{host}:{port}/"


def test_a_minute_that_comes_round_again_takes_its_place(models: ReadModels) -> None:
    database = models._database
    for begins_us in (0, 60_000_000, 25 * 3_600_000_000):
        minute = {"symbol": "BTC-USD", "begins_us": begins_us, "points": [[begins_us, "1", "1"]]}
        external_prices.write_minutes(database, [minute])
    found = external_prices.minutes_before(database, "BTC-USD", 10**17, 9)
    assert [each["begins_us"] for each in found] == [25 * 3_600_000_000, 60_000_000]
