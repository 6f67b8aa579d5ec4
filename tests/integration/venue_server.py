"""A venue's WebSocket server that behaves as a test wants it to: one script for each connection in turn."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import WSMsgType, web

from stack.ports import HOST


class Session:
    """A connection, from the venue's side."""

    def __init__(self, socket: web.WebSocketResponse) -> None:
        self.socket = socket
        self.asked: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def say(self, *messages: str | bytes) -> None:
        for message in messages:
            if isinstance(message, bytes):
                await self.socket.send_bytes(message)
            else:
                await self.socket.send_str(message)

    async def confirm(self, method: str = "SUBSCRIBE") -> dict[str, Any]:
        """Wait for the request of that kind, confirm it as Binance does, and answer heartbeats meanwhile."""
        while True:
            request = await self.asked.get()
            wants = request["method"]
            await self.say(
                json.dumps({"result": [] if wants == "LIST_SUBSCRIPTIONS" else None, "id": request["id"]})
            )
            if wants == method:
                return request

    async def stay(self) -> None:
        """Go on answering heartbeats until the client hangs up."""
        await self.confirm("nothing that anybody asks for")

    async def hang_up(self) -> None:
        await self.socket.close()

    def drop(self) -> None:
        """End it as a broken line does: without a word."""
        transport = self.socket._req.transport if self.socket._req else None
        if transport is not None:
            transport.abort()


Script = Callable[[Session], Awaitable[None]]


@asynccontextmanager
async def venue_server(scripts: Sequence[Script]) -> AsyncIterator[str]:
    """Yield the address of a venue. The last script is that of all connections that follow."""
    connections = iter(scripts)

    async def serve(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        session = Session(socket)
        script = next(connections, scripts[-1])
        playing = asyncio.ensure_future(script(session))
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    session.asked.put_nowait(json.loads(message.data))
        finally:
            playing.cancel()
            await asyncio.gather(playing, return_exceptions=True)
        return socket

    app = web.Application()
    app.router.add_get("/stream", serve)
    runner = web.AppRunner(app, shutdown_timeout=1.0)
    await runner.setup()
    site = web.TCPSite(runner, HOST, 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        yield f"ws://{HOST}:{port}/stream"
    finally:
        await runner.cleanup()
