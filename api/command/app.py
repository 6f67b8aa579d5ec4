"""The command API's routes. Each makes one command, sends it, and tells what became of it."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any
from uuid import uuid4

from litestar import Litestar, Request, Response, delete, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.openapi import OpenAPIConfig
from litestar.params import JSONBody, PathParameter, QueryParameter
from litestar.security.jwt import Token

from api.auth import Identity, bearer_tokens, may_act_for, requires
from api.command import schemas
from api.command.gateway import Gateway, UnavailableError
from api.command.schemas import DoneView, OrderView, order_view
from api.problems import EXCEPTION_HANDLERS, Problem
from commands.messages import AnyCommand, Outcome
from domain import ids
from domain.account import Deposit, OpenAccount
from domain.market import ListMarket
from domain.order import CancelOrder, PlaceOrder
from streams.publisher import make_producer

BODY_BYTES_MAX = 1_048_576
LINGER_MS = 2
DEFAULT_SHARD = 0  # all markets trade on it, until markets on other shards are listed

ApiRequest = Request[Identity, Token, State]

_STATUS_OF_REFUSAL = {
    "order_not_open": HTTPStatus.CONFLICT,
    "market_exists": HTTPStatus.CONFLICT,
    "internal_error": HTTPStatus.INTERNAL_SERVER_ERROR,
}

AccountInPath = Annotated[str, PathParameter(pattern=schemas.ACCOUNT_PATTERN)]
AccountInQuery = Annotated[str, QueryParameter(name="account", pattern=schemas.ACCOUNT_PATTERN)]
OrderIdInPath = Annotated[str, PathParameter(pattern=schemas.STREAM_PATTERN)]


@dataclass(frozen=True)
class CommandApiConfig:
    """Where everything is, and the bounds: how long to wait for an outcome, how long an order stays valid."""

    kafka_bootstrap: str
    redis_url: str
    token_secret: str
    reply_ms_max: int
    valid_ms: int


class Desk:
    """Makes commands out of requests and sends them, in the name of who asks."""

    def __init__(self, gateway: Gateway, valid_ms: int) -> None:
        self._gateway = gateway
        self._valid_us = valid_ms * 1_000

    def origin(self, request: ApiRequest) -> dict[str, Any]:
        """Return who and what a command of this request comes from."""
        return {
            "command_id": uuid4().hex,
            "actor": request.user.subject,
            "correlation_id": request.headers.get("X-Correlation-ID", "")[:64],
        }

    def place(self, request: ApiRequest, order: schemas.PlaceOrderRequest) -> PlaceOrder:
        may_act_for(request.user, order.account)
        return PlaceOrder(
            **self.origin(request),
            valid_until_us=time.time_ns() // 1_000 + self._valid_us,
            order_id=ids.order_id(DEFAULT_SHARD, order.account, order.client_order_id),
            account=order.account,
            client_order_id=order.client_order_id,
            symbol=order.symbol,
            side=order.side,
            order_type=order.type,
            time_in_force=order.time_in_force,
            quantity=order.quantity,
            price=order.price,
        )

    def cancel(self, request: ApiRequest, account: str, order_id: str) -> CancelOrder:
        may_act_for(request.user, account)
        return CancelOrder(**self.origin(request), order_id=order_id, account=account)

    async def send_all(self, commands: list[AnyCommand]) -> tuple[list[Outcome | None], str]:
        """Return the outcome of each command, and the token that reads them back."""
        try:
            answer = await self._gateway.send(commands, DEFAULT_SHARD)
        except UnavailableError as error:
            raise Problem(
                HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", str(error), headers={"Retry-After": "1"}
            ) from None
        return answer.outcomes, answer.token

    async def send(self, command: AnyCommand) -> tuple[Outcome | None, str]:
        (outcome,), token = await self.send_all([command])
        return outcome, token


OwnDesk = NamedDependency[Desk]


# --- Orders ---------------------------------------------------------------------------------------------


@post("/v1/orders", operation_id="placeOrder", status_code=HTTPStatus.CREATED, raises=[Problem])
async def place_order(
    request: ApiRequest, data: JSONBody[schemas.PlaceOrderRequest], desk: OwnDesk
) -> Response[OrderView]:
    """Place an order and learn what became of it: 201 accepted, 202 not decided yet, 422 rejected."""
    command = desk.place(request, data)
    return _order_answer(command, *await desk.send(command), accepted=HTTPStatus.CREATED)


@delete("/v1/orders/{order_id:str}", operation_id="cancelOrder", status_code=HTTPStatus.OK, raises=[Problem])
async def cancel_order(
    request: ApiRequest,
    order_id: OrderIdInPath,
    account: AccountInQuery,
    desk: OwnDesk,
) -> Response[OrderView]:
    """Cancel an open order: 200 cancelled, 202 not decided yet, 409 not open."""
    command = desk.cancel(request, account, order_id)
    return _order_answer(command, *await desk.send(command), accepted=HTTPStatus.OK)


@post("/v1/orders/batch", operation_id="sendBatch", status_code=HTTPStatus.OK, raises=[Problem])
async def send_batch(
    request: ApiRequest, data: JSONBody[schemas.BatchRequest], desk: OwnDesk
) -> schemas.BatchView:
    """Place and cancel many orders in one request, decided in the order given; each has its own outcome."""
    commands = [
        desk.place(request, item)
        if isinstance(item, schemas.PlaceItem)
        else desk.cancel(request, item.account, item.order_id)
        for item in data.commands
    ]
    outcomes, token = await desk.send_all(list(commands))
    return schemas.BatchView(
        [
            order_view(command.command_id, command.order_id, outcome, token)
            for command, outcome in zip(commands, outcomes, strict=True)
        ],
        token,
    )


# --- Accounts and markets -------------------------------------------------------------------------------


@post("/v1/accounts", operation_id="openAccount", guards=[requires("admin")], raises=[Problem])
async def open_account(
    request: ApiRequest, data: JSONBody[schemas.OpenAccountRequest], desk: OwnDesk
) -> Response[DoneView]:
    """Open an account; opening it again changes nothing."""
    command = OpenAccount(**desk.origin(request), account=data.account)
    return _done_answer(command, data.account, *await desk.send(command))


@post(
    "/v1/accounts/{account:str}/deposits",
    operation_id="deposit",
    guards=[requires("admin")],
    raises=[Problem],
)
async def deposit(
    request: ApiRequest, account: AccountInPath, data: JSONBody[schemas.DepositRequest], desk: OwnDesk
) -> Response[DoneView]:
    """Credit an account, once for each client transfer id."""
    command = Deposit(
        **desk.origin(request),
        transfer_id=ids.transfer_id(DEFAULT_SHARD, account, data.client_transfer_id),
        client_transfer_id=data.client_transfer_id,
        account=account,
        asset=data.asset,
        amount=data.amount,
    )
    return _done_answer(command, command.transfer_id, *await desk.send(command))


@post("/v1/markets", operation_id="listMarket", guards=[requires("admin")], raises=[Problem])
async def list_market(
    request: ApiRequest, data: JSONBody[schemas.ListMarketRequest], desk: OwnDesk
) -> Response[DoneView]:
    """List a market; listing it again with the same rules changes nothing."""
    rules = {name: getattr(data, name) for name in data.__struct_fields__}
    command = ListMarket(**desk.origin(request), **rules)
    return _done_answer(command, data.symbol, *await desk.send(command))


@get("/health", operation_id="health", sync_to_thread=False)
def health() -> dict[str, str]:
    """Say that the service answers."""
    return {"status": "ok"}


# --- Answers --------------------------------------------------------------------------------------------


def _order_answer(
    command: PlaceOrder | CancelOrder, outcome: Outcome | None, token: str, *, accepted: HTTPStatus
) -> Response[OrderView]:
    if outcome is not None and outcome.code:
        raise _problem(outcome, token)
    view = order_view(command.command_id, command.order_id, outcome, token)
    return Response(view, status_code=_status(outcome, accepted), headers=_headers(outcome))


def _done_answer(command: AnyCommand, name: str, outcome: Outcome | None, token: str) -> Response[DoneView]:
    if outcome is None:
        return Response(DoneView(command.command_id, name, "pending"), status_code=HTTPStatus.ACCEPTED)
    if outcome.code:
        raise _problem(outcome, token)
    view = DoneView(command.command_id, name, outcome.status, outcome.replayed, token)  # type: ignore[arg-type]
    return Response(view, status_code=HTTPStatus.CREATED, headers=_headers(outcome))


def _status(outcome: Outcome | None, accepted: HTTPStatus) -> HTTPStatus:
    return HTTPStatus.ACCEPTED if outcome is None else accepted


def _headers(outcome: Outcome | None) -> dict[str, str]:
    return {"Idempotent-Replayed": "true"} if outcome is not None and outcome.replayed else {}


def _problem(outcome: Outcome, token: str) -> Problem:
    return Problem(
        _STATUS_OF_REFUSAL.get(outcome.code, HTTPStatus.UNPROCESSABLE_ENTITY),
        outcome.code,
        outcome.detail,
        headers=_headers(outcome),
        command_id=outcome.command_id,
        order_id=outcome.order_id or None,
        status_of_order=outcome.status,
        replayed=outcome.replayed,
        token=token,
    )


# --- The application ------------------------------------------------------------------------------------


def create_app(config: CommandApiConfig) -> Litestar:
    """Return the command API, ready to be served."""
    producer = make_producer(config.kafka_bootstrap, "command-api", LINGER_MS)
    state: dict[str, Desk] = {}

    @asynccontextmanager
    async def gateway_runs(_: Litestar) -> AsyncIterator[None]:
        gateway = Gateway(producer, config.redis_url, config.reply_ms_max)
        await gateway.start()
        state["desk"] = Desk(gateway, config.valid_ms)
        try:
            yield
        finally:
            await gateway.stop()

    async def desk() -> Desk:
        return state["desk"]

    return Litestar(
        [place_order, cancel_order, send_batch, open_account, deposit, list_market, health],
        dependencies={"desk": desk},
        lifespan=[gateway_runs],
        exception_handlers=EXCEPTION_HANDLERS,
        on_app_init=[bearer_tokens(config.token_secret, exclude=["^/health$", "^/schema"]).on_app_init],
        openapi_config=OpenAPIConfig(title="Crypto OMS command API", version="1.0.0"),
        request_max_body_size=BODY_BYTES_MAX,
    )
