"""Market data, live: books that are always the server's, whoever joins, drops, or is killed."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any
from uuid import uuid4

import httpx
import pytest

from api.market_data.follower import BookFollower
from stack.load import flow, session, venue
from stack.load.flow import MARKETS, Flow
from stack.load.streaming import Streaming
from stack.ports import HOST
from stack.running import Stack, running_stack
from stack.settings import Settings

pytestmark = pytest.mark.timeout(300)

SERVICES = ["order-processor", "read-models", "command-api", "market-data"]
SYMBOLS = [plan.spec.symbol for plan in MARKETS]
PATIENCE_S = 60.0
KINDS: list[tuple[Any, str]] = [("book", "full"), ("book", "10"), ("book", "100"), ("orders", "full")]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    settings = Settings.with_free_ports(tmp_path_factory.mktemp("market"))
    with running_stack(settings, SERVICES) as running:
        asyncio.run(opened(settings))
        yield running


async def opened(settings: Settings) -> None:
    async with session.client_of(settings) as client:
        await venue.prepare(client, "opening", [plan.spec for plan in MARKETS], flow.funds())


class Trading:
    """Sends a made-up market's orders, a batch at a time, until it is told to stop."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.sent = 0

    async def run(self) -> None:
        async with session.client_of(self.settings) as client:
            for action in Flow(uuid4().int % 1000, uuid4().hex[:8]):
                await client.batch(action.commands)
                self.sent += len(action.commands)
                await asyncio.sleep(0.005)


@asynccontextmanager
async def trading(stack: Stack) -> AsyncIterator[Trading]:
    one = Trading(stack.settings)
    task = asyncio.create_task(one.run())
    try:
        yield one
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def following(stack: Stack, followers: list[BookFollower]) -> AsyncIterator[Streaming]:
    url = f"http://{HOST}:{stack.settings.market_data_port}/v1/stream"
    streaming = Streaming(url, followers)
    task = asyncio.create_task(streaming.run())
    try:
        yield streaming
    finally:
        await streaming.stop()
        await asyncio.wait_for(task, PATIENCE_S)


def all_kinds() -> list[BookFollower]:
    return [BookFollower(symbol, channel, depth) for symbol in SYMBOLS for channel, depth in KINDS]


async def until(happened: Any, what: str) -> None:
    """Wait, bounded, for ``happened()``."""
    async with asyncio.timeout(PATIENCE_S):
        while not happened():  # noqa: ASYNC110 - what it waits for is in another process
            await asyncio.sleep(0.05)
    assert happened(), what


async def same_as_the_servers(stack: Stack, followers: list[BookFollower]) -> None:
    """When nothing is traded any more, each holds what the server's snapshots hold."""
    url = f"http://{HOST}:{stack.settings.market_data_port}/v1/markets"
    async with httpx.AsyncClient(timeout=PATIENCE_S) as http:
        for follower in followers:
            level = "3" if follower.channel == "orders" else "2"
            depth = 5_000 if follower.depth == "full" else int(follower.depth)
            query = {"level": level, "depth": depth}

            async def book(symbol: str = follower.symbol, query: Any = query) -> dict[str, Any]:
                return dict((await http.get(f"{url}/{symbol}/book", params=query)).json())

            async with asyncio.timeout(PATIENCE_S):
                while shown(follower) != told(await book()):  # noqa: ASYNC110 - the same
                    await asyncio.sleep(0.1)


def shown(follower: BookFollower) -> list[Any]:
    if follower.channel == "book":
        return [follower.levels("bids"), follower.levels("asks")]
    return [follower.orders("bids"), follower.orders("asks")]


def told(book: dict[str, Any]) -> list[Any]:
    if book["level"] == 2:
        return [[(each["price"], each["quantity"]) for each in book[side]] for side in ("bids", "asks")]
    return [
        [
            (queue["price"], order["order_id"], order["quantity"])
            for queue in book[side]
            for order in queue["orders"]
        ]
        for side in ("bids", "asks")
    ]


def checked(followers: list[BookFollower]) -> int:
    return min(follower.checked for follower in followers)


def nothing_was_wrong(streaming: Streaming) -> None:
    assert streaming.happened["ChecksumError"] == 0, streaming.happened
    assert streaming.happened["GapError"] == 0, streaming.happened


