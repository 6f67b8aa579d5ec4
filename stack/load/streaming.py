"""Following market data over the WebSocket, with connections that are lost and opened again."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import msgspec

from api.market_data.follower import BookFollower, ChecksumError, GapError

CONNECT_S_MAX = 10.0
SILENCE_S_MAX = 30.0
AGAIN_S = 0.2
FRAME_BYTES_MAX = 64 * 1024 * 1024

Message = dict[str, Any]


@dataclass
class Streaming:
    """Keeps ``followers`` up with the server at ``url`` until ``stop``. ``happened`` counts what did."""

    url: str
    followers: Sequence[BookFollower]
    happened: Counter[str] = field(default_factory=Counter)
    on_message: Callable[[Message], None] = lambda _: None
    stopping: bool = False
    _socket: aiohttp.ClientWebSocketResponse | None = None

    async def run(self) -> None:
        """Follow; whatever goes wrong, connect again, bounded by whoever stops it."""
        async with aiohttp.ClientSession() as http:
            while not self.stopping:
                try:
                    await self._once(http)
                except (GapError, ChecksumError) as error:
                    self.happened[type(error).__name__] += 1
                except (aiohttp.ClientError, TimeoutError, ConnectionError):
                    self.happened["lost"] += 1
                    await asyncio.sleep(AGAIN_S)

    async def drop(self) -> None:
        """Lose the connection, as a network does."""
        self.happened["dropped"] += 1
        if self._socket is not None:
            await self._socket.close()

    async def stop(self) -> None:
        self.stopping = True
        if self._socket is not None:
            await self._socket.close()

    async def _once(self, http: aiohttp.ClientSession) -> None:
        async with asyncio.timeout(CONNECT_S_MAX):
            socket = await http.ws_connect(self.url, max_msg_size=FRAME_BYTES_MAX, compress=0)
        self._socket = socket
        try:
            wanted = [follower.wanted() for follower in self.followers]
            await socket.send_str(msgspec.json.encode({"op": "subscribe", "channels": wanted}).decode())
            while not self.stopping:
                message = await socket.receive(timeout=SILENCE_S_MAX)
                if message.type is not aiohttp.WSMsgType.TEXT:
                    self.happened[f"closed {socket.close_code}"] += 1
                    await asyncio.sleep(AGAIN_S)
                    return
                self._take(msgspec.json.decode(message.data))
        finally:
            self._socket = None
            await socket.close()

    def _take(self, frame: Message | list[Message]) -> None:
        for message in frame if isinstance(frame, list) else [frame]:
            if message["type"] == "subscribed":
                self.happened["resumed" if message["resumed"] else "begun"] += 1
            elif message["type"] == "error":
                self.happened[message["code"]] += 1
            for follower in self.followers:
                follower.take(message)
            self.on_message(message)
