"""Two shards with a processor each: markets on both, one API in front of them, and a processor that dies."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from http import HTTPStatus
from signal import SIGKILL
from time import monotonic, sleep
from typing import Any
from uuid import uuid4

import aiohttp
import httpx
import pytest

from api.auth import mint_token
from stack import services
from stack.doctor import shards
from stack.load.venue import MarketSpec
from stack.owners import owners
from stack.ports import HOST
from stack.running import Stack, running_stack
from stack.settings import CHECKOUT, Settings
from tests.staff import STAFF

PATIENCE_S = 20
TAKEN_OVER_S_MAX = 60
NEAR, FAR = "NEAR-USD", "FAR-USD"

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("shards")
    settings = Settings.with_free_ports(folder, shards=2, processors=2, head_interval_ms=1_000)
    with running_stack(settings, services.names(settings)) as running:
        with closing(Admin(settings)) as admin:
            for shard, symbol in enumerate((NEAR, FAR)):
                listed = admin.post("/v1/markets", {**market(symbol), "shard": shard})
                assert listed.status_code == HTTPStatus.CREATED, listed.text
                assert [each["shard"] for each in listed.json()["shards"]] == [shard]
        yield running


def market(symbol: str, **more: Any) -> dict[str, Any]:
    return {**MarketSpec(symbol, symbol.partition("-")[0], "0.00000001", "1000").body(), **more}


class Admin:
    """May do everything, by both APIs."""

    def __init__(self, settings: Settings) -> None:
        self.token = mint_token(settings.token_secret, "admin", **STAFF)
        headers = {"Authorization": f"Bearer {self.token}"}
        self.ws = f"http://{HOST}:{settings.command_api_port}/v1/ws"
        self.commands = httpx.Client(
            base_url=f"http://{HOST}:{settings.command_api_port}", headers=headers, timeout=PATIENCE_S
        )
        self.queries = httpx.Client(
            base_url=f"http://{HOST}:{settings.query_api_port}", headers=headers, timeout=PATIENCE_S
        )

    def close(self) -> None:
        self.commands.close()
        self.queries.close()

    def post(self, path: str, body: dict[str, Any]) -> httpx.Response:
        return self.commands.post(path, json=body)

    def put(self, path: str, body: dict[str, Any]) -> httpx.Response:
        return self.commands.put(path, json=body)

    def read(self, path: str, after: str = "") -> Any:
        answer = self.queries.get(path, params={"after": after} if after else {})
        assert answer.status_code == HTTPStatus.OK, answer.text
        return answer.json()

    def frame(self, *items: dict[str, Any]) -> list[dict[str, Any]]:
        """Send one frame over a connection of its own. Return the replies by the items' ids."""
        return asyncio.run(self._frame(items))

    async def _frame(self, items: tuple[dict[str, Any], ...]) -> list[dict[str, Any]]:
        replies: dict[int, dict[str, Any]] = {}
        headers = {"Authorization": f"Bearer {self.token}"}
        async with aiohttp.ClientSession(headers=headers) as http, http.ws_connect(self.ws) as socket:
            await socket.send_str(json.dumps([{**item, "id": id_} for id_, item in enumerate(items)]))
            while len(replies) < len(items):
                frame = json.loads(await socket.receive_str(timeout=PATIENCE_S))
                replies.update({reply["id"]: reply for reply in frame.get("replies", [])})
        return [replies[index] for index in range(len(items))]


@pytest.fixture
def admin(stack: Stack) -> Iterator[Admin]:
    with closing(Admin(stack.settings)) as made:
        yield made


@pytest.fixture
def trader(admin: Admin) -> str:
    """An account of the test's own, with dollars and coins on both shards."""
    account = f"trader-{uuid4().hex[:8]}"
    opened = admin.post("/v1/accounts", {"account": account})
    assert [each["status"] for each in opened.json()["shards"]] == ["opened", "opened"]
    for symbol in (NEAR, FAR):
        for asset in ("USD", symbol.partition("-")[0]):
            deposit = {"client_transfer_id": f"first-{asset}", "asset": asset, "amount": "1000"}
            answer = admin.post(f"/v1/accounts/{account}/deposits", {**deposit, "symbol": symbol})
            assert answer.status_code == HTTPStatus.CREATED, answer.text
    return account


def order(account: str, symbol: str, side: str, price: str, **more: Any) -> dict[str, Any]:
    name = f"{side}-{uuid4().hex[:8]}"
    plain = {"op": "place", "account": account, "client_order_id": name, "symbol": symbol, "side": side}
    return {**plain, "type": "limit", "quantity": "1", "price": price, **more}


def sent(admin: Admin, *commands: dict[str, Any]) -> tuple[list[dict[str, Any]], str]:
    answer = admin.post("/v1/orders/batch", {"commands": list(commands)})
    assert answer.status_code == HTTPStatus.OK, answer.text
    return answer.json()["outcomes"], answer.json()["token"]


def shard_of(order_id: str) -> int:
    return int(order_id[:4], 16)


