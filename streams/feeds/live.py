"""Following a venue over its WebSocket: for as long as the process lives, through whatever happens to it.

A connection is ended, and another one tried, when it is lost, when nothing comes for too long, or when the
venue does not confirm what it was asked for. Each end takes back the prices that stood.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from time import monotonic

import aiohttp

from streams.feeds.backoff import Backoff
from streams.feeds.tracker import Line, Tracker
from streams.prices import PriceTick

logger = logging.getLogger(__name__)

Publish = Callable[[list[PriceTick]], None]


@dataclass(frozen=True)
class LiveBounds:
    """``silence_ms``: a connection on which nothing comes for so long is dead. ``beat_ms``: how often a venue
    without heartbeats is asked for an answer. ``ask_ms_min``: between two requests for what fell out of step.
    """

    connect_ms: int = 10_000
    confirm_ms: int = 10_000
    silence_ms: int = 5_000
    beat_ms: int = 2_000
    ask_ms_min: int = 500
    again_ms_min: int = 250
    again_ms_max: int = 30_000
    message_bytes_max: int = 1_048_576
    tend_ms: int = 250


async def follow(address: str, tracker: Tracker, publish: Publish, bounds: LiveBounds) -> None:
    """Follow a venue until cancelled."""
    backoff = Backoff(bounds.again_ms_min, bounds.again_ms_max)
    # trust_env: where the way out is through a proxy
    async with aiohttp.ClientSession(trust_env=True) as session:
        while True:
            try:
                await _Connection(address, tracker, publish, bounds, backoff).serve(session)
                why = "it was closed"
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                why = f"{type(error).__name__}: {error}"
            publish(tracker.lost(now_us()))
            wait_s = backoff.next_s()
            logger.warning("%s: no connection, %s; again in %.1f s", tracker.venue.name, why, wait_s)
            await asyncio.sleep(wait_s)


class SilenceError(ConnectionError):
    """The venue says nothing any more, or not what it was asked for."""


class _Connection:
    """One connection from its beginning to its end."""

    def __init__(
        self, address: str, tracker: Tracker, publish: Publish, bounds: LiveBounds, backoff: Backoff
    ) -> None:
        self.address = address
        self.tracker = tracker
        self.publish = publish
        self.bounds = bounds
        self.backoff = backoff
        self.numbers = count(1)
        self.heard_at = self.beat_at = monotonic()
        self.asked_at = float("-inf")
        self.waits_since: float | None = None
        """For a symbol that is not in step."""

    async def serve(self, session: aiohttp.ClientSession) -> None:
        """Raises ``OSError``, ``aiohttp.ClientError``, ``TimeoutError``."""
        async with asyncio.timeout(self.bounds.connect_ms / 1000):
            socket = await session.ws_connect(self.address, max_msg_size=self.bounds.message_bytes_max)
        try:
            self.tracker.connected()
            await self._ask(socket, list(self.tracker.theirs.values()))
            logger.info("%s: connected to %s", self.tracker.venue.name, self.address)
            await self._read_and_tend(socket)
        finally:
            with suppress(Exception):  # it may be gone already
                async with asyncio.timeout(self.bounds.connect_ms / 1000):
                    await socket.close()

    async def _read_and_tend(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.heard_at = self.beat_at = monotonic()
        tending = asyncio.ensure_future(self._tend(socket))
        reading = asyncio.ensure_future(self._read(socket))
        try:
            done, _ = await asyncio.wait({tending, reading}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in (tending, reading):
                task.cancel()
            await asyncio.gather(tending, reading, return_exceptions=True)

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for message in socket:
            if message.type not in {aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY}:
                return
            self.heard_at = monotonic()
            self.publish(self.tracker.take(Line(message.data, now_us())))
            if self.tracker.to_ask_again:
                await self._ask_again(socket)

    async def _ask(self, socket: aiohttp.ClientWebSocketResponse, theirs: Sequence[str]) -> None:
        number = next(self.numbers)
        self.tracker.asked(number, theirs)
        await socket.send_str(self.tracker.venue.subscribe(theirs, number))

    async def _ask_again(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Venues end connections that ask too often: so what comes meanwhile has to wait."""
        await asyncio.sleep(self.asked_at + self.bounds.ask_ms_min / 1000 - monotonic())
        self.asked_at = monotonic()
        theirs = list(dict.fromkeys(self.tracker.to_ask_again))
        self.tracker.to_ask_again.clear()
        # the answer to this one is to confirm nothing: so its number is not noted
        await socket.send_str(self.tracker.venue.unsubscribe(theirs, next(self.numbers)))
        await self._ask(socket, theirs)

    async def _tend(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Watch the clock: silence, heartbeats, confirmations; and say again what stands."""
        while True:
            await asyncio.sleep(self.bounds.tend_ms / 1000)
            now = monotonic()
            if now - self.heard_at > self.bounds.silence_ms / 1000:
                raise SilenceError(f"nothing came for {self.bounds.silence_ms} ms")
            self._look_at_steps(now)
            if now - self.beat_at > self.bounds.beat_ms / 1000:
                self.beat_at = now
                await self._beat(socket)
            self.publish(self.tracker.restate(now_us()))

    def _look_at_steps(self, now: float) -> None:
        """Raise ``SilenceError`` where a symbol was asked for, and the venue never confirmed it."""
        if not self.tracker.unconfirmed:
            self.waits_since = None
            self.backoff.reset()
        elif self.waits_since is None:
            self.waits_since = now
        elif now - self.waits_since > self.bounds.confirm_ms / 1000:
            missing = ", ".join(sorted(self.tracker.unconfirmed))
            raise SilenceError(f"{missing} not confirmed within {self.bounds.confirm_ms} ms")

    async def _beat(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        asked = self.tracker.venue.beat(next(self.numbers))
        if asked is not None:
            await socket.send_str(asked)


def now_us() -> int:
    return time.time_ns() // 1_000
