"""Errors as problem details (RFC 9457): what was wrong, with which value, and what to do.

``code`` is stable and for programs; ``title``, ``detail`` and ``remedy`` are for people. ``type`` leads to
the entry in the documentation, which each API serves itself. ``field`` and ``value`` name what was wrong
where one field was, the value shortened.
"""

import logging
from http import HTTPStatus
from typing import Any

from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.plugins.problem_details import ProblemDetailsException

from api.faults import Fault, faults_of
from domain.rejections import CATALOGUE, Reason

logger = logging.getLogger(__name__)

DOCUMENTATION = "/docs/problems#"

PROBLEMS: dict[str, Reason] = {
    **CATALOGUE,
    "invalid_request": Reason("The request is not one this API takes.", "Correct what the detail names."),
    "not_authenticated": Reason(
        "The request does not say who sends it, or its token is not valid.",
        "Send a header 'Authorization: Bearer <token>'; ./oms token makes one.",
    ),
    "already_there": Reason("There is one of this name already.", "Choose another name."),
    "replay_unknown": Reason(
        "Whether this signed request came before cannot be told, so it was not carried out.",
        "Send it again, signed anew, after the time named; or use a bearer token.",
    ),
    "identity_unavailable": Reason(
        "Who is asking cannot be looked up now; nothing happened.", "Send it again after the time named."
    ),
    "not_allowed": Reason("You may not do this.", "Ask an administrator for the role or the account."),
    "not_found": Reason("There is nothing here.", "Check the address and the id."),
    "method_not_allowed": Reason("This address does not take this method.", "See the API's documentation."),
    "rate_limited": Reason(
        "You ask more often than you may; this was not done.",
        "Send it again, with the same client id, after the time named. Cancels are still taken.",
    ),
    "too_slow": Reason("The request took too long to arrive.", "Send it again, in one piece."),
    "too_large": Reason("The request is too large.", "Send less at once."),
    "not_yet_visible": Reason(
        "What the token names has not arrived in the read model in time.", "Ask again in a moment."
    ),
    "cursor_expired": Reason(
        "What this cursor leads on in was replaced, and is no longer kept.",
        "Begin again at the first page, without a cursor.",
    ),
    "too_much": Reason(
        "The answer would be larger than one answer may be.",
        "Ask for less: a shorter time, fewer accounts or markets, or fewer groups.",
    ),
    "too_many_exports": Reason(
        "As many exports as this API takes on at a time are running.", "Ask again after the time named."
    ),
    "overloaded": Reason(
        "More orders are on their way than can be decided in good time; this one was not taken.",
        "Send it again, with the same client id, after the time named. Cancels are still taken.",
    ),
    "too_many_in_flight": Reason(
        "This connection has too many commands without an outcome; this one was not taken.",
        "Wait for outcomes before you send more.",
    ),
    "adjustment_not_open": Reason(
        "This adjustment was decided on, or nobody did so in time.",
        "See its status; ask for another one if it is still needed.",
    ),
    "idempotency_key_missing": Reason(
        "The request needs an Idempotency-Key, as nothing else in it says whether it is the same again.",
        "Send a header Idempotency-Key of your own choosing, or a client id in the body.",
    ),
    "idempotency_key_in_use": Reason(
        "The request with this Idempotency-Key is still under way.",
        "Ask again after the time named: the answer is then the first one's.",
    ),
    "not_confirmed": Reason(
        "The log has not confirmed the command in time; it may have taken it.",
        "Send it again, with the same client id: it is done once.",
    ),
    "unsupported_media_type": Reason(
        "The body is of another kind than this API takes.", "Send JSON, as Content-Type: application/json."
    ),
    "partly_done": Reason(
        "It was done on some shards, and not on others.",
        "See what each shard says, and send it again: what is done stays done.",
    ),
    "limit_request_not_pending": Reason(
        "The request to change limits was decided already.", "Look at what became of it; ask anew."
    ),
    "limit_requests_pending": Reason(
        "As many requests of this account as may wait for a decision are waiting.",
        "Have some of them approved or rejected first.",
    ),
    "second_person_required": Reason(
        "Limits are loosened by two people, and you are the first.", "Ask another risk officer to approve it."
    ),
    "record_unavailable": Reason(
        "The risk record could not be read or written; nothing has changed.", "Ask again in a moment."
    ),
    "index_behind": Reason(
        "The audit index has not come as far as the history yet.",
        "Ask again after the time named; ./oms audit command indexes the rest at once.",
    ),
    "replaying": Reason(
        "The replay to that point is still under way, or the one before it.",
        "Ask again after the time named: it goes on meanwhile.",
    ),
    "history_unavailable": Reason(
        "The event store could not be read, or contradicts itself.",
        "Ask again in a moment; ./oms audit verify says whether the history is sound.",
    ),
    "access_not_recorded": Reason(
        "That you looked could not be recorded, so nothing is shown.", "Ask again in a moment."
    ),
    "unavailable": Reason(
        "The command could not be put into the log; nothing happened.",
        "Send it again, with the same client id.",
    ),
}

