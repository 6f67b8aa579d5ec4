"""Money all the way: over HTTP in, through every server, over HTTP out, and reconciled with custody."""

import json
from collections.abc import Iterator
from contextlib import closing
from http import HTTPStatus
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from stack.running import Stack, running_stack
from stack.services import SERVICES
from stack.settings import Settings
from tests.e2e.test_an_order import RULES, Desk


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    settings = Settings.with_free_ports(tmp_path_factory.mktemp("money"))
    with running_stack(settings, [service.name for service in SERVICES]) as running:
        yield running


@pytest.fixture
def admin(stack: Stack) -> Iterator[Desk]:
    with closing(Desk(stack.settings, roles=["admin"])) as desk:
        desk.symbol = "BTC-USD"
        market = {**RULES, "symbol": desk.symbol}
        assert desk.commands.post("/v1/markets", json=market).status_code == HTTPStatus.CREATED
        yield desk


def send(desk: Desk, path: str, *status: HTTPStatus, **data: Any) -> Any:
    answer = desk.commands.post(path, json=data)
    assert answer.status_code in (status or [HTTPStatus.CREATED]), answer.text
    return answer.json()


def put(desk: Desk, path: str, **data: Any) -> Any:
    answer = desk.commands.put(path, json=data)
    assert answer.status_code == HTTPStatus.OK, answer.text
    return answer.json()


@pytest.fixture
def ann(admin: Desk) -> str:
    """An account with 100 dollars."""
    account = f"ann-{uuid4().hex[:8]}"
    send(admin, "/v1/accounts", account=account)
    send(admin, f"/v1/accounts/{account}/deposits", client_transfer_id="first", asset="USD", amount="100")
    return account


def available(desk: Desk, account: str, token: str) -> dict[str, tuple[str, str]]:
    balances = desk.read(f"/v1/accounts/{account}/balances", after=token)["balances"]
    return {balance["asset"]: (balance["available"], balance["held"]) for balance in balances}


def test_a_withdrawal_lives_in_two_steps(stack: Stack, admin: Desk, ann: str) -> None:
    path = f"/v1/accounts/{ann}/withdrawals"
    wish: dict[str, Any] = {
        "client_transfer_id": "out",
        "asset": "USD",
        "amount": "30",
        "destination": "address-7",
    }
    with closing(Desk(stack.settings, roles=["trader"], accounts=[ann])) as trader:
        requested = send(trader, path, **wish)
        assert (requested["status"], requested["replayed"]) == ("requested", False)
        again = send(trader, path, **wish)
        assert (again["status"], again["replayed"], again["id"]) == ("requested", True, requested["id"])
        end = f"{path}/{requested['id']}/complete"
        assert trader.commands.post(end, json={"reference": "tx"}).status_code == HTTPStatus.FORBIDDEN
    assert available(admin, ann, requested["token"]) == {"USD": ("70", "30")}

    done = send(admin, end, HTTPStatus.OK, reference="tx-1")
    assert done["status"] == "completed"
    assert available(admin, ann, done["token"]) == {"USD": ("70", "0")}
    assert send(admin, end, HTTPStatus.OK, reference="tx-1")["replayed"]
    other = send(admin, end, HTTPStatus.UNPROCESSABLE_ENTITY, reference="tx-2")
    assert other["code"] == "id_reused"
    late = send(admin, f"{path}/{requested['id']}/cancel", HTTPStatus.CONFLICT, reason="too late")
    assert late["code"] == "withdrawal_not_open"

    (newest, _) = admin.read(f"/v1/accounts/{ann}/transfers", after=done["token"])["transfers"]
    assert (newest["status"], newest["reference"], newest["amount"]) == ("completed", "tx-1", "30")


def test_a_trader_moves_own_funds_and_nobody_elses(stack: Stack, admin: Desk, ann: str) -> None:
    bob = f"bob-{uuid4().hex[:8]}"
    send(admin, "/v1/accounts", account=bob)
    wish: dict[str, Any] = {
        "client_transfer_id": "m",
        "account": ann,
        "to_account": bob,
        "asset": "USD",
        "amount": "40",
    }
    with closing(Desk(stack.settings, roles=["trader"], accounts=[bob])) as trader:
        assert trader.commands.post("/v1/transfers", json=wish).status_code == HTTPStatus.FORBIDDEN
    with closing(Desk(stack.settings, roles=["trader"], accounts=[ann])) as trader:
        moved = send(trader, "/v1/transfers", **wish)
    assert moved["status"] == "transferred"
    assert available(admin, ann, moved["token"]) == {"USD": ("60", "0")}
    assert available(admin, bob, moved["token"]) == {"USD": ("40", "0")}


def test_the_venue_adjusts_agrees_fees_and_groups(stack: Stack, admin: Desk, ann: str) -> None:
    path = f"/v1/accounts/{ann}"
    fix: dict[str, Any] = {
        "client_transfer_id": "fix",
        "side": "debit",
        "asset": "USD",
        "amount": "1",
        "reason": "ticket 7",
    }
    asked = send(admin, f"{path}/adjustments", HTTPStatus.ACCEPTED, **fix)
    assert (asked["status"], asked["asked_by"]) == ("asked", "tester")
    approve = f"/v1/adjustments/{asked['id']}/approve"
    assert send(admin, approve, HTTPStatus.UNPROCESSABLE_ENTITY)["code"] == "approval_required"
    with closing(Desk(stack.settings, subject="risk-officer", roles=["risk"])) as officer:
        adjusted = send(officer, approve, HTTPStatus.OK)
        assert send(officer, approve, HTTPStatus.OK)["replayed"]
    assert available(admin, ann, adjusted["token"]) == {"USD": ("99", "0")}
    newest = admin.read(f"/v1/accounts/{ann}/transfers", after=adjusted["token"])["transfers"][0]
    assert (newest["approver"], newest["reason"]) == ("risk-officer", "ticket 7")
    assert put(admin, f"{path}/fees", maker_fee_ppm=0, taker_fee_ppm=0)["status"] == "set"
    assert put(admin, f"{path}/group", group="desk")["status"] == "set"
    bid = admin.place(ann, "bid", "buy", "1", "99").json()
    assert bid["status"] == "open", "with its own fees of zero it can just pay for it"
    books = admin.read("/v1/ledger/trial-balance", after=bid["token"])
    assert books["balanced"]


def test_custodys_statement_is_compared_with_the_books(
    stack: Stack, admin: Desk, ann: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    from stack.cli.reconcile import reconcile

    monkeypatch.setattr("stack.cli.reconcile.running_settings", lambda: stack.settings)
    wish: dict[str, Any] = {"client_transfer_id": "more", "asset": "USD", "amount": "0.5"}
    deposited = send(admin, f"/v1/accounts/{ann}/deposits", **wish)
    books = admin.read("/v1/ledger/trial-balance", after=deposited["token"])
    (custody,) = [
        line["amount"]
        for asset in books["assets"]
        if asset["asset"] == "USD"
        for line in asset["lines"]
        if line["ledger_account"] == "custody"
    ]
    statement = tmp_path / "statement.csv"
    statement.write_text(f"asset,amount\nUSD,{custody}\n")
    reconcile(statement, as_json=True)
    assert json.loads(capsys.readouterr().out)["agrees"]
