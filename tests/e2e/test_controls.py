"""The venue's controls over HTTP: who may use them, what they do, and how it is read back."""

from collections.abc import Iterator
from contextlib import closing
from http import HTTPStatus
from typing import Any
from uuid import uuid4

import pytest

from stack.running import Stack, running_stack
from stack.services import SERVICES
from stack.settings import Settings
from tests.e2e.test_an_order import RULES, Desk


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    settings = Settings.with_free_ports(tmp_path_factory.mktemp("controls"))
    with running_stack(settings, [service.name for service in SERVICES]) as running:
        yield running


@pytest.fixture
def admin(stack: Stack) -> Iterator[Desk]:
    with closing(Desk(stack.settings, roles=["admin"])) as desk:
        desk.symbol = f"M{uuid4().hex[:8].upper()}-USD"
        market = {**RULES, "symbol": desk.symbol}
        assert desk.commands.post("/v1/markets", json=market).status_code == HTTPStatus.CREATED
        yield desk


@pytest.fixture
def buyer(admin: Desk) -> str:
    account = f"buyer-{uuid4().hex[:8]}"
    assert admin.commands.post("/v1/accounts", json={"account": account}).status_code == HTTPStatus.CREATED
    deposit = {"client_transfer_id": "first", "asset": "USD", "amount": "10000"}
    answer = admin.commands.post(f"/v1/accounts/{account}/deposits", json=deposit)
    assert answer.status_code == HTTPStatus.CREATED, answer.text
    return account


def put(desk: Desk, path: str, **body: Any) -> Any:
    answer = desk.commands.put(path, json={"reason": "drill", **body})
    assert answer.status_code == HTTPStatus.OK, answer.text
    return answer.json()


def test_a_market_is_halted_changed_closed_and_delisted(admin: Desk, buyer: str) -> None:
    market = f"/v1/markets/{admin.symbol}"
    resting = admin.place(buyer, "bid", "buy", "1", "100.01").json()
    put(admin, f"{market}/status", status="halted")
    refused = admin.place(buyer, "late", "buy", "1", "100").json()
    assert (refused["code"], refused["status_of_order"]) == ("market_not_open", "rejected")

    change = admin.commands.patch(f"{market}/rules", json={"tick_size": "0.1", "max_open_orders": 3})
    assert (change.status_code, change.json()["detail"]) == (HTTPStatus.OK, "1 orders cancelled")
    token = change.json()["token"]
    order = admin.read(f"/v1/orders/{resting['order_id']}", after=token)
    assert (order["status"], order["cancel_reason"]) == ("cancelled", "rules_changed")
    seen = admin.read(market, after=token)
    assert [seen[name] for name in ("status", "status_reason", "tick_size", "max_open_orders")] == [
        "halted",
        "drill",
        "0.1",
        3,
    ]

    assert admin.commands.delete(market).status_code == HTTPStatus.CONFLICT
    put(admin, f"{market}/status", status="closed")
    delisted = admin.commands.delete(market).json()
    assert delisted["status"] == "delisted"
    assert admin.read(market, after=delisted["token"])["status"] == "delisted"
    assert admin.symbol not in {each["symbol"] for each in admin.read("/v1/markets")["markets"]}
    assert admin.place(buyer, "later", "buy", "1", "100").json()["code"] == "market_delisted"


def test_a_trader_stops_the_own_account_and_the_venue_releases_it(
    stack: Stack, admin: Desk, buyer: str
) -> None:
    claims = {"roles": ["trader"], "accounts": [buyer]}
    with (
        closing(Desk(stack.settings, **claims)) as trader,
        closing(Desk(stack.settings, roles=["risk"])) as risk,
    ):
        trader.symbol = admin.symbol
        trader.place(buyer, "bid", "buy", "1", "100")
        stopped = trader.commands.post(f"/v1/accounts/{buyer}/kill-switch", json={})
        assert (stopped.status_code, stopped.json()["detail"]) == (HTTPStatus.OK, "1 orders cancelled")
        assert trader.place(buyer, "late", "buy", "1", "100").json()["code"] == "account_restricted"
        account = trader.read(f"/v1/accounts/{buyer}", after=stopped.json()["token"])
        assert (account["status"], account["actor"]) == ("cancel_only", "tester")

        release = {"status": "active", "reason": "talked to"}
        own = trader.commands.put(f"/v1/accounts/{buyer}/status", json=release)
        assert own.status_code == HTTPStatus.FORBIDDEN
        other = trader.commands.post("/v1/accounts/somebody/kill-switch", json={})
        assert other.status_code == HTTPStatus.FORBIDDEN
        put(risk, f"/v1/accounts/{buyer}/status", **release)
        assert trader.place(buyer, "again", "buy", "1", "100").json()["status"] == "open"


def test_the_venue_stops_with_all_its_orders(stack: Stack, admin: Desk, buyer: str) -> None:
    admin.place(buyer, "bid", "buy", "1", "100")
    stopped = put(admin, "/v1/venue/status", status="halted", cancel_orders=True)
    try:
        assert stopped["detail"].endswith("orders cancelled")
        assert admin.place(buyer, "late", "buy", "1", "100").json()["code"] == "venue_not_open"
        (shard,) = admin.read("/v1/venue/status", after=stopped["token"])["shards"]
        assert (shard["status"], shard["reason"]) == ("halted", "drill")
    finally:
        put(admin, "/v1/venue/status", status="open")
    assert admin.place(buyer, "again", "buy", "1", "100").json()["status"] == "open"
    with closing(Desk(stack.settings, roles=["trader"], accounts=[buyer])) as trader:
        body = {"status": "halted", "reason": "mischief"}
        assert trader.commands.put("/v1/venue/status", json=body).status_code == HTTPStatus.FORBIDDEN
