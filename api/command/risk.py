"""Routes of the risk desk: changes of limits, which somebody else approves if they loosen any, and alerts
that somebody has seen.
"""

import asyncio
import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, Any, ParamSpec, TypeVar, cast

import msgspec
from litestar import Response, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, PathParameter
from sqlalchemy.exc import SQLAlchemyError

from api.command import risk_schemas as schemas
from api.command.desk import ApiRequest, Desk, OwnDesk
from api.command.schemas import ACCOUNT_PATTERN, DoneView
from api.problems import Problem
from domain.account import LimitsRequest, SetAccountLimits
from streams.risk.requests import DEFAULT, PENDING, Asked, LimitRequests, RequestError
from streams.risk.tables import LimitRequest

logger = logging.getLogger(__name__)

T = TypeVar("T")
P = ParamSpec("P")

AccountOrAll = Annotated[str, PathParameter(pattern=rf"{ACCOUNT_PATTERN}|^\*$")]
RequestInPath = Annotated[str, PathParameter(pattern="^[0-9a-f]{32}$")]
AlertInPath = Annotated[str, PathParameter(pattern="^[0-9a-f]{24}$")]
OwnRequests = NamedDependency[LimitRequests]

STATUSES = {
    "not_found": HTTPStatus.NOT_FOUND,
    "not_pending": HTTPStatus.CONFLICT,
    "same_person": HTTPStatus.FORBIDDEN,
    "too_many": HTTPStatus.CONFLICT,
}
CODES = {
    "not_found": "not_found",
    "not_pending": "limit_request_not_pending",
    "same_person": "second_person_required",
    "too_many": "limit_requests_pending",
}


@post(
    "/v1/accounts/{account:str}/limit-requests",
    operation_id="requestLimits",
    status_code=HTTPStatus.OK,
    raises=[Problem],
)
async def request_limits(
    request: ApiRequest,
    account: AccountOrAll,
    data: JSONBody[schemas.LimitChangeRequest],
    desk: OwnDesk,
    requests: OwnRequests,
) -> Response[schemas.LimitChangeView]:
    """Change limits: at once where they only tighten, else after somebody else's approval. Account ``*``: the
    thresholds of all accounts that have none of their own.
    """
    asked = _asked(request, account, data)
    row = await _on_record(requests.ask, asked)
    if row.state == PENDING:
        return Response(_view(row), status_code=HTTPStatus.ACCEPTED)
    return await _apply(request, desk, requests, row)


@post(
    "/v1/accounts/{account:str}/limit-requests/{request_id:str}/approve",
    operation_id="approveLimits",
    status_code=HTTPStatus.OK,
    raises=[Problem],
)
async def approve_limits(
    request: ApiRequest,
    account: AccountOrAll,
    request_id: RequestInPath,
    data: JSONBody[schemas.DecisionRequest],
    desk: OwnDesk,
    requests: OwnRequests,
) -> Response[schemas.LimitChangeView]:
    """Approve what somebody else asked for; it is in force with the answer."""
    by = request.user.subject
    row = await _on_record(requests.approve, account, request_id, by, data.note)
    return await _apply(request, desk, requests, row)


@post(
    "/v1/accounts/{account:str}/limit-requests/{request_id:str}/reject",
    operation_id="rejectLimits",
    status_code=HTTPStatus.OK,
    raises=[Problem],
)
async def reject_limits(
    request: ApiRequest,
    account: AccountOrAll,
    request_id: RequestInPath,
    data: JSONBody[schemas.DecisionRequest],
    requests: OwnRequests,
) -> schemas.LimitChangeView:
    """Reject a request, one's own as well; nothing changes."""
    by = request.user.subject
    return _view(await _on_record(requests.reject, account, request_id, by, data.note))


@post(
    "/v1/risk/alerts/{alert_id:str}/acknowledge",
    operation_id="acknowledgeAlert",
    status_code=HTTPStatus.OK,
    raises=[Problem],
)
async def acknowledge_alert(
    request: ApiRequest,
    alert_id: AlertInPath,
    data: JSONBody[schemas.DecisionRequest],
    requests: OwnRequests,
) -> schemas.AcknowledgedView:
    """Say that an alert was seen, and what was made of it. Who says so first stays on record."""
    alert = await _on_record(requests.acknowledge, alert_id, request.user.subject, data.note)
    if alert is None:
        raise Problem(HTTPStatus.NOT_FOUND, "not_found", f"there is no alert {alert_id!r}")
    return schemas.AcknowledgedView(
        alert.alert_id, alert.acknowledged_by or "", alert.acknowledged_at_us or 0, alert.note or ""
    )


def _asked(request: ApiRequest, account: str, data: schemas.LimitChangeRequest) -> Asked:
    if account == DEFAULT and data.pre_trade is not None:
        detail = "pre_trade limits are an account's own; account * has thresholds only"
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_request", detail)
    if data.pre_trade is None and data.thresholds is None:
        detail = "neither pre_trade nor thresholds was given: nothing would change"
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_request", detail)
    pre_trade = None if data.pre_trade is None else LimitsRequest(**msgspec.structs.asdict(data.pre_trade))
    thresholds = None if data.thresholds is None else data.thresholds.as_limits()
    return Asked(account, pre_trade, thresholds, data.reason, request.user.subject)


async def _on_record(do: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """Do it in a thread. Raises ``Problem``."""
    try:
        return await asyncio.to_thread(do, *arguments, **named)
    except RequestError as error:
        raise Problem(STATUSES[error.code], CODES[error.code], error.detail) from None
    except SQLAlchemyError as error:
        logger.warning("the risk record: %s", error)
        detail = "the database of the risk record does not answer as it should"
        headers = {"Retry-After": "1"}
        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "record_unavailable", detail, headers=headers) from None


async def _apply(
    request: ApiRequest, desk: Desk, requests: LimitRequests, row: LimitRequest
) -> Response[schemas.LimitChangeView]:
    """Have the limits in force before each order, then on record as such: an approved request that was not
    applied is approved again, to finish it.
    """
    done: DoneView | None = None
    if row.pre_trade is not None:
        limits = msgspec.convert(row.pre_trade, LimitsRequest)
        origin: dict[str, Any] = {**desk.origin(request), "command_id": row.command_id}
        command = SetAccountLimits(**origin, account=row.account, limits=limits)
        of_shard = await desk.limits_by_shard(limits)
        answer = await desk.everywhere(command, row.account, of_shard=of_shard)
        done = answer.content
        if done.status == "pending":
            return Response(_view(row, done), status_code=HTTPStatus.ACCEPTED)
    row = await _on_record(requests.applied, row.request_id)
    return Response(_view(row, done), status_code=HTTPStatus.OK)


def _view(row: LimitRequest, done: DoneView | None = None) -> schemas.LimitChangeView:
    return schemas.LimitChangeView(
        row.request_id,
        row.account,
        cast("Any", row.state),
        row.loosens["limits"],
        row.requested_by,
        row.decided_by,
        done,
    )


ROUTES = [request_limits, approve_limits, reject_limits, acknowledge_alert]
