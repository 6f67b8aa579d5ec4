"""Order entry over a WebSocket, against a small API that answers late, in any order, or not at all."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import web

from api.client import bounds
from api.client.async_client import AsyncClient
from api.client.calls import bearer
from api.client.errors import (
    ConflictError,
    NoAnswerError,
    NotAuthenticatedError,
    RejectedError,
    UnavailableError,
)
from api.client.types import PlaceItem
from stack.ports import HOST, free_ports

Items = list[dict[str, Any]]
WELCOME = {"event": "welcome", "session": "s-1", "items_max": 2, "in_flight_max": 4}


def order(name: str) -> PlaceItem:
    return PlaceItem(
        account="a", client_order_id=name, symbol="B-U", side="buy", type="limit", quantity="1", price="2"
    )


class Api:
    """Answers each frame with what ``answer`` makes of its items; ``None`` cuts the connection."""

    def __init__(self) -> None:
        self.answer: Callable[[Items], list[Any] | None] = opened
        self.welcome: list[Any] = [WELCOME]
        self.asked: list[Items] = []
        self.handshakes: list[tuple[str, str]] = []

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        self.handshakes.append((request.path_qs, request.headers.get("Authorization", "")))
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        for notice in self.welcome:
            await socket.send_str(json.dumps(notice))
        async for message in socket:
            read = json.loads(message.data)
            items = read if isinstance(read, list) else [read]
            self.asked.append(items)
            frames = self.answer(items)
            if frames is None:
                break
            for frame in frames:
                await socket.send_str(json.dumps(frame))
        return socket


def opened(items: Items) -> list[Any]:
    """Reply to all, the last one first, in frames of their own."""
    return [
        {
            "token": f"a0.0:{item['id']}",
            "replies": [
                {"id": item["id"], "status": "open", "client_order_id": item.get("client_order_id", "")}
            ],
        }
        for item in reversed(items)
        if "id" in item
    ]


def refused(code: str, **more: Any) -> Callable[[Items], list[Any]]:
    def answer(items: Items) -> list[Any]:
        reply = {"status": "refused", "code": code, "detail": "so it is", "remedy": "Do this.", **more}
        return [{"replies": [{"id": item["id"], **reply} for item in items]}]

    return answer


@pytest.fixture
def api() -> Api:
    return Api()


@pytest.fixture
async def client(api: Api) -> AsyncIterator[AsyncClient]:
    app = web.Application()
    app.router.add_get("/v1/ws", api.serve)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    (port,) = free_ports(1)
    await web.TCPSite(runner, HOST, port).start()
    url = f"http://{HOST}:{port}"
    tokens = iter(["first", "second", "third"])
    async with AsyncClient(url, url, bearer(lambda: next(tokens))) as made:
        yield made
    await runner.cleanup()


async def test_each_item_gets_its_own_reply_in_whatever_order_they_come(
    api: Api, client: AsyncClient
) -> None:
    async with client.session() as session:
        replies = await session.send([order("x"), order("y")])
        assert session.id == "s-1"
    assert [reply.client_order_id for reply in replies] == ["x", "y"]
    assert client.read_after.token == "a0.0:2"
    assert api.handshakes == [("/v1/ws?cancel_on_disconnect=false", "Bearer first")]


async def test_frames_have_as_many_items_as_the_api_takes(api: Api, client: AsyncClient) -> None:
    async with client.session(cancel_on_disconnect=True) as session:
        replies = await session.send([order(str(number)) for number in range(5)])
    assert [reply.client_order_id for reply in replies] == ["0", "1", "2", "3", "4"]
    assert [len(items) for items in api.asked] == [2, 2, 1]
    assert api.handshakes[0][0] == "/v1/ws?cancel_on_disconnect=true"


async def test_many_may_ask_at_once(api: Api, client: AsyncClient) -> None:
    async with client.session() as session:
        replies = await asyncio.gather(*(session.place(order(str(number))) for number in range(20)))
    assert [reply.client_order_id for reply in replies] == [str(number) for number in range(20)]


@pytest.mark.parametrize(
    ("code", "more", "kind"),
    [
        ("insufficient_funds", {"status": "rejected", "order_id": "x"}, RejectedError),
        ("order_not_open", {}, ConflictError),
        ("overloaded", {"retry_after_ms": 500}, UnavailableError),
        ("not_authenticated", {}, NotAuthenticatedError),
    ],
)
async def test_a_reply_that_says_no_raises_as_over_http(
    api: Api, client: AsyncClient, code: str, more: dict[str, Any], kind: type[Exception]
) -> None:
    api.answer = refused(code, **more)
    async with client.session() as session:
        with pytest.raises(kind, match=r"so it is Do this\."):
            await session.place(order("x"))


async def test_many_items_say_no_one_by_one(api: Api, client: AsyncClient) -> None:
    api.answer = refused("order_not_open")
    async with client.session() as session:
        (reply,) = await session.send([order("x")])
    assert (reply.status, reply.code) == ("refused", "order_not_open")


async def test_a_lost_connection_is_told_to_whoever_waits(api: Api, client: AsyncClient) -> None:
    api.answer = lambda _: None
    async with client.session() as session:
        with pytest.raises(NoAnswerError, match="connection was lost") as raised:
            await session.place(order("x"))
        assert session.lost
    assert raised.value.sent


async def test_no_reply_in_time_is_no_answer(
    api: Api, client: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.answer = lambda _: []
    async with client.session() as session:
        monkeypatch.setattr(bounds, "REPLY_S_MAX", 0.1)
        with pytest.raises(NoAnswerError, match="no reply came"):
            await session.place(order("x"))
        monkeypatch.undo()
        api.answer = opened
        assert (await session.place(order("y"))).client_order_id == "y"


async def test_a_new_token_is_sent_before_the_old_one_expires(api: Api, client: AsyncClient) -> None:
    api.welcome = [WELCOME, {"event": "token_expires", "expires_at": 1.0}, {"event": "ping"}]
    async with client.session() as session, asyncio.timeout(30):
        while len(api.asked) < 2:
            await session.place(order("x"))
    said = [{key: value for key, value in items[0].items() if key != "id"} for items in api.asked]
    assert {"op": "auth", "token": "second"} in said
    assert {"op": "pong"} in said
