"""The desk: makes commands out of requests, in the name of who asks, and sends them."""

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from litestar import Request, Response
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.security.jwt import Token

from api.auth import Identity
from api.command import limits_by_shard, schemas
from api.command.answers import done_answer, fanned_answer, unavailable
from api.command.directory import DEFAULT_SHARD
from api.command.gateway import UnavailableError
from api.command.intake import Intake, Origin
from api.command.list_schemas import PlaceOrderListRequest
from api.command.listing import Lister
from api.command.routing import Router
from api.command.schemas import DoneView
from api.command.wanted import Wanted
from api.problems import Problem
from api.rate_limits import RateLimits
from commands.messages import AnyCommand, Outcome
from domain.account import LimitsRequest
from domain.event import Side
from domain.market import ListMarket
from domain.order import AmendOrder, CancelAll, CancelOrder, CancelReplace, PlaceOrder
from domain.order_list import CancelOrderList, PlaceOrderList

__all__ = ["DEFAULT_SHARD", "ApiRequest", "Desk", "OwnDesk"]

ApiRequest = Request[Identity, Token, State]


class Desk:
    """Takes in what HTTP requests ask for."""

    def __init__(
        self, router: Router, intake: Intake, lister: Lister, limits: RateLimits | None = None
    ) -> None:
        self.directory = router.directory
        self._router = router
        self._intake = intake
        self._lister = lister
        self._limits = limits

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

    def place_list(self, request: ApiRequest, data: PlaceOrderListRequest) -> PlaceOrderList:
        return self._intake.place_list(_origin(request), data)

    def cancel_list(self, request: ApiRequest, account: str, list_id: str) -> CancelOrderList:
        return self._intake.cancel_list(_origin(request), account, list_id)

    def new_id(self) -> str:
        """Return an id that nothing else has."""
        return self._intake.new_id()

    def cancel_named(
        self, request: ApiRequest, named: schemas.CancelOrderRequest | schemas.CancelItem
    ) -> CancelOrder:
        """Cancel by the order's id or the client's own. Raises ``Problem``."""
        return self._intake.cancel_named(_origin(request), named)

    def cancel(self, request: ApiRequest, account: str, order_id: str) -> CancelOrder:
        return self._intake.cancel(_origin(request), account, order_id)

    def cancel_all(
        self, request: ApiRequest, account: str, symbol: str | None, side: Side | None
    ) -> CancelAll:
        return self._intake.cancel_all(_origin(request), account, symbol, side)

    def valid_until_us(self) -> int:
        """Return until when an order that is sent now is to be executed, in microseconds."""
        return self._intake.valid_until_us()

    async def send_all(
        self, commands: list[AnyCommand], wanted: Wanted = "full"
    ) -> tuple[list[Outcome | None], str]:
        """Return the outcome of each command, and the token that reads them back.

        Raises ``Problem`` (429, 503).
        """
        await self._pay(commands)
        try:
            return await self._router.send(commands, ack=wanted == "ack")
        except UnavailableError as error:
            raise unavailable(error) from None

    async def _pay(self, commands: list[AnyCommand]) -> None:
        if self._limits is not None:
            await self._limits.of_commands(commands)

    async def send(self, command: AnyCommand, wanted: Wanted = "full") -> tuple[Outcome | None, str]:
        """Send one command to its shard. Raises ``Problem`` (503)."""
        if symbol := getattr(command, "symbol", None):
            await self.learn([symbol])
        (outcome,), token = await self.send_all([command], wanted)
        return outcome, token

    # --- Several shards -----------------------------------------------------------------------------------

    async def learn(self, symbols: Iterable[str]) -> None:
        """See to it that the shards of these markets are known: an order's id carries its shard.

        Raises ``Problem`` (503) if they cannot be told for now.
        """
        try:
            await self.directory.learn(symbols)
        except UnavailableError as error:
            raise unavailable(error) from None

    async def shard_for(self, shard: int | None, symbol: str | None) -> int:
        """Return the shard a request on money names, by its number or by a market on it.

        Raises ``Problem``: 400 if there is no such shard, or if the two contradict each other.
        """
        if symbol is None:
            return self.directory.checked(DEFAULT_SHARD if shard is None else shard)
        await self.learn([symbol])
        home = self.directory.shard_of(symbol)
        if shard is not None and self.directory.checked(shard) != home:
            detail = f"shard was {shard}, but {symbol} is on shard {home}: name one of the two"
            raise Problem(HTTPStatus.BAD_REQUEST, "invalid_request", detail)
        return home

    async def everywhere(
        self,
        command: AnyCommand,
        name: str,
        *,
        done: HTTPStatus = HTTPStatus.OK,
        of_shard: Callable[[AnyCommand, int], AnyCommand] | None = None,
    ) -> Response[DoneView]:
        """Send a command to every shard, and answer what each of them did; ``name``: what it is about,
        ``of_shard`` makes of the command what one shard is to get. Raises ``Problem``.
        """
        if self.directory.shards == 1:
            return done_answer(command, name, *await self.send(command), done=done)
        await self._pay([command])
        parts, token = await self._router.send_everywhere(command, of_shard)
        return fanned_answer(parts, name, token, done)

    async def limits_by_shard(self, limits: LimitsRequest) -> Callable[[AnyCommand, int], AnyCommand]:
        """Return what makes of a command on limits what one shard is to get of it. Raises ``Problem``."""
        try:
            await limits_by_shard.check(self.directory, limits)
        except UnavailableError as error:
            raise unavailable(error) from None
        return limits_by_shard.of_shard(self.directory)

    async def list_market(self, command: ListMarket, shard: int | None) -> Response[DoneView]:
        """List a market on ``shard``, by default where it is, or on the first one. Raises ``Problem``."""
        try:
            return await self._lister.send(command, shard)
        except UnavailableError as error:
            raise unavailable(error) from None


def _origin(request: ApiRequest) -> Origin:
    return Origin(request.user, _correlation_id(request))


def _correlation_id(request: ApiRequest) -> str:
    return request.headers.get("X-Correlation-ID", "")[:64]


OwnDesk = NamedDependency[Desk]
