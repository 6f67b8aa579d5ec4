"""The gateway to the order processor: commands out through Kafka, outcomes back through Redis.

Each API process has a reply channel of its own. A reply that does not come in time, because it was lost or
because the processor is away, is no failure: the command is in the log, and its outcome can be queried.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from itertools import groupby
from time import monotonic
from typing import Protocol
from uuid import uuid4

import msgspec
import redis.asyncio
from confluent_kafka import KafkaError, Message, Producer
from redis.exceptions import RedisError

from api.command import bounds
from api.command.credit import Credit
from api.command.outgoing import Outgoing
from commands.messages import AnyCommand, CommandBatch, Outcome, decode_replies
from domain.order import AmendOrder, CancelReplace, PlaceOrder
from domain.order_list import PlaceOrderList
from streams.codec import encode
from streams.progress import PARTS_MAX, Place, read_token, write_token
from streams.topics import ORDERS

logger = logging.getLogger(__name__)

RECONNECT_S = 0.5
REDIS_WAIT_S = 5.0
POLL_S = 0.02
ACK_POLL_S = 0.001  # while somebody waits for the log alone

Logged = Callable[[int, int], None]
"""Hears which commands the log has: the place of the first, and how many."""

NEEDS_CREDIT = frozenset({PlaceOrder, CancelReplace, AmendOrder, PlaceOrderList})
"""What is shed under overload. All else reduces risk, or is rare, and has credit in reserve."""


class UnavailableError(Exception):
    """The command could not be put into the log; nothing happened, and it may be sent again."""


class OverloadedError(UnavailableError):
    """More is on its way than the processor decides in good time; nothing happened."""

    def __init__(self, credit: Credit) -> None:
        super().__init__(
            f"{credit.in_flight} commands wait for the order processor; new orders are taken up to "
            f"{credit.limit}, about {bounds.WORK_MS} ms of its work"
        )
        self.retry_after_ms = credit.retry_after_ms


class NotConfirmedError(UnavailableError):
    """The log has not said in time that it has the command; sent again, it is done once."""


class Inbox(Protocol):
    """Who waits for outcomes. ``index``: as given with the command."""

    def decided(self, index: int, outcome: Outcome) -> None:
        """Take an outcome; ``flush`` follows when all that came together are handed out."""

    def pending(self, index: int) -> None:
        """No outcome came in time."""

    def failed(self, index: int, error: str) -> None:
        """The command is not in the log."""

    def flush(self, token: str) -> None:
        """Everything that came together is handed out; ``token`` reads it back."""


class Answer:
    """What came back for the commands of one request: an outcome each, or ``None`` while it is pending."""

    def __init__(self, count: int) -> None:
        self.outcomes: list[Outcome | None] = [None] * count
        self.error = ""
        self._missing = self._unlogged = count
        self._tokens: set[str] = set()
        self._done = asyncio.Event()

    @property
    def token(self) -> str:
        """Reads back what all of the commands wrote."""
        return merged(self._tokens)

    def decided(self, index: int, outcome: Outcome) -> None:
        self.outcomes[index] = outcome
        self._missing -= 1

    def pending(self, _index: int) -> None:
        self._missing -= 1

    def failed(self, _index: int, error: str) -> None:
        self.error = error
        self._missing -= 1

    def flush(self, token: str) -> None:
        if token:
            self._tokens.add(token)
        if self._missing <= 0:
            self._done.set()

    @property
    def in_log(self) -> bool:
        """Whether the log has all of the commands: it said so, or they are decided."""
        return self._unlogged <= 0 or None not in self.outcomes

    def logged(self, _start: int, count: int) -> None:
        """Take note that the log has ``count`` of the commands; with the last of them nobody waits on."""
        self._unlogged -= count
        if self._unlogged <= 0:
            self._done.set()

    async def wait(self) -> None:
        await self._done.wait()


def merged(tokens: Iterable[str]) -> str:
    """Return the token that reads back what all of ``tokens`` do; none if it were too long to be read."""
    different = {token for token in tokens if token}
    if len(different) <= 1:
        return next(iter(different), "")
    seqs: dict[Place, int] = {}
    for token in different:
        for place, seq in read_token(token).items():
            seqs[place] = max(seq, seqs.get(place, 0))
    return write_token(seqs) if len(seqs) <= PARTS_MAX else ""


class Gateway:
    """Sends commands and collects their outcomes, as many at a time as the shard's credit allows."""

    def __init__(self, producer: Producer, redis_url: str, reply_ms_max: int) -> None:
        self._producer = producer
        self._redis = redis.asyncio.Redis.from_url(
            redis_url, socket_connect_timeout=REDIS_WAIT_S, health_check_interval=10
        )
        self._channel = f"replies:{uuid4().hex}"
        self._reply_s_max = reply_ms_max / 1000
        self._credits: dict[int, Credit] = {}
        self._outgoing: dict[int, Outgoing] = {}
        self._waiting: dict[str, tuple[Inbox, int, Credit, int]] = {}
        self._due: deque[tuple[float, Sequence[str]]] = deque()
        self._tasks: list[asyncio.Task[None]] = []
        self._listening = False
        self._unlogged: dict[str, tuple[Logged, int]] = {}
        self._hurry = asyncio.Event()

    async def start(self) -> None:
        self._tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._poll())]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for outgoing in self._outgoing.values():
            outgoing.flush()
        await asyncio.to_thread(self._producer.flush, self._reply_s_max)
        await self._redis.aclose()

    def credit(self, shard: int) -> Credit:
        """Return how much may be sent to a shard."""
        credit = self._credits.get(shard)
        if credit is None:
            credit = self._credits[shard] = Credit(monotonic(), self._reply_s_max)
        return credit

    async def send(self, commands: Sequence[AnyCommand], shard: int, *, ack: bool = False) -> Answer:
        """Put the commands into the shard's log, in order, and wait (bounded) for what becomes of them; with
        ``ack`` only until the log has them, on all its replicas.

        Raises ``UnavailableError`` if they could not be put there, ``OverloadedError`` if there is no credit
        for all of them, ``NotConfirmedError`` if the log has not said in time whether it has them.
        """
        credit = self.credit(shard)
        new = sum(type(command) in NEEDS_CREDIT for command in commands)
        if new > credit.room or len(commands) - new > credit.reserved_room:
            raise OverloadedError(credit)
        answer = Answer(len(commands))
        self.submit(commands, shard, answer, answer.logged if ack else None)
        await answer.wait()
        if answer.error:
            raise UnavailableError(answer.error)
        if ack and not answer.in_log:
            raise NotConfirmedError(f"the log has not confirmed it within {self._reply_s_max:g} s")
        return answer

    def submit(
        self,
        commands: Sequence[AnyCommand],
        shard: int,
        inbox: Inbox,
        logged: Logged | None = None,
    ) -> None:
        """Put the commands into the shard's log, in order, at once or a moment later; ``inbox`` hears of each
        by its place among them, and ``logged``, by the place of the first and their number, of those that the
        log has. It does not look at the credit.
        """
        names = [command.command_id for command in commands]
        credit, now = self.credit(shard), monotonic()
        number = credit.sent(len(names), now)
        for index, name in enumerate(names):
            self._waiting[name] = (inbox, index, credit, number + index)
        self._due.append((now + self._reply_s_max, names))
        if logged is not None:
            self._unlogged.update((name, (logged, index)) for index, name in enumerate(names))
            self._hurry.set()
        outgoing = self._outgoing.get(shard)
        if outgoing is None:
            outgoing = self._outgoing[shard] = Outgoing(partial(self._produce, shard))
        outgoing.add(commands)

    def _produce(self, shard: int, commands: Sequence[AnyCommand]) -> None:
        names = [command.command_id for command in commands]
        value = encode(CommandBatch(tuple(commands), self._channel))
        try:
            self._producer.produce(
                ORDERS, value, partition=shard, on_delivery=partial(self._delivered, names)
            )
        except BufferError:
            self._end(names, "the queue to Kafka is full")

    def _delivered(self, names: Sequence[str], error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            self._end(names, f"Kafka did not take the command: {error}")
        elif self._unlogged:
            self._confirm(names)

    def _confirm(self, names: Sequence[str]) -> None:
        """Tell those who wait for it that the log has their commands: of each run of them at once."""
        acks = [ack for name in names if (ack := self._unlogged.pop(name, None))]
        for _, run in groupby(acks, key=lambda ack: id(ack[0])):
            (logged, start), *others = run
            logged(start, 1 + len(others))

    def _end(self, names: Sequence[str], error: str = "") -> None:
        """Give up on what nothing was heard of."""
        inboxes = {}
        for name in names:
            self._unlogged.pop(name, None)
            if waiting := self._waiting.pop(name, None):
                inbox, index, _, _ = waiting
                inboxes[id(inbox)] = inbox
                inbox.failed(index, error) if error else inbox.pending(index)
        for inbox in inboxes.values():
            inbox.flush("")

    async def _poll(self) -> None:
        """Serve the producer's delivery reports, on the event loop's own thread, and watch the time."""
        ticked = monotonic()
        while True:
            self._producer.poll(0)
            now = monotonic()
            while self._due and self._due[0][0] <= now:
                self._end(self._due.popleft()[1])
            if now - ticked >= bounds.TICK_MS / 1000:
                ticked = now
                for credit in self._credits.values():
                    credit.tick(now, blind=not self._listening)
            await self._pause()

    async def _pause(self) -> None:
        """Let the others work; not for long if somebody waits for the log to confirm."""
        if self._unlogged:
            await asyncio.sleep(ACK_POLL_S)
            return
        self._hurry.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(POLL_S):
                await self._hurry.wait()

    async def _listen(self) -> None:
        """Take in replies for as long as the process lives; with Redis away, try again and again."""
        while True:
            started = monotonic()
            try:
                await self._subscribe()
            except (RedisError, OSError) as error:
                logger.warning("no replies for now: %s", error)
            self._listening = False
            await asyncio.sleep(max(0.0, started + RECONNECT_S - monotonic()))

    async def _subscribe(self) -> None:
        async with self._redis.pubsub(ignore_subscribe_messages=True) as subscription:
            await subscription.subscribe(self._channel)
            self._listening = True
            async for message in subscription.listen():
                self._take(message["data"])

    def _take(self, data: bytes) -> None:
        try:
            batch = decode_replies(data)
        except msgspec.DecodeError:
            logger.exception("no reply: %r", data[:200])
            return
        inboxes: dict[int, Inbox] = {}
        latest: dict[Credit, int] = {}
        for outcome in batch.outcomes:
            waiting = self._waiting.pop(outcome.command_id, None)
            if waiting is not None:
                inbox, index, credit, number = waiting
                inbox.decided(index, outcome)
                inboxes[id(inbox)] = inbox
                latest[credit] = number
        now = monotonic()
        for credit, number in latest.items():
            credit.decided(number, now)
        for inbox in inboxes.values():
            inbox.flush(batch.token)
