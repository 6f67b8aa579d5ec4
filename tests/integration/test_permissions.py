"""Every route of both APIs, called by every role and by nobody, answers as the table of permissions says."""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, NamedTuple, get_args
from uuid import uuid4

import psycopg
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from api.auth import Identity, Role, mint_token
from api.command.app import CommandApiConfig
from api.command.app import create_app as command_app
from api.permissions import EVERY_ACCOUNT, OPEN, ROUTES, Right, Route, routes_of
from api.query.app import QueryConfig
from api.query.app import create_app as query_app
from api.query.audit.desk import AuditConfig
from commands import schema
from domain.ids import order_id
from stack.running import Stack
from streams.audit import access, index
from streams.risk import migrating
from tests.integration.test_query_api import SECRET, config, venue
from tests.unit.projections.trading import SHARD

__all__ = ["config", "venue"]  # fixtures

ROLES: tuple[Role, ...] = get_args(Role)
REFUSED = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
OWN, OTHERS = "ann", "bob"
ORDERS = {OWN: order_id(SHARD, OWN, "bid"), OTHERS: order_id(SHARD, OTHERS, "hit")}
NO_ORDER = "00000000-0000-5000-8000-000000000000"
DAY = "2026-01-31"

SEARCHES = {
    "searchOrders",
    "searchPositions",
    "searchBalances",
    "searchTransfers",
    "searchDailyPnl",
    "sumTrades",
    "sumFees",
    "sumOrders",
}
BY_ID = {"getOrder", "listOrderEvents", "getOrderList"}
"""Their answer to somebody else is that there is no such thing."""
ENDLESS = {"streamAlerts"}
"""An answer that goes on until the client leaves."""
IN_QUERY = {"cancelOrder", "cancelAll", "cancelOrderList"}


class Asked(NamedTuple):
    """A request for one account's things."""

    method: str
    path: str
    params: Mapping[str, str]
    body: Any


def order(account: str) -> dict[str, Any]:
    plain = {"account": account, "client_order_id": uuid4().hex, "symbol": "BTC-USD", "side": "buy"}
    return {**plain, "type": "limit", "quantity": "1", "price": "5"}


def body_of(operation: str, account: str) -> Any:
    """Return a body for the routes that name an account there; the others are refused or let in before it."""
    own = order(account)
    legs = [{k: v for k, v in order(account).items() if k not in {"account", "symbol"}} for _ in range(2)]
    return {
        "placeOrder": own,
        "testOrder": own,
        "cancelReplace": {"cancel_order_id": ORDERS[account], "mode": "stop_on_failure", "order": own},
        "amendOrder": {"account": account, "quantity": "1"},
        "sendBatch": {"commands": [{"op": "place", **own}]},
        "placeOrderList": {
            "account": account,
            "client_list_id": uuid4().hex,
            "symbol": "BTC-USD",
            "kind": "oto",
            "legs": legs,
        },
        "requestWithdrawal": {
            "client_transfer_id": uuid4().hex,
            "asset": "USD",
            "amount": "1",
            "destination": "address-7",
        },
        "transferFunds": {
            "account": account,
            "to_account": "cid",
            "client_transfer_id": uuid4().hex,
            "asset": "USD",
            "amount": "1",
        },
        "killSwitch": {"status": "cancel_only", "reason": "drill"},
    }.get(operation, {})


def asked_of(route: Route, account: str) -> Asked:
    names = {
        "account": account,
        "symbol": "BTC-USD",
        "order_id": ORDERS[account],
        "order": ORDERS[account],
        "list_id": ORDERS[account],
        "trade_id": "1",
    }
    path = route.path
    for name in [part[1:-1] for part in path.split("/") if part.startswith("{")]:
        path = path.replace(f"{{{name}}}", names.get(name, NO_ORDER))
    params: dict[str, str] = {}
    if route.name in SEARCHES | IN_QUERY:
        params["account"] = account
    if route.name == "sumOrders":
        params |= {"from": DAY, "to": DAY}
    if route.name == "auditSearch":
        params["q"] = account
    body = None if route.method in {"GET", "DELETE"} else body_of(route.name, account)
    return Asked(route.method, path, params, body)


def names_an_account(asked: Asked) -> bool:
    body = asked.body if isinstance(asked.body, dict) else {}
    nested = {"order", "commands", "account"} & body.keys()
    return bool(nested) or "account" in asked.params or "/accounts/" in asked.path


def identity(*roles: Role) -> Identity:
    return Identity("me", frozenset(roles), frozenset({OWN}))


def expected(route: Route, right: Right, role: Role, account: str) -> str:
    reach = right.reach(identity(role))
    if right is OPEN:
        return "let in"
    if reach is None:
        return "refused"
    foreign = reach == "own" and account == OTHERS
    if foreign and route.name in BY_ID:
        return "not found"
    return "refused" if foreign and names_an_account(asked_of(route, account)) else "let in"


def as_wanted(status: int, wanted: str) -> bool:
    if wanted == "not found":
        return status == HTTPStatus.NOT_FOUND
    return (status in REFUSED) == (wanted == "refused")


