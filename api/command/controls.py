"""Routes for who runs the venue: statuses of markets, accounts and the venue, a market's rules, delisting;
and a trader's own kill switch.
"""

from http import HTTPStatus

from litestar import Response, delete, patch, post, put
from litestar.params import JSONBody

from api.command import control_schemas as schemas
from api.command.answers import done_answer
from api.command.desk import ApiRequest, OwnDesk
from api.command.schemas import DoneView
from api.command.venue import AccountInPath, SymbolInPath
from api.permissions import STOP
from api.problems import Problem
from domain.control import (
    ChangeMarketRules,
    DelistMarket,
    SetAccountStatus,
    SetMarketStatus,
    SetVenueStatus,
)


@put(
    "/v1/markets/{symbol:str}/status",
    operation_id="setMarketStatus",
    raises=[Problem],
)
async def set_market_status(
    request: ApiRequest, symbol: SymbolInPath, data: JSONBody[schemas.MarketStatusRequest], desk: OwnDesk
) -> Response[DoneView]:
    """Open, restrict, halt or close a market; closing it cancels its orders."""
    command = SetMarketStatus(**desk.origin(request), symbol=symbol, status=data.status, reason=data.reason)
    return done_answer(command, symbol, *await desk.send(command), done=HTTPStatus.OK)


@patch(
    "/v1/markets/{symbol:str}/rules",
    operation_id="changeMarketRules",
    raises=[Problem],
)
async def change_market_rules(
    request: ApiRequest, symbol: SymbolInPath, data: JSONBody[schemas.MarketRulesRequest], desk: OwnDesk
) -> Response[DoneView]:
    """Change the rules that are named; orders off the new tick or lot are cancelled."""
    rules = {name: getattr(data, name) for name in data.__struct_fields__}
    command = ChangeMarketRules(**desk.origin(request), symbol=symbol, **rules)
    return done_answer(command, symbol, *await desk.send(command), done=HTTPStatus.OK)


@delete(
    "/v1/markets/{symbol:str}",
    operation_id="delistMarket",
    status_code=HTTPStatus.OK,
    raises=[Problem],
)
async def delist_market(request: ApiRequest, symbol: SymbolInPath, desk: OwnDesk) -> Response[DoneView]:
    """Take a closed market off the list."""
    command = DelistMarket(**desk.origin(request), symbol=symbol)
    return done_answer(command, symbol, *await desk.send(command), done=HTTPStatus.OK)


@put(
    "/v1/accounts/{account:str}/status",
    operation_id="setAccountStatus",
    raises=[Problem],
)
async def set_account_status(
    request: ApiRequest, account: AccountInPath, data: JSONBody[schemas.AccountStatusRequest], desk: OwnDesk
) -> Response[DoneView]:
    """Restrict or release an account; the orders it may not have any more are cancelled."""
    command = SetAccountStatus(
        **desk.origin(request), account=account, status=data.status, reason=data.reason
    )
    return await desk.everywhere(command, account)


@post(
    "/v1/accounts/{account:str}/kill-switch",
    operation_id="killSwitch",
    status_code=HTTPStatus.OK,
    raises=[Problem],
)
async def kill_switch(
    request: ApiRequest, account: AccountInPath, data: JSONBody[schemas.KillSwitchRequest], desk: OwnDesk
) -> Response[DoneView]:
    """Cancel all orders of the account and take no new ones, until the venue releases it."""
    STOP.check(request.user, account)
    command = SetAccountStatus(
        **desk.origin(request), account=account, status=data.status, reason=data.reason, only_tighten=True
    )
    return await desk.everywhere(command, account)


@put(
    "/v1/venue/status",
    operation_id="setVenueStatus",
    raises=[Problem],
)
async def set_venue_status(
    request: ApiRequest, data: JSONBody[schemas.VenueStatusRequest], desk: OwnDesk
) -> Response[DoneView]:
    """Open, restrict or halt all markets at once; if asked to, cancel all orders."""
    command = SetVenueStatus(
        **desk.origin(request), status=data.status, reason=data.reason, cancel_orders=data.cancel_orders
    )
    return await desk.everywhere(command, "venue")


ROUTES = [
    set_market_status,
    change_market_rules,
    delist_market,
    set_account_status,
    kill_switch,
    set_venue_status,
]
