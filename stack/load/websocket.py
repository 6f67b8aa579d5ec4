"""A client that sends frames over one WebSocket, as trading machines do, and everything else over HTTP."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Self

import msgspec

from api.client import wire as api_wire
from api.client.errors import ClientError, NoAnswerError
from stack.load import bounds
from stack.load.client import SHED, Cancel, Command, LoadError, NotNowError, Outcome, Place
from stack.load.gathering import GatheringClient

Take = Callable[[int, Outcome], None]


class _PlaceItem(Place, frozen=True, omit_defaults=True, tag_field="op", tag="place"):
    id: int | None = None


class _CancelItem(Cancel, frozen=True, tag_field="op", tag="cancel"):
    id: int | None = None


class _Reply(Outcome, frozen=True):
    id: int | None = None
    remedy: str = ""
    retry_after_ms: int = 0


_encoder = msgspec.json.Encoder()


class Wire:
    """One connection. ``send`` names who takes each outcome; ``lost`` is set once it is no more, with a
    ``fault`` if that was for something we sent.
    """

    def __init__(self, wire: api_wire.Wire[_Reply]) -> None:
        self._wire = wire
        self.lost = wire.lost

    @property
    def fault(self) -> ClientError | None:
        return self._wire.fault

    async def send(self, commands: Sequence[Command], take: Take) -> None:
        """Send one frame; ``take`` is called with each command's place in it and its outcome.

        Outcomes carry the token of the frame they came in. Raises ``NotNowError`` if the connection is lost.
        """

        def taken(index: int, reply: _Reply, token: str) -> None:
            msgspec.structs.force_setattr(reply, "token", token)
            take(index, reply)

        numbers = self._wire.numbers(len(commands), taken)
        items = [_item(command, number) for command, number in zip(commands, numbers, strict=True)]
        try:
            await self._wire.send(_encoder.encode(items))
        except NoAnswerError as error:
            raise NotNowError(str(error)) from None

    async def close(self) -> None:
        await self._wire.close()


class WebSocketClient(GatheringClient):
    """Sends batches as frames. A lost connection is opened again, and what was not answered sent again."""

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        self._wire: Wire | None = None
        self._opening = asyncio.Lock()
        return self

    async def __aexit__(self, *exception: object) -> None:
        try:
            if self._wire is not None:
                await self._wire.close()
        finally:
            await super().__aexit__(*exception)

    async def wire(self) -> Wire:
        """Return the open connection, if need be a new one. Raises ``NotNowError``."""
        async with self._opening:
            if self._wire is None or self._wire.lost.is_set():
                self._wire = await self._open()
        return self._wire

    async def batch_once(self, commands: Sequence[Command]) -> tuple[list[Outcome], str]:
        """What could not be taken now, or was not answered before the connection was lost, is pending."""
        outcomes = [Outcome("pending")] * len(commands)
        missing, token, done = len(commands), "", asyncio.Event()

        def take(index: int, outcome: Outcome) -> None:
            nonlocal missing, token
            outcomes[index] = Outcome("pending") if outcome.code in SHED else outcome
            token = outcome.token or token
            missing -= 1
            if missing == 0:
                done.set()

        wire = await self.wire()
        await wire.send(commands, take)
        await _first_of(done, wire.lost)
        if wire.fault is not None:
            raise LoadError(str(wire.fault))
        return outcomes, token

    async def _open(self) -> Wire:
        try:
            return Wire(await self.api.wire(api_wire.Frame[_Reply]))
        except NoAnswerError as error:
            raise NotNowError(str(error), reached=error.sent) from None


def _item(command: Command, number: int) -> _PlaceItem | _CancelItem:
    if isinstance(command, Cancel):
        return _CancelItem(command.account, command.order_id, number)
    return _PlaceItem(
        command.account,
        command.client_order_id,
        command.symbol,
        command.side,
        command.type,
        command.quantity,
        command.price,
        command.time_in_force,
        number,
    )


async def _first_of(*events: asyncio.Event) -> None:
    """Wait, bounded, until one of them is set."""
    tasks = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(tasks, timeout=bounds.REQUEST_S_MAX, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
