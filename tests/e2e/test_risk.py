"""The risk engine closes the loop, on a whole stack: a breach is on record, the account is restricted and its
orders are gone, whatever dies in between; a risk officer takes it back."""

from collections.abc import Callable, Iterator
from contextlib import closing
from http import HTTPStatus
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from stack.running import Stack, running_stack
from stack.services import SERVICES
from stack.settings import Settings
from stack.waiting import wait_until
from streams.risk.migrating import engine
from streams.risk.tables import Action, Alert, Breach
from tests.e2e.test_an_order import RULES, Desk

pytestmark = pytest.mark.timeout(300)

DONE_MS_MAX = 60_000


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    settings = Settings.with_free_ports(tmp_path_factory.mktemp("risk"))
    with running_stack(settings, [service.name for service in SERVICES]) as running:
        yield running


@pytest.fixture
def admin(stack: Stack) -> Iterator[Desk]:
    with closing(Desk(stack.settings, roles=["admin"])) as desk:
        desk.symbol = f"M{uuid4().hex[:8].upper()}-USD"
        market = {**RULES, "symbol": desk.symbol, "base_asset": desk.symbol.partition("-")[0]}
        assert desk.commands.post("/v1/markets", json=market).status_code == HTTPStatus.CREATED
        yield desk


@pytest.fixture
def record(stack: Stack) -> Iterator[Engine]:
    made = engine(stack.settings.postgres_dsn)
    yield made
    made.dispose()


def account(admin: Desk, name: str, **funds: str) -> str:
    made = f"{name}-{uuid4().hex[:8]}"
    assert admin.commands.post("/v1/accounts", json={"account": made}).status_code == HTTPStatus.CREATED
    for asset, amount in funds.items():
        deposit = {"client_transfer_id": asset, "asset": asset, "amount": amount}
        answer = admin.commands.post(f"/v1/accounts/{made}/deposits", json=deposit)
        assert answer.status_code == HTTPStatus.CREATED, answer.text
    return made


def bought(admin: Desk, quantity: str, price: str) -> str:
    """Return an account that has bought, and has bids and offers left in the book."""
    base = admin.symbol.partition("-")[0]
    buyer = account(admin, "buyer", USD="100000")
    seller = account(admin, "seller", **{base: "1000"})
    admin.place(seller, "offer", "sell", quantity, price)
    assert admin.place(buyer, "buy", "buy", quantity, price).json()["status"] == "filled"
    assert admin.place(buyer, "bid", "buy", "1", "50").json()["status"] == "open"
    assert admin.place(buyer, "ask", "sell", "1", "200").json()["status"] == "open"
    return buyer


def limit(admin: Desk, name: str, **limits: Any) -> None:
    answer = admin.commands.put(f"/v1/accounts/{name}/limits", json=limits)
    assert answer.status_code == HTTPStatus.OK, answer.text


def mark(admin: Desk, price: str) -> None:
    answer = admin.commands.put(f"/v1/markets/{admin.symbol}/mark-price", json={"price": price})
    assert answer.status_code == HTTPStatus.OK, answer.text


def status_of(admin: Desk, name: str) -> Any:
    return admin.read(f"/v1/accounts/{name}")


def becomes(what: str, is_so: Callable[[], bool]) -> None:
    wait_until(is_so, DONE_MS_MAX, what)


def open_orders(admin: Desk, name: str) -> set[str]:
    found = admin.queries.get(f"/v1/accounts/{name}/orders", params={"status": "open"})
    return {order["client_order_id"] for order in found.json()["orders"]}


def rows(record: Engine, table: Any, **wanted: Any) -> list[Any]:
    with Session(record, expire_on_commit=False) as session:
        return list(session.scalars(select(table).filter_by(**wanted)))


def test_a_loss_not_yet_realised_lets_the_account_only_sell(
    stack: Stack, admin: Desk, record: Engine
) -> None:
    buyer = bought(admin, "10", "100")
    limit(admin, buyer, daily_loss={"USD": "50"})
    mark(admin, "94")
    becomes("only sells", lambda: status_of(admin, buyer)["status"] == "reduce_only")
    assert status_of(admin, buyer)["actor"] == "risk-engine"
    assert "daily_loss" in status_of(admin, buyer)["reason"]
    becomes("bids are cancelled", lambda: open_orders(admin, buyer) == {"ask"})
    assert admin.place(buyer, "more", "buy", "1", "50").json()["code"] == "account_restricted"

    levels = {breach.level for breach in rows(record, Breach, subject=buyer)}
    assert levels == {"soft", "hard"}
    (action,) = rows(record, Action, subject=buyer)
    becomes("the action is done", lambda: rows(record, Action, subject=buyer)[0].done_event_id is not None)
    assert action.kind == "reduce_only"
    assert len(rows(record, Alert, account=buyer, kind="breach")) == 2

    with closing(Desk(stack.settings, roles=["risk"])) as officer:
        release = {"status": "active", "reason": "talked to"}
        done = officer.commands.put(f"/v1/accounts/{buyer}/status", json=release)
        assert done.status_code == HTTPStatus.OK
    assert admin.place(buyer, "again", "buy", "1", "50").json()["status"] == "open"
