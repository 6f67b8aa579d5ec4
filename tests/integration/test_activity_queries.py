"""An account's activity over the query API: newest first, page by page, from all that is told of it."""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import pytest
from litestar.testing import TestClient

from api.query.app import create_app
from domain.account import LimitsRequest
from domain.ids import order_id
from projections.activity import WINDOW_EVENTS
from stack.running import Stack
from tests.integration.test_query_api import PARTITIONS, get, problem, token, written
from tests.unit.projections.trading import SHARD, Venue, cancel, opened, place, set_limits, trading

PATH = "/v1/accounts/ann/activity"


@pytest.fixture(scope="module")
def venue() -> Venue:
    made = opened(Venue(PARTITIONS), "ann", "bob")
    made.batch(place("ann", "bid", "buy", "2", "100"))
    made.batch(place("bob", "hit", "sell", "0.5", "100"))
    made.batch(set_limits("ann", LimitsRequest(order_rate=9)))
    made.batch(cancel("ann", "bid"))
    return made


@pytest.fixture(scope="module")
def api(servers: Stack, venue: Venue) -> Iterator[TestClient[Any]]:
    with written(servers, venue) as config, TestClient(create_app(config)) as client:
        yield client


def test_orders_fills_money_and_limits_stand_together_newest_first(api: TestClient[Any]) -> None:
    found = get(api, PATH)
    assert [(each["what"], each["actor"]) for each in found["activity"]] == [
        ("order_cancelled", "ann"),
        ("limits_set", "risk-desk"),
        ("order_filled", None),
        ("order_placed", "ann"),
        ("deposited", "ann"),
        ("deposited", "ann"),
        ("account_opened", "ann"),
    ]
    assert found["next_cursor"] is None


def test_amounts_and_prices_are_decimals(api: TestClient[Any]) -> None:
    cancelled, _, filled, _, deposited, *_ = get(api, PATH)["activity"]
    assert filled["details"] == {
        "side": "buy",
        "liquidity": "maker",
        "price": "100",
        "quantity": "0.5",
        "fee": "0.05",
        "remaining": "1.5",
    }
    assert (filled["order_id"], filled["trade_id"]) == (order_id(SHARD, "ann", "bid"), 1)
    assert (cancelled["details"]["remaining"], cancelled["details"]["reason"]) == ("1.5", "requested")
    assert (deposited["details"]["asset"], deposited["details"]["amount"]) == ("USD", "100000000")


def test_the_pages_are_the_whole(servers: Stack) -> None:
    """Over many windows, markets and both sources, page by page of an odd size."""
    venue = trading(1_800, seed=9, accounts_count=20)
    path = "/v1/accounts/acc9-0/activity"
    with written(servers, venue) as config, TestClient(create_app(config)) as client:
        whole = get(client, path, limit=500)
        assert whole["next_cursor"] is None
        pages: list[Any] = []
        cursor: dict[str, Any] = {}
        while cursor.get("cursor", "first"):
            page = get(client, path, limit=37, **cursor)
            pages += page["activity"]
            cursor = {"cursor": page["next_cursor"]}
    assert len({each["seq"] // WINDOW_EVENTS for each in pages}) > 1
    assert pages == whole["activity"]
    places = [(each["at"], each["seq"]) for each in pages]
    assert places == sorted(places, reverse=True)


def test_only_who_may_see_the_account_sees_it(api: TestClient[Any]) -> None:
    ann = token("trader", accounts=["ann"])
    assert api.get(PATH, headers=ann).is_success
    answer = api.get("/v1/accounts/bob/activity", headers=ann)
    assert problem(answer) == (HTTPStatus.FORBIDDEN, "not_allowed")


def test_an_account_nobody_opened_and_a_cursor_that_is_none_are_refused(api: TestClient[Any]) -> None:
    headers = token("auditor")
    answer = api.get("/v1/accounts/nobody/activity", headers=headers)
    assert problem(answer) == (HTTPStatus.NOT_FOUND, "not_found")
    answer = api.get(PATH, headers=headers, params={"cursor": "yesterday"})
    assert problem(answer)[0] == HTTPStatus.BAD_REQUEST
