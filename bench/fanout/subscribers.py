"""Subscribers in a process of their own: `python -m bench.fanout.subscribers '{"port": 8003, ...}'`.

They say "ready" once each has its snapshot, begin to count at the line "go", and at "end" print what came as
one JSON object. A frame is not decoded: where its times stand in the text is found, which costs a tenth, so
that the load takes as little as it can of the processors that it shares with what is measured.
"""

import asyncio
import base64
import json
import re
import resource
import sys
import time
from collections import Counter
from os import urandom
from typing import Any, cast

import msgspec
import uvloop

from stack.load.measurements import Histogram
from stack.ports import HOST

READY_S_MAX = 120.0
TIMES = re.compile(rb'"occurred_at_us":(\d+),"published_at_ms":(\d+)')
OPENING_MAX = 50


class Asked(msgspec.Struct):
    """``deaf``: they never read."""

    port: int
    count: int
    channels: list[dict[str, str]]
    deaf: bool = False


class Counted:
    """What all subscribers of this process were sent since ``begin``."""

    def __init__(self) -> None:
        self.begin()
        self.counting = False
        self.first = 0
        self.closes: Counter[int] = Counter()

    def begin(self) -> None:
        self.counting = True
        self.messages = self.bytes = self.frames = 0
        self.published_ms, self.decided_ms = Histogram(), Histogram()
        self.cpu_s = time.process_time()

    def frame(self, payload: bytes) -> None:
        now_ms = time.time() * 1000
        if not self.counting:
            return
        self.frames += 1
        self.bytes += len(payload)
        for found in TIMES.finditer(payload):
            self.messages += 1
            self.decided_ms.add(now_ms - int(found[1]) / 1000)
            self.published_ms.add(now_ms - int(found[2]))

    def as_object(self) -> dict[str, Any]:
        return {
            "messages": self.messages,
            "frames": self.frames,
            "bytes": self.bytes,
            "closes": dict(self.closes),
            "cpu_s": time.process_time() - self.cpu_s,
            "published_ms": dict(self.published_ms.counts),
            "decided_ms": dict(self.decided_ms.counts),
        }


class Subscriber(asyncio.Protocol):
    """The client's side of a WebSocket, as much of it as there is to measure with."""

    def __init__(self, asked: Asked, counted: Counted) -> None:
        self.ready = asyncio.get_running_loop().create_future()
        self._asked = asked
        self._counted = counted
        self._buffer = b""
        self._open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        key = base64.b64encode(urandom(16)).decode()
        self._transport.write(
            f"GET /v1/stream HTTP/1.1\r\nHost: {HOST}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        if not self._open and not self._opened():
            return
        while (frame := self._frame()) is not None:
            opcode, payload = frame
            if opcode == 8:
                self._counted.closes[int.from_bytes(payload[:2], "big")] += 1
            elif not self.ready.done():
                if b'"subscribed"' in payload or b"_snapshot" in payload:
                    self.ready.set_result(None)
            else:
                self._counted.frame(payload)

    def connection_lost(self, _error: Exception | None) -> None:
        if not self.ready.done():
            self.ready.set_exception(ConnectionError("the connection was closed before there was a snapshot"))

    def _opened(self) -> bool:
        """Return whether the answer to the handshake is there; then subscribe."""
        head, end, rest = self._buffer.partition(b"\r\n\r\n")
        if not end:
            return False
        if b" 101 " not in head.split(b"\r\n")[0]:
            self.ready.set_exception(ConnectionError(head.decode(errors="replace")))
            return False
        self._open, self._buffer = True, rest
        body = json.dumps({"op": "subscribe", "channels": self._asked.channels}).encode()
        self._transport.write(b"\x81\xfe" + len(body).to_bytes(2, "big") + bytes(4) + body)
        if self._asked.deaf:
            self._transport.pause_reading()
            self.ready.set_result(None)
        return True

    def _frame(self) -> tuple[int, bytes] | None:
        """Return the next whole frame; the server's are not masked."""
        buffer, start = self._buffer, 2
        if len(buffer) < 4:
            return None
        size = buffer[1] & 127
        if size == 126:
            size, start = int.from_bytes(buffer[2:4], "big"), 4
        elif size == 127:
            size, start = int.from_bytes(buffer[2:10], "big"), 10
        if len(buffer) < start + size:
            return None
        self._buffer = buffer[start + size :]
        return buffer[0] & 15, buffer[start : start + size]


async def _all_open(asked: Asked, counted: Counted) -> list[Subscriber]:
    loop, room = asyncio.get_running_loop(), asyncio.Semaphore(OPENING_MAX)

    async def one() -> Subscriber:
        async with room:
            _, subscriber = await loop.create_connection(lambda: Subscriber(asked, counted), HOST, asked.port)
            await subscriber.ready
            return subscriber

    async with asyncio.timeout(READY_S_MAX):
        return await asyncio.gather(*(one() for _ in range(asked.count)))


async def _main(asked: Asked) -> None:
    counted = Counted()
    kept = await _all_open(asked, counted)
    print("ready", flush=True)
    loop = asyncio.get_running_loop()
    while (line := await loop.run_in_executor(None, sys.stdin.readline)).strip() == "go":
        counted.begin()
    print(json.dumps({**counted.as_object(), "subscribers": len(kept)} if line else {}), flush=True)


def main() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    uvloop.run(_main(msgspec.json.decode(sys.argv[1], type=Asked)))


if __name__ == "__main__":
    main()
