"""One order all the way: over HTTP in, through every server, over HTTP out; and again, and after a kill."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from time import monotonic, sleep
from typing import Any
from uuid import uuid4

import httpx
import psutil
import psycopg
import pytest
import redis

from api.auth import mint_token
from stack.ports import HOST
from stack.running import Stack, running_stack
from stack.services import SERVICES
from stack.settings import Settings
from tests.staff import STAFF

PATIENCE_S = 20

RULES = {
    "base_asset": "BTC",
    "quote_asset": "USD",
    "base_scale": 8,
    "quote_scale": 10,
    "tick_size": "0.01",
    "lot_size": "0.00000001",
    "min_quantity": "0.00000001",
    "max_quantity": "1000",
    "min_notional": "0",
    "maker_fee_ppm": 1_000,
    "taker_fee_ppm": 2_000,
}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    settings = Settings.with_free_ports(tmp_path_factory.mktemp("an-order"))
    with running_stack(settings, [service.name for service in SERVICES]) as running:
        yield running


class Desk:
    """What a person with curl has: the two APIs and a token, and a market to trade on.

    Who comes as an administrator alone is all the venue's staff here, and trades for everybody.
    """

    symbol = "BTC-USD"

    def __init__(self, settings: Settings, **claims: Any) -> None:
        if claims == {"roles": ["admin"]}:
            claims = {**STAFF}
        subject = claims.pop("subject", "tester")
        token = mint_token(settings.token_secret, subject, **claims)
        headers = {"Authorization": f"Bearer {token}"}
        self.commands = httpx.Client(
            base_url=f"http://{HOST}:{settings.command_api_port}", headers=headers, timeout=PATIENCE_S
        )
        self.queries = httpx.Client(
            base_url=f"http://{HOST}:{settings.query_api_port}", headers=headers, timeout=PATIENCE_S
        )

    def close(self) -> None:
        self.commands.close()
        self.queries.close()

    def place(self, account: str, name: str, side: str, quantity: str, price: str | None) -> httpx.Response:
        order = {"account": account, "client_order_id": name, "symbol": self.symbol, "side": side}
        kind = {"type": "market"} if price is None else {"type": "limit", "price": price}
        return self.commands.post("/v1/orders", json={**order, **kind, "quantity": quantity})

    def cancel(self, account: str, order_id: str) -> httpx.Response:
        return self.commands.delete(f"/v1/orders/{order_id}", params={"account": account})

    def read(self, path: str, after: str = "") -> Any:
        answer = self.queries.get(path, params={"after": after} if after else {})
        assert answer.status_code == HTTPStatus.OK, answer.text
        return answer.json()


@pytest.fixture
def admin(stack: Stack) -> Iterator[Desk]:
    with closing(Desk(stack.settings, roles=["admin"])) as desk:
        desk.symbol = f"M{uuid4().hex[:8].upper()}-USD"
        market = {**RULES, "symbol": desk.symbol}
        assert desk.commands.post("/v1/markets", json=market).status_code == HTTPStatus.CREATED
        yield desk


@pytest.fixture
def pair(admin: Desk) -> tuple[str, str]:
    """Two funded accounts of the test's own: one with dollars, one with bitcoin."""
    buyer, seller = (f"{name}-{uuid4().hex[:8]}" for name in ("buyer", "seller"))
    for account, asset, amount in ((buyer, "USD", "10000"), (seller, "BTC", "10")):
        assert (
            admin.commands.post("/v1/accounts", json={"account": account}).status_code == HTTPStatus.CREATED
        )
        deposit = {"client_transfer_id": "first", "asset": asset, "amount": amount}
        answer = admin.commands.post(f"/v1/accounts/{account}/deposits", json=deposit)
        assert answer.status_code == HTTPStatus.CREATED, answer.text
    return buyer, seller


