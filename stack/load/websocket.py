"""A client that sends frames over one WebSocket, as trading machines do, and everything else over HTTP."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Self

import aiohttp
import msgspec

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
    retry_after_ms: int = 0


class _Frame(msgspec.Struct):
    """Replies, or a notice."""

    replies: list[_Reply] = []
    token: str = ""
    event: str = ""


_frame = msgspec.json.Decoder(_Frame)
_encoder = msgspec.json.Encoder()


class Wire:
    """One connection. ``send`` names who takes each outcome; ``lost`` is set once it is no more, with a
    ``fault`` if that was for something we sent.
    """

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.lost = asyncio.Event()
        self.fault: LoadError | None = None
        self._socket = socket
        self._numbers = 0
        self._waiting: dict[int, tuple[Take, int]] = {}
        self._reading = asyncio.create_task(self._read())

    async def send(self, commands: Sequence[Command], take: Take) -> None:
        """Send one frame; ``take`` is called with each command's place in it and its outcome.

        Outcomes carry the token of the frame they came in. Raises ``NotNowError`` if the connection is lost.
        """
        items = []
        for index, command in enumerate(commands):
            self._numbers += 1
            self._waiting[self._numbers] = (take, index)
            items.append(_item(command, self._numbers))
        try:
            await self._socket.send_str(_encoder.encode(items).decode())
        except (aiohttp.ClientError, ConnectionError) as error:
            code = self._socket.close_code
            raise NotNowError(f"the connection is lost, closed with code {code}: {error}") from None

    async def close(self) -> None:
        self._reading.cancel()
        with suppress(asyncio.CancelledError):
            await self._reading
        await self._socket.close()

    async def _read(self) -> None:
        try:
            async for message in self._socket:
                await self._take(_frame.decode(message.data))
        except LoadError as fault:
            self.fault = fault
        finally:
            self.lost.set()
            self._waiting.clear()

    async def _take(self, frame: _Frame) -> None:
        if frame.event == "ping":
            await self._socket.send_str('{"op":"pong"}')
        for reply in frame.replies:
            if reply.id is None:
                raise LoadError(f"the API refused a frame: {reply.code}: {reply.detail}")
            take, index = self._waiting.pop(reply.id)
            msgspec.structs.force_setattr(reply, "token", frame.token)
            take(index, reply)


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
            raise wire.fault
        return outcomes, token

    async def _open(self) -> Wire:
        try:
            async with asyncio.timeout(bounds.REQUEST_S_MAX):
                socket = await self._http.ws_connect(
                    f"{self.url}/v1/ws", max_msg_size=bounds.FRAME_BYTES_MAX, compress=0
                )
        except aiohttp.WSServerHandshakeError as error:
            raise NotNowError(f"the API did not open a WebSocket: {error.status}") from None
        except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:
            raise NotNowError(f"{type(error).__name__}: {error}") from None
        return Wire(socket)


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
