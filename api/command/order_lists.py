"""Routes for order lists: placed whole or not at all, cancelled whole."""

from http import HTTPStatus

from litestar import Response, delete, post
from litestar.params import JSONBody

from api.command.answers import list_answer
from api.command.desk import ApiRequest, Desk, OwnDesk
from api.command.intake import asked_for
from api.command.list_schemas import OrderListView, PlaceOrderListRequest
from api.command.orders import AccountInQuery, OrderIdInPath
from api.permissions import TRADE
from api.problems import Problem
from domain import ids
from domain.order_list import CancelOrderList, ListLeg, PlaceOrderList


@post("/v1/order-lists", operation_id="placeOrderList", status_code=HTTPStatus.CREATED, raises=[Problem])
async def place_order_list(
    request: ApiRequest, data: JSONBody[PlaceOrderListRequest], desk: OwnDesk
) -> Response[OrderListView]:
    """Place an OCO, OTO or OTOCO list: 201 accepted, 202 not decided yet, 422 rejected, all of it."""
    await desk.learn([data.symbol])
    command = _list_of(desk, request, data)
    return list_answer(command, *await desk.send(command), accepted=HTTPStatus.CREATED)


@delete(
    "/v1/order-lists/{list_id:str}",
    operation_id="cancelOrderList",
    status_code=HTTPStatus.OK,
    raises=[Problem],
)
async def cancel_order_list(
    request: ApiRequest, list_id: OrderIdInPath, account: AccountInQuery, desk: OwnDesk
) -> Response[OrderListView]:
    """Cancel all orders of a list that are open: 200 cancelled, 202 not decided yet, 409 none is open."""
    TRADE.check(request.user, account)
    desk.directory.shard_of_id("list_id", list_id)
    command = CancelOrderList(**desk.origin(request), list_id=list_id, account=account)
    return list_answer(command, *await desk.send(command))


def _list_of(desk: Desk, request: ApiRequest, data: PlaceOrderListRequest) -> PlaceOrderList:
    TRADE.check(request.user, data.account)
    shard = desk.directory.shard_of(data.symbol)
    return PlaceOrderList(
        **desk.origin(request),
        valid_until_us=desk.valid_until_us(),
        list_id=ids.list_id(shard, data.account, data.client_list_id),
        account=data.account,
        client_list_id=data.client_list_id,
        symbol=data.symbol,
        kind=data.kind,
        legs=tuple(
            ListLeg(
                ids.order_id(shard, data.account, leg.client_order_id),
                leg.client_order_id,
                asked_for(leg),
            )
            for leg in data.legs
        ),
    )


ROUTES = [place_order_list, cancel_order_list]
