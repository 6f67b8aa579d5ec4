"""The gateway to the order processor: commands out through Kafka, outcomes back through Redis.

Each API process has a reply channel of its own. A reply that does not come in time, because it was lost or
because the processor is away, is no failure: the command is in the log, and its outcome can be queried.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from time import monotonic
from uuid import uuid4

import msgspec
import redis.asyncio
from confluent_kafka import KafkaError, Message, Producer
from redis.exceptions import RedisError

from commands.messages import AnyCommand, CommandMessage, Outcome, decode_replies
from streams.codec import encode
from streams.progress import Place, read_token, write_token
from streams.topics import ORDERS

logger = logging.getLogger(__name__)

RECONNECT_S = 0.5
REDIS_WAIT_S = 5.0
POLL_S = 0.02
IN_FLIGHT_MAX = 20_000


class UnavailableError(Exception):
    """The command could not be put into the log; nothing happened, and it may be sent again."""


class Answer:
    """What came back for the commands of one request: an outcome each, or ``None`` while it is pending."""

    def __init__(self, count: int) -> None:
        self.outcomes: list[Outcome | None] = [None] * count
        self.error = ""
        self._missing = count
        self._tokens: set[str] = set()
        self._done = asyncio.Event()

    @property
    def token(self) -> str:
        """Reads back what all of the commands wrote."""
        if len(self._tokens) <= 1:
            return next(iter(self._tokens), "")
        seqs: dict[Place, int] = {}
        for token in self._tokens:
            for place, seq in read_token(token).items():
                seqs[place] = max(seq, seqs.get(place, 0))
        return write_token(seqs)

    def take(self, index: int, outcome: Outcome, token: str) -> None:
        self.outcomes[index] = outcome
        self._tokens.add(token)
        self._missing -= 1
        if self._missing == 0:
            self._done.set()

    def fail(self, error: str) -> None:
        self.error = error
        self._done.set()

    async def wait(self, timeout_s: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._done.wait(), timeout_s)


class Gateway:
    """Sends commands and collects their outcomes, at most ``IN_FLIGHT_MAX`` at a time."""

    def __init__(self, producer: Producer, redis_url: str, reply_ms_max: int) -> None:
        self._producer = producer
        self._redis = redis.asyncio.Redis.from_url(
            redis_url, socket_connect_timeout=REDIS_WAIT_S, health_check_interval=10
        )
        self._channel = f"replies:{uuid4().hex}"
        self._reply_s_max = reply_ms_max / 1000
        self._waiting: dict[str, tuple[Answer, int]] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        self._tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._poll())]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.to_thread(self._producer.flush, self._reply_s_max)
        await self._redis.aclose()

    async def send(self, commands: Sequence[AnyCommand], shard: int) -> Answer:
        """Put the commands into the shard's log, in order, and wait (bounded) for what becomes of them.

        Raises ``UnavailableError`` if they could not be put there.
        """
        if len(self._waiting) + len(commands) > IN_FLIGHT_MAX:
            raise UnavailableError(
                f"{len(self._waiting)} commands are in flight; at most {IN_FLIGHT_MAX} may be"
            )
        answer = Answer(len(commands))
        try:
            for index, command in enumerate(commands):
                self._waiting[command.command_id] = (answer, index)
                self._produce(command, shard)
            await answer.wait(self._reply_s_max)
        finally:
            for command in commands:
                self._waiting.pop(command.command_id, None)
        if answer.error:
            raise UnavailableError(answer.error)
        return answer

    def _produce(self, command: AnyCommand, shard: int) -> None:
        value = encode(CommandMessage(command, self._channel))

        def delivered(error: KafkaError | None, _message: Message) -> None:
            waiting = self._waiting.get(command.command_id)
            if error is not None and waiting is not None:
                waiting[0].fail(f"Kafka did not take the command: {error}")

        try:
            self._producer.produce(ORDERS, value, partition=shard, on_delivery=delivered)
        except BufferError:
            raise UnavailableError("the queue to Kafka is full") from None

    async def _poll(self) -> None:
        """Serve the producer's delivery reports, on the event loop's own thread."""
        while True:
            self._producer.poll(0)
            await asyncio.sleep(POLL_S)

    async def _listen(self) -> None:
        """Take in replies for as long as the process lives; with Redis away, try again and again."""
        while True:
            started = monotonic()
            try:
                await self._subscribe()
            except (RedisError, OSError) as error:
                logger.warning("no replies for now: %s", error)
            await asyncio.sleep(max(0.0, started + RECONNECT_S - monotonic()))

    async def _subscribe(self) -> None:
        async with self._redis.pubsub(ignore_subscribe_messages=True) as subscription:
            await subscription.subscribe(self._channel)
            async for message in subscription.listen():
                self._take(message["data"])

    def _take(self, data: bytes) -> None:
        try:
            batch = decode_replies(data)
        except msgspec.DecodeError:
            logger.exception("no reply: %r", data[:200])
            return
        for outcome in batch.outcomes:
            waiting = self._waiting.get(outcome.command_id)
            if waiting is not None:
                answer, index = waiting
                answer.take(index, outcome, batch.token)
