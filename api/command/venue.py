"""Routes for the venue: accounts, deposits, markets and their mark prices."""

from http import HTTPStatus
from typing import Annotated

from litestar import Response, post, put
from litestar.params import JSONBody, PathParameter

from api.command import schemas
from api.command.answers import done_answer
from api.command.desk import ApiRequest, OwnDesk
from api.command.idempotency import demanded_key, own_id
from api.command.schemas import DoneView
from api.problems import Problem
from domain import ids
from domain.account import Deposit, LimitsRequest, OpenAccount, SetAccountLimits
from domain.market import ListMarket, SetMarkPrice

AccountInPath = Annotated[str, PathParameter(pattern=schemas.ACCOUNT_PATTERN)]
SymbolInPath = Annotated[str, PathParameter(pattern=schemas.SYMBOL_PATTERN)]


@post("/v1/accounts", operation_id="openAccount", raises=[Problem])
async def open_account(
    request: ApiRequest, data: JSONBody[schemas.OpenAccountRequest], desk: OwnDesk
) -> Response[DoneView]:
    """Open an account, on every shard; opening it again changes nothing."""
    command = OpenAccount(**desk.origin(request), account=data.account)
    return await desk.everywhere(command, data.account, done=HTTPStatus.CREATED)


@post(
    "/v1/accounts/{account:str}/deposits",
    operation_id="deposit",
    raises=[Problem],
    opt=own_id("client_transfer_id"),
)
async def deposit(
    request: ApiRequest, account: AccountInPath, data: JSONBody[schemas.DepositRequest], desk: OwnDesk
) -> Response[DoneView]:
    """Credit an account on one shard, once for each client transfer id there."""
    data.client_transfer_id = data.client_transfer_id or demanded_key(request, "client_transfer_id")
    shard = await desk.shard_for(data.shard, data.symbol)
    command = Deposit(
        **desk.origin(request),
        transfer_id=ids.transfer_id(shard, account, data.client_transfer_id),
        client_transfer_id=data.client_transfer_id,
        account=account,
        asset=data.asset,
        amount=data.amount,
    )
    return done_answer(command, command.transfer_id, *await desk.send(command))


@put(
    "/v1/accounts/{account:str}/limits",
    operation_id="setAccountLimits",
    raises=[Problem],
)
async def set_account_limits(
    request: ApiRequest, account: AccountInPath, data: JSONBody[schemas.AccountLimitsRequest], desk: OwnDesk
) -> Response[DoneView]:
    """Replace all limits of an account; they hold for every order that is decided after it. Each shard
    counts by itself: what a limit allows, it allows on each. Risk officers ask for changes instead
    (``limit-requests``), so that two of them loosen any.
    """
    limits = LimitsRequest(**{name: getattr(data, name) for name in data.__struct_fields__})
    command = SetAccountLimits(**desk.origin(request), account=account, limits=limits)
    own = await desk.limits_by_shard(limits)
    return await desk.everywhere(command, account, of_shard=own)


@post("/v1/markets", operation_id="listMarket", raises=[Problem])
async def list_market(
    request: ApiRequest, data: JSONBody[schemas.ListMarketRequest], desk: OwnDesk
) -> Response[DoneView]:
    """List a market; listing it again with the same rules changes nothing."""
    rules = {name: getattr(data, name) for name in data.__struct_fields__ if name != "shard"}
    command = ListMarket(**desk.origin(request), **rules)
    return await desk.list_market(command, data.shard)


@put(
    "/v1/markets/{symbol:str}/mark-price",
    operation_id="setMarkPrice",
    raises=[Problem],
)
async def set_mark_price(
    request: ApiRequest, symbol: SymbolInPath, data: JSONBody[schemas.MarkPriceRequest], desk: OwnDesk
) -> Response[DoneView]:
    """Set what the market is held to be worth; orders that wait for that price are triggered."""
    command = SetMarkPrice(**desk.origin(request), symbol=symbol, price=data.price)
    return done_answer(command, symbol, *await desk.send(command), done=HTTPStatus.OK)


ROUTES = [open_account, deposit, set_account_limits, list_market, set_mark_price]
