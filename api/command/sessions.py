"""Sessions: connections whose orders end with them, also if this process dies with them.

Redis holds, for each API process, its sessions and a lease that the process renews. Where a lease has run
out, another process (or the successor of the dead one) cancels the orders of its sessions. Redis itself may
be empty or away: then a connection's orders end with it all the same, only the death of the process is then
noticed by nobody.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any
from uuid import uuid4

import msgspec
import redis.asyncio
from redis.exceptions import RedisError

from api.command import bounds
from api.command.directory import DEFAULT_SHARD
from api.command.gateway import Gateway, UnavailableError
from api.command.intake import Intake

logger = logging.getLogger(__name__)

PROCESSES = "sessions:processes"
RETRY_S = 0.2
RETRY_S_MAX = 5.0
REDIS_WAIT_S = 2.0


class Session(msgspec.Struct):
    """Who opened it, for which accounts it has orders, and on which shards."""

    actor: str
    accounts: list[str]
    shards: list[int] = msgspec.field(default_factory=lambda: [DEFAULT_SHARD])


class Sessions:
    """The sessions of this process; ``on_reaped`` is called if others took this process for dead."""

    def __init__(self, gateway: Gateway, intake: Intake, redis_url: str) -> None:
        self.on_reaped: Callable[[], None] = lambda: None
        self._gateway = gateway
        self._intake = intake
        self._redis = redis.asyncio.Redis.from_url(
            redis_url, socket_connect_timeout=REDIS_WAIT_S, socket_timeout=REDIS_WAIT_S
        )
        self._process = uuid4().hex
        self._own: dict[str, Session] = {}
        self._keeping: asyncio.Task[None] | None = None
        self._ending: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self._keeping = asyncio.create_task(self._keep())

    async def stop(self) -> None:
        """End, bounded, the sessions of the connections just closed; what is left is left to others."""
        if self._keeping is not None:
            self._keeping.cancel()
        if self._ending:
            await asyncio.wait(self._ending, timeout=bounds.ENDING_MS_MAX / 1000)
        for task in self._ending:
            task.cancel()
        await asyncio.gather(*self._ending, return_exceptions=True)
        await self._redis.aclose()

    async def remember(
        self, session: str, actor: str, accounts: Sequence[str], shards: Sequence[int] = (DEFAULT_SHARD,)
    ) -> None:
        """Note, if Redis answers in time, that orders of these accounts, on these shards, are to end with
        ``session``.
        """
        self._own[session] = Session(actor, list(accounts), list(shards))
        value = msgspec.json.encode(self._own[session])
        try:
            async with asyncio.timeout(bounds.REMEMBER_MS_MAX / 1000):
                await _answer(self._redis.hset(_sessions_key(self._process), session, value))
        except (RedisError, OSError, TimeoutError) as error:
            logger.warning("session %s is not noted in Redis for now: %s", session, error)

    def end(self, session: str) -> None:
        """Cancel the orders of a session whose connection is lost; again and again until that is decided.

        They cannot overtake the session's orders: one producer, one partition, and those were sent before.
        """
        found = self._own.get(session)
        if found is not None:
            task = asyncio.create_task(self._end(session, found))
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    async def _end(self, session: str, found: Session) -> None:
        await self._cancel(session, found)
        self._own.pop(session, None)
        try:
            await _answer(self._redis.hdel(_sessions_key(self._process), session))
        except (RedisError, OSError) as error:
            logger.info("session %s is not forgotten in Redis: %s", session, error)

    async def _cancel(self, session: str, found: Session) -> None:
        """Each shard by itself: one that does not answer holds no other up."""
        await asyncio.gather(*(self._cancel_on(shard, session, found) for shard in found.shards))

    async def _cancel_on(self, shard: int, session: str, found: Session) -> None:
        wait_s = RETRY_S
        while True:
            try:
                commands = self._intake.end_session(found.actor, session, found.accounts)
                answer = await self._gateway.send(commands, shard)
                if None not in answer.outcomes:
                    return
            except UnavailableError as error:
                logger.warning("session %s is not ended yet: %s", session, error)
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, RETRY_S_MAX)

    # --- The lease ---------------------------------------------------------------------------------------

    async def _keep(self) -> None:
        while True:
            try:
                await self._renew()
                await self._end_those_of_the_dead()
            except (RedisError, OSError) as error:
                logger.warning("no leases for now: %s", error)
            await asyncio.sleep(bounds.LEASE_RENEW_MS / 1000)

    async def _renew(self) -> None:
        """Say that this process lives, and all its sessions again: Redis may have lost them."""
        if await self._redis.exists(_reaped_key(self._process)):
            logger.error("this process was taken for dead; its sessions are closed")
            self._process = uuid4().hex
            self._own.clear()
            self.on_reaped()
        pipeline: Any = self._redis.pipeline(transaction=True)
        pipeline.sadd(PROCESSES, self._process)
        pipeline.set(_lease_key(self._process), "", px=bounds.LEASE_MS)
        if self._own:
            mapping = {name: msgspec.json.encode(session) for name, session in self._own.items()}
            pipeline.hset(_sessions_key(self._process), mapping=mapping)
        await pipeline.execute()

    async def _end_those_of_the_dead(self) -> None:
        for process in await _answer(self._redis.smembers(PROCESSES)):
            name = process.decode()
            if name != self._process and not await self._redis.exists(_lease_key(name)):
                await self._reap(name)

    async def _reap(self, process: str) -> None:
        """End a dead process's sessions, unless another one does; if this one dies too, another will."""
        if not await self._redis.set(f"{_reaped_key(process)}:by", "", nx=True, px=bounds.CLAIM_MS):
            return
        await self._redis.set(_reaped_key(process), "", ex=3_600)
        found = await _answer(self._redis.hgetall(_sessions_key(process)))
        if found:
            logger.warning("an API process died; ending its %s sessions", len(found))
        for session, value in found.items():
            await self._cancel(session.decode(), msgspec.json.decode(value, type=Session))
        pipeline: Any = self._redis.pipeline(transaction=True)
        pipeline.delete(_sessions_key(process))
        pipeline.srem(PROCESSES, process)
        await pipeline.execute()


def _sessions_key(process: str) -> str:
    return f"sessions:{process}"


def _lease_key(process: str) -> str:
    return f"sessions:{process}:lease"


def _reaped_key(process: str) -> str:
    return f"sessions:{process}:reaped"


async def _answer(asked: Any) -> Any:
    """The client's types cannot tell its asynchronous answers from its synchronous ones."""
    return await asked
