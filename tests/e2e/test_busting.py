"""A trade busted and one corrected, over HTTP, through the real order processor, and read back."""

from collections.abc import Iterator
from contextlib import closing
from http import HTTPStatus
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest
from confluent_kafka import Producer

from commands.messages import CommandMessage
from domain.event import Side
from domain.ids import order_id
from domain.order import OrderRequest, PlaceOrder
from domain.trade import BustTrade
from stack.running import Stack, running_stack
from stack.services import SERVICES
from stack.settings import Settings
from streams.codec import encode
from streams.topics import ORDERS
from tests.e2e.test_an_order import RULES, Desk


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    settings = Settings.with_free_ports(tmp_path_factory.mktemp("busting"))
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
def pair(admin: Desk) -> tuple[str, str]:
    buyer, seller = (f"{name}-{uuid4().hex[:8]}" for name in ("buyer", "seller"))
    for account, asset, amount in ((buyer, "USD", "10000"), (seller, "BTC", "10")):
        admin.commands.post("/v1/accounts", json={"account": account})
        deposit = {"client_transfer_id": "first", "asset": asset, "amount": amount}
        answer = admin.commands.post(f"/v1/accounts/{account}/deposits", json=deposit)
        assert answer.status_code == HTTPStatus.CREATED, answer.text
    return buyer, seller


def change(desk: Desk, what: str, order_id: str, trade_id: int = 1, **more: Any) -> httpx.Response:
    body = {"order_id": order_id, "reason": "clearly erroneous", **more}
    return desk.commands.post(f"/v1/markets/{desk.symbol}/trades/{trade_id}/{what}", json=body)


def balances(desk: Desk, account: str, after: str) -> dict[str, str]:
    found = desk.read(f"/v1/accounts/{account}/balances", after)["balances"]
    return {balance["asset"]: balance["available"] for balance in found}


def test_a_trade_of_an_earlier_batch_after_a_restart(
    stack: Stack, admin: Desk, pair: tuple[str, str]
) -> None:
    buyer, seller = pair
    bid = admin.place(buyer, "bid", "buy", "2", "100").json()
    hit = admin.place(seller, "hit", "sell", "2", "100").json()
    assert hit["status"] == "filled"
    stack.kill("order-processor")

    corrected = change(admin, "correct", bid["order_id"], price="90")
    while corrected.status_code == HTTPStatus.ACCEPTED:
        corrected = change(admin, "correct", bid["order_id"], price="90")
    assert (corrected.status_code, corrected.json()["status"]) == (HTTPStatus.OK, "corrected")
    token = corrected.json()["token"]
    assert balances(admin, buyer, token) == {"BTC": "2", "USD": "9819.82"}
    assert balances(admin, seller, token) == {"BTC": "8", "USD": "179.64"}
    order = admin.read(f"/v1/orders/{bid['order_id']}", token)
    assert (order["average_price"], order["notional"], order["fees"]) == ("90", "180", "0.18")
    (fill,) = order["fills"]
    assert (fill["price"], fill["status"], fill["change"]["corrected_price"]) == ("100", "corrected", "90")

    busted = change(admin, "bust", hit["order_id"])
    assert (busted.status_code, busted.json()["status"]) == (HTTPStatus.OK, "busted")
    token = busted.json()["token"]
    assert balances(admin, buyer, token) == {"BTC": "0", "USD": "10000"}
    assert balances(admin, seller, token) == {"BTC": "10", "USD": "0"}
    (trade,) = admin.read(f"/v1/markets/{admin.symbol}/trades", token)["trades"]
    assert (trade["status"], trade["change"]["reason"]) == ("busted", "clearly erroneous")
    order = admin.read(f"/v1/orders/{bid['order_id']}", token)
    assert (order["status"], order["filled"], order["busted"], order["notional"], order["average_price"]) == (
        "filled",
        "2",
        "2",
        "0",
        None,
    )
    (position,) = admin.read(f"/v1/accounts/{buyer}/positions", token)["positions"]
    assert (position["quantity"], position["net_realised_pnl"]) == ("0", "0")

    again = change(admin, "bust", bid["order_id"])
    assert (again.status_code, again.headers["idempotent-replayed"]) == (HTTPStatus.OK, "true")
    late = change(admin, "correct", bid["order_id"], price="80")
    assert (late.status_code, late.json()["code"]) == (HTTPStatus.CONFLICT, "trade_already_busted")


