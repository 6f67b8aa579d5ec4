"""What analysts ask of all accounts, and traders of their own: filters, order, pages, tables. Every answer
is held against a fresh fold of the events.
"""

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal
from http import HTTPStatus
from typing import Any

import pyarrow.parquet as pq
import pytest
from litestar.testing import TestClient

from api.query.app import QueryConfig, create_app
from api.query.decimals import time_of
from domain.ids import order_id
from domain.market import DAY_US
from stack.running import Stack
from tests.integration.test_query_api import PARTITIONS, get, problem, token, written
from tests.unit.projections.folds import Documents, all_folded
from tests.unit.projections.trading import SHARD, Venue, amend, bust, cancel, opened, place, trading

ANALYST = token("analyst")
CSV, PARQUET = "text/csv", "application/vnd.apache.parquet"
LISTS = {
    "/v1/orders": "orders",
    "/v1/positions": "positions",
    "/v1/balances": "balances",
    "/v1/transfers": "transfers",
    "/v1/pnl/daily": "days",
    "/v1/markets/BTC-USD/trades": "trades",
    "/v1/accounts/acc9-1/trades": "trades",
}


@pytest.fixture(scope="module")
def venue() -> Venue:
    """Two days of everything that can be wished for, by five accounts on two markets."""
    made = trading(700, seed=9, money_moves=True)
    made.now_us += DAY_US
    made.batch(
        place("acc9-1", "late-bid", "buy", "2", "100"), place("acc9-2", "late-hit", "sell", "1.5", "100")
    )
    return made


@pytest.fixture(scope="module")
def documents(venue: Venue) -> Documents:
    return all_folded(venue.events)


@pytest.fixture(scope="module")
def config(servers: Stack, venue: Venue) -> Iterator[QueryConfig]:
    with written(servers, venue) as made:
        yield made


@pytest.fixture(scope="module")
def api(config: QueryConfig) -> Iterator[TestClient[Any]]:
    with TestClient(create_app(config)) as client:
        yield client


def pages(api: TestClient[Any], path: str, limit: Any = 7, headers: Any = ANALYST, **asked: Any) -> list[Any]:
    """Return all of a list, read page by page."""
    found: list[Any] = []
    answer = get(api, path, headers, limit=limit, **asked)
    while True:
        assert len(answer[LISTS[path]]) <= limit
        found += answer[LISTS[path]]
        if answer["next_cursor"] is None:
            return found
        answer = get(api, path, headers, limit=limit, cursor=answer["next_cursor"], **asked)


# --- Orders ---------------------------------------------------------------------------------------------

Fits = Callable[[dict[str, Any]], bool]


@pytest.mark.parametrize(
    ("asked", "fits"),
    [
        ({}, lambda _: True),
        ({"symbol": "ETH-USD"}, lambda order: order["symbol"] == "ETH-USD"),
        ({"status": ["open", "rejected"]}, lambda order: order["status"] in {"open", "rejected"}),
        (
            {"side": "sell", "order_type": "limit"},
            lambda order: (order["side"], order["order_type"]) == ("sell", "limit"),
        ),
        ({"account": ["acc9-1", "acc9-3"]}, lambda order: order["account"] in {"acc9-1", "acc9-3"}),
        (
            {"account": "acc9-2", "symbol": "BTC-USD", "status": "filled", "side": "buy"},
            lambda order: (
                (order["account"], order["symbol"], order["status"], order["side"])
                == ("acc9-2", "BTC-USD", "filled", "buy")
            ),
        ),
        ({"account": "nobody"}, lambda _: False),
    ],
    ids=str,
)
@pytest.mark.parametrize("sort", ["created_at", "-created_at"])
def test_orders_are_those_that_fit_in_order_of_time(
    api: TestClient[Any], documents: Documents, asked: dict[str, Any], fits: Fits, sort: str
) -> None:
    fitting = sorted((each["page_key"], each["_id"]) for each in documents["orders"].values() if fits(each))
    expected = [order for _, order in fitting]
    found = pages(api, "/v1/orders", sort=sort, **asked)
    assert [order["order_id"] for order in found] == (expected if sort == "created_at" else expected[::-1])


