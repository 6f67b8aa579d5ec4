"""What runs beside the routes: the thread that follows the topics, and the clock."""

import asyncio
import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import BoundedSemaphore, Thread
from time import monotonic
from typing import Any

from api.authentication.authenticator import Authenticator, IdentityConfig
from api.market_data import loading
from api.market_data.board import Board
from api.market_data.bounds import PIECES_WAITING_MAX, StreamBounds
from api.market_data.private import PrivateFeed
from api.market_data.private_store import PrivateStore
from streams.codec import RecordedEvent
from streams.progress import Place
from streams.tailing import Follower, Piece, Tail, TailConfig
from streams.topics import ACCOUNTS, EXECUTIONS

log = logging.getLogger(__name__)

CLOCK_S = 0.25
HAND_OVER_S_MAX = 60.0
MONGO_ANSWER_MS_MAX = 30_000


@dataclass(frozen=True)
class MarketDataConfig:
    """Where everything is; ``limits``: of what clients may do."""

    kafka_bootstrap: str
    postgres_dsn: str = field(repr=False)
    mongo_url: str = field(repr=False)
    mongo_database: str
    token_secret: str = field(repr=False)
    partitions: int = 4
    limits: StreamBounds = field(default_factory=StreamBounds)
    identity: IdentityConfig | None = None
    """Where users and keys are; without it only the local operator's tokens are taken."""


class MarketData:
    """Follows the events from its ``start`` on; everything but the reading happens in the loop's thread.

    ``caught_up``: what was there at the start has been taken, so that what is answered is live.
    """

    def __init__(self, config: MarketDataConfig) -> None:
        self.config = config
        self.board = Board(config.limits)
        self.authenticator = Authenticator(config.token_secret, config.identity)
        self.caught_up = False
        self._database = loading.connected(config.mongo_url, config.mongo_database, MONGO_ANSWER_MS_MAX)
        store = PrivateStore(
            self._database, config.postgres_dsn, config.partitions, config.limits, lambda: self._tail.seen
        )
        self.private = PrivateFeed(config.limits, store, self.board)
        self._room = BoundedSemaphore(PIECES_WAITING_MAX)
        self._stopping = False
        self._clock: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop
        self._tail = Tail(
            TailConfig(
                config.kafka_bootstrap,
                config.postgres_dsn,
                config.partitions,
                "market-data",
                EXECUTIONS,
                ACCOUNTS,
            ),
            Follower(self._load, self._take, self._take_in_order, self._began_in_order, self._now_caught_up),
        )

    async def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.authenticator.start()
        Thread(target=self._follow, name="tail", daemon=True).start()
        self._clock = asyncio.create_task(self._tick())

    async def stop(self) -> None:
        self._stopping = True
        await self.authenticator.stop()
        self._tail.stop()
        if self._clock is not None:
            self._clock.cancel()
        self._database.client.close()

    # --- In the tail's thread ----------------------------------------------------------------------------

    def _follow(self) -> None:
        """Nothing that was missed can be guessed: end the process, whose successor begins anew."""
        try:
            self._tail.run()
        except Exception:
            if not self._stopping:
                log.exception("following the events failed; this process ends")
                os._exit(1)

    def _load(self) -> Mapping[Place, int]:
        began = monotonic()
        loaded = loading.load(self._database)
        self._hand_over(self._put_up, loaded)
        log.info("%d markets loaded in %.1f s", len(loaded.markets), monotonic() - began)
        return loaded.seen

    def _take(self, piece: Piece) -> None:
        self._hand_over(self.board.take, piece)

    def _take_in_order(self, shard: int, events: Sequence[RecordedEvent]) -> None:
        self._hand_over(self.private.take, shard, events)

    def _began_in_order(self, stands: Mapping[int, int]) -> None:
        self._hand_over(self.private.began, stands)

    def _now_caught_up(self) -> None:
        self._hand_over(self._set_caught_up)

    def _hand_over(self, work: Callable[..., None], *arguments: Any) -> None:
        """Have the loop do it; wait, bounded, where it is behind. Raises ``TimeoutError``."""
        if not self._room.acquire(timeout=HAND_OVER_S_MAX):
            raise TimeoutError(f"the loop took nothing in for {HAND_OVER_S_MAX:g} s")
        self._loop.call_soon_threadsafe(self._do, work, arguments)

    # --- In the loop -------------------------------------------------------------------------------------

    def _do(self, work: Callable[..., None], arguments: tuple[Any, ...]) -> None:
        try:
            work(*arguments)
        except Exception:
            log.exception("events could not be taken in; this process ends")
            os._exit(1)
        finally:
            self._room.release()

    def _put_up(self, loaded: loading.Loaded) -> None:
        for shard, status in loaded.venues.items():
            self.board.set_venue(shard, status)
        for market in loaded.markets:
            self.board.add(market)

    def _set_caught_up(self) -> None:
        if not self.caught_up:
            log.info("caught up: %d markets are live", len(self.board.markets))
        self.caught_up = True

    async def _tick(self) -> None:
        ticked_at = 0.0
        while True:
            await asyncio.sleep(CLOCK_S)
            now = monotonic()
            if now - ticked_at >= self.config.limits.ticker_ms / 1000:
                ticked_at = now
                self.board.tick(time.time_ns() // 1_000, now)
                self.private.tick(now)