def test_an_order_rests_trades_and_is_read_back(admin: Desk, pair: tuple[str, str]) -> None:
    buyer, seller = pair
    resting = admin.place(buyer, "bid", "buy", "2", "100").json()
    assert (resting["status"], resting["remaining"], resting["replayed"]) == ("open", "2", False)
    taken = admin.place(seller, "hit", "sell", "0.5", "99").json()
    assert taken["status"] == "filled"
    assert [(fill["price"], fill["quantity"], fill["fee"]) for fill in taken["fills"]] == [
        ("100", "0.5", "0.1")
    ]

    order = admin.read(f"/v1/orders/{resting['order_id']}", after=taken["token"])
    assert (order["status"], order["remaining"]) == ("partially_filled", "1.5")
    (position,) = admin.read(f"/v1/accounts/{buyer}/positions", after=taken["token"])["positions"]
    assert (position["symbol"], position["quantity"]) == (admin.symbol, "0.5")
    balances = admin.read(f"/v1/accounts/{buyer}/balances", after=taken["token"])["balances"]
    held = {balance["asset"]: (balance["available"], balance["held"]) for balance in balances}
    assert held == {"BTC": ("0.5", "0"), "USD": ("9799.65", "150.3")}
    book = admin.read(f"/v1/markets/{admin.symbol}/book", after=taken["token"])
    assert (book["bids"], book["asks"]) == ([{"price": "100", "quantity": "1.5"}], [])
    (trade,) = admin.read(f"/v1/markets/{admin.symbol}/trades", after=taken["token"])["trades"]
    assert (trade["price"], trade["quantity"], trade["taker_side"]) == ("100", "0.5", "sell")

    cancelled = admin.cancel(buyer, resting["order_id"]).json()
    assert cancelled["status"] == "cancelled"
    assert admin.read(f"/v1/orders/{resting['order_id']}", after=cancelled["token"])["status"] == "cancelled"
    again = admin.cancel(buyer, resting["order_id"])
    assert (again.status_code, again.json()["replayed"]) == (HTTPStatus.OK, True), (
        "the answer may have been lost"
    )
    filled = admin.cancel(seller, taken["order_id"])
    assert (filled.status_code, filled.json()["code"]) == (HTTPStatus.CONFLICT, "order_not_open")


def test_a_rejection_says_what_was_wrong_and_what_to_do(admin: Desk, pair: tuple[str, str]) -> None:
    answer = admin.place(pair[0], "odd", "buy", "1", "100.003")
    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["code"] == "invalid_price"
    assert "100.003" in problem["detail"]
    assert "0.01" in problem["detail"]
    assert "tick" in problem["remedy"]
    order = admin.read(f"/v1/orders/{problem['order_id']}", after=problem["token"])
    assert order["status"] == "rejected"


def test_the_same_order_after_it_was_filled_after_a_restart_with_redis_emptied(
    stack: Stack, admin: Desk, pair: tuple[str, str]
) -> None:
    buyer, seller = pair
    first = admin.place(buyer, "once", "buy", "1", "100").json()
    assert admin.place(seller, "all", "sell", "1", "100").json()["status"] == "filled"
    with redis.Redis.from_url(stack.settings.redis_url) as cache:
        cache.flushall()
    stack.kill("order-processor")

    again = admin.place(buyer, "once", "buy", "1.0", "100")
    while again.status_code == HTTPStatus.ACCEPTED:
        again = admin.place(buyer, "once", "buy", "1.0", "100")
    assert again.headers["idempotent-replayed"] == "true"
    repeated = again.json()
    assert repeated["replayed"] is True
    for field in ("order_id", "status", "quantity", "remaining", "fills"):
        assert repeated[field] == first[field]
    with psycopg.connect(stack.settings.postgres_dsn) as connection:
        rows = connection.execute(
            "SELECT topic FROM events WHERE originator_id = %s ORDER BY originator_version",
            (first["order_id"],),
        ).fetchall()
    assert rows == [("OrderPlaced.v1",), ("OrderFilled.v1",)]
    assert admin.place(buyer, "next", "buy", "1", "1").json()["status"] == "open", "the shard goes on"
    other = admin.place(buyer, "once", "buy", "2", "100")
    assert (other.status_code, other.json()["code"]) == (HTTPStatus.UNPROCESSABLE_ENTITY, "id_reused")


def test_with_redis_away_an_order_is_accepted_decided_and_can_be_read(
    stack: Stack, admin: Desk, pair: tuple[str, str]
) -> None:
    stack.stop("redis")
    try:
        answer = admin.place(pair[0], "blind", "buy", "1", "50")
    finally:
        stack.start("redis")
    assert (answer.status_code, answer.json()["status"]) == (HTTPStatus.ACCEPTED, "pending")
    repeated = admin.place(pair[0], "blind", "buy", "1", "50")
    while repeated.status_code == HTTPStatus.ACCEPTED:
        repeated = admin.place(pair[0], "blind", "buy", "1", "50")
    assert (repeated.json()["status"], repeated.json()["replayed"]) == ("open", True)


