"""The desk: makes commands out of requests, in the name of who asks, and sends them."""

from http import HTTPStatus
from math import ceil
from typing import Any

from litestar import Request
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.security.jwt import Token

from api.auth import Identity
from api.command import schemas
from api.command.gateway import Gateway, OverloadedError, UnavailableError
from api.command.intake import DEFAULT_SHARD, Intake, Origin
from api.problems import Problem
from commands.messages import AnyCommand, Outcome
from domain.event import Side
from domain.order import AmendOrder, CancelAll, CancelOrder, CancelReplace, PlaceOrder

__all__ = ["DEFAULT_SHARD", "ApiRequest", "Desk", "OwnDesk"]

ApiRequest = Request[Identity, Token, State]


class Desk:
    """Takes in what HTTP requests ask for."""

    def __init__(self, gateway: Gateway, intake: Intake) -> None:
        self._gateway = gateway
        self._intake = intake

    def origin(self, request: ApiRequest) -> dict[str, Any]:
        """Return who and what a command of this request comes from."""
        return {
            "command_id": self._intake.new_id(),
            "actor": request.user.subject,
            "correlation_id": _correlation_id(request),
        }

    def place(
        self, request: ApiRequest, order: schemas.PlaceOrderRequest, *, dry_run: bool = False
    ) -> PlaceOrder:
        return self._intake.place(_origin(request), order, dry_run=dry_run)

    def replace(self, request: ApiRequest, data: schemas.CancelReplaceRequest) -> CancelReplace:
        return self._intake.replace(_origin(request), data)

    def amend(self, request: ApiRequest, order_id: str, change: schemas.AmendOrderRequest) -> AmendOrder:
        return self._intake.amend(_origin(request), order_id, change)

    def cancel(self, request: ApiRequest, account: str, order_id: str) -> CancelOrder:
        return self._intake.cancel(_origin(request), account, order_id)

    def cancel_all(
        self, request: ApiRequest, account: str, symbol: str | None, side: Side | None
    ) -> CancelAll:
        return self._intake.cancel_all(_origin(request), account, symbol, side)

    def valid_until_us(self) -> int:
        """Return until when an order that is sent now is to be executed, in microseconds."""
        return self._intake.valid_until_us()

    async def send_all(self, commands: list[AnyCommand]) -> tuple[list[Outcome | None], str]:
        """Return the outcome of each command, and the token that reads them back.

        Raises ``Problem`` (503).
        """
        try:
            answer = await self._gateway.send(commands, DEFAULT_SHARD)
        except UnavailableError as error:
            raise _not_now(error) from None
        return answer.outcomes, answer.token

    async def send(self, command: AnyCommand) -> tuple[Outcome | None, str]:
        (outcome,), token = await self.send_all([command])
        return outcome, token


def _origin(request: ApiRequest) -> Origin:
    return Origin(request.user, _correlation_id(request))


def _correlation_id(request: ApiRequest) -> str:
    return request.headers.get("X-Correlation-ID", "")[:64]


def _not_now(error: UnavailableError) -> Problem:
    overloaded = isinstance(error, OverloadedError)
    after_s = ceil(error.retry_after_ms / 1000) if isinstance(error, OverloadedError) else 1
    return Problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "overloaded" if overloaded else "unavailable",
        str(error),
        headers={"Retry-After": str(after_s)},
    )


OwnDesk = NamedDependency[Desk]
