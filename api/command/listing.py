"""Listing a market where there are several shards: on one of them, and never on two (docs/adr/0012).

A shard knows only its own markets, so no shard could refuse a symbol that another one lists. Who sends a
listing therefore looks where the symbol is, and claims it in the event store before the command goes into the
log; of two that claim it for different shards at the same time, one is refused.
"""

import logging
from http import HTTPStatus
from typing import Protocol

import psycopg
from litestar import Response

from api.command.answers import done_answer
from api.command.directory import DEFAULT_SHARD, Directory
from api.command.fanout import Part, shard_view
from api.command.gateway import OverloadedError, UnavailableError
from api.command.routing import Router
from api.command.schemas import DoneView
from api.problems import Problem
from commands.messages import Outcome
from domain.market import ListMarket
from streams.listings import Claim, ClaimedError, claims_of

logger = logging.getLogger(__name__)

_NO_STORE = (psycopg.Error, OSError, TimeoutError)


class Claims(Protocol):
    """What is claimed for listings; see ``streams.listings.ListingStore``."""

    async def claim(self, claims: list[Claim]) -> None:
        """Claim all, or raise ``ClaimedError``."""

    async def release(self, claims: list[Claim]) -> None:
        """Take them back."""


class Lister:
    """Sends listings. ``claims`` is used only where there are several shards."""

    def __init__(self, router: Router, claims: Claims) -> None:
        self._router = router
        self._directory = router.directory
        self._claims = claims

    async def send(self, command: ListMarket, asked: int | None) -> Response[DoneView]:
        """List the market on shard ``asked``; without one, where it is, or on the first shard.

        Raises ``Problem`` (400, 409), ``UnavailableError``.
        """
        if asked is not None:
            self._directory.checked(asked)
        if not self._directory.several:
            return done_answer(command, command.symbol, *await self._alone(command, DEFAULT_SHARD))
        await self._directory.read_again()
        shard = chosen(self._directory, command, asked)
        claims = claims_of(command.symbol, shard, _scales(command))
        await self._claim(claims)
        outcome, token = await self._sent(command, shard, claims)
        answer = done_answer(command, command.symbol, outcome, token)
        answer.content.shards = [shard_view(Part(shard, command, outcome))]
        return answer

    async def _alone(self, command: ListMarket, shard: int) -> tuple[Outcome | None, str]:
        (outcome,), token = await self._router.send_to(command, shard)
        return outcome, token

    async def _sent(self, command: ListMarket, shard: int, claims: list[Claim]) -> tuple[Outcome | None, str]:
        """Send it. What certainly was not listed is no longer claimed."""
        try:
            outcome, token = await self._alone(command, shard)
        except OverloadedError:
            await self._release(claims)
            raise
        if outcome is not None and outcome.code:
            await self._release(claims)
        elif outcome is not None:
            self._directory.note_listed(shard, command.symbol, _scales(command))
        return outcome, token

    async def _claim(self, claims: list[Claim]) -> None:
        try:
            await self._claims.claim(claims)
        except ClaimedError as error:
            raise _conflict(error.held, error.asked) from None
        except _NO_STORE as error:
            logger.warning("no listing for now: %s", error)
            raise UnavailableError("the market cannot be listed: the event store does not answer") from None

    async def _release(self, claims: list[Claim]) -> None:
        try:
            await self._claims.release(claims)
        except _NO_STORE as error:
            logger.warning("still claimed, though not listed: %s: %s", claims, error)


def chosen(directory: Directory, command: ListMarket, asked: int | None) -> int:
    """Return the shard to list a market on. Raises ``Problem`` (409) if other listings forbid it."""
    home = directory.home(command.symbol)
    if home is not None and asked not in {None, home}:
        raise _conflict(Claim("market", command.symbol, home), Claim("market", command.symbol, asked or 0))
    for asset, scale in _scales(command).items():
        if (known := directory.scale(asset)) not in {None, scale}:
            raise _conflict(Claim("asset", asset, known or 0), Claim("asset", asset, scale))
    if asked is not None:
        return asked
    return DEFAULT_SHARD if home is None else home


def _scales(command: ListMarket) -> dict[str, int]:
    return {command.base_asset: command.base_scale, command.quote_asset: command.quote_scale}


def _conflict(held: Claim, asked: Claim) -> Problem:
    if held.kind == "market":
        detail = f"{held.name} is on shard {held.value}; a market is on one shard only, and never moves"
        return Problem(HTTPStatus.CONFLICT, "market_exists", detail, shard=held.value)
    detail = (
        f"{held.name} has scale {held.value} elsewhere, not {asked.value}: balances are summed over shards"
    )
    return Problem(HTTPStatus.CONFLICT, "market_rules_invalid", detail)