def test_a_trader_trades_for_own_accounts_only(stack: Stack, admin: Desk, pair: tuple[str, str]) -> None:
    buyer, seller = pair
    with closing(Desk(stack.settings, roles=["trader"], accounts=[buyer])) as trader:
        trader.symbol = admin.symbol
        assert trader.place(buyer, "mine", "buy", "1", "10").status_code == HTTPStatus.CREATED
        assert trader.place(seller, "not-mine", "sell", "1", "1000").status_code == HTTPStatus.FORBIDDEN
        more = trader.commands.post("/v1/accounts", json={"account": "more"})
        assert more.status_code == HTTPStatus.FORBIDDEN
        assert trader.queries.get(f"/v1/accounts/{seller}/balances").status_code == HTTPStatus.FORBIDDEN
        nobody = httpx.post(f"{trader.commands.base_url}/v1/orders", json={})
    assert (nobody.status_code, nobody.headers["www-authenticate"]) == (HTTPStatus.UNAUTHORIZED, "Bearer")


def test_commands_of_one_batch_are_decided_in_order(admin: Desk, pair: tuple[str, str]) -> None:
    buyer, _ = pair
    order = {"op": "place", "account": buyer, "symbol": admin.symbol, "side": "buy", "type": "limit"}
    first = {**order, "client_order_id": "b1", "quantity": "1", "price": "20"}
    wrong = {**order, "client_order_id": "b2", "quantity": "1"}
    placed = admin.commands.post("/v1/orders/batch", json={"commands": [first, wrong, first]}).json()
    assert [outcome["status"] for outcome in placed["outcomes"]] == ["open", "rejected", "open"]
    assert [outcome["replayed"] for outcome in placed["outcomes"]] == [False, False, True]
    cancel = {"op": "cancel", "account": buyer, "order_id": placed["outcomes"][0]["order_id"]}
    outcomes = admin.commands.post("/v1/orders/batch", json={"commands": [cancel, cancel]}).json()["outcomes"]
    assert [outcome["status"] for outcome in outcomes] == ["cancelled", "cancelled"]
    assert [outcome["replayed"] for outcome in outcomes] == [False, True]


def test_a_killed_api_leaves_no_worker_behind_that_goes_on_serving(
    stack: Stack, admin: Desk, pair: tuple[str, str]
) -> None:
    workers = psutil.Process(stack.pid("command-api")).children(recursive=True)
    assert workers
    stack.kill("command-api")
    _, alive = psutil.wait_procs(workers, timeout=PATIENCE_S)
    assert alive == []
    stack.wait_until_ready("command-api")
    assert admin.place(pair[0], "after", "buy", "1", "10").json()["status"] == "open"


# --- Kinds of orders --------------------------------------------------------------------------------------


def ask(desk: Desk, account: str, name: str, side: str, kind: str = "limit", **more: Any) -> Any:
    order = {"account": account, "client_order_id": name, "symbol": desk.symbol, "side": side, "type": kind}
    return desk.commands.post("/v1/orders", json={**order, **more}).json()


def test_a_stop_order_waits_fires_and_trades(admin: Desk, pair: tuple[str, str]) -> None:
    buyer, seller = pair
    for name, price in (("a", "100"), ("b", "95")):
        ask(admin, buyer, name, "buy", quantity="1", price=price)
    stop = ask(admin, seller, "stop", "sell", "stop_limit", quantity="1", price="90", trigger_price="99")
    assert stop["status"] == "waiting"
    assert admin.read(f"/v1/orders/{stop['order_id']}", after=stop["token"])["status"] == "waiting"
    ask(admin, seller, "first", "sell", quantity="1", price="100")
    last = ask(admin, seller, "mover", "sell", quantity="0.5", price="95")
    order = admin.read(f"/v1/orders/{stop['order_id']}", after=last["token"])
    assert (order["status"], order["remaining"]) == ("partially_filled", "0.5")