def test_orders_of_a_time_leave_out_its_end(api: TestClient[Any], documents: Documents) -> None:
    times = sorted({each["created_at_us"] for each in documents["orders"].values()})
    first, until = times[2], times[5]
    found = pages(api, "/v1/orders", **{"from": time_of(first), "to": time_of(until)})
    expected = {
        each["_id"] for each in documents["orders"].values() if first <= each["created_at_us"] < until
    }
    assert {order["order_id"] for order in found} == expected
    assert len(expected) > 2


def test_a_time_may_be_written_with_any_offset(api: TestClient[Any]) -> None:
    utc = pages(api, "/v1/orders", **{"from": "2023-11-15T00:00:00Z"})
    assert utc
    assert utc == pages(api, "/v1/orders", **{"from": "2023-11-15T05:30:00+05:30"})


def test_a_trader_finds_own_orders_only(api: TestClient[Any], documents: Documents) -> None:
    own = token("trader", accounts=["acc9-1", "acc9-2"])
    found = pages(api, "/v1/orders", headers=own)
    assert {order["account"] for order in found} == {"acc9-1", "acc9-2"}
    assert found == pages(api, "/v1/orders", account=["acc9-2", "acc9-1"])
    other = api.get("/v1/orders", headers=own, params={"account": "acc9-3"})
    assert problem(other) == (HTTPStatus.FORBIDDEN, "not_allowed")


def test_who_has_no_account_finds_nothing(api: TestClient[Any]) -> None:
    nobody = token("trader")
    for path in ("/v1/orders", "/v1/positions", "/v1/balances", "/v1/transfers", "/v1/pnl/daily"):
        assert pages(api, path, headers=nobody) == []


# --- Bad questions --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("/v1/orders?cursor=x", "cursor"),
        ("/v1/orders?cursor=WyJhIiwxXQ", "cursor"),
        ("/v1/orders?from=yesterday", "yesterday"),
        ("/v1/orders?from=2026-01-31T12:00:00", "RFC 3339"),
        ("/v1/orders?from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z", "exchange"),
        ("/v1/orders?sort=price", "sort"),
        ("/v1/pnl/daily?from=2026-02-01&to=2026-01-01", "exchange"),
        ("/v1/orders?format=xml", "format"),
        ("/v1/pnl/daily?from=2026-13-01", "from"),
        ("/v1/analytics/trades?group_by=weather", "group_by"),
        ("/v1/analytics/orders?to=2026-01-31", "'from'"),
    ],
)
def test_a_question_that_makes_no_sense_is_told_why(api: TestClient[Any], path: str, named: str) -> None:
    answer = api.get(path, headers=ANALYST)
    assert problem(answer) == (HTTPStatus.BAD_REQUEST, "invalid_request")
    assert named in answer.json()["detail"]


def test_a_cursor_goes_with_its_own_question_only(api: TestClient[Any]) -> None:
    cursor = get(api, "/v1/orders", limit=1)["next_cursor"]
    for path, asked in (
        ("/v1/orders", {"side": "buy"}),
        ("/v1/orders", {"sort": "created_at"}),
        ("/v1/positions", {}),
    ):
        answer = api.get(path, headers=ANALYST, params={"cursor": cursor, **asked})
        assert problem(answer) == (HTTPStatus.BAD_REQUEST, "invalid_request")
        assert "begin again" in answer.json()["detail"]


# --- Positions, balances, transfers, trades, days ---------------------------------------------------------