_BY_STATUS = {
    400: "invalid_request",
    401: "not_authenticated",
    403: "not_allowed",
    404: "not_found",
    405: "method_not_allowed",
    408: "too_slow",
    413: "too_large",
    415: "unsupported_media_type",
}


class Problem(ProblemDetailsException):
    """An answer that is an error. ``extra`` fields stand beside the standard ones."""

    def __init__(
        self,
        status: HTTPStatus,
        code: str,
        detail: str,
        *,
        headers: dict[str, str] | None = None,
        **extra: Any,
    ) -> None:
        reason = PROBLEMS[code]
        super().__init__(
            status_code=status,
            type_=f"{DOCUMENTATION}{code}",
            title=reason.meaning,
            detail=detail,
            headers=headers,
            extra={"code": code, "remedy": reason.remedy, **extra},
        )


def problem_response(request: Request[Any, Any, Any], error: ProblemDetailsException) -> Response[Any]:
    return error.to_response(request)


def http_error(request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
    """Give the framework's own errors the same shape."""
    code = _BY_STATUS.get(error.status_code, "invalid_request")
    status = HTTPStatus(error.status_code)
    headers = {"WWW-Authenticate": "Bearer"} if status is HTTPStatus.UNAUTHORIZED else error.headers
    faults = faults_of(request, error)
    problem = Problem(status, code, _detail(request, error, faults), headers=headers, **named(*faults[:1]))
    return problem.to_response(request)


def named(fault: Fault | None = None) -> dict[str, Any]:
    """Return what a problem says of the field that was wrong: nothing, where it was not one field."""
    if fault is None or not fault.field:
        return {}
    return {"field": fault.field} if fault.value is None else {"field": fault.field, "value": fault.value}


def _detail(request: Request[Any, Any, Any], error: HTTPException, faults: list[Fault]) -> str:
    """Name the fields that were wrong, and what was sent, where the framework knows them."""
    if error.status_code == HTTPStatus.NOT_FOUND:
        return f"{request.method} {request.url.path}: {error.detail}"
    return "; ".join(str(fault) for fault in faults) or error.detail


def too_deep(request: Request[Any, Any, Any], error: RecursionError) -> Response[Any]:
    """The decoder of JSON gives up on what is nested a thousand deep; so does a defect of ours, which is
    then in the log.
    """
    logger.info("%s %s is nested too deep, or loops", request.method, request.url.path, exc_info=error)
    detail = "the request is nested too deep to be read"
    return Problem(HTTPStatus.BAD_REQUEST, "invalid_request", detail).to_response(request)


def not_text(request: Request[Any, Any, Any], error: UnicodeDecodeError) -> Response[Any]:
    """JSON is UTF-8; the decoder tells of other bytes only where they are in a text."""
    logger.info("%s %s is not UTF-8", request.method, request.url.path, exc_info=error)
    detail = f"the request is not UTF-8: {error.reason} at byte {error.start}"
    return Problem(HTTPStatus.BAD_REQUEST, "invalid_request", detail).to_response(request)


def defect(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """A fault of ours is logged with all there is, and told without."""
    logger.error("%s %s failed", request.method, request.url.path, exc_info=error)
    problem = Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", "see the service's log")
    return problem.to_response(request)


EXCEPTION_HANDLERS: dict[type[Exception] | int, Any] = {
    ProblemDetailsException: problem_response,
    HTTPException: http_error,
    RecursionError: too_deep,
    UnicodeDecodeError: not_text,
    Exception: defect,
}
