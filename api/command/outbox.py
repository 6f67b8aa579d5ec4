"""The outbox of a connection: frames that wait to be sent, never more than a slow reader may owe."""

import asyncio
from collections import deque


class Outbox:
    """``full``: the client does not read what it is sent, and more is not kept for it."""

    def __init__(self, bytes_max: int) -> None:
        self.full = False
        self._bytes_max = bytes_max
        self._bytes = 0
        self._frames: deque[bytes] = deque()
        self._something = asyncio.Event()

    def put(self, frame: bytes) -> None:
        if self._bytes + len(frame) > self._bytes_max:
            self.full = True
            return
        self._bytes += len(frame)
        self._frames.append(frame)
        self._something.set()

    async def next(self) -> bytes:
        """Wait for a frame. It counts as waiting until ``sent``."""
        while not self._frames:
            self._something.clear()
            await self._something.wait()
        return self._frames.popleft()

    def sent(self, frame: bytes) -> None:
        self._bytes -= len(frame)
