"""A signed request counts once: what was seen is remembered for as long as it would be good.

In Redis, so that a request seen by one process is no news to another; and in this process, which goes on
remembering while Redis is down. Then, what only reads or cancels still passes (a replay of it within its few
seconds gives nobody anything), and everything else is refused with 503: nothing is placed or withdrawn that
could be a replay.
"""

import logging
import time
from http import HTTPStatus
from itertools import islice

from redis.asyncio import Redis
from redis.exceptions import RedisError

from api.authentication.signed import AHEAD_MS_MAX, SignedRequest
from api.problems import Problem

logger = logging.getLogger(__name__)

PREFIX = "oms:signed:"
ANSWER_MS_MAX = 500
REMEMBERED_MAX = 100_000
FORGOTTEN_AT_ONCE = 64
HARMLESS = frozenset({"GET", "HEAD", "DELETE"})


class ReplayMemory:
    """Remembers signed requests by their digests."""

    def __init__(self, redis_url: str) -> None:
        self._redis: Redis = Redis.from_url(
            redis_url,
            socket_timeout=ANSWER_MS_MAX / 1_000,
            socket_connect_timeout=ANSWER_MS_MAX / 1_000,
            max_connections=64,
        )
        self._seen: dict[str, float] = {}

    async def first_time(self, request: SignedRequest, method: str) -> bool:
        """Tell whether this request comes for the first time. Raises ``Problem`` (503)."""
        name = f"{request.key_id}:{request.digest}"
        now_ms = time.time() * 1_000
        if name in self._seen:
            return False
        self._remember(name, request.good_until_ms, now_ms)
        left_ms = max(1, int(request.good_until_ms - now_ms) + AHEAD_MS_MAX)
        try:
            return bool(await self._redis.set(PREFIX + name, 1, nx=True, px=left_ms))
        except (RedisError, OSError, TimeoutError) as error:
            if method in HARMLESS:
                logger.warning("Redis is down (%s): a signed %s is let in from own memory", error, method)
                return True
            self._seen.pop(name, None)  # it was not carried out: the same request may come again
            raise Problem(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "replay_unknown",
                f"whether this {method} came before cannot be told now",
                headers={"Retry-After": "1"},
            ) from None

    async def close(self) -> None:
        await self._redis.aclose()

    def _remember(self, name: str, until_ms: float, now_ms: float) -> None:
        """Forget a few old ones with each new one, and the oldest where there are too many."""
        for old in [key for key, end in islice(self._seen.items(), FORGOTTEN_AT_ONCE) if end < now_ms]:
            del self._seen[old]
        if len(self._seen) >= REMEMBERED_MAX:
            del self._seen[next(iter(self._seen))]
        self._seen[name] = until_ms