def test_who_has_spent_it_is_named(admin: Desk, pair: tuple[str, str]) -> None:
    buyer, seller = pair
    admin.place(seller, "offer", "sell", "2", "100")
    taken = admin.place(buyer, "take", "buy", "2", "100").json()
    admin.place(buyer, "away", "sell", "1.5", "200")
    refused = change(admin, "bust", taken["order_id"])
    assert (refused.status_code, refused.json()["code"]) == (HTTPStatus.CONFLICT, "bust_unfunded")
    assert f"{buyer} has 0.5 BTC available" in refused.json()["detail"]
    unknown = change(admin, "bust", taken["order_id"], trade_id=7)
    assert (unknown.status_code, unknown.json()["code"]) == (HTTPStatus.NOT_FOUND, "unknown_trade")


def test_only_the_venue_may(stack: Stack, admin: Desk, pair: tuple[str, str]) -> None:
    buyer, seller = pair
    bid = admin.place(buyer, "bid", "buy", "2", "100").json()
    admin.place(seller, "hit", "sell", "2", "100")
    with closing(Desk(stack.settings, roles=["trader"], accounts=[buyer])) as trader:
        trader.symbol = admin.symbol
        assert change(trader, "bust", bid["order_id"]).status_code == HTTPStatus.FORBIDDEN
    with closing(Desk(stack.settings, roles=["operator"])) as operator:
        operator.symbol = admin.symbol
        assert change(operator, "bust", bid["order_id"]).status_code == HTTPStatus.OK
    with psycopg.connect(stack.settings.postgres_dsn) as connection:
        (count,) = connection.execute(
            "SELECT count(*) FROM events WHERE topic = 'TradeBusted.v1' AND convert_from(state, 'UTF8')"
            " LIKE '%%' || %s || '%%'",
            (bid["order_id"],),
        ).fetchone() or (0,)
    assert count == 1


def test_a_trade_of_the_same_batch(stack: Stack, admin: Desk, pair: tuple[str, str]) -> None:
    """The commands reach the processor as one set of messages, before any of it is stored."""
    buyer, seller = pair
    bid, hit = new_order(admin, buyer, "buy"), new_order(admin, seller, "sell")
    bust = BustTrade(
        command_id=uuid4().hex,
        actor="op",
        symbol=admin.symbol,
        trade_id=1,
        order_id=hit.order_id,
        reason="at once",
    )
    producer = Producer({"bootstrap.servers": stack.settings.kafka_bootstrap, "linger.ms": 200})
    for command in (bid, hit, bust):
        producer.produce(ORDERS, encode(CommandMessage(command, "nobody")), partition=0)
    assert producer.flush(10) == 0

    token = admin.place(buyer, "after", "buy", "1", "1").json()["token"]
    assert balances(admin, seller, token)["BTC"] == "10"
    with psycopg.connect(stack.settings.postgres_dsn) as connection:
        times = connection.execute(
            "SELECT DISTINCT convert_from(state, 'UTF8')::jsonb ->> 'occurred_at_us' FROM events"
            " WHERE topic IN ('OrderFilled.v1', 'TradeBusted.v1')"
            " AND convert_from(state, 'UTF8')::jsonb -> 'event' ->> 'symbol' = %s",
            (admin.symbol,),
        ).fetchall()
    assert len(times) == 1, "all in one batch"


def new_order(desk: Desk, account: str, side: Side) -> PlaceOrder:
    return PlaceOrder(
        command_id=uuid4().hex,
        actor=account,
        order_id=order_id(0, account, side),
        account=account,
        client_order_id=side,
        symbol=desk.symbol,
        request=OrderRequest(side=side, quantity="2", price="100"),
    )
