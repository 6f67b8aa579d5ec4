"""The query API on money: transfers, the trial balance, the entries of a transfer."""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import pytest
from litestar.testing import TestClient

from api.query.app import create_app
from domain.ids import transfer_id
from stack.running import Stack
from tests.integration.test_query_api import PARTITIONS, get, problem, token, written
from tests.unit.domain.transfer_wishes import complete_withdrawal, move, request_withdrawal
from tests.unit.projections.trading import SHARD, Venue, opened, place


@pytest.fixture(scope="module")
def venue() -> Venue:
    """Ann withdrew 5, wants another 6 out, and gave Bob 7; both traded once."""
    made = opened(Venue(PARTITIONS), "ann", "bob")
    made.batch(place("ann", "bid", "buy", "2", "100"), place("bob", "hit", "sell", "0.5", "100"))
    made.batch(request_withdrawal("ann", "5", "USD"), complete_withdrawal("ann", reference="tx-1"))
    made.batch(request_withdrawal("ann", "6", "USD", name="second"))
    made.batch(move("ann", "bob", "7", "USD"))
    return made


@pytest.fixture(scope="module")
def api(servers: Stack, venue: Venue) -> Iterator[TestClient[Any]]:
    with written(servers, venue) as config, TestClient(create_app(config)) as client:
        yield client


def test_an_accounts_transfers_come_newest_first_page_by_page(api: TestClient[Any]) -> None:
    path = "/v1/accounts/ann/transfers"
    first = get(api, path, limit=2)
    assert [(each["client_transfer_id"], each["status"]) for each in first["transfers"]] == [
        ("move", "completed"),
        ("second", "requested"),
    ]
    rest = get(api, path, cursor=first["next_cursor"])
    assert [each["client_transfer_id"] for each in rest["transfers"]][:1] == ["out"]
    assert {each["kind"] for each in rest["transfers"]} == {"withdrawal", "deposit"}
    assert rest["next_cursor"] is None


def test_a_withdrawal_reads_in_whole_units_with_its_reference(api: TestClient[Any]) -> None:
    (done,) = [
        each
        for each in get(api, "/v1/accounts/ann/transfers")["transfers"]
        if each["client_transfer_id"] == "out"
    ]
    expected = {"amount": "5", "asset": "USD", "direction": "out", "reference": "tx-1", "reason": None}
    assert {name: done[name] for name in expected} == expected


def test_the_receiver_sees_who_sent_it(api: TestClient[Any]) -> None:
    newest = get(api, "/v1/accounts/bob/transfers")["transfers"][0]
    assert (newest["direction"], newest["counter_account"], newest["amount"]) == ("in", "ann", "7")


def test_the_books_balance(api: TestClient[Any]) -> None:
    found = get(api, "/v1/ledger/trial-balance")
    assert found["balanced"]
    dollars = next(asset for asset in found["assets"] if asset["asset"] == "USD")
    lines = {line["ledger_account"]: line["amount"] for line in dollars["lines"]}
    assert (lines["custody"], lines["withdrawals_in_flight"], lines["fees"]) == ("199999995", "-6", "-0.15")
    assert (dollars["sum"], dollars["balanced"]) == ("0", True)


def test_a_transfers_entries_stand_against_each_other(api: TestClient[Any]) -> None:
    found = get(api, "/v1/ledger/entries", transfer_id=transfer_id(SHARD, "ann", "out"))
    assert [(entry["debit"], entry["credit"], entry["amount"]) for entry in found["entries"]] == [
        ("available:ann", "withdrawals_in_flight:ann", "5"),
        ("withdrawals_in_flight:ann", "custody", "5"),
    ]
    moved = get(api, "/v1/ledger/entries", transfer_id=transfer_id(SHARD, "ann", "move"))
    assert [(entry["debit"], entry["credit"]) for entry in moved["entries"]] == [
        ("available:ann", "available:bob")
    ]


def test_a_transfer_nobody_knows_has_no_entries(api: TestClient[Any]) -> None:
    answer = api.get("/v1/ledger/entries", headers=token("auditor"), params={"transfer_id": "none"})
    assert problem(answer) == (HTTPStatus.NOT_FOUND, "not_found")


def test_a_trader_reads_own_transfers_and_no_books(api: TestClient[Any]) -> None:
    ann = token("trader", accounts=["ann"])
    assert api.get("/v1/accounts/ann/transfers", headers=ann).is_success
    for path in (
        "/v1/accounts/bob/transfers",
        "/v1/ledger/trial-balance",
        "/v1/ledger/entries?transfer_id=x",
    ):
        answer = api.get(path, headers=ann)
        assert problem(answer) == (HTTPStatus.FORBIDDEN, "not_allowed")
