"""Orders over the WebSocket, through every server."""

import asyncio
import json
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any
from uuid import uuid4

import aiohttp
import httpx
import psutil
import pytest

from api.auth import mint_token
from stack.load.venue import MarketSpec
from stack.ports import HOST
from stack.running import Stack, running_stack
from stack.settings import Settings
from tests.staff import STAFF

PATIENCE_S = 20
SYMBOL = "WS-USD"
SERVICES = ["order-processor", "command-api"]

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    settings = Settings.with_free_ports(tmp_path_factory.mktemp("websocket"))
    with running_stack(settings, SERVICES) as running:
        with admin(settings) as http:
            market = MarketSpec(SYMBOL, "WS", "0.00000001", "1000").body()
            assert http.post("/v1/markets", json=market).status_code == HTTPStatus.CREATED
        yield running


def admin(settings: Settings) -> httpx.Client:
    token = mint_token(settings.token_secret, "admin", **STAFF)
    return httpx.Client(
        base_url=f"http://{HOST}:{settings.command_api_port}",
        headers={"Authorization": f"Bearer {token}"},
        timeout=PATIENCE_S,
    )


@pytest.fixture
def account(stack: Stack) -> str:
    """A funded account of the test's own."""
    name = f"trader-{uuid4().hex[:8]}"
    with admin(stack.settings) as http:
        http.post("/v1/accounts", json={"account": name})
        for asset, amount in (("USD", "1000000"), ("WS", "100000")):
            deposit = {"client_transfer_id": f"first-{asset}", "asset": asset, "amount": amount}
            answer = http.post(f"/v1/accounts/{name}/deposits", json=deposit)
            assert answer.status_code == HTTPStatus.CREATED, answer.text
    return name


