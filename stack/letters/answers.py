"""Hearing what became of commands: a Redis channel of our own, for a bounded time."""

from collections.abc import Sequence
from time import monotonic
from types import TracebackType
from typing import Self

import redis

from commands.messages import Outcome, decode_replies

ANSWER_S_MAX = 10.0
LISTENING_S_MAX = 5.0


class Answers:
    """Listens from its beginning on, so that no answer is missed. With Redis away there is none."""

    def __init__(self, redis_url: str, channel: str) -> None:
        self.channel = channel
        self._redis = redis.Redis.from_url(redis_url, socket_timeout=ANSWER_S_MAX)
        self._listening = self._redis.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call] # redis has no type for it

    def __enter__(self) -> Self:
        try:
            self._listening.subscribe(self.channel)
            self._listening.get_message(timeout=LISTENING_S_MAX)
        except redis.RedisError:
            self._listening.close()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listening.close()
        self._redis.close()

    def wait_for(self, command_ids: Sequence[str]) -> dict[str, Outcome]:
        """Return the outcomes that came within 10 s, by command id."""
        found: dict[str, Outcome] = {}
        deadline = monotonic() + ANSWER_S_MAX
        while len(found) < len(command_ids) and (left := deadline - monotonic()) > 0:
            try:
                message = self._listening.get_message(timeout=left)
            except (redis.RedisError, RuntimeError):  # RuntimeError: it was never subscribed
                break
            if message is not None:
                outcomes = decode_replies(message["data"]).outcomes
                found.update({each.command_id: each for each in outcomes if each.command_id in command_ids})
        return found
