"""Routes for orders. Each makes one command, sends it, and tells what became of it."""

from http import HTTPStatus
from typing import Annotated

from litestar import Response, delete, patch, post
from litestar.params import JSONBody, PathParameter, QueryParameter

from api.command import schemas
from api.command.answers import done_answer, order_answer
from api.command.desk import ApiRequest, OwnDesk
from api.command.schemas import DoneView, OrderView, order_view
from api.problems import Problem
from domain.event import Side

AccountInQuery = Annotated[str, QueryParameter(name="account", pattern=schemas.ACCOUNT_PATTERN)]
SymbolInQuery = Annotated[str | None, QueryParameter(name="symbol", pattern=schemas.SYMBOL_PATTERN)]
SideInQuery = Annotated[Side | None, QueryParameter(name="side")]
OrderIdInPath = Annotated[str, PathParameter(pattern=schemas.STREAM_PATTERN)]


@post("/v1/orders", operation_id="placeOrder", status_code=HTTPStatus.CREATED, raises=[Problem])
async def place_order(
    request: ApiRequest, data: JSONBody[schemas.PlaceOrderRequest], desk: OwnDesk
) -> Response[OrderView]:
    """Place an order and learn what became of it: 201 accepted, 202 not decided yet, 422 rejected."""
    await desk.learn([data.symbol])
    command = desk.place(request, data)
    return order_answer(command, *await desk.send(command), accepted=HTTPStatus.CREATED)


@post("/v1/orders/test", operation_id="testOrder", status_code=HTTPStatus.OK, raises=[Problem])
async def test_order(
    request: ApiRequest, data: JSONBody[schemas.PlaceOrderRequest], desk: OwnDesk
) -> Response[OrderView]:
    """Validate an order in full, funds included, without placing it: 200 valid, 422 why not."""
    await desk.learn([data.symbol])
    command = desk.place(request, data, dry_run=True)
    return order_answer(command, *await desk.send(command))


@post("/v1/orders/cancel-replace", operation_id="cancelReplace", status_code=HTTPStatus.OK, raises=[Problem])
async def cancel_replace(
    request: ApiRequest, data: JSONBody[schemas.CancelReplaceRequest], desk: OwnDesk
) -> Response[OrderView]:
    """Cancel one order and place another in one step; what the first held, the second may use."""
    await desk.learn([data.order.symbol])
    command = desk.replace(request, data)
    return order_answer(command, *await desk.send(command))


@patch("/v1/orders/{order_id:str}", operation_id="amendOrder", status_code=HTTPStatus.OK, raises=[Problem])
async def amend_order(
    request: ApiRequest,
    order_id: OrderIdInPath,
    data: JSONBody[schemas.AmendOrderRequest],
    desk: OwnDesk,
) -> Response[OrderView]:
    """Change an open order; it keeps its place in the queue only if nothing but its quantity falls."""
    command = desk.amend(request, order_id, data)
    return order_answer(command, *await desk.send(command))


@delete("/v1/orders/{order_id:str}", operation_id="cancelOrder", status_code=HTTPStatus.OK, raises=[Problem])
async def cancel_order(
    request: ApiRequest, order_id: OrderIdInPath, account: AccountInQuery, desk: OwnDesk
) -> Response[OrderView]:
    """Cancel an open order: 200 cancelled, 202 not decided yet, 409 not open."""
    command = desk.cancel(request, account, order_id)
    return order_answer(command, *await desk.send(command))


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


@post("/v1/orders/batch", operation_id="sendBatch", status_code=HTTPStatus.OK, raises=[Problem])
async def send_batch(
    request: ApiRequest, data: JSONBody[schemas.BatchRequest], desk: OwnDesk
) -> schemas.BatchView:
    """Place and cancel many orders in one request; each has its own outcome. Those of one shard are decided
    in the order given; a shard that cannot take its own now refuses them alone, as overloaded.
    """
    await desk.learn({item.symbol for item in data.commands if isinstance(item, schemas.PlaceItem)})
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


ROUTES = [place_order, test_order, cancel_replace, amend_order, cancel_order, cancel_all, send_batch]
