"""Routes for orders. Each makes one command, sends it, and tells what became of it."""

from http import HTTPStatus
from typing import Annotated

from litestar import Response, delete, patch, post
from litestar.params import JSONBody, PathParameter, QueryParameter

from api.command import schemas
from api.command.answers import OrderCommand, batch_answer, done_answer, order_answer
from api.command.desk import ApiRequest, Desk, OwnDesk
from api.command.idempotency import CHANGES_NOTHING, demanded_key, own_id
from api.command.schemas import DoneView, OrderView
from api.command.wanted import WantedInQuery
from api.problems import Problem
from domain.event import Side
from domain.order import CancelAll

AccountInQuery = Annotated[str, QueryParameter(name="account", pattern=schemas.ACCOUNT_PATTERN)]
SymbolInQuery = Annotated[str | None, QueryParameter(name="symbol", pattern=schemas.SYMBOL_PATTERN)]
SideInQuery = Annotated[Side | None, QueryParameter(name="side")]
MarketInPath = Annotated[str, PathParameter(pattern=schemas.SYMBOL_PATTERN)]
OrderIdInPath = Annotated[str, PathParameter(pattern=schemas.STREAM_PATTERN)]


@post(
    "/v1/orders",
    operation_id="placeOrder",
    status_code=HTTPStatus.CREATED,
    raises=[Problem],
    opt=own_id("client_order_id"),
)
async def place_order(
    request: ApiRequest,
    data: JSONBody[schemas.PlaceOrderRequest],
    desk: OwnDesk,
    wanted: WantedInQuery = "full",
) -> Response[OrderView]:
    """Place an order and learn what became of it: 201 accepted, 202 not decided yet, 422 rejected."""
    await desk.learn([data.symbol])
    data.client_order_id = data.client_order_id or demanded_key(request, "client_order_id")
    command = desk.place(request, data)
    return order_answer(
        command, *await desk.send(command, wanted), accepted=HTTPStatus.CREATED, wanted=wanted
    )


@post(
    "/v1/orders/test",
    operation_id="testOrder",
    status_code=HTTPStatus.OK,
    raises=[Problem],
    opt={CHANGES_NOTHING: True},
)
async def test_order(
    request: ApiRequest, data: JSONBody[schemas.PlaceOrderRequest], desk: OwnDesk
) -> Response[OrderView]:
    """Validate an order in full, funds included, without placing it: 200 valid, 422 why not."""
    await desk.learn([data.symbol])
    data.client_order_id = data.client_order_id or desk.new_id()  # nothing comes of it that could come twice
    command = desk.place(request, data, dry_run=True)
    return order_answer(command, *await desk.send(command))


@post(
    "/v1/orders/cancel-replace",
    operation_id="cancelReplace",
    status_code=HTTPStatus.OK,
    raises=[Problem],
    opt=own_id("order.client_order_id"),
)
async def cancel_replace(
    request: ApiRequest,
    data: JSONBody[schemas.CancelReplaceRequest],
    desk: OwnDesk,
    wanted: WantedInQuery = "full",
) -> Response[OrderView]:
    """Cancel one order and place another in one step; what the first held, the second may use."""
    await desk.learn([data.order.symbol])
    order = data.order
    order.client_order_id = order.client_order_id or demanded_key(request, "order.client_order_id")
    command = desk.replace(request, data)
    return order_answer(command, *await desk.send(command, wanted), wanted=wanted)


@patch("/v1/orders/{order_id:str}", operation_id="amendOrder", status_code=HTTPStatus.OK, raises=[Problem])
async def amend_order(
    request: ApiRequest,
    order_id: OrderIdInPath,
    data: JSONBody[schemas.AmendOrderRequest],
    desk: OwnDesk,
    wanted: WantedInQuery = "full",
) -> Response[OrderView]:
    """Change an open order; it keeps its place in the queue only if nothing but its quantity falls."""
    command = desk.amend(request, order_id, data)
    return order_answer(command, *await desk.send(command, wanted), wanted=wanted)