def test_an_order_good_till_a_moment_ends_by_itself(admin: Desk, pair: tuple[str, str]) -> None:
    moment = datetime.now(UTC) + timedelta(seconds=1)
    placed = ask(
        admin,
        pair[0],
        "short",
        "buy",
        quantity="1",
        price="50",
        time_in_force="gtd",
        expires_at=moment.isoformat(),
    )
    assert placed["status"] == "open"
    deadline = monotonic() + PATIENCE_S
    while (order := admin.read(f"/v1/orders/{placed['order_id']}", placed["token"]))["status"] == "open":
        assert monotonic() < deadline
        sleep(0.1)
    assert (order["status"], order["cancel_reason"]) == ("cancelled", "expired")
    assert datetime.now(UTC) >= moment


def test_amending_replacing_and_cancelling_all(admin: Desk, pair: tuple[str, str]) -> None:
    buyer, _ = pair
    first = ask(admin, buyer, "first", "buy", quantity="4", price="50")
    amended = admin.commands.patch(
        f"/v1/orders/{first['order_id']}", json={"account": buyer, "quantity": "3"}
    ).json()
    assert (amended["status"], amended["quantity"], amended["remaining"]) == ("open", "3", "3")
    order = {"account": buyer, "client_order_id": "second", "symbol": admin.symbol, "side": "buy"}
    replacing = {
        "cancel_order_id": first["order_id"],
        "order": {**order, "type": "limit", "quantity": "1", "price": "51"},
    }
    second = admin.commands.post("/v1/orders/cancel-replace", json=replacing).json()
    assert second["status"] == "open"
    ask(admin, buyer, "third", "buy", quantity="1", price="52", display_quantity="0.1")
    done = admin.commands.delete("/v1/orders", params={"account": buyer, "symbol": admin.symbol}).json()
    assert (done["status"], done["detail"]) == ("cancelled", "2 orders cancelled")
    balances = admin.read(f"/v1/accounts/{buyer}/balances", after=done["token"])["balances"]
    assert [balance["held"] for balance in balances] == ["0"]


def test_a_test_order_says_what_would_happen_and_does_nothing(admin: Desk, pair: tuple[str, str]) -> None:
    order = {"account": pair[0], "client_order_id": "try", "symbol": admin.symbol, "side": "buy"}
    good = {**order, "type": "limit", "quantity": "1", "price": "100", "post_only": True}
    assert admin.commands.post("/v1/orders/test", json=good).json()["status"] == "valid"
    dear = admin.commands.post("/v1/orders/test", json={**good, "price": "1000000"})
    assert (dear.status_code, dear.json()["code"]) == (HTTPStatus.UNPROCESSABLE_ENTITY, "insufficient_funds")
    placed = admin.commands.post("/v1/orders", json=good).json()
    assert (placed["status"], placed["replayed"]) == ("open", False), "the id was not used up"


def test_the_risk_desk_limits_an_account_and_sees_what_it_uses(
    stack: Stack, admin: Desk, pair: tuple[str, str]
) -> None:
    buyer, _ = pair
    path = f"/v1/accounts/{buyer}/limits"
    limits = {"max_open_notional": {"USD": "250"}, "max_position": {admin.symbol: "2"}, "order_rate": 100}
    with (
        closing(Desk(stack.settings, roles=["risk"])) as risk,
        closing(Desk(stack.settings, roles=["trader"], accounts=[buyer])) as trader,
    ):
        trader.symbol = admin.symbol
        assert trader.commands.put(path, json=limits).status_code == HTTPStatus.FORBIDDEN
        asked = f"/v1/accounts/{buyer}/limit-requests"
        unread = {"reason": "new", "pre_trade": {**limits, "daily_loss": {"EUR": "5"}}}
        assert risk.commands.post(asked, json=unread).json()["code"] == "unknown_asset"
        done = risk.commands.post(asked, json={"reason": "new", "pre_trade": limits})
        assert (done.status_code, done.json()["state"]) == (HTTPStatus.OK, "applied"), done.text
        assert risk.commands.put(path, json=limits).status_code == HTTPStatus.FORBIDDEN

        bid = trader.place(buyer, "bid", "buy", "2", "100").json()
        assert bid["status"] == "open", bid
        refused = trader.place(buyer, "more", "buy", "1", "100").json()
        assert refused["code"] == "max_open_notional"
        assert "other open orders 200 USD" in refused["detail"]

        shown = trader.read(path, after=refused["token"])
        (usd,) = shown["assets"]
        (market,) = shown["markets"]
        assert (usd["max_open_notional"], usd["open_notional"], shown["order_rate"]) == ("250", "200", 100)
        assert (market["max_position"], market["bought_at_most"]) == ("2", "2")
