"""Both clients against a small API: what they send, what they make of the answers, when they ask again."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from time import monotonic
from typing import Any, TypeVar

import pytest

from api.client.async_client import AsyncClient
from api.client.calls import Auth, Call, Request, RetryPolicy, bearer
from api.client.client import Client
from api.client.errors import (
    ConflictError,
    NoAnswerError,
    NotFoundError,
    ProblemError,
    RejectedError,
    UnavailableError,
    UnexpectedAnswerError,
)
from api.client.types import (
    AmendOrderRequest,
    CancelInBatch,
    DepositRequest,
    OrderOutcome,
    OrdersPage,
    PlaceInBatch,
    PlaceOrderRequest,
)
from stack.ports import HOST, free_ports
from tests.unit.client.answering import Api, Told, answering

T = TypeVar("T")
ORDER = PlaceOrderRequest(
    account="a",
    client_order_id="1",
    symbol="B-U",
    side="buy",
    type="limit",
    quantity=Decimal("0.00000001"),
    price=Decimal("1E+2"),
)
OPEN = {
    "command_id": "c",
    "order_id": "x",
    "status": "open",
    "remaining": "0.00000001",
    "token": "a0.0:7,e1.0:6",
}
PROBLEM = {
    "code": "insufficient_funds",
    "title": "t",
    "detail": "needs 2 USD",
    "remedy": "Deposit.",
    "order_id": "x",
}
SHED = {"code": "overloaded", "detail": "busy", "remedy": "Again."}
QUICK = RetryPolicy(patience_s=30, backoff_first_s=0.01, backoff_s_max=0.02)


@pytest.fixture
def api() -> Iterator[Api]:
    with answering() as api:
        yield api


Ask = Callable[[Callable[[Any], Any]], Awaitable[Any]]


@pytest.fixture(params=["synchronous", "asynchronous"])
def ask(api: Api, request: pytest.FixtureRequest) -> Ask:
    """Ask the API with a client of this kind, which lives as long as the test asks one thing."""

    async def asked(what: Callable[[Any], Any]) -> Any:
        if request.param == "synchronous":
            with Client(api.url, api.url, "token", policy=QUICK) as client:
                found = what(client)
                return list(found) if hasattr(found, "__next__") else found
        async with AsyncClient(api.url, api.url, "token", policy=QUICK) as client:
            found = what(client)
            return [each async for each in found] if hasattr(found, "__anext__") else await found

    return asked


async def test_amounts_travel_as_plain_decimals_and_come_back_as_decimals(api: Api, ask: Ask) -> None:
    api.answers = [Told(201, OPEN)]
    outcome = await ask(lambda client: client.place(ORDER))
    assert isinstance(outcome, OrderOutcome)
    assert (outcome.status, outcome.remaining) == ("open", Decimal("0.00000001"))
    (asked,) = api.asked
    assert asked.line == "POST /v1/orders"
    assert asked.headers["authorization"] == "Bearer token"
    assert asked.body == {
        "account": "a",
        "client_order_id": "1",
        "symbol": "B-U",
        "side": "buy",
        "type": "limit",
        "quantity": "0.00000001",
        "price": "100",
    }


async def test_a_rejection_says_what_was_wrong_and_what_to_do(api: Api, ask: Ask) -> None:
    api.answers = [Told(422, PROBLEM)]
    with pytest.raises(RejectedError, match=r"needs 2 USD Deposit\.") as raised:
        await ask(lambda client: client.place(ORDER))
    problem = raised.value
    assert (problem.code, problem.detail, problem.remedy) == ("insufficient_funds", "needs 2 USD", "Deposit.")
    assert (problem.status, problem.order_id) == (422, "x")


@pytest.mark.parametrize(
    "first",
    [
        Told(202, OPEN | {"status": "pending"}),
        Told(503, SHED, {"Retry-After": "0"}),
        Told(502, "<html>a proxy</html>"),
        Told(409, {"code": "in_progress"}),
        Told(200, None),
    ],
    ids=["pending", "shed", "proxy", "in progress", "cut"],
)
async def test_an_order_without_a_final_outcome_is_sent_again_under_the_same_id(
    api: Api, ask: Ask, first: Told
) -> None:
    api.answers = [first, Told(201, OPEN)]
    assert (await ask(lambda client: client.place(ORDER))).status == "open"
    assert api.asked[0].body == api.asked[1].body


async def test_what_may_have_had_an_effect_that_two_would_double_is_not_sent_again(
    api: Api, ask: Ask
) -> None:
    api.answers = [Told(200, None)]
    with pytest.raises(NoAnswerError) as raised:
        await ask(lambda client: client.amend("x", AmendOrderRequest(account="a", price="1")))
    assert raised.value.sent
    assert len(api.asked) == 1


async def test_what_was_not_taken_is_sent_again_whatever_it_was(api: Api, ask: Ask) -> None:
    api.answers = [Told(503, SHED), Told(200, OPEN)]
    await ask(lambda client: client.amend("x", AmendOrderRequest(account="a", price="1")))
    assert api.lines == ["PATCH /v1/orders/x"] * 2


async def test_retry_after_is_kept_to(api: Api, ask: Ask) -> None:
    api.answers = [Told(503, SHED, {"Retry-After": "1"}), Told(201, OPEN)]
    began = monotonic()
    await ask(lambda client: client.place(ORDER))
    assert monotonic() - began >= 1


async def test_a_refusal_is_not_asked_for_twice(api: Api, ask: Ask) -> None:
    api.answers = [Told(409, {"code": "order_not_open", "detail": "gone"})]
    with pytest.raises(ConflictError, match="gone"):
        await ask(lambda client: client.cancel("a", "x"))
    assert api.lines == ["DELETE /v1/orders/x?account=a"]


async def test_a_batch_has_an_outcome_for_each(api: Api, ask: Ask) -> None:
    outcomes = [OPEN, OPEN | {"status": "refused", "code": "order_not_open"}]
    api.answers = [Told(200, {"outcomes": outcomes, "token": "a0.0:9"})]
    place = PlaceInBatch(
        account="a", client_order_id="1", symbol="B-U", side="sell", type="market", quantity="1"
    )
    found = await ask(lambda client: client.batch([place, CancelInBatch(account="a", order_id="x")]))
    assert [outcome.status for outcome in found.outcomes] == ["open", "refused"]
    assert [command["op"] for command in api.asked[0].body["commands"]] == ["place", "cancel"]


async def test_pages_are_read_until_there_is_no_cursor(api: Api, ask: Ask) -> None:
    def trade(number: int) -> dict[str, Any]:
        fixed = {"price": "1.50", "quantity": "2", "taker_side": "buy"}
        return {"trade_id": number, **fixed, "traded_at": "2026-01-31T12:00:00.000001Z"}

    api.answers = [
        Told(200, {"symbol": "B-U", "trades": [trade(3), trade(2)], "next_cursor": "c/1"}),
        Told(200, {"symbol": "B-U", "trades": [], "next_cursor": "c2"}),
        Told(200, {"symbol": "B-U", "trades": [trade(1)], "next_cursor": None}),
    ]
    since = datetime(2026, 1, 31, tzinfo=UTC)
    found = await ask(lambda client: client.trades("B-U", since=since, limit=2))
    assert [each.trade_id for each in found] == [3, 2, 1]
    assert found[0].price == Decimal("1.5")
    assert found[0].traded_at == datetime(2026, 1, 31, 12, 0, 0, 1, tzinfo=UTC)
    first = "GET /v1/markets/B-U/trades?from=2026-01-31T00:00:00Z&limit=2"
    assert api.lines == [first, f"{first}&cursor=c%2F1", f"{first}&cursor=c2"]


async def test_names_in_paths_are_escaped(api: Api, ask: Ask) -> None:
    api.answers = [Told(404, {"code": "not_found", "detail": "there is no account"})]
    with pytest.raises(NotFoundError):
        await ask(lambda client: client.account("a/../b"))
    assert api.lines == ["GET /v1/accounts/a%2F..%2Fb"]


async def test_what_is_no_answer_of_this_api_is_said_to_be_none(api: Api, ask: Ask) -> None:
    api.answers = [Told(200, "hello")]
    with pytest.raises(UnexpectedAnswerError, match="no MarketsView"):
        await ask(lambda client: client.markets())


async def test_nobody_listening_is_no_answer(ask: Ask, api: Api) -> None:
    (port,) = free_ports(1)
    api.url = f"http://{HOST}:{port}"
    policy = RetryPolicy(patience_s=0)
    with Client(api.url, api.url, "token", policy=policy) as client, pytest.raises(NoAnswerError) as raised:
        client.markets()
    assert not raised.value.sent


def test_queries_ask_for_what_was_written_before(api: Api) -> None:
    api.answers = [
        Told(201, OPEN),
        Told(422, PROBLEM | {"token": "a0.0:9"}),
        Told(200, {"markets": []}),
        Told(200, {"markets": []}),
    ]
    with Client(api.url, api.url, "token") as client:
        client.place(ORDER)
        with pytest.raises(RejectedError):
            client.place(ORDER)
        client.markets()
    assert api.asked[2].headers["oms-read-after"] == "a0.0:9,e1.0:6"
    with Client(api.url, api.url, "token", read_your_writes=False) as client:
        client.markets()
    assert "oms-read-after" not in api.asked[3].headers


def test_patience_ends_and_says_why(api: Api) -> None:
    api.answers = [Told(503, SHED)] * 100
    policy = RetryPolicy(patience_s=0.1, backoff_first_s=0.05)
    with (
        Client(api.url, api.url, "token", policy=policy) as client,
        pytest.raises(UnavailableError, match="busy"),
    ):
        client.place(ORDER)
    assert len(api.asked) < 5


def test_a_command_that_stays_undecided_is_pending(api: Api) -> None:
    api.answers = [Told(202, OPEN | {"status": "pending"})]
    with Client(api.url, api.url, "token", policy=RetryPolicy(patience_s=0)) as client:
        assert client.place(ORDER).status == "pending"


@pytest.mark.parametrize("kind", ["fixed", "asked for", "signed"])
def test_auth_is_a_token_or_whoever_signs(api: Api, kind: str) -> None:
    tokens = iter(["first", "second"])

    def sign(request: Request) -> Mapping[str, str]:
        assert request.url == f"{api.url}/v1/accounts/a/deposits"
        return {"Authorization": f"{request.method} {len(request.body)}"}

    auths: dict[str, str | Auth] = {"fixed": "one", "asked for": bearer(lambda: next(tokens)), "signed": sign}
    api.answers = [Told(201, {"command_id": "c", "id": "t", "status": "credited"})] * 2
    deposit = DepositRequest(client_transfer_id="1", asset="USD", amount=Decimal(5))
    with Client(api.url, api.url, auths[kind]) as client:
        client.deposit("a", deposit)
        client.deposit("a", deposit)
    said = {
        "fixed": ["Bearer one"] * 2,
        "asked for": ["Bearer first", "Bearer second"],
        "signed": ["POST 53"] * 2,
    }
    assert [asked.headers["authorization"] for asked in api.asked] == said[kind]


@pytest.mark.parametrize("amount", ["NaN", "Infinity"])
def test_what_is_no_number_is_not_sent(api: Api, amount: str) -> None:
    deposit = DepositRequest(client_transfer_id="1", asset="USD", amount=Decimal(amount))
    with Client(api.url, api.url, "token") as client, pytest.raises(ValueError, match="is no amount"):
        client.deposit("a", deposit)
    assert not api.asked


def test_a_time_without_a_zone_is_not_sent(api: Api) -> None:
    since = datetime(2026, 1, 31)  # noqa: DTZ001 - the mistake that is made here
    with Client(api.url, api.url, "token") as client, pytest.raises(ValueError, match="no time zone"):
        client.trades("B-U", since=since)


def test_a_route_without_a_method_can_be_called(api: Api) -> None:
    api.answers = [Told(200, {"orders": [], "next_cursor": None})]
    with Client(api.url, api.url, "token") as client:
        assert client.send(Call("query", "GET", "/v1/new", OrdersPage)).orders == []


def test_every_problem_is_a_client_error() -> None:
    assert issubclass(RejectedError, ProblemError)