def test_one_batch_trades_on_both_shards_and_is_answered_in_its_order(admin: Admin, trader: str) -> None:
    outcomes, token = sent(
        admin,
        order(trader, NEAR, "buy", "10"),
        order(trader, FAR, "buy", "20"),
        order(trader, FAR, "sell", "20"),
        order(trader, NEAR, "sell", "10"),
    )
    assert [outcome["status"] for outcome in outcomes] == ["open", "open", "filled", "filled"]
    assert [shard_of(outcome["order_id"]) for outcome in outcomes] == [0, 1, 1, 0]
    balances = admin.read(f"/v1/accounts/{trader}/balances", after=token)["balances"]
    held = {balance["asset"]: balance["total"] for balance in balances}
    assert held == {"USD": "1999.91", "NEAR": "1000", "FAR": "1000"}, "summed over the shards, less fees"
    positions = admin.read(f"/v1/accounts/{trader}/positions", after=token)["positions"]
    assert {position["symbol"] for position in positions} == {NEAR, FAR}
    markets = {each["symbol"]: each["shard"] for each in admin.read("/v1/markets")["markets"]}
    assert (markets[NEAR], markets[FAR]) == (0, 1)


def test_one_frame_trades_on_both_shards(admin: Admin, trader: str) -> None:
    near, far = order(trader, NEAR, "buy", "1"), order(trader, FAR, "buy", "1")
    placed = admin.frame(near, far)
    assert [reply["status"] for reply in placed] == ["open", "open"]
    assert [shard_of(reply["order_id"]) for reply in placed] == [0, 1]
    cancel = {"op": "cancel", "account": trader, "client_order_id": far["client_order_id"]}
    unnamed, named, all_others = admin.frame(
        cancel, {**cancel, "symbol": FAR}, {"op": "cancel_all", "account": trader}
    )
    assert (unnamed["code"], "symbol" in unnamed["detail"]) == ("invalid_request", True)
    assert named["status"] == "cancelled"
    assert all_others["status"] == "cancelled"
    assert all_others["detail"] == "shard 0: 1 orders cancelled; shard 1: 0 orders cancelled"


def test_orders_end_with_their_connection_on_every_shard(admin: Admin, trader: str) -> None:
    orders = [order(trader, NEAR, "buy", "1"), order(trader, FAR, "buy", "1")]
    session, *placed = admin.frame({"op": "session", "cancel_on_disconnect": True}, *orders)
    assert session["status"] == "ok"
    assert [reply["status"] for reply in placed] == ["open", "open"]
    deadline = monotonic() + PATIENCE_S
    while statuses(admin, trader) != ["cancelled", "cancelled"]:
        assert monotonic() < deadline, "an order is still open"
        sleep(0.1)


def statuses(admin: Admin, account: str) -> list[str]:
    return [each["status"] for each in admin.read(f"/v1/accounts/{account}/orders")["orders"]]


def test_a_suspended_account_is_suspended_everywhere(admin: Admin, trader: str) -> None:
    outcomes, _ = sent(admin, order(trader, NEAR, "buy", "2"), order(trader, FAR, "buy", "2"))
    suspended = admin.put(f"/v1/accounts/{trader}/status", {"status": "suspended", "reason": "drill"}).json()
    assert [each["status"] for each in suspended["shards"]] == ["set", "set"]
    for outcome in outcomes:
        found = admin.read(f"/v1/orders/{outcome['order_id']}", after=suspended["token"])
        assert found["status"] == "cancelled"
    refused, _ = sent(admin, order(trader, NEAR, "buy", "2"), order(trader, FAR, "buy", "2"))
    assert {outcome["code"] for outcome in refused} == {"account_restricted"}
    admin.put(f"/v1/accounts/{trader}/status", {"status": "active", "reason": "over"})


def test_a_limit_is_set_on_the_shards_that_know_what_it_is_about(admin: Admin, trader: str) -> None:
    path = f"/v1/accounts/{trader}/limits"
    limits = {"max_order_notional": {"USD": "50"}, "max_position": {NEAR: "2", FAR: "3"}}
    done = admin.put(path, limits)
    assert [each["status"] for each in done.json()["shards"]] == ["set", "set"], done.text
    dear = {"quantity": "1"}
    outcomes, token = sent(admin, *(order(trader, symbol, "buy", "60", **dear) for symbol in (NEAR, FAR)))
    assert [outcome["code"] for outcome in outcomes] == ["max_order_notional"] * 2
    shown = admin.read(path, after=token)
    assert {each["symbol"]: each["max_position"] for each in shown["markets"]} == {NEAR: "2", FAR: "3"}
    unknown = admin.put(path, {"max_position": {"NOWHERE-USD": "1"}})
    assert unknown.json()["code"] == "unknown_market"


