"""The doors: sockets in and out, the same for public and private connections."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from time import monotonic
from typing import Any

from litestar import WebSocket, websocket
from litestar.di import NamedDependency

from api.market_data.connection import CLOSES, Connection
from api.market_data.private_connection import PrivateConnection
from api.market_data.service import MarketData

logger = logging.getLogger(__name__)

TRY_AGAIN_LATER = 1013
CLOCK_S = 1.0
LAST_WORDS_S = 0.1

Socket = WebSocket[Any, Any, Any]
AnyConnection = Connection | PrivateConnection


class Door:
    """Lets connections in, and ends them."""

    def __init__(self, service: MarketData) -> None:
        self._service = service
        self._bounds = service.config.limits
        self._open: dict[AnyConnection, asyncio.Event] = {}
        self._by_address: Counter[str] = Counter()

    async def serve(self, socket: Socket, connection: Callable[[], AnyConnection]) -> None:
        """Serve one connection until it ends."""
        await socket.accept()
        if why := self._why_not(address_of(socket)):
            await socket.close(TRY_AGAIN_LATER, why)
            return
        await self._serve(socket, connection())

    def _why_not(self, address: str) -> str:
        if not self._service.caught_up:
            return "not caught up with the events yet, try again in a moment"
        if len(self._open) >= self._bounds.connections_max:
            return "too many connections, try again later"
        if self._by_address[address] >= self._bounds.connections_per_address_max:
            return f"too many connections from {address}, close some first"
        return ""

    async def _serve(self, socket: Socket, connection: AnyConnection) -> None:
        over = self._open[connection] = asyncio.Event()
        address = address_of(socket)
        self._by_address[address] += 1
        try:
            if isinstance(connection, PrivateConnection):
                _let_in(connection, socket)
            await self._run(connection, socket, over)
        finally:
            del self._open[connection]
            self._by_address -= Counter([address])
            connection.leave(monotonic())
            await self._close(connection, socket)

    async def keep_time(self) -> None:
        """Look at all connections about once a second: one clock for all of them costs less than one for
        each.
        """
        while True:
            await asyncio.sleep(CLOCK_S)
            now, epoch_s = monotonic(), time.time()
            for connection, over in self._open.items():
                connection.heartbeat(now, int(epoch_s * 1000))
                if isinstance(connection, PrivateConnection):
                    connection.look_at_clock(now, epoch_s)
                if connection.closing is not None:
                    over.set()

    def close_all(self) -> None:
        """The process stops."""
        for connection, over in self._open.items():
            connection.closing = "going_away"
            over.set()

    async def _run(self, connection: AnyConnection, socket: Socket, over: asyncio.Event) -> None:
        """Read and write until one of them ends, or somebody ends both: then the connection has."""
        work: list[Callable[[], Awaitable[Any]]] = [
            lambda: _read(connection, socket),
            lambda: _write(connection, socket),
            over.wait,
        ]
        tasks = [asyncio.ensure_future(one()) for one in work]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            ends = await asyncio.gather(*tasks, return_exceptions=True)
        for end in ends:
            if isinstance(end, Exception):
                logger.info("a connection ended: %s: %s", type(end).__name__, end)

    async def _close(self, connection: AnyConnection, socket: Socket) -> None:
        if connection.closing is None:
            return
        code, sentence = CLOSES[connection.closing]
        logger.info("a connection from %s is closed: %s", address_of(socket), connection.closing)
        with suppress(Exception):  # it may be gone already, and is to be let go either way
            async with asyncio.timeout(self._bounds.close_ms_max / 1000):
                await socket.close(code, f"{connection.closing}: {sentence}")


def address_of(socket: Socket) -> str:
    return socket.client.host if socket.client else ""


def _let_in(connection: PrivateConnection, socket: Socket) -> None:
    """A token in the handshake saves the first message; browsers cannot send one there."""
    header = socket.headers.get("Authorization")
    if header is not None:
        connection.authenticate(header.partition(" ")[-1])


async def _read(connection: AnyConnection, socket: Socket) -> None:
    while connection.closing is None:
        message: Any = await socket.receive()
        if message["type"] == "websocket.disconnect":
            return
        connection.take(message.get("text") or message.get("bytes") or b"", monotonic())
    await asyncio.sleep(LAST_WORDS_S)  # what was answered last is still to be sent


async def _write(connection: AnyConnection, socket: Socket) -> None:
    outbox = connection.outbox
    while True:
        event, size = await outbox.next()
        await socket.send(event)  # type: ignore[arg-type] # made once for all who are sent it
        outbox.sent(size)
        connection.told_at = monotonic()


OwnDoor = NamedDependency[Door]
OwnService = NamedDependency[MarketData]


@websocket("/v1/stream")
async def stream(socket: Socket, door: OwnDoor, market_data: OwnService) -> None:
    """Tell everybody what happens on the markets: docs/asyncapi-market-data.yaml."""
    limits = market_data.config.limits
    await door.serve(socket, lambda: Connection(market_data.board, limits, monotonic()))


@websocket("/v1/user-stream")
async def user_stream(socket: Socket, door: OwnDoor, market_data: OwnService) -> None:
    """Tell accounts what happens to them: docs/asyncapi-market-data.yaml."""
    config = market_data.config
    await door.serve(
        socket,
        lambda: PrivateConnection(market_data.private, market_data.authenticator, config.limits, monotonic()),
    )


ROUTES = [stream, user_stream]
