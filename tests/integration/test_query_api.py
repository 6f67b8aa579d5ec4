"""The query API on documents that the projector wrote to a real database."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from threading import Timer
from typing import Any
from uuid import uuid4

import httpx
import pytest
from litestar.testing import TestClient
from pymongo import MongoClient

from api.auth import Role, mint_token
from api.permissions import routes_of
from api.query.app import QueryConfig, create_app
from domain.account import LimitsRequest
from domain.ids import order_id
from domain.order import PlaceOrder
from projections import orders, progress, store
from projections.progress import Mark
from projections.registry import PROJECTIONS
from stack.running import Stack
from streams.compare import heads
from streams.progress import write_token
from streams.projector import Bounds, Projector, Record
from streams.sources import SOURCES
from tests.unit.projections.trading import SHARD, Venue, ask, cancel, mark, opened, place, set_limits, slices

PARTITIONS = 4
SECRET = "not a secret, but as long as one ought to be"
WAIT_MS_MAX = 400


@pytest.fixture(scope="module")
def venue() -> Venue:
    """Ann bid for 2 at 100 and got 0.5; Bob's rest of an IOC order was cancelled; one order was rejected."""
    made = opened(Venue(PARTITIONS), "ann", "bob")
    made.batch(place("ann", "bid", "buy", "2", "100"), place("ann", "low", "buy", "1", "99.5"))
    made.batch(place("bob", "hit", "sell", "0.5", "100"), place("bob", "ask", "sell", "1", "101"))
    made.batch(place("ann", "odd", "buy", "2", "100.003"), place("ann", "gone", "buy", "1", "90"))
    made.batch(cancel("ann", "gone"))
    made.now_us -= 1_000
    made.batch(set_limits("ann", LimitsRequest(max_open_notional={"USD": "300"}, order_rate=9)))
    return made


@pytest.fixture(scope="module")
def kinds() -> Venue:
    """Cid's orders of every kind, on a market of their own, and one by Dan that trades with some of them."""
    made = opened(Venue(PARTITIONS), "cid", "dan", symbols=("ETH-EUR",))
    made.batch(mark("100", "ETH-EUR"), place("dan", "ask", "sell", "1", "101", "ETH-EUR"))
    made.batch(
        cid("ice", quantity="2", price="100", display_quantity="0.5", post_only=True, session="s1"),
        cid("spend", order_type="market", time_in_force="ioc", quote_quantity="50.601"),
        cid("dated", quantity="1", price="99", time_in_force="gtd", expires_at_us=1_800_000_000_000_000),
        cid("stop", quantity="1", order_type="stop", trigger_price="120"),
        cid("trail", quantity="1", order_type="trailing_stop", trailing_bps=100, trigger_source="mark"),
        cid("odd", quantity="1", order_type="trailing_stop", trailing_bps=10**30, expires_at_us=10**30),
    )
    made.batch(ask("cid", "own", "ETH-EUR", side="sell", quantity="0.4", price="90", self_trade="decrement"))
    made.batch(mark("102", "ETH-EUR"))
    return made


def cid(name: str, **request: Any) -> PlaceOrder:
    return ask("cid", name, "ETH-EUR", side="buy", **request)


@contextmanager
def written(servers: Stack, venue: Venue) -> Iterator[QueryConfig]:
    """Write the venue's documents to a database of their own."""
    name = f"query-{uuid4().hex[:8]}"
    client: MongoClient[Any] = MongoClient(servers.settings.mongo_url)
    store.prepare(client[name], list(PROJECTIONS.values()))
    for topic in set(SOURCES.values()):
        fed = [PROJECTIONS[each] for each, source in SOURCES.items() if source == topic]
        projector = Projector(client[name], topic, PARTITIONS, fed, lambda *_: iter(()), Bounds())
        pieces = slices(venue.states, lambda: random.randint(1, 5), PARTITIONS)  # noqa: S311 - any will do
        records = [Record(to.partition, 0, value) for to, value in pieces if to.topic == topic]
        assert projector.process(records) == []
    yield QueryConfig(servers.settings.mongo_url, name, SECRET, read_after_ms_max=WAIT_MS_MAX)
    client.drop_database(name)
    client.close()


@pytest.fixture(scope="module")
def config(servers: Stack, venue: Venue) -> Iterator[QueryConfig]:
    with written(servers, venue) as made:
        yield made


@pytest.fixture(scope="module")
def api(config: QueryConfig) -> Iterator[TestClient[Any]]:
    with TestClient(create_app(config)) as client:
        yield client


@pytest.fixture(scope="module")
def kinds_api(servers: Stack, kinds: Venue) -> Iterator[TestClient[Any]]:
    with written(servers, kinds) as config, TestClient(create_app(config)) as client:
        yield client


