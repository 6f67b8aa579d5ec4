"""One WebSocket connection: frames of items go out, and each reply finds who waits for it by its id."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, Generic, Protocol, TypeVar

import aiohttp
import msgspec

from api.client import bounds
from api.client.errors import ClientError, NoAnswerError, UnexpectedAnswerError


class Answered(Protocol):
    """What a reply has, whatever else it has."""

    @property
    def id(self) -> str | int | None: ...


R = TypeVar("R", bound=Answered)


class Frame(msgspec.Struct, Generic[R]):
    """Replies, or a notice: ``event`` names it."""

    replies: list[R] = []
    token: str = ""
    event: str = ""
    session: str = ""
    items_max: int = 0
    in_flight_max: int = 0
    expires_at: float = 0.0


Take = Callable[[int, R, str], None]
"""Is called with an item's place in its frame, its reply, and the read-after token of the replies' frame."""


class Wire(Generic[R]):
    """``lost`` is set once the connection is no more, with a ``fault`` if that was for something we sent.

    ``kind``: what replies are read as. ``noticed`` is told each notice but pings, which are answered here.
    """

    def __init__(
        self,
        socket: aiohttp.ClientWebSocketResponse,
        kind: type[Frame[R]],
        noticed: Callable[[Frame[R]], Awaitable[None]] | None = None,
    ) -> None:
        self.lost = asyncio.Event()
        self.fault: ClientError | None = None
        self._socket = socket
        self._decoder = msgspec.json.Decoder(kind)
        self._noticed = noticed
        self._numbers = 0
        self._waiting: dict[str | int, tuple[Take[R], int]] = {}
        self._reading = asyncio.create_task(self._read())

    def numbers(self, count: int, take: Take[R]) -> range:
        """Return ids for the items of one frame, whose replies ``take`` is then called with."""
        first = self._numbers + 1
        self._numbers += count
        for index in range(count):
            self._waiting[first + index] = (take, index)
        return range(first, first + count)

    def forget(self, numbers: Sequence[int]) -> None:
        """Nobody waits for these any more."""
        for number in numbers:
            self._waiting.pop(number, None)

    async def send(self, frame: bytes) -> None:
        """Send one frame. Raises ``NoAnswerError`` if the connection is lost."""
        try:
            await self._socket.send_str(frame.decode())
        except (aiohttp.ClientError, ConnectionError) as error:
            why = f"the connection is lost, closed with code {self._socket.close_code}: {error}"
            raise NoAnswerError(why, sent=True) from None

    async def close(self) -> None:
        self._reading.cancel()
        with suppress(asyncio.CancelledError):
            await self._reading
        with suppress(TimeoutError):
            async with asyncio.timeout(bounds.CLOSE_S_MAX):
                await self._socket.close()

    @property
    def close_code(self) -> int | None:
        return self._socket.close_code

    async def _read(self) -> None:
        try:
            async for message in self._socket:
                await self._take(self._decoder.decode(message.data))
        except ClientError as fault:
            self.fault = fault
        except msgspec.DecodeError as error:
            self.fault = UnexpectedAnswerError(f"a frame of the API could not be read: {error}")
        finally:
            self.lost.set()
            self._waiting.clear()

    async def _take(self, frame: Frame[R]) -> None:
        if frame.event == "ping":
            await self.send(b'{"op":"pong"}')
        elif frame.event and self._noticed is not None:
            await self._noticed(frame)
        for reply in frame.replies:
            if reply.id is None:
                raise _fault(reply)
            waiting = self._waiting.pop(reply.id, None)
            if waiting is not None:
                waiting[0](waiting[1], reply, frame.token)


async def connect(
    http: aiohttp.ClientSession, url: str, headers: dict[str, str]
) -> aiohttp.ClientWebSocketResponse:
    """Open a connection. Raises ``NoAnswerError``."""
    try:
        async with asyncio.timeout(bounds.ANSWER_S_MAX):
            return await http.ws_connect(
                url, headers=headers, max_msg_size=bounds.FRAME_BYTES_MAX, compress=0
            )
    except aiohttp.WSServerHandshakeError as error:
        raise NoAnswerError(f"the API did not open a WebSocket: status {error.status}", sent=False) from None
    except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:
        raise NoAnswerError(f"{type(error).__name__}: {error}", sent=False) from None


def _fault(reply: Any) -> ClientError:
    return UnexpectedAnswerError(
        f"the API refused a frame: {reply.code}: {reply.detail} {reply.remedy}".strip()
    )
