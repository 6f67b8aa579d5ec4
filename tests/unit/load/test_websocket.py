"""The WebSocket client against a small API that loses connections and sheds load."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import web

from stack.load.client import Cancel, LoadError, Place
from stack.load.websocket import WebSocketClient
from stack.ports import free_ports

ORDERS = [Place("a", str(number), "B-U", "buy", "limit", "1", "2") for number in range(3)]

Items = list[dict[str, Any]]


class Api:
    """Answers each frame with the next of ``answers``; ``None`` cuts the connection."""

    def __init__(self) -> None:
        self.answers: list[Callable[[Items], list[Any] | None]] = []
        self.asked: list[Items] = []

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_str('{"event":"welcome","session":"s"}')
        async for message in socket:
            items = json.loads(message.data)
            if items == {"op": "pong"}:
                self.asked.append([items])
                continue
            self.asked.append(items)
            frames = self.answers.pop(0)(items)
            if frames is None:
                break
            for frame in frames:
                await socket.send_str(json.dumps(frame))
        return socket


def opened(items: Items) -> list[Any]:
    """Answer all, the last one first, in frames of their own."""
    return [
        {"token": f"t{item['id']}", "replies": [{"id": item["id"], "status": "open", "order_id": "x"}]}
        for item in reversed(items)
    ]


@pytest.fixture
async def api() -> Api:
    return Api()


@pytest.fixture
async def client(api: Api) -> AsyncIterator[WebSocketClient]:
    app = web.Application()
    app.router.add_get("/v1/ws", api.serve)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    (port,) = free_ports(1)
    await web.TCPSite(runner, "127.0.0.1", port).start()
    url = f"http://127.0.0.1:{port}"
    async with WebSocketClient(url, url, "token", retry_s_max=5.0) as made:
        yield made
    await runner.cleanup()


async def test_each_command_gets_its_outcome_in_whatever_order_they_come(
    api: Api, client: WebSocketClient
) -> None:
    api.answers = [opened]
    outcomes, token = await client.batch([*ORDERS, Cancel("a", "x")])
    assert [outcome.token for outcome in outcomes] == ["t1", "t2", "t3", "t4"]
    assert token == "t1"
    assert [item["op"] for item in api.asked[0]] == ["place", "place", "place", "cancel"]


async def test_what_was_not_answered_before_the_connection_was_lost_is_sent_over_the_next(
    api: Api, client: WebSocketClient
) -> None:
    api.answers = [lambda _: None, opened]
    outcomes, _ = await client.batch(ORDERS)
    assert [outcome.status for outcome in outcomes] == ["open"] * 3
    names = [[item["client_order_id"] for item in items] for items in api.asked]
    assert names == [["0", "1", "2"], ["0", "1", "2"]]


async def test_what_was_shed_is_sent_again_and_nothing_else(api: Api, client: WebSocketClient) -> None:
    def shed(items: Items) -> list[Any]:
        refused = {"id": items[1]["id"], "status": "refused", "code": "overloaded", "retry_after_ms": 100}
        return [*opened([items[0], items[2]]), {"replies": [refused]}]

    api.answers = [shed, opened]
    outcomes, _ = await client.batch(ORDERS)
    assert [outcome.status for outcome in outcomes] == ["open"] * 3
    assert [item["client_order_id"] for item in api.asked[1]] == ["1"]


async def test_orders_placed_one_by_one_are_gathered_into_a_frame(api: Api, client: WebSocketClient) -> None:
    api.answers = [opened]
    outcomes = await asyncio.gather(client.place(ORDERS[0]), client.place(ORDERS[1]))
    assert [outcome.status for outcome in outcomes] == ["open", "open"]
    assert len(api.asked) == 1


async def test_a_sign_of_life_is_given_when_it_is_asked_for(api: Api, client: WebSocketClient) -> None:
    api.answers = [lambda items: [{"event": "ping"}, *opened(items)], opened]
    await client.batch(ORDERS)
    await client.batch(ORDERS)
    assert [{"op": "pong"}] in api.asked


async def test_a_frame_that_the_api_cannot_read_is_a_fault_of_ours(api: Api, client: WebSocketClient) -> None:
    api.answers = [lambda _: [{"replies": [{"id": None, "status": "refused", "code": "too_large"}]}]]
    with pytest.raises(LoadError, match="too_large"):
        await client.batch(ORDERS)