def token(*roles: Role, accounts: list[str] | None = None, secret: str = SECRET, valid_s: int = 3_600) -> Any:
    minted = mint_token(secret, "tester", list(roles), accounts, valid_s)
    return {"Authorization": f"Bearer {minted}"}


ANALYST = token("analyst")


def get(api: TestClient[Any], path: str, headers: Any = ANALYST, **params: Any) -> Any:
    answer = api.get(path, headers=headers, params=params)
    assert answer.status_code == HTTPStatus.OK, answer.text
    return answer.json()


def problem(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert told["status"] == answer.status_code
    assert {"type", "title", "detail", "remedy"} <= told.keys()
    return answer.status_code, told["code"]


def test_an_order_reads_in_the_decimals_of_its_market(api: TestClient[Any]) -> None:
    order = get(api, f"/v1/orders/{order_id(SHARD, 'ann', 'bid')}")
    expected = {
        "status": "partially_filled",
        "price": "100",
        "quantity": "2",
        "filled": "0.5",
        "remaining": "1.5",
        "average_price": "100",
        "notional": "50",
        "fees": "0.05",
        "fills_count": 1,
        "rejection": None,
    }
    assert {name: order[name] for name in expected} == expected
    (fill,) = order["fills"]
    assert (fill["quantity"], fill["liquidity"], fill["filled_at"]) == (
        "0.5",
        "maker",
        "2023-11-14T22:13:20.004000Z",
    )


def test_a_rejected_order_says_why_and_what_to_do(api: TestClient[Any]) -> None:
    order = get(api, f"/v1/orders/{order_id(SHARD, 'ann', 'odd')}")
    assert (order["status"], order["price"]) == ("rejected", "100.003")
    assert order["rejection"]["code"] == "invalid_price"
    assert "100.003" in order["rejection"]["detail"]
    assert "tick" in order["rejection"]["remedy"]


def order_of_cid(api: TestClient[Any], name: str) -> Any:
    return get(api, f"/v1/orders/{order_id(SHARD, 'cid', name)}")


WAITS_FOR = {
    "price": "120",
    "source": "last",
    "fires": "at_or_above",
    "trailing_offset": None,
    "trailing_bps": None,
    "fired_price": None,
    "fired_at": None,
}
TRAILED = {
    **WAITS_FOR,
    "price": "101",
    "source": "mark",
    "trailing_bps": 100,
    "fired_price": "101",
    "fired_at": "2023-11-14T22:13:20.006000Z",
}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ice", {"status": "open", "display_quantity": "0.5", "post_only": True, "session": "s1"}),
        ("ice", {"quantity": "1.6", "trigger": None, "expires_at": None, "quote_quantity": None}),
        ("spend", {"status": "filled", "quote_quantity": "50.601", "quantity": "0.5", "price": None}),
        ("dated", {"time_in_force": "gtd", "expires_at": "2027-01-15T08:00:00.000000Z"}),
        ("stop", {"status": "waiting", "order_type": "stop", "remaining": "1", "trigger": WAITS_FOR}),
        ("trail", {"status": "cancelled", "cancel_reason": "unfilled_remainder", "trigger": TRAILED}),
        ("own", {"cancel_reason": "self_trade", "self_trade": "decrement", "prevented_trades_count": 1}),
        ("odd", {"status": "rejected", "price": None, "quantity": "1", "expires_at": None}),
    ],
)
def test_an_order_of_each_kind_shows_what_was_asked_for(
    kinds_api: TestClient[Any], name: str, expected: dict[str, Any]
) -> None:
    order = order_of_cid(kinds_api, name)
    assert {part: order[part] for part in expected} == expected


def test_a_prevented_trade_stands_on_both_orders(kinds_api: TestClient[Any]) -> None:
    (prevented,) = order_of_cid(kinds_api, "ice")["prevented_trades"]
    assert prevented == {
        "counter_order_id": order_id(SHARD, "cid", "own"),
        "price": "100",
        "quantity": "0.4",
        "mode": "decrement",
        "prevented_at": "2023-11-14T22:13:20.005000Z",
    }


def test_waiting_orders_can_be_asked_for(kinds_api: TestClient[Any]) -> None:
    waiting = get(kinds_api, "/v1/accounts/cid/orders", status="waiting")["orders"]
    assert [order["client_order_id"] for order in waiting] == ["stop"]


def test_a_market_has_its_prices(kinds_api: TestClient[Any]) -> None:
    market = get(kinds_api, "/v1/markets/ETH-EUR")
    assert (market["last_price"], market["mark_price"]) == ("101", "102")
    assert market["marked_at"] == market["last_traded_at"] == "2023-11-14T22:13:20.006000Z"
    book = get(kinds_api, "/v1/markets/ETH-EUR/book")
    assert book["bids"] == [{"price": "100", "quantity": "0.5"}, {"price": "99", "quantity": "1"}]