def call(client: TestClient[Any], route: Route, account: str, *roles: Role) -> int:
    asked = asked_of(route, account)
    token = mint_token(SECRET, "me", list(roles), [OWN])
    headers = {"Authorization": f"Bearer {token}"} if roles else {}
    answer = client.request(
        asked.method, asked.path, params=dict(asked.params), json=asked.body, headers=headers
    )
    return answer.status_code


@pytest.fixture(scope="module")
def commands(servers: Stack) -> Iterator[TestClient[Any]]:
    """Nobody decides here: what is let in is pending, or could not be put into the log."""
    own = servers.settings
    with psycopg.connect(own.postgres_dsn) as connection:
        schema.create(connection, 1)
    migrating.migrate(own.postgres_dsn)
    made = CommandApiConfig(
        own.kafka_bootstrap, own.redis_url, SECRET, 20, 1_000, postgres_dsn=own.postgres_dsn
    )
    with TestClient(command_app(made), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="module")
def queries(servers: Stack, config: QueryConfig) -> Iterator[TestClient[Any]]:
    dsn = servers.settings.postgres_dsn
    with psycopg.connect(dsn, autocommit=True) as connection:
        schema.create(connection, 1)
        index.create(connection)
        access.create(connection)
    migrating.migrate(dsn)
    made = QueryConfig(
        config.mongo_url, config.mongo_database, SECRET, audit=AuditConfig(dsn, ("false",), 200)
    )
    with TestClient(query_app(made), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(params=["commands", "queries"])
def client(request: pytest.FixtureRequest) -> TestClient[Any]:
    made: TestClient[Any] = request.getfixturevalue(request.param)
    return made


def routes(client: TestClient[Any]) -> list[Route]:
    app = client.app
    assert isinstance(app, Litestar)
    return [route for route in routes_of(app) if route.method != "WS" and route.name not in ENDLESS]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("role", ROLES)
def test_every_route_answers_every_role_as_the_table_says(client: TestClient[Any], role: Role) -> None:
    wrong = {}
    for route in routes(client):
        for account in (OWN, OTHERS):
            status = call(client, route, account, role)
            wanted = expected(route, ROUTES[route.name], role, account)
            if not as_wanted(status, wanted):
                wrong[f"{route.name} {account}"] = (status, wanted)
    assert wrong == {}


def test_nobody_is_let_in_but_where_it_is_open(client: TestClient[Any]) -> None:
    for route in routes(client):
        status = call(client, route, OWN)
        assert (status == HTTPStatus.UNAUTHORIZED) == (ROUTES[route.name] is not OPEN), route.name


def test_a_token_without_roles_sees_the_markets_alone(client: TestClient[Any]) -> None:
    token = {"Authorization": f"Bearer {mint_token(SECRET, 'me', [], [OWN])}"}
    for route in routes(client):
        asked = asked_of(route, OWN)
        answer = client.request(asked.method, asked.path, headers=token, json=asked.body)
        anybody = not ROUTES[route.name].roles
        assert (answer.status_code in REFUSED) != anybody, route.name


def test_all_accounts_of_a_trader_are_all_accounts(client: TestClient[Any]) -> None:
    token = {"Authorization": f"Bearer {mint_token(SECRET, 'load', ['trader'], [EVERY_ACCOUNT])}"}
    for route in routes(client):
        asked = asked_of(route, OTHERS)
        answer = client.request(
            asked.method, asked.path, params=dict(asked.params), headers=token, json=asked.body
        )
        may = not ROUTES[route.name].roles or "trader" in ROUTES[route.name].roles
        assert (answer.status_code not in REFUSED) == may, route.name


def test_alerts_are_streamed_to_who_may_see_them(queries: TestClient[Any]) -> None:
    assert queries.get("/v1/risk/alerts/stream").status_code == HTTPStatus.UNAUTHORIZED
    token = {"Authorization": f"Bearer {mint_token(SECRET, 'me', ['trader', 'admin'], [OWN])}"}
    assert queries.get("/v1/risk/alerts/stream", headers=token).status_code == HTTPStatus.FORBIDDEN


def test_a_list_without_accounts_is_of_ones_own(queries: TestClient[Any]) -> None:
    token = {"Authorization": f"Bearer {mint_token(SECRET, 'me', ['trader'], [OWN])}"}
    for path, what in (("orders", "orders"), ("positions", "positions"), ("balances", "balances")):
        found = queries.get(f"/v1/{path}", headers=token).json()[what]
        assert {each["account"] for each in found} == {OWN}, path
    csv = queries.get("/v1/orders", headers=token, params={"format": "csv"}).text
    assert (OWN in csv, OTHERS in csv) == (True, False)


def test_somebody_elses_order_looks_like_one_that_nobody_has(queries: TestClient[Any]) -> None:
    token = {"Authorization": f"Bearer {mint_token(SECRET, 'me', ['trader'], [OWN])}"}
    answers = []
    for name in (ORDERS[OTHERS], NO_ORDER):
        answer = queries.get(f"/v1/orders/{name}", headers=token)
        answers.append((answer.status_code, answer.text.replace(name, ""), sorted(answer.headers)))
    assert answers[0] == answers[1]
