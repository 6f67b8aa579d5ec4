"""Replies: one Redis message per batch and waiting API process. Losing one is harmless, so nothing waits."""

import logging
from collections.abc import Mapping, Sequence
from time import monotonic

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from commands.messages import Outcome, ReplyBatch
from streams.codec import encode

logger = logging.getLogger(__name__)

REDIS_WAIT_S = 0.2
PAUSE_S = 1.0


class Replies:
    """Sends outcomes to those who wait. With Redis away it gives up at once and tries again a second later:
    the API then answers 202, and the outcome is there to query.
    """

    def __init__(self, redis_url: str) -> None:
        self._redis = redis.Redis.from_url(
            redis_url,
            socket_timeout=REDIS_WAIT_S,
            socket_connect_timeout=REDIS_WAIT_S,
            retry=Retry(NoBackoff(), 0),
        )
        self._paused_until = 0.0

    def send(self, token: str, outcomes: Mapping[str, Sequence[Outcome]]) -> None:
        """Send each channel its outcomes."""
        waiting = {channel: its_outcomes for channel, its_outcomes in outcomes.items() if channel}
        if not waiting or monotonic() < self._paused_until:
            return
        pipeline = self._redis.pipeline(transaction=False)
        for channel, its_outcomes in waiting.items():
            pipeline.publish(channel, encode(ReplyBatch(token, tuple(its_outcomes))))
        try:
            pipeline.execute()
        except redis.RedisError as error:
            logger.warning("replies not sent, next try in %s s: %s", PAUSE_S, error)
            self._paused_until = monotonic() + PAUSE_S