def test_orders_come_newest_first_a_page_at_a_time(api: TestClient[Any]) -> None:
    whole = get(api, "/v1/accounts/ann/orders")
    assert whole["next_cursor"] is None
    names = [order["client_order_id"] for order in whole["orders"]]
    assert sorted(names) == ["bid", "gone", "low", "odd"]
    assert {"gone", "odd"} == set(names[:2])
    pages: list[Any] = []
    cursor = None
    while cursor is not None or not pages:
        page = get(api, "/v1/accounts/ann/orders", limit=1, **({"cursor": cursor} if cursor else {}))
        pages.append(page["orders"])
        cursor = page["next_cursor"]
    assert [order["client_order_id"] for page in pages for order in page] == names
    assert {len(page) for page in pages} == {1}


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"status": "open"}, {"low"}),
        ({"status": ["open", "partially_filled"]}, {"low", "bid"}),
        ({"status": "cancelled", "symbol": "BTC-USD"}, {"gone"}),
        ({"symbol": "BTC-USD"}, {"low", "bid", "gone", "odd"}),
        ({"symbol": "XXX"}, set()),
    ],
)
def test_orders_by_status_and_symbol(api: TestClient[Any], asked: dict[str, Any], found: set[str]) -> None:
    orders_found = get(api, "/v1/accounts/ann/orders", **asked)["orders"]
    assert {order["client_order_id"] for order in orders_found} == found


def test_balances_add_up(api: TestClient[Any]) -> None:
    answer = get(api, "/v1/accounts/ann/balances")
    assert answer["balances"] == [
        {"asset": "BTC", "available": "100000000.5", "held": "0", "total": "100000000.5"},
        {"asset": "USD", "available": "99999699.951", "held": "249.999", "total": "99999949.95"},
    ]


def test_a_position_has_its_cost_and_fees(api: TestClient[Any]) -> None:
    (position,) = get(api, "/v1/accounts/bob/positions")["positions"]
    expected = {"quantity": "-0.5", "average_cost": "100", "cost": "50", "realised_pnl": "0", "fees": "0.1"}
    assert {name: position[name] for name in expected} == expected
    assert position["net_realised_pnl"] == "-0.1"


def test_markets_books_and_trades(api: TestClient[Any]) -> None:
    (market,) = get(api, "/v1/markets")["markets"]
    assert market == get(api, "/v1/markets/BTC-USD")
    assert (market["tick_size"], market["lot_size"], market["maker_fee_ppm"]) == ("0.01", "0.0001", 1_000)
    book = get(api, "/v1/markets/BTC-USD/book")
    assert book["bids"] == [{"price": "100", "quantity": "1.5"}, {"price": "99.5", "quantity": "1"}]
    assert book["asks"] == [{"price": "101", "quantity": "1"}]
    assert get(api, "/v1/markets/BTC-USD/book", depth=1)["bids"] == book["bids"][:1]
    (trade,) = get(api, "/v1/markets/BTC-USD/trades")["trades"]
    assert (trade["price"], trade["quantity"], trade["taker_side"]) == ("100", "0.5", "sell")


def test_every_answer_says_how_fresh_it_is(api: TestClient[Any], venue: Venue) -> None:
    answer = api.get("/v1/accounts/ann/balances", headers=ANALYST)
    assert answer.headers["OMS-Seq"] == f"{SHARD}:{venue.events[-1].seq}"
    assert answer.headers["OMS-As-Of"] == "2023-11-14T22:13:20.006000Z"


def test_a_query_waits_for_a_write_to_become_visible(
    servers: Stack, config: QueryConfig, api: TestClient[Any], venue: Venue
) -> None:
    goal = heads(venue.events, PARTITIONS)
    here = max(place for place in goal if place.topic == SOURCES["positions"])
    goal[here] += 1
    after = write_token(goal)
    path = "/v1/accounts/ann/positions"
    early = api.get(path, headers=ANALYST, params={"after": after})
    assert problem(early) == (HTTPStatus.SERVICE_UNAVAILABLE, "not_yet_visible")
    assert early.headers["Retry-After"] == "1"
    assert api.get("/v1/markets/BTC-USD/book", headers=ANALYST, params={"after": after}).is_success

    client: MongoClient[Any] = MongoClient(servers.settings.mongo_url)
    mark = Mark("positions", *here, goal[here], venue.now_us)
    timer = Timer(WAIT_MS_MAX / 1000 / 4, progress.write, (client[config.mongo_database], [mark]))
    timer.start()
    assert api.get(path, headers={**ANALYST, "OMS-Read-After": after}).is_success
    timer.join()
    client.close()


