"""The portfolio, equity curve and turnover of accounts, held against a calculation that shares nothing with
ours: numpy over the fills and prices of the events, one column at a time.
"""

import random
from collections.abc import Iterator
from decimal import Decimal
from http import HTTPStatus
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from litestar.testing import TestClient

from api.query.app import QueryConfig, create_app
from api.query.decimals import time_of
from domain.account import AccountPosted
from domain.event import Side
from domain.market import MarkPriceSet
from domain.order import OrderFilled
from domain.trade import TradeBusted, TradeCorrected
from stack.running import Stack
from tests.integration.test_query_api import get, problem, token, written
from tests.unit.projections.trading import Venue, changes, mark, opened, place

ANALYST = token("analyst")
ACCOUNTS = ("p-1", "p-2", "p-3")
SYMBOLS = ("BTC-USD", "ETH-USD")
SIDES: list[tuple[Side, Side]] = [("buy", "sell"), ("sell", "buy")]
HOUR_US = 3_600_000_000
SCALE = Decimal(10) ** 8  # both assets of the markets here, and their prices in cents
CENTS = Decimal(100)


@pytest.fixture(scope="module")
def venue() -> Venue:
    """Four days in steps of some hours: trades of three accounts, long and short; busts, corrections; marks
    of one market only, and those not from the beginning.
    """
    chance = random.Random(4)  # noqa: S311 - a flow, no secret
    made = opened(Venue(), *ACCOUNTS, symbols=SYMBOLS)
    for number in range(120):
        made.now_us += chance.randint(1, 90) * 60_000_000
        symbol, price = chance.choice(SYMBOLS), 100 + chance.randint(-9, 9)
        maker, taker = chance.sample(ACCOUNTS, 2)
        side, other = chance.choice(SIDES)
        quantity = str(chance.randint(1, 5))
        events = made.batch(
            place(maker, f"m{number}", side, quantity, str(price), symbol),
            place(taker, f"t{number}", other, quantity, str(price), symbol),
        )
        if number % 9 == 4:
            made.batch(*changes(events)[number % 2 : number % 2 + 1])
        if number > 30 and number % 3 == 0:
            made.batch(mark(str(100 + chance.randint(-20, 20))))
    happened = {type(recorded.event) for recorded in made.events}
    assert {TradeBusted, TradeCorrected, MarkPriceSet} <= happened
    return made


@pytest.fixture(scope="module")
def config(servers: Stack, venue: Venue) -> Iterator[QueryConfig]:
    with written(servers, venue) as made:
        yield made


@pytest.fixture(scope="module")
def api(config: QueryConfig) -> Iterator[TestClient[Any]]:
    with TestClient(create_app(config)) as client:
        yield client


