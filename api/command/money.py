"""Routes for money that leaves or moves, and for what is agreed with one account.

A trader asks for withdrawals and transfers from its own account. Only the venue ends a withdrawal: once it
may have been paid out, giving the funds back to trade with would spend them twice.
"""

from http import HTTPStatus
from typing import Annotated, Any

from litestar import Response, post, put
from litestar.params import JSONBody, PathParameter

from api.command import schemas
from api.command.answers import done_answer
from api.command.desk import ApiRequest, OwnDesk
from api.command.idempotency import demanded_key, own_id
from api.command.schemas import DoneView
from api.command.venue import AccountInPath
from api.permissions import WITHDRAW
from api.problems import Problem
from domain import ids
from domain.account import SetAccountFees, SetAccountGroup
from domain.shard_transfer import SendFunds
from domain.transfer import (
    CancelWithdrawal,
    CompleteWithdrawal,
    RequestWithdrawal,
    TransferFunds,
)

TransferInPath = Annotated[str, PathParameter(pattern=schemas.STREAM_PATTERN)]


@post(
    "/v1/accounts/{account:str}/withdrawals",
    operation_id="requestWithdrawal",
    raises=[Problem],
    opt=own_id("client_transfer_id"),
)
async def request_withdrawal(
    request: ApiRequest, account: AccountInPath, data: JSONBody[schemas.WithdrawalRequest], desk: OwnDesk
) -> Response[DoneView]:
    """Hold the funds until the venue has paid them out, once for each client transfer id and shard."""
    WITHDRAW.check(request.user, account)
    data.client_transfer_id = data.client_transfer_id or demanded_key(request, "client_transfer_id")
    shard = await desk.shard_for(data.shard, data.symbol)
    command = RequestWithdrawal(
        **desk.origin(request),
        transfer_id=ids.transfer_id(shard, account, data.client_transfer_id),
        client_transfer_id=data.client_transfer_id,
        account=account,
        asset=data.asset,
        amount=data.amount,
        destination=data.destination,
    )
    return done_answer(command, command.transfer_id, *await desk.send(command))


@post(
    "/v1/accounts/{account:str}/withdrawals/{transfer:str}/complete",
    operation_id="completeWithdrawal",
    status_code=HTTPStatus.OK,
    raises=[Problem],
)
async def complete_withdrawal(
    request: ApiRequest,
    account: AccountInPath,
    transfer: TransferInPath,
    data: JSONBody[schemas.CompletionRequest],
    desk: OwnDesk,
) -> Response[DoneView]:
    """Say that the money has left, and by which reference; the same again is answered the same."""
    desk.directory.shard_of_id("transfer", transfer)
    command = CompleteWithdrawal(
        **desk.origin(request), transfer_id=transfer, account=account, reference=data.reference
    )
    return done_answer(command, transfer, *await desk.send(command), done=HTTPStatus.OK)


@post(
    "/v1/accounts/{account:str}/withdrawals/{transfer:str}/cancel",
    operation_id="cancelWithdrawal",
    status_code=HTTPStatus.OK,
    raises=[Problem],
)
async def cancel_withdrawal(
    request: ApiRequest,
    account: AccountInPath,
    transfer: TransferInPath,
    data: JSONBody[schemas.CancellationRequest],
    desk: OwnDesk,
) -> Response[DoneView]:
    """Release the funds of a withdrawal that was not paid out; the same again is answered the same."""
    desk.directory.shard_of_id("transfer", transfer)
    command = CancelWithdrawal(
        **desk.origin(request), transfer_id=transfer, account=account, reason=data.reason
    )
    return done_answer(command, transfer, *await desk.send(command), done=HTTPStatus.OK)


@post("/v1/transfers", operation_id="transferFunds", raises=[Problem], opt=own_id("client_transfer_id"))
async def transfer_funds(
    request: ApiRequest, data: JSONBody[schemas.TransferRequest], desk: OwnDesk
) -> Response[DoneView]:
    """Move available funds to another account, once for each client transfer id: at once, or to another shard
    by way of transit; then the answer says ``sent``, and the account's transfers how it ends.
    """
    WITHDRAW.check(request.user, data.account)
    data.client_transfer_id = data.client_transfer_id or demanded_key(request, "client_transfer_id")
    shard = await desk.shard_for(data.shard, data.symbol)
    wish: dict[str, Any] = {
        **desk.origin(request),
        "transfer_id": ids.transfer_id(shard, data.account, data.client_transfer_id),
        "client_transfer_id": data.client_transfer_id,
        "account": data.account,
        "to_account": data.to_account,
        "asset": data.asset,
        "amount": data.amount,
    }
    command: TransferFunds | SendFunds
    if data.to_shard in {None, shard}:
        command = TransferFunds(**wish)
    else:
        command = SendFunds(**wish, to_shard=data.to_shard)
    return done_answer(command, command.transfer_id, *await desk.send(command))


@put(
    "/v1/accounts/{account:str}/fees",
    operation_id="setAccountFees",
    raises=[Problem],
)
async def set_account_fees(
    request: ApiRequest, account: AccountInPath, data: JSONBody[schemas.AccountFeesRequest], desk: OwnDesk
) -> Response[DoneView]:
    """Agree on fees for the orders the account places from now on."""
    command = SetAccountFees(
        **desk.origin(request),
        account=account,
        symbol=data.symbol,
        maker_fee_ppm=data.maker_fee_ppm,
        taker_fee_ppm=data.taker_fee_ppm,
    )
    if data.symbol is None:
        return await desk.everywhere(command, account)
    return done_answer(command, account, *await desk.send(command), done=HTTPStatus.OK)


@put(
    "/v1/accounts/{account:str}/group",
    operation_id="setAccountGroup",
    raises=[Problem],
)
async def set_account_group(
    request: ApiRequest, account: AccountInPath, data: JSONBody[schemas.AccountGroupRequest], desk: OwnDesk
) -> Response[DoneView]:
    """Say whom else the account's owner trades as: their orders do not meet, if they ask for that."""
    command = SetAccountGroup(**desk.origin(request), account=account, group=data.group)
    return await desk.everywhere(command, account)


ROUTES = [
    request_withdrawal,
    complete_withdrawal,
    cancel_withdrawal,
    transfer_funds,
    set_account_fees,
    set_account_group,
]
