"""An auditor beside a trading stack: what was sent over HTTP is found again, with who sent it, as it was."""

from collections.abc import Iterator
from contextlib import closing
from http import HTTPStatus
from typing import Any

import pytest

from stack.running import Stack, running_stack
from stack.services import SERVICES
from stack.settings import Settings
from tests.e2e.test_an_order import RULES, Desk


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    settings = Settings.with_free_ports(tmp_path_factory.mktemp("an-audit"))
    with running_stack(settings, [service.name for service in SERVICES]) as running:
        yield running


def posted(desk: Desk, path: str, **body: Any) -> Any:
    answer = desk.commands.post(path, json=body)
    assert answer.status_code in {HTTPStatus.OK, HTTPStatus.CREATED}, answer.text
    return answer.json()


def found(auditor: Desk, path: str, **params: Any) -> Any:
    answer = auditor.queries.get(f"/v1/audit/{path}", params=params)
    assert answer.status_code == HTTPStatus.OK, answer.text
    return answer.json()


def test_an_auditor_finds_what_a_trade_came_from_and_what_was_held_before_it(stack: Stack) -> None:
    with (
        closing(Desk(stack.settings, roles=["admin"])) as venue,
        closing(Desk(stack.settings, roles=["auditor"])) as auditor,
    ):
        posted(venue, "/v1/markets", **RULES, symbol="BTC-USD")
        for account, asset in (("ann", "USD"), ("bob", "BTC")):
            posted(venue, "/v1/accounts", account=account)
            deposit = {"client_transfer_id": "first", "asset": asset, "amount": "1000"}
            posted(venue, f"/v1/accounts/{account}/deposits", **deposit)
        bid = venue.place("ann", "bid", "buy", "2", "100").json()
        hit = venue.place("bob", "hit", "sell", "0.5", None).json()
        trade = found(auditor, "trades/BTC-USD/1")
        tree = found(auditor, f"commands/{hit['command_id']}")
        before = found(auditor, f"orders/{bid['order_id']}/as-of", version=1)
        now = found(auditor, "accounts/ann/as-of")["shards"][0]
        looks = found(auditor, "accesses")["accesses"]
    assert [side["account"] for side in trade["sides"]] == ["bob", "ann"]
    assert [side["people"] for side in trade["sides"]] == [["tester"], ["tester"]]
    assert trade["command_id"] == tree["command_id"] == hit["command_id"]
    assert (before["state"]["remaining"], before["open"]["queue"]["shown"]) == ("2", "2")
    assert now["as_of"]["proven"] is True
    held = {each["asset"]: each["held"] for each in now["account"]["balances"]}
    assert held == {"BTC": "0", "USD": "150.3"}
    assert [look["what"] for look in looks] == ["account as of", "order as of", "command", "trade"]
