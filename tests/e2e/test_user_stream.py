"""The private stream: an account's orders and balances are always the exchange's, whatever is lost or killed;
and clients that do not read cost nobody else anything.
"""

import asyncio
import base64
import json
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any
from uuid import uuid4

import aiohttp
import psutil
import psycopg
import pytest

from api.auth import mint_token
from api.market_data.account_follower import AccountFollower
from domain.exchange import Exchange, replay
from domain.numbers import format_units
from stack.load import flow, session, venue
from stack.load.client import Place
from stack.load.flow import MAKERS, MARKETS, TAKERS, Flow
from stack.ports import HOST
from stack.running import Stack, running_stack
from stack.settings import Settings
from streams.history import read_events

pytestmark = pytest.mark.timeout(300)

SERVICES = ["order-processor", "read-models", "command-api", "market-data"]
PATIENCE_S = 60.0
ACCOUNTS = (MAKERS[0], TAKERS[0])
SYMBOL = MARKETS[0].spec.symbol


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    made = Settings.with_free_ports(tmp_path_factory.mktemp("private"))
    settings = made.model_copy(update={"stream_send_bytes_max": 131_072})
    with running_stack(settings, SERVICES) as running:
        asyncio.run(opened(settings))
        yield running


async def opened(settings: Settings) -> None:
    async with session.client_of(settings) as client:
        await venue.prepare(client, "opening", [plan.spec for plan in MARKETS], flow.funds())


