"""The client against a small API that misbehaves as a restarting one does."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from stack.load.client import Cancel, CommandClient, LoadError, Place
from stack.ports import free_ports

ORDER = Place(
    account="a", client_order_id="1", symbol="B-U", side="buy", type="limit", quantity="1", price="2"
)
OPEN: dict[str, Any] = {
    "status": "open",
    "order_id": "x",
    "code": None,
    "detail": None,
    "fills": [],
    "token": "t",
}


@dataclass
class Api:
    """Answers with ``answers`` in turn, and keeps what it was asked."""

    answers: list[tuple[int, Any]] = field(default_factory=list)
    asked: list[tuple[str, Any]] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.json() if request.can_read_body else None
        self.asked.append((f"{request.method} {request.path_qs}", body))
        status, content = self.answers.pop(0)
        if content is None and request.transport is not None:
            request.transport.close()
        return web.json_response(content, status=status)


@pytest.fixture
async def api() -> Api:
    return Api()


@pytest.fixture
async def client(api: Api) -> AsyncIterator[CommandClient]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", api.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    (port,) = free_ports(1)
    await web.TCPSite(runner, "127.0.0.1", port).start()
    url = f"http://127.0.0.1:{port}"
    async with CommandClient(url, url, "token", retry_s_max=2.0) as made:
        yield made
    await runner.cleanup()


async def test_an_order_is_sent_as_the_contract_says(api: Api, client: CommandClient) -> None:
    api.answers = [(201, OPEN)]
    outcome = await client.place(ORDER)
    assert (outcome.status, outcome.order_id, outcome.token) == ("open", "x", "t")
    assert api.asked == [
        (
            "POST /v1/orders",
            {
                "account": "a",
                "client_order_id": "1",
                "symbol": "B-U",
                "side": "buy",
                "type": "limit",
                "quantity": "1",
                "price": "2",
            },
        )
    ]


@pytest.mark.parametrize(
    "first", [(202, {"order_id": "x", "status": "pending"}), (503, {"code": "overloaded"}), (500, None)]
)
async def test_without_a_final_outcome_the_same_order_is_sent_again(
    api: Api, client: CommandClient, first: tuple[int, Any]
) -> None:
    api.answers = [first, (201, OPEN)]
    assert (await client.place(ORDER)).status == "open"
    assert api.asked[0] == api.asked[1]
    assert client.retries == 1


async def test_patience_ends(api: Api, client: CommandClient) -> None:
    client.retry_s_max = 0.1
    api.answers = [(503, {})] * 10
    assert (await client.place(ORDER)).status == "pending"
    assert len(api.asked) < 5


async def test_a_rejection_is_an_outcome(api: Api, client: CommandClient) -> None:
    api.answers = [
        (422, {"code": "insufficient_funds", "detail": "needs 2", "order_id": "x", "remedy": "deposit"})
    ]
    outcome = await client.place(ORDER)
    assert (outcome.status, outcome.code, outcome.order_id) == ("rejected", "insufficient_funds", "x")


async def test_a_cancel_of_an_order_that_is_done_is_refused(api: Api, client: CommandClient) -> None:
    api.answers = [(409, {"code": "order_not_open", "detail": "gone"})]
    outcome = await client.cancel("a", "x")
    assert (outcome.status, outcome.code) == ("refused", "order_not_open")
    assert api.asked[0][0] == "DELETE /v1/orders/x?account=a"


async def test_only_what_is_pending_of_a_batch_is_sent_again(api: Api, client: CommandClient) -> None:
    pending = OPEN | {"status": "pending"}
    api.answers = [
        (200, {"outcomes": [OPEN, pending], "token": "1"}),
        (200, {"outcomes": [OPEN | {"status": "cancelled"}], "token": "2"}),
    ]
    outcomes, token = await client.batch([ORDER, Cancel("a", "x")])
    assert [outcome.status for outcome in outcomes] == ["open", "cancelled"]
    assert token == "2"
    assert [command["op"] for command in api.asked[0][1]["commands"]] == ["place", "cancel"]
    assert api.asked[1][1]["commands"] == [{"op": "cancel", "account": "a", "order_id": "x"}]


async def test_a_forbidden_request_is_an_error_in_words(api: Api, client: CommandClient) -> None:
    api.answers = [(401, {"code": "unauthorized"})]
    with pytest.raises(LoadError, match="POST /v1/orders answered 401"):
        await client.place(ORDER)


async def test_what_is_not_visible_yet_is_asked_for_again(api: Api, client: CommandClient) -> None:
    api.answers = [(503, {}), (404, {}), (200, {})]
    assert await client.visible("x", "e0.0:7")
    assert [asked for asked, _ in api.asked] == ["GET /v1/orders/x?after=e0.0:7"] * 3


async def test_setting_up_waits_for_a_service_that_is_not_ready(api: Api, client: CommandClient) -> None:
    api.answers = [(503, {}), (201, {})]
    await client.administer("/v1/accounts", {"account": "a"})
    assert len(api.asked) == 2