@delete("/v1/orders/{order_id:str}", operation_id="cancelOrder", status_code=HTTPStatus.OK, raises=[Problem])
async def cancel_order(
    request: ApiRequest,
    order_id: OrderIdInPath,
    account: AccountInQuery,
    desk: OwnDesk,
    wanted: WantedInQuery = "full",
) -> Response[OrderView]:
    """Cancel an open order: 200 cancelled, 202 not decided yet, 409 not open."""
    command = desk.cancel(request, account, order_id)
    return order_answer(command, *await desk.send(command, wanted), wanted=wanted)


@post("/v1/orders/cancel", operation_id="cancelOrderByName", status_code=HTTPStatus.OK, raises=[Problem])
async def cancel_by_name(
    request: ApiRequest,
    data: JSONBody[schemas.CancelOrderRequest],
    desk: OwnDesk,
    wanted: WantedInQuery = "full",
) -> Response[OrderView]:
    """Cancel an open order by its id or by your own: 200 cancelled, 202 not decided yet, 409 not open."""
    await desk.learn([data.symbol] if data.symbol else [])
    command = desk.cancel_named(request, data)
    return order_answer(command, *await desk.send(command, wanted), wanted=wanted)


@delete("/v1/orders", operation_id="cancelAll", status_code=HTTPStatus.OK, raises=[Problem])
async def cancel_all(
    request: ApiRequest,
    desk: OwnDesk,
    account: AccountInQuery,
    symbol: SymbolInQuery = None,
    side: SideInQuery = None,
) -> Response[DoneView]:
    """Cancel all open orders of an account, or those of one market or side."""
    command = desk.cancel_all(request, account, symbol, side)
    if symbol is None:
        return await desk.everywhere(command, account)
    return done_answer(command, account, *await desk.send(command), done=HTTPStatus.OK)


@delete(
    "/v1/markets/{symbol:str}/orders",
    operation_id="cancelMarketOrders",
    status_code=HTTPStatus.OK,
    raises=[Problem],
)
async def cancel_market_orders(
    request: ApiRequest, symbol: MarketInPath, desk: OwnDesk, side: SideInQuery = None
) -> Response[DoneView]:
    """Cancel the open orders of all accounts on a market, or those of one side."""
    command = CancelAll(**desk.origin(request), symbol=symbol, side=side)
    return done_answer(command, symbol, *await desk.send(command), done=HTTPStatus.OK)


@post("/v1/orders/batch", operation_id="sendBatch", status_code=HTTPStatus.OK, raises=[Problem])
async def send_batch(
    request: ApiRequest,
    data: JSONBody[schemas.BatchRequest],
    desk: OwnDesk,
    wanted: WantedInQuery = "full",
) -> Response[schemas.BatchView]:
    """Place, cancel, amend and replace many orders in one request; each has its own outcome. Those of one
    shard are decided in the order given; a shard that cannot take its own now refuses them alone, as
    overloaded.
    """
    await desk.learn(filter(None, map(_symbol_of, data.commands)))
    commands = [_command_of(desk, request, item) for item in data.commands]
    outcomes, token = await desk.send_all(list(commands), wanted)
    return batch_answer(commands, outcomes, token, wanted)


def _symbol_of(item: schemas.BatchItem) -> str | None:
    if isinstance(item, schemas.CancelReplaceItem):
        return item.order.symbol
    return getattr(item, "symbol", None)


def _command_of(desk: Desk, request: ApiRequest, item: schemas.BatchItem) -> OrderCommand:
    if isinstance(item, schemas.PlaceItem):
        return desk.place(request, item)
    if isinstance(item, schemas.AmendItem):
        return desk.amend(request, item.order_id, item)
    if isinstance(item, schemas.CancelReplaceItem):
        return desk.replace(request, item)
    return desk.cancel_named(request, item)


ROUTES = [
    place_order,
    test_order,
    cancel_replace,
    amend_order,
    cancel_order,
    cancel_by_name,
    cancel_all,
    cancel_market_orders,
    send_batch,
]
