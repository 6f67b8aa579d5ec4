"""A user, a program, and the APIs: from the command line to an order."""

import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any
from uuid import uuid4

import aiohttp
import httpx
import pytest

from api.authentication.tokens import mint_token
from api.identity import api_keys
from stack.identity import FIRST_USER, FIRST_USER_FILE, first_user, identity_of, store_of
from stack.load.venue import MarketSpec
from stack.ports import HOST
from stack.running import Stack, running_stack
from stack.settings import CHECKOUT, Settings
from stack.waiting import wait_until
from tests.integration.identity_service import NOTICED_MS_MAX, REDIRECT, SECRET, Browser, Service
from tests.integration.signing import Signer

pytestmark = pytest.mark.timeout(900)

SERVICES = ["order-processor", "command-api", "query-api", "identity"]
SYMBOL = "ID-USD"
PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("identity")
    settings = Settings.with_free_ports(folder, dashboard_redirects=(REDIRECT,))
    with running_stack(settings, SERVICES) as running:
        token = mint_token(settings.token_secret, "admin", ["admin"])
        with httpx.Client(headers={"Authorization": f"Bearer {token}"}, timeout=PATIENCE_S) as http:
            market = MarketSpec(SYMBOL, "ID", "0.00000001", "1000").body()
            assert http.post(f"{command_api(running)}/v1/markets", json=market).is_success
        yield running


@pytest.fixture
def account(stack: Stack) -> str:
    name = f"acc-{uuid4().hex[:8]}"
    token = mint_token(stack.settings.token_secret, "admin", ["admin"])
    with httpx.Client(headers={"Authorization": f"Bearer {token}"}, timeout=PATIENCE_S) as http:
        http.post(f"{command_api(stack)}/v1/accounts", json={"account": name})
        deposit = {"client_transfer_id": "first", "asset": "USD", "amount": "1000"}
        answer = http.post(f"{command_api(stack)}/v1/accounts/{name}/deposits", json=deposit)
        assert answer.is_success, answer.text
    return name


def command_api(stack: Stack) -> str:
    return f"http://{HOST}:{stack.settings.command_api_port}"


