"""Answers: an outcome as an HTTP response, or as the problem it is."""

from collections.abc import Sequence
from http import HTTPStatus
from math import ceil
from typing import Any

from litestar import Response

from api.command.blame import blamed
from api.command.fanout import NOT_IN_LOG, Part, combined, shard_view
from api.command.gateway import OverloadedError, UnavailableError
from api.command.list_schemas import OrderListView, list_view
from api.command.routing import code_of
from api.command.schemas import BatchView, DoneView, OrderView, order_view
from api.command.wanted import Wanted
from api.problems import Problem
from commands.messages import AnyCommand, Outcome
from domain.order import AmendOrder, CancelOrder, CancelReplace, PlaceOrder
from domain.order_list import CancelOrderList, PlaceOrderList

_STATUS_OF_REFUSAL = {
    "order_not_open": HTTPStatus.CONFLICT,
    "order_list_not_open": HTTPStatus.CONFLICT,
    "leg_of_order_list": HTTPStatus.CONFLICT,
    "market_exists": HTTPStatus.CONFLICT,
    "unknown_trade": HTTPStatus.NOT_FOUND,
    "trade_already_busted": HTTPStatus.CONFLICT,
    "bust_unfunded": HTTPStatus.CONFLICT,
    "withdrawal_not_open": HTTPStatus.CONFLICT,
    "market_not_closed": HTTPStatus.CONFLICT,
    "internal_error": HTTPStatus.INTERNAL_SERVER_ERROR,
    "partly_done": HTTPStatus.CONFLICT,
    **dict.fromkeys(NOT_IN_LOG, HTTPStatus.SERVICE_UNAVAILABLE),
    "unreadable_command": HTTPStatus.INTERNAL_SERVER_ERROR,
}


OrderCommand = PlaceOrder | CancelReplace | AmendOrder | CancelOrder


def batch_answer(
    commands: Sequence[OrderCommand], outcomes: Sequence[Outcome | None], token: str, wanted: Wanted
) -> Response[BatchView]:
    """Return what became of each command; 202 where nobody waited for any of it."""
    if wanted == "ack":
        outcomes, token = [None] * len(commands), ""
    views = [
        order_view(command.command_id, command.order_id, outcome, token)
        for command, outcome in zip(commands, outcomes, strict=True)
    ]
    if wanted == "result":
        for view in views:
            view.fills = []
    status = HTTPStatus.ACCEPTED if wanted == "ack" else HTTPStatus.OK
    return Response(BatchView(views, token), status_code=status)


def order_answer(
    command: OrderCommand,
    outcome: Outcome | None,
    token: str,
    accepted: HTTPStatus = HTTPStatus.OK,
    wanted: Wanted = "full",
) -> Response[OrderView]:
    """Return what became of an order: ``accepted``, or 202 while it is not decided. Raises ``Problem``."""
    if wanted == "ack":
        outcome, token = None, ""
    if outcome is not None and outcome.code:
        raise _problem(outcome, token, **blamed(command, outcome.code))
    view = order_view(command.command_id, command.order_id, outcome, token)
    if wanted == "result":
        view.fills = []
    status = HTTPStatus.ACCEPTED if outcome is None else accepted
    return Response(view, status_code=status, headers=_headers(outcome))


def list_answer(
    command: PlaceOrderList | CancelOrderList,
    outcome: Outcome | None,
    token: str,
    accepted: HTTPStatus = HTTPStatus.OK,
    wanted: Wanted = "full",
) -> Response[OrderListView]:
    """Return what became of an order list: ``accepted``, or 202 while undecided. Raises ``Problem``."""
    if wanted == "ack":
        outcome, token = None, ""
    if outcome is not None and outcome.code:
        raise _problem(outcome, token)
    view = list_view(command.command_id, command.list_id, outcome, token)
    if wanted == "result":
        for leg in view.legs:
            leg.fills = []
    status = HTTPStatus.ACCEPTED if outcome is None else accepted
    return Response(view, status_code=status, headers=_headers(outcome))


def done_answer(
    command: AnyCommand,
    name: str,
    outcome: Outcome | None,
    token: str,
    done: HTTPStatus = HTTPStatus.CREATED,
) -> Response[DoneView]:
    """Return what became of a command on no single order; ``name``: what it was about. Raises ``Problem``."""
    if outcome is None:
        return Response(DoneView(command.command_id, name, "pending"), status_code=HTTPStatus.ACCEPTED)
    if outcome.code:
        raise _problem(outcome, token, **blamed(command, outcome.code))
    view = DoneView(command.command_id, name, outcome.status, outcome.detail or None, outcome.replayed, token)
    return Response(view, status_code=done, headers=_headers(outcome))


def fanned_answer(
    parts: Sequence[Part], name: str, token: str, done: HTTPStatus = HTTPStatus.OK
) -> Response[DoneView]:
    """Return what every shard made of one command: ``done``, or 202 while some have not answered.

    Raises ``Problem``, with what each shard did beside it.
    """
    outcome, shards = combined(parts), [shard_view(part) for part in parts]
    if outcome.code in NOT_IN_LOG:
        raise Problem(
            _STATUS_OF_REFUSAL[outcome.code],
            outcome.code,
            outcome.detail,
            headers=_RETRY_AFTER,
            shards=shards,
        )
    if outcome.code:
        raise _problem(outcome, token, shards=shards)
    view = DoneView(
        outcome.command_id, name, outcome.status, outcome.detail or None, outcome.replayed, token, shards
    )
    status = HTTPStatus.ACCEPTED if outcome.status == "pending" else done
    return Response(view, status_code=status, headers=_headers(outcome))


def unavailable(error: UnavailableError) -> Problem:
    after_s = ceil(error.retry_after_ms / 1000) if isinstance(error, OverloadedError) else 1
    return Problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        code_of(error),
        str(error),
        headers={"Retry-After": str(after_s)},
    )


_RETRY_AFTER = {"Retry-After": "1"}


def _headers(outcome: Outcome | None) -> dict[str, str]:
    return {"Idempotent-Replayed": "true"} if outcome is not None and outcome.replayed else {}


def _problem(outcome: Outcome, token: str, **more: Any) -> Problem:
    return Problem(
        _STATUS_OF_REFUSAL.get(outcome.code, HTTPStatus.UNPROCESSABLE_ENTITY),
        outcome.code,
        outcome.detail,
        headers=_headers(outcome),
        command_id=outcome.command_id,
        order_id=outcome.order_id or None,
        list_id=outcome.list_id or None,
        status_of_order=outcome.status,
        replayed=outcome.replayed,
        token=token,
        **more,
    )
