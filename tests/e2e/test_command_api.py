"""The command API over HTTP: how long an answer waits, the same request twice, and who cancels what."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http import HTTPStatus
from time import monotonic, sleep
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest
import redis

from stack.running import Stack, running_stack
from stack.services import SERVICES
from stack.settings import Settings
from tests.e2e.test_an_order import RULES, Desk

PATIENCE_S = 60
KEY = "Idempotency-Key"
REPLAYED = "idempotent-replayed"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    settings = Settings.with_free_ports(tmp_path_factory.mktemp("command-api"))
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
    return funded(admin, "USD")


def funded(admin: Desk, asset: str) -> str:
    account = f"a-{uuid4().hex[:8]}"
    assert admin.commands.post("/v1/accounts", json={"account": account}).status_code == HTTPStatus.CREATED
    deposit = {"asset": asset, "amount": "10000"}
    answer = admin.commands.post(f"/v1/accounts/{account}/deposits", json=deposit, headers={KEY: "first"})
    assert answer.status_code == HTTPStatus.CREATED, answer.text
    return account


def order(admin: Desk, account: str, **more: Any) -> dict[str, Any]:
    plain = {"account": account, "symbol": admin.symbol, "side": "buy", "type": "limit"}
    return {**plain, "quantity": "1", "price": "100", **more}


def problem(answer: httpx.Response, status: HTTPStatus) -> Any:
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), (
        answer.text
    )
    return answer.json()


# --- How long an answer waits -----------------------------------------------------------------------------


def test_an_acknowledgement_waits_for_the_log_alone(stack: Stack, admin: Desk, buyer: str) -> None:
    stack.stop("redis")  # no outcome can arrive: whoever waits for one, waits in vain
    try:
        asked = monotonic()
        body = order(admin, buyer, client_order_id="ack")
        answer = admin.commands.post("/v1/orders", json=body, params={"answer": "ack"})
        waited_s = monotonic() - asked
    finally:
        stack.start("redis")
    acknowledged = answer.json()
    assert (answer.status_code, acknowledged["status"]) == (HTTPStatus.ACCEPTED, "pending")
    assert waited_s < stack.settings.reply_ms_max / 1000, "the log had it before the outcome was given up"
    assert read_until_known(admin, acknowledged["order_id"])["status"] == "open"


def read_until_known(desk: Desk, order_id: str) -> Any:
    deadline = monotonic() + PATIENCE_S
    while (answer := desk.queries.get(f"/v1/orders/{order_id}")).status_code == HTTPStatus.NOT_FOUND:
        assert monotonic() < deadline
        sleep(0.1)
    return answer.json()


def test_a_result_has_the_outcome_and_a_full_answer_its_fills(admin: Desk, buyer: str) -> None:
    seller = funded(admin, "BTC")
    admin.commands.post("/v1/orders", json=order(admin, buyer, client_order_id="rest", quantity="2"))
    told = {}
    for wanted in ("result", "full"):
        body = order(admin, seller, client_order_id=wanted, side="sell")
        told[wanted] = admin.commands.post("/v1/orders", json=body, params={"answer": wanted}).json()
    assert {each["status"] for each in told.values()} == {"filled"}
    assert told["result"]["fills"] == []
    assert [fill["quantity"] for fill in told["full"]["fills"]] == ["1"]


def test_a_batch_is_acknowledged_as_a_whole(admin: Desk, buyer: str) -> None:
    commands = [{"op": "place", **order(admin, buyer, client_order_id=name)} for name in ("one", "two")]
    answer = admin.commands.post("/v1/orders/batch", json={"commands": commands}, params={"answer": "ack"})
    assert answer.status_code == HTTPStatus.ACCEPTED
    assert [each["status"] for each in answer.json()["outcomes"]] == ["pending", "pending"]
    last = answer.json()["outcomes"][-1]["order_id"]
    assert read_until_known(admin, last)["client_order_id"] == "two"


# --- The same request again -------------------------------------------------------------------------------


def test_a_key_stands_for_the_orders_own_id_whatever_redis_forgets(
    stack: Stack, admin: Desk, buyer: str
) -> None:
    def place(price: str) -> httpx.Response:
        return admin.commands.post(
            "/v1/orders", json=order(admin, buyer, price=price), headers={KEY: '"k-1"'}
        )

    first = place("100")
    with redis.Redis.from_url(stack.settings.redis_url) as cache:
        cache.flushall()
    again = place("100.0")
    assert (first.status_code, REPLAYED in first.headers) == (HTTPStatus.CREATED, False)
    assert (again.status_code, again.headers[REPLAYED]) == (HTTPStatus.CREATED, "true")
    assert again.json()["order_id"] == first.json()["order_id"]
    other = problem(place("101"), HTTPStatus.UNPROCESSABLE_ENTITY)
    assert (other["code"], other["field"], other["value"]) == ("id_reused", "client_order_id", "'k-1'")
    with_id = admin.commands.post("/v1/orders", json=order(admin, buyer, client_order_id="k-1"))
    assert with_id.headers[REPLAYED] == "true", "the key is the order's own id"


def test_an_order_that_nothing_names_is_not_taken(admin: Desk, buyer: str) -> None:
    missing = problem(admin.commands.post("/v1/orders", json=order(admin, buyer)), HTTPStatus.BAD_REQUEST)
    assert (missing["code"], missing["field"]) == ("idempotency_key_missing", "client_order_id")
    deposit = {"asset": "USD", "amount": "1"}
    unnamed = admin.commands.post(f"/v1/accounts/{buyer}/deposits", json=deposit)
    assert problem(unnamed, HTTPStatus.BAD_REQUEST)["code"] == "idempotency_key_missing"
    bad = admin.commands.post("/v1/orders", json=order(admin, buyer), headers={KEY: "with space"})
    assert problem(bad, HTTPStatus.BAD_REQUEST)["field"] == KEY


def test_what_came_with_a_key_is_done_once_with_redis_away(stack: Stack, admin: Desk, buyer: str) -> None:
    key = {KEY: f"stop-{uuid4().hex}"}
    path = f"/v1/accounts/{buyer}/kill-switch"
    stopped = admin.commands.post(path, json={}, headers=key)
    assert (stopped.status_code, REPLAYED in stopped.headers) == (HTTPStatus.OK, False)
    release = {"status": "active", "reason": "talked to"}
    assert admin.commands.put(f"/v1/accounts/{buyer}/status", json=release).status_code == HTTPStatus.OK
    stack.stop("redis")
    try:
        again = admin.commands.post(path, json={}, headers=key)
    finally:
        stack.start("redis")
    assert (again.status_code, again.headers[REPLAYED]) == (HTTPStatus.OK, "true")
    assert again.json() == stopped.json()
    resting = admin.commands.post("/v1/orders", json=order(admin, buyer, client_order_id="on"))
    assert resting.status_code in {HTTPStatus.CREATED, HTTPStatus.ACCEPTED}, (
        "the account was not stopped again"
    )
    other = admin.commands.post(path, json={"status": "suspended"}, headers=key)
    assert problem(other, HTTPStatus.UNPROCESSABLE_ENTITY)["code"] == "id_reused"


def test_of_many_requests_with_one_key_one_is_carried_out(stack: Stack, admin: Desk) -> None:
    account, key = f"a-{uuid4().hex[:8]}", {KEY: f"open-{uuid4().hex}"}

    def open_it(_: int) -> httpx.Response:
        return admin.commands.post("/v1/accounts", json={"account": account}, headers=key)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(open_it, range(16)))
    done = [answer for answer in answers if answer.status_code == HTTPStatus.CREATED]
    under_way = [answer for answer in answers if answer not in done]
    assert sum(REPLAYED not in answer.headers for answer in done) == 1
    for answer in under_way:
        assert problem(answer, HTTPStatus.CONFLICT)["code"] == "idempotency_key_in_use"
    assert open_it(0).headers[REPLAYED] == "true"


def test_a_request_under_way_elsewhere_is_not_begun(stack: Stack, admin: Desk) -> None:
    body, key = {"account": f"a-{uuid4().hex[:8]}"}, {KEY: f"held-{uuid4().hex}"}
    admin.commands.post("/v1/accounts", json=body, headers=key)
    with psycopg.connect(stack.settings.postgres_dsn, autocommit=True) as connection:
        connection.execute("UPDATE idempotency_keys SET status = NULL WHERE key = %s", (key[KEY],))
        held = admin.commands.post("/v1/accounts", json=body, headers=key)
        assert problem(held, HTTPStatus.CONFLICT)["code"] == "idempotency_key_in_use"
        assert held.headers["retry-after"] == "1"
        long_ago = "UPDATE idempotency_keys SET claimed_at = now() - interval '1 hour' WHERE key = %s"
        connection.execute(long_ago, (key[KEY],))
    assert admin.commands.post("/v1/accounts", json=body, headers=key).status_code == HTTPStatus.CREATED


def test_what_was_refused_gives_its_key_back(admin: Desk, buyer: str) -> None:
    key = {KEY: f"trade-{uuid4().hex}"}
    wrong = {**RULES, "symbol": admin.symbol, "tick_size": "0.05"}
    refused = admin.commands.post("/v1/markets", json=wrong, headers=key)
    assert problem(refused, HTTPStatus.CONFLICT)["code"] == "market_exists"
    right = admin.commands.post("/v1/markets", json={**RULES, "symbol": admin.symbol}, headers=key)
    assert right.status_code == HTTPStatus.CREATED


# --- Everything the domain can do ---------------------------------------------------------------------------


def test_an_order_is_cancelled_by_the_traders_own_id(admin: Desk, buyer: str) -> None:
    admin.commands.post("/v1/orders", json=order(admin, buyer, client_order_id="mine"))
    named = {"account": buyer, "client_order_id": "mine"}
    assert admin.commands.post("/v1/orders/cancel", json=named).json()["status"] == "cancelled"
    nothing = problem(
        admin.commands.post("/v1/orders/cancel", json={"account": buyer}), HTTPStatus.BAD_REQUEST
    )
    assert "give one of them" in nothing["detail"]


def test_a_batch_amends_replaces_and_cancels(admin: Desk, buyer: str) -> None:
    placed = admin.commands.post("/v1/orders", json=order(admin, buyer, client_order_id="b")).json()
    name = placed["order_id"]
    commands = [
        {"op": "amend", "account": buyer, "order_id": name, "quantity": "0.5"},
        {"op": "cancel_replace", "cancel_order_id": name, "order": order(admin, buyer, client_order_id="c")},
        {"op": "cancel", "account": buyer, "client_order_id": "c"},
    ]
    outcomes = admin.commands.post("/v1/orders/batch", json={"commands": commands}).json()["outcomes"]
    assert [each["status"] for each in outcomes] == ["open", "open", "cancelled"]


def test_who_runs_the_venue_cancels_one_side_of_a_market(stack: Stack, admin: Desk, buyer: str) -> None:
    seller = funded(admin, "BTC")
    admin.commands.post("/v1/orders", json=order(admin, buyer, client_order_id="bid"))
    ask = order(admin, seller, client_order_id="ask", side="sell", price="200")
    admin.commands.post("/v1/orders", json=ask)
    path = f"/v1/markets/{admin.symbol}/orders"
    with closing(Desk(stack.settings, roles=["trader"], accounts=[buyer])) as trader:
        problem(trader.commands.delete(path), HTTPStatus.FORBIDDEN)
    bids = admin.commands.delete(path, params={"side": "buy"})
    assert (bids.status_code, bids.json()["detail"]) == (HTTPStatus.OK, "1 orders cancelled")
    assert admin.commands.delete(path).json()["detail"] == "1 orders cancelled"


# --- Errors -------------------------------------------------------------------------------------------------


def test_a_misspelt_filter_cancels_nothing(admin: Desk, buyer: str) -> None:
    resting = admin.commands.post("/v1/orders", json=order(admin, buyer, client_order_id="stays")).json()
    wrong = admin.commands.delete("/v1/orders", params={"account": buyer, "symbl": "OTHER-USD"})
    assert problem(wrong, HTTPStatus.BAD_REQUEST)["field"] == "symbl"
    assert admin.cancel(buyer, resting["order_id"]).json()["status"] == "cancelled"


@pytest.mark.parametrize("api", ["commands", "queries"])
def test_whatever_is_wrong_is_told_in_one_form(admin: Desk, api: str) -> None:
    client = getattr(admin, api)
    nowhere = problem(client.get("/v1/nowhere"), HTTPStatus.NOT_FOUND)
    problem(client.put("/v1/accounts"), HTTPStatus.METHOD_NOT_ALLOWED)
    problem(client.request("TRACE", "/v1/orders"), HTTPStatus.METHOD_NOT_ALLOWED)
    token = client.headers.pop("authorization")
    nobody = problem(client.get("/v1/orders"), HTTPStatus.UNAUTHORIZED) if api == "queries" else None
    assert nobody is None or nobody["code"] == "not_authenticated"
    page = client.get(nowhere["type"].partition("#")[0])
    client.headers["authorization"] = token
    assert page.status_code == HTTPStatus.OK
    assert f'id="{nowhere["code"]}"' in page.text


def test_a_wrong_field_is_named_with_what_was_in_it(admin: Desk, buyer: str) -> None:
    def post(**more: Any) -> Any:
        body = order(admin, buyer, client_order_id="wrong", **more)
        return problem(admin.commands.post("/v1/orders", json=body), HTTPStatus.BAD_REQUEST)

    kind = post(side="sideways")
    assert (kind["field"], kind["value"]) == ("side", "'sideways'")
    form = post(price="1,5")
    assert (form["field"], form["value"]) == ("price", "'1,5'")
    long = post(symbol="x" * 500)
    assert len(long["value"]) < 100
    unknown = post(prise="1")
    assert "prise" in unknown["detail"]
    tick = admin.commands.post(
        "/v1/orders", json=order(admin, buyer, client_order_id="tick", price="100.003")
    )
    refused = problem(tick, HTTPStatus.UNPROCESSABLE_ENTITY)
    assert (refused["field"], refused["value"]) == ("price", "'100.003'")


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{", "application/json", HTTPStatus.BAD_REQUEST),
        (b"", "application/json", HTTPStatus.BAD_REQUEST),
        (b"[]", "application/json", HTTPStatus.BAD_REQUEST),
        (b"\xff\xfe", "application/json", HTTPStatus.BAD_REQUEST),
        (b"a=b", "application/x-www-form-urlencoded", HTTPStatus.BAD_REQUEST),
        (b"<a/>", "text/xml", HTTPStatus.UNSUPPORTED_MEDIA_TYPE),
        (b" " * 1_100_000, "application/json", HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    ],
)
def test_a_body_that_cannot_be_read(admin: Desk, body: bytes, kind: str, status: HTTPStatus) -> None:
    answer = admin.commands.post("/v1/orders", content=body, headers={"Content-Type": kind})
    assert problem(answer, status)["remedy"]