def oms(stack: Stack, *arguments: str, status: int = 0) -> dict[str, Any]:
    """Run a command as a person does; return what it printed as JSON, if it did."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "stack.cli", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, "OMS_FOLDER": str(stack.settings.folder), "PYTHONPATH": str(CHECKOUT)},
    )
    assert done.returncode == status, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout) if status == 0 else {"said": done.stderr}
    return found


def order(account: str, name: str) -> dict[str, str]:
    return {
        "account": account,
        "client_order_id": name,
        "symbol": SYMBOL,
        "side": "buy",
        "type": "limit",
        "quantity": "1",
        "price": "10",
    }


def a_key(stack: Stack, account: str, *scopes: str) -> Signer:
    owner = f"u-{uuid4().hex[:8]}"
    oms(stack, "users", "add", owner, "--role", "trader", "--account", account, "--json")
    wanted = [word for scope in scopes for word in ("--scope", scope)]
    made = oms(stack, "keys", "create", "--owner", owner, *wanted, "--json")
    return Signer(made["id"], made["secret"])


def test_a_program_trades_with_its_key(stack: Stack, account: str) -> None:
    signer = a_key(stack, account, "read", "trade")
    body = json.dumps(order(account, "first")).encode()
    headers = signer.headers("POST", "/v1/orders", body) | {"Content-Type": "application/json"}
    placed = httpx.post(f"{command_api(stack)}/v1/orders", headers=headers, content=body, timeout=PATIENCE_S)
    assert placed.status_code == HTTPStatus.CREATED, placed.text
    query = f"http://{HOST}:{stack.settings.query_api_port}"
    assert signer.get(query, f"/v1/orders?account={account}").status_code == HTTPStatus.OK
    path = f"/v1/accounts/{account}/withdrawals"
    headers = signer.headers("POST", path, b"{}") | {"Content-Type": "application/json"}
    refused = httpx.post(command_api(stack) + path, headers=headers, content=b"{}", timeout=PATIENCE_S)
    assert refused.status_code == HTTPStatus.FORBIDDEN


async def test_a_signed_socket_trades_until_its_key_is_revoked(stack: Stack, account: str) -> None:
    signer = a_key(stack, account, "trade")
    url = f"{command_api(stack)}/v1/ws"
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(url, headers=signer.headers("GET", "/v1/ws")) as socket,
    ):
        assert (await socket.receive_json(timeout=PATIENCE_S))["event"] == "welcome"
        await socket.send_json([{"id": 1, "op": "place", **order(account, "by-socket")}])
        (reply,) = (await socket.receive_json(timeout=PATIENCE_S))["replies"]
        assert reply["status"] == "open", reply
        with store_of(stack.settings) as store:
            api_keys.revoke(store, "test", signer.key_id)
        while (message := await socket.receive(timeout=PATIENCE_S)).type is aiohttp.WSMsgType.TEXT:
            pass
        assert (message.type, socket.close_code) == (aiohttp.WSMsgType.CLOSE, 4401)


async def test_a_key_that_may_only_read_opens_no_socket(stack: Stack, account: str) -> None:
    signer = a_key(stack, account, "read")
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(f"{command_api(stack)}/v1/ws", headers=signer.headers("GET", "/v1/ws")) as socket,
    ):
        assert (await socket.receive_json(timeout=PATIENCE_S))["event"] == "welcome"
        (reply,) = (await socket.receive_json(timeout=PATIENCE_S))["replies"]
        assert reply["code"] == "not_allowed"


def test_the_first_user_signs_in_and_uses_every_api(stack: Stack) -> None:
    settings = stack.settings
    first_user(settings)
    kept = settings.folder / FIRST_USER_FILE
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    name, password = kept.read_text().split()
    assert name == FIRST_USER
    with store_of(settings) as store:
        service = Service(settings.identity_issuer, identity_of(settings), store)
        answer = Browser(service).sign_in(name, password)
        code = answer.headers["location"].split("code=")[1].split("&")[0]
        token = service.exchange(code).json()["access_token"]
        for port in (settings.query_api_port, settings.identity_port):
            path = "/v1/markets" if port == settings.query_api_port else "/v1/identity/me"
            found = service.http.get(
                f"http://{HOST}:{port}{path}", headers={"Authorization": f"Bearer {token}"}
            )
            assert found.status_code == HTTPStatus.OK, found.text
        for client in service.clients:
            client.close()
    assert not first_user(settings), "there is one already"


def test_the_commands_tell_what_they_did(stack: Stack) -> None:
    name = f"u-{uuid4().hex[:8]}"
    made = oms(stack, "users", "add", name, "--role", "analyst", "--json")
    assert len(made["password"]) >= 20
    assert oms(stack, "users", "roles", name, "--role", "risk", "--json")["roles"] == ["risk"]
    assert oms(stack, "users", "lock", name, "--reason", "test", "--json")["locked"]
    assert not oms(stack, "users", "unlock", name, "--json")["locked"]
    assert oms(stack, "users", "password", name, "--json")["password"] != made["password"]
    assert name in {user["name"] for user in oms(stack, "users", "list", "--json")["users"]}
    assert oms(stack, "identity", "rotate-key", "--json")["kid"]
    key = oms(stack, "keys", "create", "--owner", name, "--json")["id"]
    assert oms(stack, "keys", "revoke", key, "--json")["revoked_at"]
    events = oms(stack, "identity", "events", "--json")["events"]
    assert {"user_created", "user_locked", "signing_key_made"} <= {event["what"] for event in events}
    assert oms(stack, "identity", "verify", "--json")["sound"]
    refused = oms(stack, "users", "add", name, "--role", "king", "--json", status=1)
    assert "king" in refused["said"]


def test_a_token_of_the_old_secret_opens_nothing(stack: Stack) -> None:
    token = mint_token(SECRET, "me", ["admin"])
    url = f"{command_api(stack)}/v1/orders"
    wait_until(
        lambda: httpx.post(url, headers={"Authorization": f"Bearer {token}"}, json={}).status_code == 401,
        NOTICED_MS_MAX,
        "it is refused",
    )
