"""The WebSocket door: many orders a frame, outcomes as they are decided."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from time import monotonic
from typing import Annotated, Any

from litestar import WebSocket, websocket
from litestar.di import NamedDependency
from litestar.exceptions import NotAuthorizedException
from litestar.params import QueryParameter

from api import passage
from api.authentication.handshake import handshake
from api.command import frames
from api.command.connection import CLOSE_CODES, CloseReason, Connection, Desk
from api.problems import Problem

logger = logging.getLogger(__name__)

TRY_AGAIN_LATER = 1013
CLOCK_S = 1.0

Socket = WebSocket[Any, Any, Any]
CancelOnDisconnect = Annotated[bool, QueryParameter(name="cancel_on_disconnect")]


class Door:
    """Lets connections in, and ends them; the same for all whatever the reason."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._open: dict[Connection, asyncio.Event] = {}
        desk.sessions.on_reaped = self._close_guarded

    async def serve(self, socket: Socket, *, guarded: bool) -> None:
        """Serve one connection until it ends."""
        await socket.accept()
        if len(self._open) >= self._desk.bounds.connections_max:
            await socket.close(TRY_AGAIN_LATER, "too many connections, try again later")
            return
        passed = passage.current()
        address = passed.address if passed else ""
        connection = Connection(self._desk, monotonic(), guarded=guarded, address=address)
        over = self._open[connection] = asyncio.Event()
        try:
            await self._let_in(connection, socket)
            await self._run(connection, socket, over)
        finally:
            del self._open[connection]
            self._desk.sessions.end(connection.session)
            await self._close(connection, socket)

    def close_all(self) -> None:
        """The process stops: end all connections, and with them the orders that are to end with them."""
        for connection, over in self._open.items():
            connection.closing = "going_away"
            over.set()

    def _close_guarded(self) -> None:
        for connection, over in self._open.items():
            if connection.accounts:
                connection.closing = "session_lost"
                over.set()

    async def _let_in(self, connection: Connection, socket: Socket) -> None:
        """A token or a signature in the handshake saves the first message; browsers cannot send one there."""
        try:
            found = await handshake(self._desk.authenticator, socket)
            if found is not None:
                connection.admit(found)
        except NotAuthorizedException as error:
            connection.reply(frames.refusal(None, "not_authenticated", error.detail))
        except Problem as problem:
            connection.reply(frames.refusal(None, str(problem.extra["code"]), problem.detail))  # type: ignore[index,call-overload] # our problems have a dict there
        connection.flush("")

    async def _run(self, connection: Connection, socket: Socket, over: asyncio.Event) -> None:
        """Read, write and watch the clock until one of them ends: then the connection has."""
        work: list[Callable[[], Awaitable[Any]]] = [
            lambda: _read(connection, socket),
            lambda: _write(connection, socket),
            lambda: _watch(connection),
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
                logger.info("connection %s: %s: %s", connection.session, type(end).__name__, end)

    async def _close(self, connection: Connection, socket: Socket) -> None:
        reason: CloseReason | None = connection.closing
        if reason is None:
            return
        with suppress(Exception):  # it may be gone already, and is to be let go either way
            async with asyncio.timeout(self._desk.bounds.close_ms_max / 1000):
                await socket.close(CLOSE_CODES[reason], reason)


async def _read(connection: Connection, socket: Socket) -> None:
    while connection.closing is None:
        message: Any = await socket.receive()
        if message["type"] == "websocket.disconnect":
            return
        data = message.get("text") or message.get("bytes") or b""
        await connection.take(data, monotonic())
    # what was answered last is still to be sent
    await asyncio.sleep(CLOCK_S / 10)


async def _write(connection: Connection, socket: Socket) -> None:
    while True:
        frame = await connection.outbox.next()
        await socket.send_data(frame, "text")
        connection.outbox.sent(frame)


async def _watch(connection: Connection) -> None:
    while connection.closing is None:
        await asyncio.sleep(CLOCK_S)
        connection.look_at_clock(monotonic(), time.time())


OwnDoor = NamedDependency[Door]


@websocket("/v1/ws")
async def trade(socket: Socket, door: OwnDoor, cancel_on_disconnect: CancelOnDisconnect = False) -> None:  # noqa: FBT002 - named by the query
    """Serve orders over a WebSocket: docs/asyncapi.yaml."""
    await door.serve(socket, guarded=cancel_on_disconnect)


ROUTES = [trade]
