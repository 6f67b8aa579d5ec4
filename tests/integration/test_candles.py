"""Candles over the query API: of every interval, without gaps, with busts and corrections counted."""

import csv
import io
import time
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import pyarrow.parquet as pq
import pytest
from litestar.testing import TestClient

from api.query.app import create_app
from api.query.decimals import time_of
from domain.numbers import parse_units
from projections.candle_reading import INTERVALS_US, Interval
from stack.running import Stack
from tests.integration.test_query_api import ANALYST, get, written
from tests.unit.projections.raw_trades import (
    SECOND_US,
    RawTrade,
    change_some,
    grouped,
    raw_trades,
    traded,
)
from tests.unit.projections.trading import Venue, opened

HOUR_US = 3_600 * SECOND_US
CANDLES = "/v1/markets/BTC-USD/candles"


@pytest.fixture(scope="module")
def venue() -> Venue:
    """Some 260 trades over the last twelve hours or so, some busted, some corrected."""
    began_us = time.time_ns() // 1_000 - 20 * HOUR_US
    made = traded(11, 260, step_us_max=100 * SECOND_US, start_us=began_us)
    change_some(made, 12, every=8)
    assert made.now_us < time.time_ns() // 1_000
    return made


@pytest.fixture(scope="module")
def trades(venue: Venue) -> list[RawTrade]:
    return raw_trades(venue.events)


@pytest.fixture(scope="module")
def api(servers: Stack, venue: Venue) -> Iterator[TestClient[Any]]:
    with written(servers, venue) as config, TestClient(create_app(config)) as client:
        yield client


def all_of(api: TestClient[Any], interval: str, **asked: Any) -> list[dict[str, Any]]:
    """Return all candles, oldest first, page by page."""
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = get(api, CANDLES, interval=interval, limit=400, **asked, **cursor)
        found += page["candles"]
        if page["next_cursor"] is None:
            return found[::-1]
        cursor = {"cursor": page["next_cursor"]}


def row(candle: dict[str, Any]) -> tuple[int, ...]:
    prices = [parse_units(candle[name], 2) for name in ("open", "high", "low", "close")]
    return (*prices, parse_units(candle["volume"], 8), parse_units(candle["notional"], 8), candle["trades"])


def expected(trades: list[RawTrade], interval: Interval, until_us: int) -> dict[str, tuple[int, ...]]:
    """Return what each candle has to be, from the raw trades, those in which nothing traded included."""
    width_us = INTERVALS_US[interval]
    made = grouped(trades, width_us)
    wanted: dict[str, tuple[int, ...]] = {}
    close = 0
    for start_us in range(min(made), until_us, width_us):
        of_this = made.get(start_us, (close, close, close, close, 0, 0, 0))
        wanted[time_of(start_us)], close = of_this, of_this[3]
    return wanted


@pytest.mark.parametrize("interval", ["1m", "5m", "15m", "1h", "4h", "1d"])
def test_candles_are_those_of_the_trades_as_they_count(
    api: TestClient[Any], trades: list[RawTrade], interval: Interval
) -> None:
    end_us = trades[-1].traded_at_us
    found = all_of(api, interval, to=time_of(end_us))
    assert {candle["opened_at"]: row(candle) for candle in found} == expected(trades, interval, end_us)
    assert [candle["opened_at"] for candle in found] == sorted(candle["opened_at"] for candle in found)


def test_seconds_too(api: TestClient[Any], trades: list[RawTrade]) -> None:
    middle_us = trades[100].traded_at_us
    since_us, until_us = middle_us - 700 * SECOND_US, middle_us + 700 * SECOND_US
    found = all_of(api, "1s", **{"from": time_of(since_us)}, to=time_of(until_us))
    first_us = since_us + -since_us % SECOND_US
    wanted = {
        start: candle
        for start, candle in expected(trades, "1s", until_us).items()
        if start >= time_of(first_us)
    }
    assert {candle["opened_at"]: row(candle) for candle in found} == wanted
    assert len(found) == 1_400


def test_without_a_time_the_newest_come_first_up_to_now(api: TestClient[Any]) -> None:
    page = get(api, CANDLES, interval="1h", limit=2)
    now_us = time.time_ns() // 1_000
    starts = [candle["opened_at"] for candle in page["candles"]]
    assert starts[0] in {time_of(now_us - now_us % HOUR_US), time_of(now_us - now_us % HOUR_US - HOUR_US)}
    assert len(starts) == 2
    assert starts[0] > starts[1]


def test_seconds_of_long_ago_are_refused_with_what_to_do(api: TestClient[Any]) -> None:
    long_ago = {"interval": "1s", "from": "2026-01-01T00:00:00Z"}
    answer = api.get(CANDLES, params=long_ago, headers=ANALYST)
    assert answer.status_code == HTTPStatus.BAD_REQUEST
    assert "interval=1m" in answer.json()["detail"]


@pytest.mark.parametrize("asked", [{}, {"interval": "2m"}, {"interval": "1h", "from": "yesterday"}])
def test_what_is_no_question_is_refused(api: TestClient[Any], asked: dict[str, str]) -> None:
    assert api.get(CANDLES, params=asked, headers=ANALYST).status_code == HTTPStatus.BAD_REQUEST


def test_a_market_that_is_not_listed_has_none(api: TestClient[Any]) -> None:
    answer = api.get("/v1/markets/NONE-USD/candles", params={"interval": "1h"}, headers=ANALYST)
    assert answer.status_code == HTTPStatus.NOT_FOUND


def test_a_market_that_never_traded_has_an_empty_list(servers: Stack) -> None:
    with written(servers, opened(Venue(), "ann")) as config, TestClient(create_app(config)) as client:
        assert get(client, CANDLES, interval="1s")["candles"] == []


def test_tables_have_the_same_candles(api: TestClient[Any], trades: list[RawTrade]) -> None:
    until = time_of(trades[-1].traded_at_us)
    listed = all_of(api, "5m", to=until)[::-1]
    path = f"{CANDLES}?interval=5m&to={quote(until)}"
    as_csv = api.get(f"{path}&format=csv", headers=ANALYST).text
    rows = list(csv.DictReader(io.StringIO(as_csv)))
    assert [{**each, "trades": int(each["trades"])} for each in rows] == [
        {"symbol": "BTC-USD", "interval": "5m", **candle} for candle in listed
    ]
    table = pq.read_table(io.BytesIO(api.get(f"{path}&format=parquet", headers=ANALYST).content))
    assert table.num_rows == len(listed)
    assert [parse_units(f"{price:f}", 2) for price in table["close"].to_pylist()] == [
        parse_units(candle["close"], 2) for candle in listed
    ]
