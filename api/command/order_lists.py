"""Routes for order lists: placed whole or not at all, cancelled whole."""

from http import HTTPStatus

from litestar import Response, delete, post
from litestar.params import JSONBody

from api.command.answers import list_answer
from api.command.desk import ApiRequest, OwnDesk
from api.command.idempotency import demanded_key, own_id
from api.command.list_schemas import OrderListView, PlaceOrderListRequest
from api.command.orders import AccountInQuery, OrderIdInPath
from api.command.wanted import WantedInQuery
from api.problems import Problem


@post(
    "/v1/order-lists",
    operation_id="placeOrderList",
    status_code=HTTPStatus.CREATED,
    raises=[Problem],
    opt=own_id("client_list_id"),
)
async def place_order_list(
    request: ApiRequest, data: JSONBody[PlaceOrderListRequest], desk: OwnDesk, wanted: WantedInQuery = "full"
) -> Response[OrderListView]:
    """Place an OCO, OTO or OTOCO list: 201 accepted, 202 not decided yet, 422 rejected, all of it."""
    await desk.learn([data.symbol])
    data.client_list_id = data.client_list_id or demanded_key(request, "client_list_id")
    command = desk.place_list(request, data)
    return list_answer(command, *await desk.send(command, wanted), accepted=HTTPStatus.CREATED, wanted=wanted)


@delete(
    "/v1/order-lists/{list_id:str}",
    operation_id="cancelOrderList",
    status_code=HTTPStatus.OK,
    raises=[Problem],
)
async def cancel_order_list(
    request: ApiRequest,
    list_id: OrderIdInPath,
    account: AccountInQuery,
    desk: OwnDesk,
    wanted: WantedInQuery = "full",
) -> Response[OrderListView]:
    """Cancel all orders of a list that are open: 200 cancelled, 202 not decided yet, 409 none is open."""
    command = desk.cancel_list(request, account, list_id)
    return list_answer(command, *await desk.send(command, wanted), wanted=wanted)


ROUTES = [place_order_list, cancel_order_list]