async def test_a_client_that_joins_drops_and_comes_back_always_holds_the_servers_book(stack: Stack) -> None:
    followers = all_kinds()
    async with trading(stack) as load:
        await until(lambda: load.sent > 200, "the market is open")
        async with following(stack, followers) as streaming:
            for _ in range(4):
                seen = checked(followers)
                await until(lambda seen=seen: checked(followers) > seen + 3, "checksums come")
                await streaming.drop()
            await until(lambda: streaming.happened["resumed"] >= 4, "it goes on where it was")
            nothing_was_wrong(streaming)
    async with following(stack, followers):
        await same_as_the_servers(stack, followers)


@pytest.mark.parametrize("victim", ["market-data", "order-processor"])
async def test_books_stay_right_when_a_service_is_killed_under_load(stack: Stack, victim: str) -> None:
    followers = all_kinds()
    async with following(stack, followers) as streaming:
        async with trading(stack) as load:
            await until(lambda: checked(followers) > 3, "checksums come")
            await asyncio.to_thread(stack.kill, victim)
            await asyncio.to_thread(stack.wait_until_ready, victim)
            sent, seen = load.sent, {id(each): each.checked for each in followers}
            await until(lambda: load.sent > sent + 200, "trading goes on")
            await until(
                lambda: all(each.checked > seen[id(each)] + 3 for each in followers), "checksums come again"
            )
        await same_as_the_servers(stack, followers)
        nothing_was_wrong(streaming)


def test_the_books_are_those_of_the_events(stack: Stack) -> None:
    """The server's own books, folded piece by piece and over restarts, are what all events lead to."""
    import psycopg

    from domain.exchange import Exchange, replay
    from streams.history import read_events

    exchange = Exchange()
    with psycopg.connect(stack.settings.postgres_dsn) as store:
        for recorded in read_events(store, 0):
            replay(exchange, recorded.event, recorded.occurred_at_us)
    url = f"http://{HOST}:{stack.settings.market_data_port}/v1/markets"
    for symbol in SYMBOLS:
        book = httpx.get(f"{url}/{symbol}/book", params={"level": "3", "depth": 5_000}).json()
        ids = {
            order["order_id"]
            for side in ("bids", "asks")
            for queue in book[side]
            for order in queue["orders"]
        }
        open_ids = {each.order_id for each in exchange.orders.values() if each.symbol == symbol}
        assert ids <= open_ids
        assert ids or not open_ids


async def test_snapshots_are_for_everybody_and_join_with_the_stream(stack: Stack) -> None:
    """Subscribe first, keep what comes, take a snapshot, and go on with what is newer."""
    symbol, came = SYMBOLS[0], list[dict[str, Any]]()
    url = f"http://{HOST}:{stack.settings.market_data_port}"
    follower = BookFollower(symbol)
    async with (
        httpx.AsyncClient(base_url=url, timeout=PATIENCE_S, headers={"Origin": "https://a.example"}) as http,
        trading(stack),
        following(stack, [follower]) as streaming,
    ):
        streaming.on_message = came.append
        await until(lambda: len(came) > 5, "messages come")
        answer = await http.get(f"/v1/markets/{symbol}/book", params={"depth": 5_000})
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        book, joined = answer.json(), BookFollower(symbol)
        joined.sides = {
            side: {each["price"]: each["quantity"] for each in book[side]} for side in ("bids", "asks")
        }
        await until(lambda: sum(newer(each, book["seq"]) for each in came) > 5, "newer messages come")
        first, *others = [each for each in came if newer(each, book["seq"])]
        assert first["previous"] <= book["seq"]
        joined.seq = first["previous"]
        for message in (first, *others):
            joined.take(message)
        assert joined.checked > 5


def newer(message: dict[str, Any], seq: int) -> bool:
    return bool(message["type"] == "book" and message["seq"] > seq)


def test_markets_trades_and_tickers_tell_the_same_as_each_other(stack: Stack) -> None:
    url = f"http://{HOST}:{stack.settings.market_data_port}/v1"
    markets = httpx.get(f"{url}/markets").json()["markets"]
    assert [each["symbol"] for each in markets] == sorted(SYMBOLS)
    tickers = {each["symbol"]: each for each in httpx.get(f"{url}/tickers").json()["tickers"]}
    for symbol in SYMBOLS:
        trades = httpx.get(f"{url}/markets/{symbol}/trades", params={"limit": 1_000}).json()["trades"]
        assert [each["trade_id"] for each in trades] == sorted(each["trade_id"] for each in trades)
        assert tickers[symbol]["last"] == trades[-1]["price"]
        assert tickers[symbol]["count"] == trades[-1]["trade_id"]
    assert httpx.get(f"{url}/markets/NO-USD/ticker").status_code == 404
    assert httpx.get(f"{url}/markets/{SYMBOLS[0]}/book", params={"depth": 0}).status_code == 400