def test_who_has_no_valid_token_learns_how_to_get_in(api: TestClient[Any]) -> None:
    for headers in (
        {},
        {"Authorization": "Bearer nonsense"},
        {"Authorization": "Basic eDp5"},
        token("admin", secret="another secret that is just as long as ours"),
        # {"alg":"none"} and a subject, unsigned
        {"Authorization": "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4Iiwicm9sZXMiOlsiYWRtaW4iXX0."},
    ):
        answer = api.get("/v1/markets", headers=headers)
        assert problem(answer) == (HTTPStatus.UNAUTHORIZED, "not_authenticated")
        assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_limits_stand_beside_what_is_used_of_them(api: TestClient[Any]) -> None:
    answer = get(api, "/v1/accounts/ann/limits")
    (usd,) = answer["assets"]
    assert (usd["max_open_notional"], usd["open_notional"]) == ("300", "249.5")
    assert (usd["daily_loss"], usd["net_today"]) == (None, "0")
    (btc,) = answer["markets"]
    expected = {"max_position": None, "position": "0.5", "bought_at_most": "3", "sold_at_most": "0"}
    assert {name: btc[name] for name in expected} == expected
    assert (answer["order_rate"], answer["orders_counted"], answer["complete"]) == (9, 2, True)


def test_an_account_without_limits_is_shown_what_it_uses(api: TestClient[Any]) -> None:
    answer = get(api, "/v1/accounts/bob/limits")
    assert (answer["order_rate"], answer["changed_at"]) == (None, None)
    assert [(each["symbol"], each["position"]) for each in answer["markets"]] == [("BTC-USD", "-0.5")]


@pytest.mark.parametrize("what", ["orders", "balances", "positions", "limits"])
def test_a_trader_reads_own_accounts_only(api: TestClient[Any], what: str) -> None:
    ann = token("trader", accounts=["ann"])
    assert api.get(f"/v1/accounts/ann/{what}", headers=ann).is_success
    other = api.get(f"/v1/accounts/bob/{what}", headers=ann)
    assert problem(other) == (HTTPStatus.FORBIDDEN, "not_allowed")


def test_a_trader_reads_own_orders_only(api: TestClient[Any]) -> None:
    ann = token("trader", accounts=["ann"])
    assert api.get(f"/v1/orders/{order_id(SHARD, 'ann', 'bid')}", headers=ann).is_success
    name = order_id(SHARD, "bob", "hit")
    other, unknown = (api.get(f"/v1/orders/{each}", headers=ann) for each in (name, name[::-1]))
    assert problem(other) == problem(unknown) == (HTTPStatus.NOT_FOUND, "not_found")
    assert other.json()["detail"].replace(name, "") == unknown.json()["detail"].replace(name[::-1], "")


@pytest.mark.parametrize("role", ["analyst", "auditor", "admin"])
def test_some_roles_read_all_accounts(api: TestClient[Any], role: Role) -> None:
    assert api.get("/v1/accounts/ann/balances", headers=token(role)).is_success


@pytest.mark.parametrize(
    ("path", "status", "code", "named"),
    [
        ("/v1/orders/none", 404, "not_found", "none"),
        ("/v1/markets/XXX", 404, "not_found", "XXX"),
        ("/v1/markets/XXX/book", 404, "not_found", "XXX"),
        ("/v1/markets/XXX/trades", 404, "not_found", "XXX"),
        ("/v1/nothing", 404, "not_found", ""),
        ("/v1/accounts/ann/orders?limit=501", 400, "invalid_request", "limit"),
        ("/v1/accounts/ann/orders?status=gone", 400, "invalid_request", "gone"),
        ("/v1/accounts/ann/orders?cursor=x", 400, "invalid_request", "cursor"),
        ("/v1/accounts/ann/orders?after=x", 400, "invalid_request", "'x'"),
    ],
)
def test_what_cannot_be_answered_says_why(
    api: TestClient[Any], path: str, status: int, code: str, named: str
) -> None:
    answer = api.get(path, headers=ANALYST)
    assert problem(answer) == (status, code)
    assert named in answer.json()["detail"]


def test_every_route_is_described(api: TestClient[Any]) -> None:
    described = api.get("/schema/openapi.json").json()
    ids = {route["get"]["operationId"] for route in described["paths"].values()}
    assert ids == {route.name for route in routes_of(api.app) if route.name != "problems"}


def test_what_an_order_can_be_is_described(api: TestClient[Any]) -> None:
    schemas = api.get("/schema/openapi.json").json()["components"]["schemas"]
    order = schemas["OrderView"]["properties"]
    assert {"trigger", "display_quantity", "quote_quantity", "expires_at", "post_only"} <= order.keys()
    assert order["status"]["enum"] == [*orders.STATUSES]
    assert "best price since then" in schemas["TriggerView"]["properties"]["price"]["description"]
