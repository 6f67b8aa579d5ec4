"""Routing: to which shard a command goes, and how those for several shards come back as one answer.

A command on an order, an order list or a transfer goes where its id says; one on a market goes to the
market's shard; one on an account or on the venue as a whole goes to all. See docs/adr/0012.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, cast

from api.command.directory import DEFAULT_SHARD, Directory
from api.command.fanout import Part, copies
from api.command.gateway import (
    Answer,
    Gateway,
    NotConfirmedError,
    OverloadedError,
    UnavailableError,
    merged,
)
from commands.messages import AnyCommand, Outcome
from domain.trade import BustTrade, CorrectTrade

_CARRIES_SHARD = ("order_id", "list_id", "transfer_id")
_BY_MARKET = frozenset({BustTrade, CorrectTrade})
"""Their order id is the client's word; whether it fits the market, the market's shard says."""


class Answered(NamedTuple):
    """``outcomes``: of each command, ``None`` while it is not decided; ``token`` reads them back."""

    outcomes: list[Outcome | None]
    token: str


class Everywhere(NamedTuple):
    """What each shard made of one command; ``token`` reads all of it back."""

    parts: list[Part]
    token: str


class Router:
    """Sends commands to their shards. ``new_id`` makes ids for the copies of a command."""

    def __init__(self, gateway: Gateway, directory: Directory, new_id: Callable[[], str]) -> None:
        self.directory = directory
        self._gateway = gateway
        self._new_id = new_id

    def shard_of(self, command: AnyCommand) -> int:
        """Return where the command goes; what names neither a market nor an id of ours: the default one.

        Raises ``Problem`` (400) for an id of a shard that does not exist.
        """
        if not self.directory.several:
            return DEFAULT_SHARD
        if type(command) not in _BY_MARKET:
            for name in _CARRIES_SHARD:
                if stream := getattr(command, name, None):
                    return self.directory.shard_of_id(name, stream)
        return self.directory.shard_of(getattr(command, "symbol", None) or "")

    async def send(self, commands: Sequence[AnyCommand], *, ack: bool = False) -> Answered:
        """Send commands, each shard's in the order given, and wait (bounded) for what becomes of them; with
        ``ack`` only until the log has them.

        A shard that cannot take its own now refuses these alone, each by an outcome. Raises
        ``UnavailableError`` if no shard could take any.
        """
        shards = [DEFAULT_SHARD] * len(commands)
        if self.directory.several:
            shards = [self.shard_of(command) for command in commands]
        if len(set(shards)) <= 1:
            answer = await self._gateway.send(commands, shards[0] if shards else DEFAULT_SHARD, ack=ack)
            return Answered(answer.outcomes, answer.token)
        return await self._send_split(commands, shards, ack=ack)

    async def send_to(self, command: AnyCommand, shard: int) -> Answered:
        """Send a command to a shard that was chosen. Raises ``UnavailableError``."""
        answer = await self._gateway.send([command], shard)
        return Answered(answer.outcomes, answer.token)

    async def send_everywhere(
        self, command: AnyCommand, of_shard: Callable[[AnyCommand, int], AnyCommand] | None = None
    ) -> Everywhere:
        """Send a command to every shard; ``of_shard`` makes of it what one of them is to get."""
        shards = self.directory.shards
        own = copies(command, shards, self._new_id)
        if of_shard is not None:
            own = [of_shard(each, shard) for shard, each in enumerate(own)]
        answers = await asyncio.gather(
            *(self._gateway.send([each], shard) for shard, each in enumerate(own)), return_exceptions=True
        )
        parts = [
            _part(shard, each, answer) for (shard, each), answer in zip(enumerate(own), answers, strict=True)
        ]
        return Everywhere(parts, merged(answer.token for answer in answers if isinstance(answer, Answer)))

    async def _send_split(
        self, commands: Sequence[AnyCommand], shards: Sequence[int], *, ack: bool
    ) -> Answered:
        """Send each shard its own, and put the outcomes into the order of the commands."""
        places: dict[int, list[int]] = {}
        for index, shard in enumerate(shards):
            places.setdefault(shard, []).append(index)
        answers = await asyncio.gather(
            *(
                self._gateway.send([commands[index] for index in own], shard, ack=ack)
                for shard, own in places.items()
            ),
            return_exceptions=True,
        )
        failures = [answer for answer in answers if isinstance(answer, UnavailableError)]
        if len(failures) == len(answers):
            raise failures[0]
        outcomes: list[Outcome | None] = [None] * len(commands)
        for own, answer in zip(places.values(), answers, strict=True):
            for index, outcome in zip(
                own, _outcomes([commands[index] for index in own], answer), strict=True
            ):
                outcomes[index] = outcome
        return Answered(outcomes, merged(answer.token for answer in answers if isinstance(answer, Answer)))


def code_of(error: UnavailableError) -> str:
    if isinstance(error, NotConfirmedError):
        return "not_confirmed"
    return "overloaded" if isinstance(error, OverloadedError) else "unavailable"


def _part(shard: int, command: AnyCommand, answer: Answer | BaseException) -> Part:
    if isinstance(answer, Answer):
        return Part(shard, command, answer.outcomes[0])
    if isinstance(answer, UnavailableError):
        return Part(shard, command, code=code_of(answer), error=str(answer))
    raise answer


def _outcomes(commands: Sequence[AnyCommand], answer: Answer | BaseException) -> list[Outcome | None]:
    if isinstance(answer, Answer):
        return answer.outcomes
    if not isinstance(answer, UnavailableError):
        raise answer
    code, detail = code_of(answer), str(answer)
    return [
        Outcome(command.command_id, "refused", getattr(command, "order_id", ""), code, detail)
        for command in cast("Sequence[Any]", commands)
    ]