def test_positions_and_balances_are_those_of_the_accounts(api: TestClient[Any], documents: Documents) -> None:
    for name, field in (("positions", "symbol"), ("balances", "asset")):
        found = pages(api, f"/v1/{name}", limit=3)
        expected = sorted((each["account"], each[field]) for each in documents[name].values())
        assert [(each["account"], each[field]) for each in found] == expected
        of_one = [each for each in found if each["account"] == "acc9-1"]
        alone = get(api, f"/v1/accounts/acc9-1/{name}")[name]
        assert [{**each, "account": "acc9-1"} for each in alone] == of_one
        assert pages(api, f"/v1/{name}", account="acc9-1") == of_one
    assert {each["symbol"] for each in pages(api, "/v1/positions", symbol="ETH-USD")} == {"ETH-USD"}
    assert {each["asset"] for each in pages(api, "/v1/balances", asset="BTC")} == {"BTC"}


def test_transfers_of_all_accounts(api: TestClient[Any], documents: Documents) -> None:
    found = pages(api, "/v1/transfers")
    expected = Counter((each["account"], each["transfer_id"]) for each in documents["transfers"].values())
    assert Counter((each["account"], each["transfer_id"]) for each in found) == expected
    some = documents["transfers"].values()
    middle = sorted(each["begun_at_us"] for each in some)[len(some) // 2]
    later = pages(api, "/v1/transfers", **{"from": time_of(middle)})
    assert len(later) == sum(each["begun_at_us"] >= middle for each in some)


def test_an_accounts_trades_are_all_of_its_fills(api: TestClient[Any], documents: Documents) -> None:
    found = pages(api, "/v1/accounts/acc9-1/trades")
    own = [each for each in documents["fills"].values() if each["account"] == "acc9-1"]
    fills = [fill for each in own for fill in each["fills"]]
    assert len(found) == len(fills) > 20
    assert Counter((each["symbol"], each["trade_id"], each["order_id"]) for each in found) == Counter(
        (fill["symbol"], fill["trade_id"], fill["order_id"]) for fill in fills
    )
    times = [each["traded_at"] for each in found]
    assert times == sorted(times, reverse=True)
    assert {each["status"] for each in found} == {"made", "busted", "corrected"}
    ether = pages(api, "/v1/accounts/acc9-1/trades", symbol="ETH-USD")
    assert ether == [each for each in found if each["symbol"] == "ETH-USD"]
    first, until = times[-1], times[len(times) // 2]
    some = pages(api, "/v1/accounts/acc9-1/trades", **{"from": first, "to": until})
    assert some == [each for each in found if first <= each["traded_at"] < until]


def test_a_markets_trades_by_time(api: TestClient[Any], documents: Documents) -> None:
    buckets = [each for each in documents["trades"].values() if each["symbol"] == "BTC-USD"]
    trades = [trade for bucket in buckets for trade in bucket["trades"]]
    found = pages(api, "/v1/markets/BTC-USD/trades", limit=50)
    assert [each["trade_id"] for each in found] == sorted((each["trade_id"] for each in trades), reverse=True)
    assert len(found) > 100, "more than one document"
    first, until = found[-3]["traded_at"], found[len(found) // 2]["traded_at"]
    some = pages(api, "/v1/markets/BTC-USD/trades", **{"from": first, "to": until})
    assert some == [each for each in found if first <= each["traded_at"] < until]


def test_the_days_of_an_account_sum_up_to_its_position(api: TestClient[Any]) -> None:
    days = pages(api, "/v1/pnl/daily", limit=2)
    positions = pages(api, "/v1/positions")
    assert len({each["day"] for each in days}) == 2
    for position in positions:
        own = [
            each
            for each in days
            if (each["account"], each["symbol"]) == (position["account"], position["symbol"])
        ]
        assert sum(Decimal(each["realised_pnl"]) for each in own) == Decimal(position["realised_pnl"])
        assert sum(Decimal(each["fees"]) for each in own) == Decimal(position["fees"])
    (first, second) = sorted({each["day"] for each in days})
    assert pages(api, "/v1/pnl/daily", to=first) == [each for each in days if each["day"] == first]
    assert pages(api, "/v1/pnl/daily", **{"from": second}) == [each for each in days if each["day"] == second]


# --- Tables -----------------------------------------------------------------------------------------------


def flat(shown: dict[str, Any]) -> dict[str, Any]:
    """Return what JSON shows, as a table shows it."""
    change = shown.pop("change", None)
    rejection = shown.pop("rejection", None)
    more = {"corrected_price": change and change["corrected_price"], "reason": change and change["reason"]}
    if "rejection_code" not in shown and rejection:
        more["rejection_code"] = rejection["code"]
        shown.update(price=None, quantity=None, quote_quantity=None, display_quantity=None)
    return {**more, **shown}


def text_of(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def same(column: Any, value: Any) -> bool:
    """Tell whether Parquet's value is the one that JSON shows."""
    if isinstance(column, Decimal):
        return column == Decimal(value)
    if isinstance(column, datetime):
        return column == datetime.fromisoformat(value)
    return bool(column == value or str(column) == value)


@pytest.mark.parametrize("path", LISTS)
def test_tables_say_what_json_says(api: TestClient[Any], path: str) -> None:
    shown = [flat(dict(each)) for each in pages(api, path, limit=100)]
    assert len(shown) > 2
    as_csv = api.get(path, headers=ANALYST, params={"format": "csv"})
    assert as_csv.headers["content-type"].startswith(CSV)
    lines = list(csv.DictReader(io.StringIO(as_csv.text, newline="")))
    as_parquet = api.get(path, headers={**ANALYST, "Accept": PARQUET})
    assert as_parquet.headers["content-type"] == PARQUET
    rows = pq.read_table(io.BytesIO(as_parquet.content)).to_pylist()
    assert len(lines) == len(rows) == len(shown)
    for each, line, row in zip(shown, lines, rows, strict=True):
        columns = line.keys() & each.keys()
        assert {name: line[name] for name in columns} == {name: text_of(each[name]) for name in columns}
        assert all(same(row[name], each[name]) for name in columns)
        assert line.keys() == row.keys()
        assert line.keys() - each.keys() <= {"symbol", "account", "rejection_code"}


def test_a_table_goes_on_from_a_cursor_and_says_how_fresh_it_is(api: TestClient[Any]) -> None:
    page = get(api, "/v1/orders", limit=10)
    rest = api.get("/v1/orders", headers=ANALYST, params={"format": "csv", "cursor": page["next_cursor"]})
    assert len(rest.text.splitlines()) - 1 == len(pages(api, "/v1/orders", limit=100)) - 10
    assert all(name in rest.headers for name in ("OMS-Seq", "OMS-As-Of", "OMS-Rows-Max"))
    assert rest.headers["content-disposition"] == 'attachment; filename="orders.csv"'


# --- One order --------------------------------------------------------------------------------------------


def test_what_happened_to_an_order_is_told_in_order(servers: Stack) -> None:
    venue = opened(Venue(PARTITIONS), "ann", "bob")
    venue.batch(place("ann", "bid", "buy", "3", "100"))
    venue.batch(amend("ann", "bid", price="101"))
    made = venue.batch(place("bob", "hit", "sell", "1", "101"))
    fill = next(each.event for each in made if type(each.event).__name__ == "OrderFilled")
    venue.batch(bust(fill))  # type: ignore[arg-type] # it is a fill
    venue.batch(cancel("ann", "bid"))
    path = f"/v1/orders/{order_id(SHARD, 'ann', 'bid')}/events"
    with written(servers, venue) as config, TestClient(create_app(config)) as client:
        told = get(client, path)
        assert [each["what"] for each in told["events"]] == [
            "placed",
            "amended",
            "filled",
            "trade_busted",
            "cancelled",
        ]
        _, amended, filled, busted, cancelled = told["events"]
        assert (amended["price"], amended["quantity"]) == ("101", "3")
        assert (filled["quantity"], filled["liquidity"], filled["trade_id"]) == ("1", "maker", 1)
        assert (busted["trade_id"], busted["reason"]) == (1, "erroneous")
        assert (cancelled["quantity"], cancelled["reason"]) == ("2", "requested")
        assert told["complete"]
        other = client.get(path, headers=token("trader", accounts=["bob"]))
        assert problem(other) == (HTTPStatus.NOT_FOUND, "not_found")
        nothing = client.get("/v1/orders/none/events", headers=ANALYST)
        assert problem(nothing) == (HTTPStatus.NOT_FOUND, "not_found")


# --- Analytics --------------------------------------------------------------------------------------------


def figures(api: TestClient[Any], what: str, **asked: Any) -> list[Any]:
    found: list[Any] = get(api, f"/v1/analytics/{what}", **asked)["figures"]
    return found


def test_each_trade_counts_once_with_the_fees_of_both(api: TestClient[Any]) -> None:
    days = pages(api, "/v1/pnl/daily")
    for each in figures(api, "trades"):
        of_market = [day for day in days if day["symbol"] == each["symbol"]]
        assert each["count"] == sum(day["buys"] for day in of_market) > 0
        assert Decimal(each["volume"]) == sum(Decimal(day["sold"]) for day in of_market)
        assert Decimal(each["fees"]) == sum(Decimal(day["fees"]) for day in of_market)
        assert abs(Decimal(each["vwap"]) - Decimal(each["notional"]) / Decimal(each["volume"])) < Decimal(
            "1e-5"
        )


def test_grouped_by_account_each_side_counts(api: TestClient[Any]) -> None:
    by_all = figures(api, "trades", group_by="day,account,side", symbol="BTC-USD")
    once = figures(api, "trades", group_by="day", symbol="BTC-USD")
    for day in once:
        sides = [each for each in by_all if each["day"] == day["day"]]
        assert sum(each["count"] for each in sides) == 2 * day["count"]
        assert sum(Decimal(each["fees"]) for each in sides) == Decimal(day["fees"])
    assert {each["account"] for each in by_all} >= {"acc9-1", "acc9-2"}
    one = figures(api, "trades", account="acc9-1", group_by="side")
    assert {each["side"] for each in one} == {"buy", "sell"}


def test_fees_by_asset_day_and_account(api: TestClient[Any]) -> None:
    (usd,) = figures(api, "fees")
    days = pages(api, "/v1/pnl/daily")
    assert usd["asset"] == "USD"
    assert Decimal(usd["fees"]) == sum(Decimal(day["fees"]) for day in days)
    by = figures(api, "fees", group_by="day,symbol,account,side")
    assert sum(Decimal(each["fees"]) for each in by) == Decimal(usd["fees"])
    assert all(each["day"] and each["symbol"] and each["account"] and each["side"] for each in by)


def test_orders_by_status(api: TestClient[Any], documents: Documents) -> None:
    span = {"from": "2023-11-14", "to": "2023-11-16"}
    found = figures(api, "orders", group_by="status,account", **span)
    assert sum(each["count"] for each in found) == len(documents["orders"])
    expected = Counter(
        (each["symbol"], each["account"], each["status"]) for each in documents["orders"].values()
    )
    assert {(each["symbol"], each["account"], each["status"]): each["count"] for each in found} == expected


def test_a_sum_over_too_long_a_time_is_refused(api: TestClient[Any]) -> None:
    answer = api.get(
        "/v1/analytics/orders", headers=ANALYST, params={"from": "2023-01-01", "to": "2023-12-31"}
    )
    assert problem(answer) == (HTTPStatus.BAD_REQUEST, "too_much")
    assert "365 days" in answer.json()["detail"]


@pytest.mark.parametrize("what", ["trades", "fees", "orders"])
def test_figures_as_tables(api: TestClient[Any], what: str) -> None:
    asked = {"from": "2023-11-14", "to": "2023-11-16", "group_by": "day,account"}
    shown = figures(api, what, **asked)
    text = get_text(api, what, **asked, format="csv")
    lines = list(csv.DictReader(io.StringIO(text, newline="")))
    assert lines == [{name: text_of(value) for name, value in each.items()} for each in shown]


def get_text(api: TestClient[Any], what: str, **asked: Any) -> str:
    answer = api.get(f"/v1/analytics/{what}", headers=ANALYST, params=asked)
    assert answer.status_code == HTTPStatus.OK, answer.text
    return answer.text
