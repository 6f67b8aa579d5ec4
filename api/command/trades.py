"""Routes for the venue on single trades: to bust one, or to correct its price."""

from http import HTTPStatus
from typing import Annotated

from litestar import Response, post
from litestar.params import JSONBody, PathParameter
from msgspec import Meta

from api.command.answers import done_answer
from api.command.desk import ApiRequest, OwnDesk
from api.command.schemas import DecimalText, DoneView, Request, StreamId
from api.command.venue import SymbolInPath
from api.problems import Problem
from domain.trade import BustTrade, CorrectTrade

TRADE_ID_MAX = 2**53 - 1  # beyond it JSON readers round

TradeIdInPath = Annotated[int, PathParameter(ge=1, le=TRADE_ID_MAX)]
Reason = Annotated[
    str,
    Meta(
        pattern="^[ -~]{1,200}$",
        description="Why, for both traders to read and on record for ever: no personal data.",
        examples=["clearly erroneous price"],
    ),
]


class BustTradeRequest(Request):
    """``order_id``: the order of either side of the trade."""

    order_id: StreamId
    reason: Reason


class CorrectTradeRequest(Request):
    """``order_id``: the order of either side of the trade; ``price``: what it should have been made at."""

    order_id: StreamId
    price: DecimalText
    reason: Reason


@post(
    "/v1/markets/{symbol:str}/trades/{trade_id:int}/bust",
    operation_id="bustTrade",
    status_code=HTTPStatus.OK,
    raises=[Problem],
)
async def bust_trade(
    request: ApiRequest,
    symbol: SymbolInPath,
    trade_id: TradeIdInPath,
    data: JSONBody[BustTradeRequest],
    desk: OwnDesk,
) -> Response[DoneView]:
    """Take a trade back, with all it moved; doing it again changes nothing. No order is opened again."""
    command = BustTrade(
        **desk.origin(request),
        symbol=symbol,
        trade_id=trade_id,
        order_id=data.order_id,
        reason=data.reason,
    )
    return done_answer(command, str(trade_id), *await desk.send(command), done=HTTPStatus.OK)


@post(
    "/v1/markets/{symbol:str}/trades/{trade_id:int}/correct",
    operation_id="correctTrade",
    status_code=HTTPStatus.OK,
    raises=[Problem],
)
async def correct_trade(
    request: ApiRequest,
    symbol: SymbolInPath,
    trade_id: TradeIdInPath,
    data: JSONBody[CorrectTradeRequest],
    desk: OwnDesk,
) -> Response[DoneView]:
    """Make a trade count at another price; both sides pay or get the difference, fees included."""
    command = CorrectTrade(
        **desk.origin(request),
        symbol=symbol,
        trade_id=trade_id,
        order_id=data.order_id,
        price=data.price,
        reason=data.reason,
    )
    return done_answer(command, str(trade_id), *await desk.send(command), done=HTTPStatus.OK)


ROUTES = [bust_trade, correct_trade]
