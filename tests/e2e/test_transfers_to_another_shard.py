"""Funds go to another shard: over HTTP in, through every server, over HTTP out."""

from collections.abc import Iterator
from contextlib import closing
from http import HTTPStatus
from typing import Any
from uuid import uuid4

import pytest

from domain.account import OpenAccount
from stack.running import Stack, running_stack
from stack.services import SERVICES
from stack.settings import Settings
from stack.waiting import wait_until
from tests.e2e.test_an_order import RULES, Desk
from tests.e2e.test_money import available
from tests.e2e.test_money import send as ask
from tests.integration.test_transfers_between_shards import MARKETS, check_all, send

WAIT_MS = 60_000
OTHER = 1


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    settings = Settings.with_free_ports(tmp_path_factory.mktemp("to-another-shard"), shards=2)
    with running_stack(settings, [service.name for service in SERVICES]) as running:
        send(running, OTHER, [MARKETS[OTHER]])
        yield running


@pytest.fixture
def admin(stack: Stack) -> Iterator[Desk]:
    with closing(Desk(stack.settings, roles=["admin"])) as desk:
        market = {**RULES, "symbol": MARKETS[0].symbol}
        assert desk.commands.post("/v1/markets", json=market).status_code == HTTPStatus.CREATED
        yield desk


@pytest.fixture
def parties(stack: Stack, admin: Desk) -> tuple[str, str]:
    """One account with 100 dollars here, and one that is open on the other shard only."""
    ann, bob = (f"{name}-{uuid4().hex[:8]}" for name in ("ann", "bob"))
    ask(admin, "/v1/accounts", account=ann)
    ask(admin, f"/v1/accounts/{ann}/deposits", client_transfer_id="first", asset="USD", amount="100")
    send(stack, OTHER, [OpenAccount(command_id=uuid4().hex, actor="admin", account=bob)])
    return ann, bob


def wish(parties: tuple[str, str], **more: Any) -> dict[str, Any]:
    names = {"client_transfer_id": "shift", "account": parties[0], "to_account": parties[1]}
    return {**names, "asset": "USD", "amount": "40", "to_shard": OTHER, **more}


def newest(desk: Desk, account: str, after: str = "") -> Any:
    found = desk.read(f"/v1/accounts/{account}/transfers", after=after)["transfers"]
    return found[0] if found else {"status": None}


def test_a_trader_sends_funds_to_another_shard_and_sees_them_arrive(
    stack: Stack, admin: Desk, parties: tuple[str, str]
) -> None:
    ann, bob = parties
    with closing(Desk(stack.settings, roles=["trader"], accounts=[ann])) as trader:
        sent = ask(trader, "/v1/transfers", **wish(parties))
        assert (sent["status"], sent["replayed"]) == ("sent", False)
        assert available(trader, ann, sent["token"]) == {"USD": ("60", "0")}
        seen = newest(trader, ann, sent["token"])
        assert (seen["direction"], seen["counter_account"], seen["counter_shard"]) == ("out", bob, OTHER)
        assert seen["status"] in {"sent", "completed"}
        wait_until(lambda: newest(trader, ann)["status"] == "completed", WAIT_MS, "it is completed")
        again = ask(trader, "/v1/transfers", **wish(parties))
        assert (again["status"], again["replayed"], again["id"]) == ("sent", True, sent["id"])
    with closing(Desk(stack.settings, roles=["trader"], accounts=[bob])) as receiver:
        wait_until(lambda: newest(receiver, bob)["status"] == "completed", WAIT_MS, "the receiver sees it")
        taken = newest(receiver, bob)
        assert (taken["direction"], taken["counter_account"], taken["counter_shard"]) == ("in", ann, 0)
        assert (taken["amount"], taken["transfer_id"]) == ("40", sent["id"])
        assert available(receiver, bob, "") == {"USD": ("40", "0")}
    entries = admin.queries.get("/v1/ledger/entries", params={"transfer_id": sent["id"]}).json()["entries"]
    assert [(entry["debit"], entry["credit"]) for entry in entries] == [
        (f"available:{ann}", "in_transit"),
        ("in_transit", f"available:{bob}"),
    ]
    check_all(stack)


def test_what_the_other_shard_declines_comes_back(
    stack: Stack, admin: Desk, parties: tuple[str, str]
) -> None:
    ann = parties[0]
    ask(admin, "/v1/transfers", **wish((ann, "nobody")))
    wait_until(lambda: newest(admin, ann)["status"] == "returned", WAIT_MS, "it is returned")
    assert newest(admin, ann)["reason"] == "unknown_account: account 'nobody' is not open"
    assert available(admin, ann, "") == {"USD": ("100", "0")}
    assert admin.read("/v1/ledger/trial-balance")["balanced"]
    check_all(stack)


def test_a_shard_that_is_not_there_is_refused_at_once(admin: Desk, parties: tuple[str, str]) -> None:
    refused = ask(admin, "/v1/transfers", HTTPStatus.UNPROCESSABLE_ENTITY, **wish(parties, to_shard=2))
    assert refused["code"] == "unknown_shard"
    assert "there are 0 to 1" in refused["detail"]
    own = ask(admin, "/v1/transfers", HTTPStatus.UNPROCESSABLE_ENTITY, **wish(parties, to_shard=0))
    assert own["code"] == "unknown_account", "within the shard it is the ordinary transfer"