@asynccontextmanager
async def trading(stack: Stack) -> AsyncIterator[None]:
    async def run() -> None:
        async with session.client_of(stack.settings) as client:
            for action in Flow(uuid4().int % 1000, uuid4().hex[:8]):
                await client.batch(action.commands)
                await asyncio.sleep(0.003)

    task = asyncio.create_task(run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


class Client:
    """One private connection, and who follows over it."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.told: list[dict[str, Any]] = []

    async def send(self, **message: Any) -> None:
        await self.socket.send_str(json.dumps(message))

    async def receive(self) -> list[dict[str, Any]]:
        message = await self.socket.receive(timeout=PATIENCE_S)
        if message.type is not aiohttp.WSMsgType.TEXT:
            raise ConnectionResetError(f"closed {self.socket.close_code}")
        frame = json.loads(message.data)
        messages = frame if isinstance(frame, list) else [frame]
        self.told += messages
        return messages

    async def until(self, kind: str) -> dict[str, Any]:
        while True:
            for message in await self.receive():
                if message["type"] == kind:
                    return message

    async def follow(self, *followers: AccountFollower) -> None:
        """Follow for ever."""
        for follower in followers:
            await self.send(**follower.wanted())
        while True:
            for message in await self.receive():
                assert message["type"] != "error", message
                for follower in followers:
                    follower.take(message)


@asynccontextmanager
async def connected(
    stack: Stack, path: str = "user-stream", token: str | None = None
) -> AsyncIterator[Client]:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    url = f"http://{HOST}:{stack.settings.market_data_port}/v1/{path}"
    async with (
        aiohttp.ClientSession(headers=headers) as http,
        http.ws_connect(url, max_msg_size=0) as socket,
    ):
        yield Client(socket)


def token_of(stack: Stack, *accounts: str, valid_s: int = 3_600) -> str:
    return mint_token(stack.settings.token_secret, "someone", ["trader"], list(accounts), valid_s)


@asynccontextmanager
async def followed(stack: Stack, *followers: AccountFollower) -> AsyncIterator[asyncio.Task[None]]:
    """Follow over one connection while the body runs; then lose it."""
    async with connected(stack, token=token_of(stack, *ACCOUNTS)) as client:
        task = asyncio.create_task(client.follow(*followers))
        try:
            yield task
            assert not task.done() or task.exception() is None, task
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError, ConnectionResetError):
                await task


async def until(happened: Any, what: str) -> None:
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not happened():  # noqa: ASYNC110 - what it waits for is in another process
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(what) from None


def held_by(stack: Stack, account: str) -> tuple[dict[str, str], dict[tuple[int, str], tuple[str, str]]]:
    """Return what all events together say of the account's orders and balances."""
    exchange = Exchange()
    with psycopg.connect(stack.settings.postgres_dsn) as store:
        for recorded in read_events(store, 0):
            replay(exchange, recorded.event, recorded.occurred_at_us)
    orders = {
        order.order_id: format_units(order.remaining, exchange.markets[order.symbol].rules.base_scale)
        for order in exchange.orders.values()
        if order.account == account
    }
    balances = {
        (0, asset): tuple(
            format_units(each, exchange.scales[asset]) for each in (balance.available, balance.held)
        )
        for asset, balance in exchange.accounts[account].balances.items()
    }
    return orders, balances  # type: ignore[return-value] # each is a pair


async def holds_what_the_exchange_holds(stack: Stack, *followers: AccountFollower) -> None:
    for follower in followers:

        def same(follower: AccountFollower = follower) -> bool:
            return (follower.orders, follower.balances) == held_by(stack, follower.account)

        await until(same, f"{follower.account} holds what the exchange holds")


async def test_orders_and_balances_are_the_exchanges_over_drops_and_resumes(stack: Stack) -> None:
    followers = [AccountFollower(account) for account in ACCOUNTS]
    async with trading(stack):
        for round_ in range(4):
            seen = followers[0].events
            async with followed(stack, *followers):
                await until(lambda seen=seen: followers[0].events > seen + 20, f"news in round {round_}")
    async with followed(stack, *followers):
        await holds_what_the_exchange_holds(stack, *followers)
    assert [(each.snapshots, each.resumed) for each in followers] == [(1, 4), (1, 4)]


async def test_a_snapshot_taken_at_any_moment_joins_exactly(stack: Stack) -> None:
    followers = [AccountFollower(ACCOUNTS[0]) for _ in range(6)]
    async with trading(stack), _many(stack, followers):
        for follower in followers:
            await until(lambda follower=follower: follower.events > 20, "news comes")
    fresh = AccountFollower(ACCOUNTS[0])
    async with _many(stack, [*followers, fresh]):
        await holds_what_the_exchange_holds(stack, *followers, fresh)
    assert all(each.snapshots == 1 for each in followers)


@asynccontextmanager
async def _many(stack: Stack, followers: list[AccountFollower]) -> AsyncIterator[None]:
    if not followers:
        yield
        return
    async with followed(stack, followers[0]), _many(stack, followers[1:]):
        yield


async def test_what_was_missed_while_the_service_was_dead_comes_from_the_store(stack: Stack) -> None:
    follower = AccountFollower(ACCOUNTS[0])
    async with trading(stack):
        async with followed(stack, follower):
            await until(lambda: follower.events > 10, "news comes")
        seen = follower.events
        await asyncio.to_thread(stack.kill, "market-data")
        await asyncio.to_thread(stack.wait_until_ready, "market-data")
        async with followed(stack, follower):
            await until(lambda: follower.events > seen + 20, "news comes again")
    async with followed(stack, follower):
        await holds_what_the_exchange_holds(stack, follower)
    assert follower.snapshots == 1


# --- Who may ----------------------------------------------------------------------------------------------


async def test_an_account_is_told_to_those_who_may_see_it_alone(stack: Stack) -> None:
    async with connected(stack) as client:
        await client.send(op="subscribe", account=ACCOUNTS[0], id=1)
        assert (await client.until("error"))["code"] == "not_authenticated"
        await client.send(op="auth", token="nonsense")
        assert (await client.until("error"))["code"] == "not_authenticated"
        await client.send(op="auth", token=token_of(stack, ACCOUNTS[0]), id="me")
        assert (await client.until("authenticated"))["id"] == "me"
        await client.send(op="subscribe", account=ACCOUNTS[1], id=2)
        assert (await client.until("error"))["code"] == "not_allowed"
        await client.send(op="subscribe", account=ACCOUNTS[0], id=3)
        assert (await client.until("account_snapshot"))["id"] == 3


async def test_a_token_that_expires_is_replaced_or_ends_the_connection(stack: Stack) -> None:
    async with connected(stack, token=token_of(stack, ACCOUNTS[0], valid_s=8)) as client:
        first = await client.until("authenticated")
        assert (await client.until("token_expires"))["expires_at_ms"] == first["expires_at_ms"]
        await client.send(op="auth", token=token_of(stack, ACCOUNTS[0], valid_s=12))
        assert (await client.until("authenticated"))["expires_at_ms"] > first["expires_at_ms"]
        with pytest.raises(ConnectionResetError, match="4401"):
            await client.until("never")


async def test_who_says_nothing_of_himself_is_closed(stack: Stack) -> None:
    async with connected(stack) as client:
        with pytest.raises(ConnectionResetError, match="4401"):
            await client.until("never")


# --- Clients that do not read -----------------------------------------------------------------------------


async def test_clients_that_do_not_read_are_closed_and_cost_no_memory(stack: Stack) -> None:
    """Each asks again and again for a large book: far more than the kernel and the service keep for it."""
    await large_book(stack)
    process = psutil.Process(stack.pid("market-data"))
    before = memory_of(process)
    writers = [await deaf(stack) for _ in range(5)]
    try:
        async with connected(stack, "stream") as reader:
            await reader.send(op="subscribe", channels=[{"channel": "orders", "symbol": SYMBOL}])
            await reader.until("orders_snapshot")
            await until(
                lambda: held_back(process, stack.settings.market_data_port) <= 1,
                "those who do not read are closed",
            )
            await reader.send(op="ping")
            await reader.until("pong")
        assert stack.log_file("market-data").read_text().count("is closed: slow_reader") == 5
        assert memory_of(process) - before < 100_000_000
    finally:
        for writer in writers:
            writer.transport.abort()


async def large_book(stack: Stack) -> None:
    async with session.client_of(stack.settings) as client:
        orders = [
            Place(MAKERS[1], f"deep-{number}", SYMBOL, "buy", "limit", "0.0001", f"{1_000 + number}")
            for number in range(3_000)
        ]
        for start in range(0, len(orders), 300):
            await client.batch(orders[start : start + 300])


async def deaf(stack: Stack) -> asyncio.StreamWriter:
    """Open a WebSocket that asks for much and reads nothing."""
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    raw.setblocking(False)
    await asyncio.get_running_loop().sock_connect(raw, (HOST, stack.settings.market_data_port))
    reader, writer = await asyncio.open_connection(sock=raw, limit=4_096)
    key = base64.b64encode(uuid4().bytes).decode()
    writer.write(
        f"GET /v1/stream HTTP/1.1\r\nHost: {HOST}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    await reader.readuntil(b"\r\n\r\n")
    for _ in range(45):
        for op in ("subscribe", "unsubscribe"):
            body = json.dumps({"op": op, "channels": [{"channel": "orders", "symbol": SYMBOL}]}).encode()
            writer.write(b"\x81\xfe" + len(body).to_bytes(2, "big") + bytes(4) + body)
    await writer.drain()
    return writer


def held_back(process: psutil.Process, port: int) -> int:
    """Return how many connections the service still has."""
    processes = [process, *process.children(recursive=True)]
    return sum(
        connection.status == psutil.CONN_ESTABLISHED and connection.laddr.port == port
        for each in processes
        for connection in each.net_connections("tcp")
    )


def memory_of(process: psutil.Process) -> int:
    return int(sum(each.memory_info().rss for each in [process, *process.children(recursive=True)]))