def columns(venue: Venue, account: str, symbol: str) -> tuple[Any, Any, Any, Any]:
    """Return hours, and the changes of quantity, cash and fees in them; decimals."""
    found: list[tuple[int, Decimal, Decimal, Decimal]] = []
    for recorded in venue.events:
        event = recorded.event
        if not isinstance(event, AccountPosted) or event.account != account:
            continue
        for posting in event.postings:
            fill = posting.fill
            if fill is not None and fill.symbol == symbol:
                sign = {"buy": 1, "sell": -1}[fill.side]
                change = Decimal(sign * fill.quantity) / SCALE
                moved = -change * fill.price / CENTS
                found.append((recorded.occurred_at_us // HOUR_US, change, moved, Decimal(fill.fee) / SCALE))
    hours, quantities, cash, fees = (np.array(each, dtype=object) for each in zip(*found, strict=True))
    return hours, quantities, cash, fees


def prices(venue: Venue, symbol: str, kind: type) -> tuple[Any, Any]:
    """Return the hours in which mark or last prices were set, and the prices."""
    found = [
        (recorded.occurred_at_us // HOUR_US, Decimal(getattr(recorded.event, "price", 0)) / CENTS)
        for recorded in venue.events
        if isinstance(recorded.event, kind)
        and getattr(recorded.event, "symbol", "") == symbol
        and getattr(recorded.event, "liquidity", "taker") == "taker"
    ]
    hours, values = zip(*found, strict=True) if found else ((), ())
    return np.array(hours, dtype=int), np.array(values, dtype=object)


def price_by(venue: Venue, symbol: str, hour: int) -> Decimal:
    """Return the mark price before ``hour``, or else the last price."""
    for kind in (MarkPriceSet, OrderFilled):
        hours, values = prices(venue, symbol, kind)
        if (known := int(np.searchsorted(hours, hour, side="left"))) > 0:
            price: Decimal = values[known - 1]
            return price
    return Decimal(0)


def standing(venue: Venue, account: str, hour: int) -> tuple[Decimal, Decimal, Decimal]:
    """Return net PnL at mark, fees, and the positions' value, just before ``hour``."""
    equity = fees = value = Decimal(0)
    for symbol in SYMBOLS:
        hours, quantities, cash, paid = columns(venue, account, symbol)
        before = hours < hour
        worth = np.sum(quantities[before]) * price_by(venue, symbol, hour)
        equity += np.sum(cash[before]) - np.sum(paid[before]) + worth
        fees += np.sum(paid[before])
        value += worth
    return equity, fees, value


def hour_span(venue: Venue) -> tuple[int, int]:
    times = [recorded.occurred_at_us for recorded in venue.events if isinstance(recorded.event, OrderFilled)]
    return min(times) // HOUR_US, max(times) // HOUR_US + 1


@pytest.mark.parametrize("account", ACCOUNTS)
@pytest.mark.parametrize(("step", "hours"), [("hour", 1), ("day", 24)])
def test_the_equity_curve_is_what_numpy_makes_of_the_fills_and_the_prices_of_then(
    api: TestClient[Any], venue: Venue, account: str, step: str, hours: int
) -> None:
    end = hour_span(venue)[1]
    first = min(columns(venue, account, symbol)[0][0] for symbol in SYMBOLS)
    first, end = first // hours * hours + hours, -(-end // hours) * hours
    span = {"from": time_of(first * HOUR_US), "to": time_of(end * HOUR_US)}
    told = get(api, f"/v1/accounts/{account}/equity", ANALYST, step=step, **span)
    steps = range(first, end, hours)
    assert [point["at"] for point in told["points"]] == [time_of(at * HOUR_US) for at in steps]
    expected = [standing(venue, account, at + hours) for at in steps]
    names = ("equity", "fees", "position_value")
    assert [tuple(Decimal(point[name]) for name in names) for point in told["points"]] == expected
    equity = np.array([standing(venue, account, first)[0], *(each[0] for each in expected)], dtype=object)
    peaks = np.maximum.accumulate(equity)
    assert [Decimal(point["peak"]) for point in told["points"]] == list(peaks[1:])
    assert [Decimal(point["drawdown"]) for point in told["points"]] == list((peaks - equity)[1:])
    (deepest,) = told["drawdowns"]
    assert Decimal(deepest["max_drawdown"]) == max(peaks - equity)
    assert {point["unmarked"] for point in told["points"]} == {0}


@pytest.mark.parametrize("account", ACCOUNTS)
def test_the_portfolio_adds_up_to_the_last_point_of_the_curve(
    api: TestClient[Any], venue: Venue, account: str
) -> None:
    told = get(api, f"/v1/accounts/{account}/portfolio", ANALYST)
    equity, fees, value = standing(venue, account, hour_span(venue)[1] + 1)
    (total,) = told["totals"]
    assert (Decimal(total["net_pnl"]), Decimal(total["fees"]), Decimal(total["value"])) == (
        equity,
        fees,
        value,
    )
    for position in told["positions"]:
        _, quantities, _, _ = columns(venue, account, position["symbol"])
        assert Decimal(position["quantity"]) == np.sum(quantities)
        assert position["mark_source"] == {"BTC-USD": "mark", "ETH-USD": "last"}[position["symbol"]]
        assert Decimal(position["mark_price"]) == price_by(venue, position["symbol"], hour_span(venue)[1] + 1)
        assert position["mark_age_ms"] > 0
        net = (
            Decimal(position["realised_pnl"])
            + Decimal(position["unrealised_pnl"])
            - Decimal(position["fees"])
        )
        assert Decimal(position["net_pnl"]) == net


@pytest.mark.parametrize("account", ACCOUNTS)
def test_the_turnover_of_all_days_is_that_of_all_fills_that_count(
    api: TestClient[Any], venue: Venue, account: str
) -> None:
    told = get(api, f"/v1/accounts/{account}/turnover", ANALYST)
    days = {(day["day"], day["symbol"]) for day in told["days"]}
    assert len(days) == len(told["days"]) > len(SYMBOLS)
    (total,) = told["totals"]
    for name in ("turnover", "fees", "realised_pnl"):
        assert Decimal(total[name]) == sum(Decimal(day[name]) for day in told["days"])
    cash = sum(np.sum(columns(venue, account, symbol)[2]) for symbol in SYMBOLS)
    assert sum(Decimal(day["earned"]) - Decimal(day["paid"]) for day in told["days"]) == cash
    fees = sum(np.sum(columns(venue, account, symbol)[3]) for symbol in SYMBOLS)
    assert Decimal(total["fees"]) == fees


@pytest.mark.parametrize("what", ["portfolio", "equity", "turnover"])
def test_each_comes_as_a_table(api: TestClient[Any], venue: Venue, what: str) -> None:
    path = f"/v1/accounts/p-1/{what}"
    span = {}
    if what == "equity":
        first, end = hour_span(venue)
        span = {"from": time_of(first * HOUR_US), "to": time_of(end * HOUR_US)}
    rows = get(api, path, ANALYST, **span)[
        {"portfolio": "positions", "equity": "points", "turnover": "days"}[what]
    ]
    file = api.get(path, params={**span, "format": "parquet"}, headers=ANALYST)
    table = pq.read_table(pa.BufferReader(file.content)).to_pylist()
    assert len(table) == len(rows) > 0
    lines = api.get(path, params={**span, "format": "csv"}, headers=ANALYST).text.splitlines()
    assert lines[0].split(",") == list(rows[0])
    assert len(lines) == len(rows) + 1


def test_what_has_no_price_is_said_to_have_none(servers: Stack) -> None:
    """A position without a trade on its market cannot be; one without a mark is valued at the last price."""
    venue = opened(Venue(), "lone")
    with written(servers, venue) as made, TestClient(create_app(made)) as api:
        assert get(api, "/v1/accounts/lone/portfolio", ANALYST) == {
            "account": "lone",
            "positions": [],
            "totals": [],
        }
        assert get(api, "/v1/accounts/lone/equity", ANALYST)["points"] == []


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"from": "2026-02-01T00:00:00Z", "to": "2026-01-01T00:00:00Z"}, "exchange"),
        ({"step": "hour", "from": "2020-01-01T00:00:00Z"}, "at most 2000"),
        ({"from": "yesterday"}, "no time of RFC 3339"),
    ],
)
def test_a_span_that_makes_no_sense_is_refused(
    api: TestClient[Any], asked: dict[str, str], says: str
) -> None:
    answer = api.get("/v1/accounts/p-1/equity", params=asked, headers=ANALYST)
    assert problem(answer)[0] == HTTPStatus.BAD_REQUEST
    assert says in answer.json()["detail"]


@pytest.mark.parametrize("what", ["portfolio", "equity", "turnover"])
def test_a_trader_sees_no_other_account(api: TestClient[Any], what: str) -> None:
    mine = token("trader", accounts=["p-1"])
    assert api.get(f"/v1/accounts/p-1/{what}", headers=mine).status_code == HTTPStatus.OK
    assert problem(api.get(f"/v1/accounts/p-2/{what}", headers=mine)) == (403, "not_allowed")
