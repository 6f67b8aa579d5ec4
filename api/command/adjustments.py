"""Routes for corrections of balances: one person asks, another one approves, and only then does money move.

Both are who their tokens say they are; nobody can name an approver.
"""

import logging
import time
from collections.abc import Awaitable
from http import HTTPStatus
from typing import Annotated, Literal, TypeVar

import psycopg
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from msgspec import Meta, Struct

from api.command import schemas
from api.command.answers import done_answer
from api.command.desk import ApiRequest, OwnDesk
from api.command.idempotency import demanded_key, own_id
from api.command.money import TransferInPath
from api.command.schemas import DoneView
from api.command.venue import AccountInPath
from api.problems import Problem
from domain import ids
from domain.transfer import AdjustBalance, AdjustmentSide
from streams.adjustments import OPEN_US, Adjustment, AdjustmentStore, Decision, Row

logger = logging.getLogger(__name__)

T = TypeVar("T")
Store = NamedDependency[AdjustmentStore]

_NO_STORE = (psycopg.Error, OSError, TimeoutError)


class AdjustmentView(Struct, kw_only=True):
    """An adjustment that was asked for. ``asked``: nobody has decided on it yet, and nothing has moved."""

    id: Annotated[str, Meta(description="The id the transfer has once it is approved.")]
    status: Literal["asked", "approved", "rejected", "expired"]
    account: str
    client_transfer_id: str
    asset: str
    side: AdjustmentSide
    amount: str
    reason: str
    asked_by: str
    asked_at_us: int
    decided_by: str | None
    decided_at_us: int | None


class AdjustmentsView(Struct):
    """Those that wait for a decision, the oldest first."""

    adjustments: list[AdjustmentView]


@post(
    "/v1/accounts/{account:str}/adjustments",
    operation_id="adjustBalance",
    status_code=HTTPStatus.ACCEPTED,
    raises=[Problem],
    opt=own_id("client_transfer_id"),
)
async def adjust_balance(
    request: ApiRequest,
    account: AccountInPath,
    data: JSONBody[schemas.AdjustmentRequest],
    desk: OwnDesk,
    adjustments: Store,
) -> AdjustmentView:
    """Ask for a correction of what an account has on one shard, once for each client transfer id there.
    Nothing moves before somebody else approves it.
    """
    data.client_transfer_id = data.client_transfer_id or demanded_key(request, "client_transfer_id")
    shard = await desk.shard_for(data.shard, data.symbol)
    transfer_id = ids.transfer_id(shard, account, data.client_transfer_id)
    wish = Adjustment(account, data.client_transfer_id, data.asset, data.side, data.amount, data.reason)
    row = await _answered(adjustments.ask(transfer_id, wish, request.user.subject, _now_us()))
    if row.adjustment != wish or row.asked_by != request.user.subject:
        detail = f"{row.asked_by} asked for another adjustment as {data.client_transfer_id!r} before"
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "id_reused", detail)
    return _view(row)


@get("/v1/adjustments", operation_id="listAdjustments", raises=[Problem])
async def list_adjustments(adjustments: Store) -> AdjustmentsView:
    """Tell which adjustments wait for a decision."""
    return AdjustmentsView([_view(row) for row in await _answered(adjustments.open(_now_us()))])


@post(
    "/v1/adjustments/{transfer:str}/approve",
    operation_id="approveAdjustment",
    status_code=HTTPStatus.OK,
    raises=[Problem],
)
async def approve_adjustment(
    request: ApiRequest, transfer: TransferInPath, desk: OwnDesk, adjustments: Store
) -> Response[DoneView]:
    """Approve what somebody else asked for; it is then carried out. Doing it again is answered the same."""
    desk.directory.shard_of_id("transfer", transfer)
    row = await _decided(adjustments, transfer, "approved", request.user.subject)
    wish, origin = row.adjustment, desk.origin(request)
    command = AdjustBalance(
        **{**origin, "actor": row.asked_by},
        transfer_id=transfer,
        client_transfer_id=wish.client_transfer_id,
        account=wish.account,
        asset=wish.asset,
        side=wish.side,
        amount=wish.amount,
        reason=wish.reason,
        approver=request.user.subject,
    )
    return done_answer(command, transfer, *await desk.send(command), done=HTTPStatus.OK)


@post(
    "/v1/adjustments/{transfer:str}/reject",
    operation_id="rejectAdjustment",
    status_code=HTTPStatus.OK,
    raises=[Problem],
)
async def reject_adjustment(
    request: ApiRequest, transfer: TransferInPath, adjustments: Store
) -> AdjustmentView:
    """Turn it down for good; who asked for it may take it back in this way."""
    return _view(await _decided(adjustments, transfer, "rejected", request.user.subject))


async def _decided(adjustments: AdjustmentStore, transfer: str, decision: Decision, who: str) -> Row:
    """Return it as ``who`` decided on it, now or before. Raises ``Problem``."""
    found = await _answered(adjustments.find(transfer))
    if found is None:
        raise Problem(HTTPStatus.NOT_FOUND, "not_found", f"nobody asked for an adjustment {transfer!r}")
    if decision == "approved" and found.asked_by == who:
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "approval_required",
            f"{who} asked for it, so somebody else approves it",
        )
    row = await _answered(adjustments.decide(transfer, decision, who, _now_us())) or found
    if (row.decision, row.decided_by) != (decision, who):
        by = f" by {row.decided_by}" if row.decided_by else ""
        detail = f"the adjustment is {_status(row)}{by}"
        raise Problem(HTTPStatus.CONFLICT, "adjustment_not_open", detail)
    return row


async def _answered(asked: Awaitable[T]) -> T:
    try:
        return await asked
    except _NO_STORE as error:
        logger.warning("no adjustments for now: %s", error)
        detail = "adjustments are kept in the event store, which does not answer"
        raise Problem(
            HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", detail, headers={"Retry-After": "1"}
        ) from None


def _view(row: Row) -> AdjustmentView:
    wish = row.adjustment
    return AdjustmentView(
        id=row.transfer_id,
        status=_status(row),
        account=wish.account,
        client_transfer_id=wish.client_transfer_id,
        asset=wish.asset,
        side=wish.side,
        amount=wish.amount,
        reason=wish.reason,
        asked_by=row.asked_by,
        asked_at_us=row.asked_at_us,
        decided_by=row.decided_by,
        decided_at_us=row.decided_at_us,
    )


def _status(row: Row) -> Literal["asked", "approved", "rejected", "expired"]:
    if row.decision is not None:
        return row.decision
    return "asked" if row.asked_at_us > _now_us() - OPEN_US else "expired"


def _now_us() -> int:
    return time.time_ns() // 1_000


ROUTES = [adjust_balance, list_adjustments, approve_adjustment, reject_adjustment]