class Trader:
    """One connection, and what came over it."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, account: str) -> None:
        self.socket = socket
        self.account = account
        self.token = ""

    async def send(self, *items: dict[str, Any]) -> None:
        await self.socket.send_str(json.dumps(items))

    async def ask(self, *items: dict[str, Any]) -> list[dict[str, Any]]:
        """Send one frame; return the replies in the order of the items."""
        numbered = [{"id": number, **item} for number, item in enumerate(items)]
        await self.send(*numbered)
        return await self.replies(len(items))

    async def replies(self, count: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while len(found) < count:
            frame = await self.receive()
            found += frame.get("replies", [])
            self.token = frame.get("token", self.token)
        return sorted(found, key=lambda reply: -1 if reply.get("id") is None else reply["id"])

    async def receive(self) -> dict[str, Any]:
        message = await self.socket.receive(timeout=PATIENCE_S)
        assert message.type is aiohttp.WSMsgType.TEXT, message
        return dict(json.loads(message.data))

    def order(self, name: str, side: str = "buy", price: str = "10", **more: Any) -> dict[str, Any]:
        order = {"op": "place", "account": self.account, "client_order_id": name, "symbol": SYMBOL}
        return {**order, "side": side, "type": "limit", "quantity": "1", "price": price, **more}


@asynccontextmanager
async def trading(stack: Stack, account: str, query: str = "", **claims: Any) -> AsyncIterator[Trader]:
    token = mint_token(stack.settings.token_secret, "trader", ["trader"], [account], **claims)
    url = f"http://{HOST}:{stack.settings.command_api_port}/v1/ws{query}"
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as http,
        http.ws_connect(url) as socket,
    ):
        trader = Trader(socket, account)
        assert (await trader.receive())["event"] == "welcome"
        yield trader


def open_orders(stack: Stack, account: str) -> int:
    """Count them by cancelling them: the processor itself tells."""
    with admin(stack.settings) as http:
        done = http.delete("/v1/orders", params={"account": account}).json()
    return int(done["detail"].split()[0])


async def test_orders_are_placed_amended_replaced_and_cancelled(stack: Stack, account: str) -> None:
    async with trading(stack, account) as trader:
        first, second, wrong = await trader.ask(
            trader.order("a", price="11"),  # above what other tests leave in the book
            trader.order("b", "sell", "11", quantity="0.4"),
            trader.order("c", price="0.001"),
        )
        assert (first["status"], first["client_order_id"], first["remaining"]) == ("open", "a", "1")
        assert (second["status"], second["fills"][0]["price"]) == ("filled", "11")
        assert (wrong["status"], wrong["code"]) == ("rejected", "invalid_price")
        assert "tick" in wrong["remedy"]
        assert trader.token
        named = {"account": account, "order_id": first["order_id"]}
        amended, valid = await trader.ask(
            {"op": "amend", **named, "quantity": "0.9"}, {**trader.order("d"), "op": "place_test"}
        )
        assert (amended["quantity"], amended["remaining"]) == ("0.9", "0.5")
        assert valid["status"] == "valid"
        order = {key: value for key, value in trader.order("e", price="9").items() if key != "op"}
        replaced, again, cancelled = await trader.ask(
            {"op": "cancel_replace", "cancel_order_id": first["order_id"], "order": order},
            trader.order("e", price="9"),
            {"op": "cancel", "account": account, "client_order_id": "e"},
        )
        assert (replaced["status"], replaced["client_order_id"]) == ("open", "e")
        assert (again["status"], again["replayed"]) == ("open", True)
        assert (cancelled["status"], cancelled["order_id"]) == ("cancelled", replaced["order_id"])
        await trader.ask(trader.order("f"), trader.order("g"))
        (all_cancelled,) = await trader.ask({"op": "cancel_all", "account": account})
        assert (all_cancelled["status"], all_cancelled["detail"]) == ("cancelled", "2 orders cancelled")


async def test_what_is_wrong_is_told_item_by_item_and_the_connection_stays(
    stack: Stack, account: str
) -> None:
    async with trading(stack, account) as trader:
        good, misspelt, stranger, unknown = await trader.ask(
            trader.order("good"),
            trader.order("bad", pryce="1"),
            {**trader.order("other"), "account": "somebody-else"},
            {"op": "plaice"},
        )
        assert good["status"] == "open"
        assert (misspelt["code"], "pryce" in misspelt["detail"]) == ("invalid_request", True)
        assert stranger["code"] == "not_allowed"
        assert "cancel_replace" in unknown["detail"]
        await trader.socket.send_str("{")
        (broken,) = await trader.replies(1)
        assert (broken["id"], broken["code"]) == (None, "invalid_request")
        await trader.socket.send_str(json.dumps([{"op": "ping"}] * 501))
        (too_many,) = await trader.replies(1)
        assert (too_many["code"], "500" in too_many["detail"]) == ("too_large", True)
        assert (await trader.ask({"op": "ping"}))[0]["status"] == "ok"


async def test_who_cannot_send_a_header_says_first_who_it_is(stack: Stack, account: str) -> None:
    url = f"http://{HOST}:{stack.settings.command_api_port}/v1/ws"
    secret = stack.settings.token_secret
    async with aiohttp.ClientSession() as http, http.ws_connect(url) as socket:
        trader = Trader(socket, account)
        await trader.receive()
        (refused,) = await trader.ask(trader.order("early"))
        assert refused["code"] == "not_authenticated"
        (forged,) = await trader.ask({"op": "auth", "token": mint_token("x" * 32, "me", ["admin"])})
        assert forged["code"] == "not_authenticated"
        own = {"op": "auth", "token": mint_token(secret, "me", ["trader"], [account])}
        known, placed = await trader.ask(own, trader.order("late"))
        assert (known["status"], placed["status"]) == ("ok", "open")
        (other,) = await trader.ask({"op": "auth", "token": mint_token(secret, "you", ["admin"])})
        assert (other["code"], "you" in other["detail"]) == ("not_authenticated", True)


async def test_an_expired_token_is_told_and_renewed(stack: Stack, account: str) -> None:
    async with trading(stack, account, valid_s=2) as trader:
        notice = await trader.receive()
        assert notice["event"] == "token_expires"
        await asyncio.sleep(max(0.0, notice["expires_at"] + 0.2 - time.time()))
        (refused,) = await trader.ask(trader.order("expired"))
        assert (refused["code"], "auth" in refused["detail"]) == ("not_authenticated", True)
        fresh = mint_token(stack.settings.token_secret, "trader", ["trader"], [account])
        _, placed = await trader.ask({"op": "auth", "token": fresh}, trader.order("renewed"))
        assert placed["status"] == "open"


async def test_orders_end_with_the_connection_also_those_still_on_their_way(
    stack: Stack, account: str
) -> None:
    processor = psutil.Process(stack.pid("order-processor"))
    async with trading(stack, account) as other:
        (stays,) = await other.ask(other.order("stays"))
        async with trading(stack, account, "?cancel_on_disconnect=true") as trader:
            await trader.ask(trader.order("known"))
            processor.send_signal(signal.SIGSTOP)
            try:
                for number in range(4):
                    await trader.send(*(trader.order(f"{number}-{index}", price="1") for index in range(100)))
                await asyncio.sleep(0.5)
                # The line is cut, and the cancel sent, with all these orders in the log and none decided.
                trader.socket._writer.transport.abort()
                await asyncio.sleep(0.5)
            finally:
                processor.send_signal(signal.SIGCONT)
            await other.ask(other.order("later", price="1"))
        left = await asyncio.to_thread(open_orders, stack, account)
        assert left == 2, "the other connection's orders, and no other"
        assert stays["status"] == "open"


async def test_the_same_order_over_the_next_connection_is_the_same_order(stack: Stack, account: str) -> None:
    async with trading(stack, account, "?cancel_on_disconnect=true") as trader:
        (first,) = await trader.ask(trader.order("once"))
    async with trading(stack, account, "?cancel_on_disconnect=true") as trader:
        (again,) = await trader.ask(trader.order("once"))
    assert (again["status"], again["replayed"], again["order_id"]) == ("open", True, first["order_id"])


async def flood(socket: aiohttp.ClientWebSocketResponse, frame: str) -> None:
    for _ in range(2_000):
        await asyncio.wait_for(socket.send_str(frame), PATIENCE_S)


async def test_who_does_not_read_is_let_go_and_nobody_else_notices(stack: Stack, account: str) -> None:
    frame = json.dumps([{"op": "ping", "id": "x" * 60}] * 500)
    async with trading(stack, account) as other, trading(stack, account) as trader:
        trader.socket._writer.transport.pause_reading()
        with pytest.raises((ConnectionError, aiohttp.ClientError)):
            await flood(trader.socket, frame)
        assert (await other.ask({"op": "ping"}))[0]["status"] == "ok"


async def test_lists_acknowledgements_and_the_kill_switch(stack: Stack, account: str) -> None:
    legs = [
        {"client_order_id": "in", "side": "buy", "type": "limit", "quantity": "1", "price": "10"},
        {"client_order_id": "out", "side": "sell", "type": "limit", "quantity": "1", "price": "20"},
    ]
    both = {"op": "place_list", "account": account, "client_list_id": "l", "symbol": SYMBOL, "kind": "oto"}
    async with trading(stack, account) as trader:
        (placed,) = await trader.ask({**both, "legs": legs})
        assert placed["status"] == "executing"
        assert [leg["status"] for leg in placed["legs"]] == ["open", "pending"]
        (ended,) = await trader.ask({"op": "cancel_list", "account": account, "list_id": placed["list_id"]})
        assert ended["status"] == "cancelled"
        acknowledged, decided = await trader.ask(
            trader.order("acknowledged", answer="ack"), trader.order("decided")
        )
        assert (acknowledged["status"], decided["status"]) == ("pending", "open")
        (stopped,) = await trader.ask({"op": "kill_switch", "account": account})
        assert (stopped["status"], stopped["detail"]) == ("set", "2 orders cancelled")
        (late,) = await trader.ask(trader.order("late"))
        assert late["code"] == "account_restricted"


async def test_overload_sheds_new_orders_lets_cancels_pass_and_ends(stack: Stack, account: str) -> None:
    processor = psutil.Process(stack.pid("order-processor"))
    async with trading(stack, account) as trader:
        (resting,) = await trader.ask(trader.order("resting", price="1"))
        processor.send_signal(signal.SIGSTOP)
        try:
            for number in range(20):
                orders = [trader.order(f"o-{number}-{index}", price="1") for index in range(250)]
                await trader.send(*({**order, "id": 1} for order in orders))
                await asyncio.sleep(0.03)
            await trader.send({"op": "cancel", "account": account, "order_id": resting["order_id"], "id": 0})
            await asyncio.sleep(0.5)
            with admin(stack.settings) as http:
                order = {k: v for k, v in trader.order("rest").items() if k != "op"}
                refused = await asyncio.to_thread(http.post, "/v1/orders", json=order)
        finally:
            processor.send_signal(signal.SIGCONT)
        assert refused.status_code == HTTPStatus.SERVICE_UNAVAILABLE
        assert (refused.json()["code"], refused.headers["retry-after"]) == ("overloaded", "1")
        replies = await trader.replies(20 * 250 + 1)
        shed = [reply for reply in replies if reply.get("code") == "overloaded"]
        assert shed
        assert all(reply["retry_after_ms"] > 0 for reply in shed)
        assert replies[0]["status"] == "cancelled"
        (recovered,) = await trader.ask(trader.order("recovered", price="1"))
        assert recovered["status"] == "open"


async def test_the_orders_of_a_killed_api_are_cancelled_by_its_successor(stack: Stack, account: str) -> None:
    async with trading(stack, account, "?cancel_on_disconnect=true") as trader:
        (placed,) = await trader.ask(trader.order("orphan"))
        assert placed["status"] == "open"
        # First the worker: it must not see that the connection is lost.
        for worker in psutil.Process(stack.pid("command-api")).children(recursive=True):
            worker.kill()
        await asyncio.to_thread(stack.kill, "command-api")
    await asyncio.to_thread(stack.wait_until_ready, "command-api")
    deadline = time.monotonic() + 2 * PATIENCE_S
    status = "open"
    async with trading(stack, account) as trader:
        while status == "open" and time.monotonic() < deadline:
            await asyncio.sleep(1.0)
            amend = {"op": "amend", "account": account, "order_id": placed["order_id"], "quantity": "1"}
            (found,) = await trader.ask(amend)
            status = found["status"]
    assert (status, found["code"]) == ("refused", "order_not_open")


async def test_an_api_that_is_told_to_stop_ends_its_sessions_first(stack: Stack, account: str) -> None:
    async with trading(stack, account, "?cancel_on_disconnect=true") as trader:
        await trader.ask(trader.order("last"))
        await asyncio.to_thread(stack.restart, "command-api")
        closed = await trader.socket.receive(timeout=PATIENCE_S)
        assert closed.type in {aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR}
    assert await asyncio.to_thread(open_orders, stack, account) == 0