def test_the_venue_stops_on_every_shard(admin: Admin) -> None:
    halted = admin.put("/v1/venue/status", {"status": "halted", "reason": "drill"}).json()
    assert [each["status"] for each in halted["shards"]] == ["set", "set"]
    shards = admin.read("/v1/venue/status", after=halted["token"])["shards"]
    assert [(each["shard"], each["status"]) for each in shards] == [(0, "halted"), (1, "halted")]
    admin.put("/v1/venue/status", {"status": "open", "reason": "over"})


def test_a_market_is_on_one_shard_only_and_stays_there(admin: Admin) -> None:
    elsewhere = admin.post("/v1/markets", {**market(FAR), "shard": 0})
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (HTTPStatus.CONFLICT, "market_exists")
    assert (elsewhere.json()["shard"], "shard 1" in elsewhere.json()["detail"]) == (1, True)
    again = admin.post("/v1/markets", market(FAR))
    assert (again.status_code, again.json()["replayed"]) == (HTTPStatus.CREATED, True)
    nowhere = admin.post("/v1/markets", {**market("NEW-USD"), "shard": 2})
    assert nowhere.status_code == HTTPStatus.BAD_REQUEST
    assert "there are shards 0 to 1" in nowhere.json()["detail"]
    other_scale = admin.post("/v1/markets", {**market("SCALE-USD", quote_scale=9), "shard": 1})
    assert (other_scale.status_code, "USD has scale 10" in other_scale.json()["detail"]) == (409, True)
    wrong = admin.post("/v1/markets", {**market("WRONG-USD", max_quantity="0"), "shard": 1})
    assert wrong.json()["code"] == "market_rules_invalid"
    right = admin.post("/v1/markets", {**market("WRONG-USD"), "shard": 0})
    assert right.status_code == HTTPStatus.CREATED, "what was refused is not claimed"


def test_an_id_of_a_shard_that_does_not_exist_is_refused(admin: Admin, trader: str) -> None:
    foreign = "0007" + "cb25-98c6-8dc4-83bc-10ea9616066b".rjust(32, "0")
    answer = admin.commands.delete(f"/v1/orders/{foreign}", params={"account": trader})
    assert (answer.status_code, answer.json()["code"]) == (HTTPStatus.BAD_REQUEST, "invalid_request")
    assert "shard 7" in answer.json()["detail"]


def test_a_replica_learns_what_another_one_listed(stack: Stack, admin: Admin, trader: str) -> None:
    symbol = f"N{uuid4().hex[:6].upper()}-USD"
    assert admin.post("/v1/markets", {**market(symbol), "shard": 1}).status_code == HTTPStatus.CREATED
    stack.restart("command-api")  # knows nothing, as another replica
    (outcome,), _ = sent(admin, order(trader, symbol, "buy", "1"))
    assert (outcome["status"], shard_of(outcome["order_id"])) == ("open", 1)


def test_the_demo_spreads_its_markets_and_proves_all_shards(stack: Stack, admin: Admin) -> None:
    found = command(stack, "demo", "--for", "4s", "--rate", "60", "--json")
    assert all(found["proofs"].values()), found["differences"]
    assert found["trades"] > 0
    homes = {each["symbol"]: each["shard"] for each in admin.read("/v1/markets")["markets"]}
    assert [homes[symbol] for symbol in ("BTC-USD", "ETH-USD", "SOL-USD")] == [0, 1, 0]


def test_a_killed_processor_is_taken_over_while_the_other_shard_goes_on(
    stack: Stack, admin: Admin, trader: str
) -> None:
    """The last test here: one processor is gone after it."""
    victim = "order-processor-1"
    assert all(finding.ok for finding in shards(stack))
    (dead,) = owned_by(stack, victim)
    alive = 1 - dead
    symbols = {0: NEAR, 1: FAR}
    stack.supervisor.signal(victim, SIGKILL)
    stack.stop(victim)  # supervisord is not to start it again: it is dead for good
    for _ in range(5):
        (outcome,), _ = sent(admin, order(trader, symbols[alive], "buy", "1"))
        assert outcome["status"] == "open", "the other shard does not notice"
    deadline = monotonic() + TAKEN_OVER_S_MAX
    stranded = order(trader, symbols[dead], "buy", "1")
    while (outcome := sent(admin, stranded)[0][0])["status"] == "pending":
        assert monotonic() < deadline, "nobody takes the shard over"
    assert outcome["status"] == "open", outcome
    assert owned_by(stack, "order-processor") == {0, 1}
    found = command(stack, "audit", "verify", "--json")
    assert found["chain_ok"]
    assert found["state_hash_equal"]
    assert found["money_conserved"]
    assert found["read_models_equal"], found["differences"]
    assert [each["shard"] for each in found["shards"]] == [0, 1]


def owned_by(stack: Stack, processor: str) -> set[int]:
    return {shard for shard, owner in owners(stack).items() if owner == processor}


def command(stack: Stack, *words: str) -> dict[str, Any]:
    """Run a command that prints one object; its exit code must say that all is well."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "stack.cli", *words],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "OMS_FOLDER": str(stack.settings.folder), "PYTHONPATH": str(CHECKOUT)},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found
