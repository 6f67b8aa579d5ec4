"""Token buckets in Redis, shared by all processes: one script takes tokens, or refuses, in one step.

A bucket holds ``burst`` tokens, and gets ``per_s`` of them back each second, by Redis's own clock: no two
processes have to agree on the time. It forgets itself once it would be full again.

A process takes tokens in small blocks, on lease, so that a busy client costs one question for many requests.
What is leased is taken: however many processes there are, together they never give away more than the
bucket holds. What is left of a lease after a second is lost, to the client's disadvantage, and is at most a
twentieth of the burst; a client that asks now and then is leased nothing.
"""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field
from math import ceil
from time import monotonic
from typing import NamedTuple, Protocol

import redis.asyncio
from redis.exceptions import RedisError

KEY_PREFIX = "rate"
LEASE_S = 1.0
LEASE_SHARE = 20
"""A lease is at most so small a part of the burst."""
BUCKETS_MAX = 20_000
"""That a process remembers; the least recently used go first."""
REDIS_CONNECTIONS_MAX = 16
REDIS_WAIT_S = 0.25
AGAIN_S = 1.0
"""After Redis did not answer, so long nobody asks it."""

_TAKE = """
local burst, per_s = tonumber(ARGV[1]), tonumber(ARGV[2])
local cost, wanted, floor = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local kept = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens = tonumber(kept[1]) or burst
local gone = math.max(0, now - (tonumber(kept[2]) or now))
tokens = math.min(burst, tokens + gone * per_s / 1000000)
local granted = 0
if tokens - cost >= floor then
    granted = math.max(cost, math.min(wanted, math.floor(tokens)))
    tokens = tokens - granted
    redis.call('HSET', KEYS[1], 'tokens', string.format('%.6f', tokens), 'at', string.format('%.0f', now))
    redis.call('PEXPIRE', KEYS[1], math.ceil((burst - tokens) / per_s * 1000) + 1000)
end
return {granted, math.floor(tokens)}
"""


@dataclass(frozen=True)
class Policy:
    """``name``: what is counted by; ``per_s``: tokens that come back a second; ``burst``: all there are."""

    name: str
    per_s: float
    burst: int

    @property
    def window_s(self) -> int:
        return ceil(self.burst / self.per_s)

    def share(self, percent: int) -> "Policy":
        return Policy(self.name, self.per_s * percent / 100, max(1, self.burst * percent // 100))


class Verdict(NamedTuple):
    """Whether the tokens were there; ``remaining``: how many are now; ``after_s``: when to ask again."""

    granted: bool
    remaining: int
    after_s: float = 0.0


class Store(Protocol):
    """Where buckets are shared."""

    async def take(self, key: str, policy: Policy, cost: int, wanted: int, floor: int) -> tuple[int, int]:
        """Return how many tokens were granted: none, or ``cost`` to ``wanted``; and how many are left.

        Raises ``OSError``, ``TimeoutError`` or ``RedisError`` if it cannot be told.
        """

    async def close(self) -> None:
        """Let go of what it holds."""


class RedisStore:
    """Buckets in the Redis at ``url``."""

    def __init__(self, url: str) -> None:
        pool = redis.asyncio.BlockingConnectionPool.from_url(
            url,
            max_connections=REDIS_CONNECTIONS_MAX,
            timeout=REDIS_WAIT_S,
            socket_connect_timeout=REDIS_WAIT_S,
            socket_timeout=REDIS_WAIT_S,
        )
        self._redis = redis.asyncio.Redis.from_pool(pool)
        self._take = self._redis.register_script(_TAKE)

    async def take(self, key: str, policy: Policy, cost: int, wanted: int, floor: int) -> tuple[int, int]:
        arguments = [policy.burst, policy.per_s, cost, wanted, floor]
        async with asyncio.timeout(REDIS_WAIT_S):
            granted, left = await self._take(keys=[f"{KEY_PREFIX}:{key}"], args=arguments)
        return int(granted), int(left)

    async def close(self) -> None:
        await self._redis.aclose()


@dataclass(slots=True)
class _Bucket:
    """What this process has leased of a bucket, and what it knows of the rest."""

    leased: int = 0
    until: float = 0.0
    block: int = 0
    left: float = 0.0
    left_at: float = float("-inf")
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)


class Buckets:
    """Takes tokens from shared buckets, by way of leases; for one event loop.

    While the store is away each process goes by buckets of its own, of ``alone_percent`` of the size: never
    open, and never closed to all. What may ``overdraw`` then always passes.
    """

    def __init__(self, store: Store, alone_percent: int) -> None:
        self._store = store
        self._alone_percent = alone_percent
        self._buckets: OrderedDict[tuple[str, str], _Bucket] = OrderedDict()
        self._alone: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()
        self._away_until = float("-inf")

    async def close(self) -> None:
        await self._store.close()

    def leased(self, policy: Policy, key: str, cost: int) -> Verdict | None:
        """Take from what is leased already; ``None``: that is not enough."""
        bucket = self._buckets.get((policy.name, key))
        if bucket is None or bucket.leased < cost or monotonic() >= bucket.until:
            return None
        bucket.leased -= cost
        return Verdict(granted=True, remaining=int(_left(bucket, policy)) + bucket.leased)

    async def take(self, policy: Policy, key: str, cost: int, *, overdraw: bool = False) -> Verdict:
        """Take ``cost`` tokens; with ``overdraw`` the bucket may fall as far below nothing as it is deep."""
        if cost > policy.burst:
            return Verdict(granted=False, remaining=0, after_s=policy.window_s)
        bucket = self._bucket((policy.name, key))
        async with bucket.asking:
            if (verdict := self.leased(policy, key, cost)) is not None:
                return verdict
            if not overdraw and (left := _left(bucket, policy)) + 1 < cost:
                return _refusal(policy, cost, left)
            return await self._ask(policy, key, bucket, cost, overdraw=overdraw)

    async def _ask(self, policy: Policy, key: str, bucket: _Bucket, cost: int, *, overdraw: bool) -> Verdict:
        if monotonic() < self._away_until:
            return self._decide_alone(policy, key, cost, overdraw=overdraw)
        used_up = monotonic() < bucket.until
        bucket.block = min(max(2 * bucket.block, 2 * cost), policy.burst // LEASE_SHARE) if used_up else 0
        floor = -policy.burst if overdraw else 0
        try:
            granted, left = await self._store.take(
                f"{policy.name}:{key}", policy, cost, cost + bucket.block, floor
            )
        except (RedisError, OSError, TimeoutError):
            self._away_until = monotonic() + AGAIN_S
            return self._decide_alone(policy, key, cost, overdraw=overdraw)
        bucket.left, bucket.left_at = left, monotonic()
        if not granted:
            return _refusal(policy, cost, left)
        bucket.leased = granted - cost
        bucket.until = monotonic() + LEASE_S
        return Verdict(granted=True, remaining=max(0, left) + bucket.leased)

    def _decide_alone(self, policy: Policy, key: str, cost: int, *, overdraw: bool) -> Verdict:
        own, name, now = policy.share(self._alone_percent), (policy.name, key), monotonic()
        tokens, at = self._alone.pop(name, (float(own.burst), now))
        tokens = min(own.burst, tokens + (now - at) * own.per_s)
        granted = overdraw or tokens >= cost
        if granted:
            tokens = max(0.0, tokens - cost)
        self._alone[name] = tokens, now
        if len(self._alone) > BUCKETS_MAX:
            self._alone.popitem(last=False)
        after_s = 0.0 if granted else max(_after_s(own, cost, tokens), AGAIN_S)
        return Verdict(granted, int(tokens), after_s)

    def _bucket(self, name: tuple[str, str]) -> _Bucket:
        bucket = self._buckets.get(name)
        if bucket is None:
            bucket = self._buckets[name] = _Bucket()
            if len(self._buckets) > BUCKETS_MAX:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(name)
        return bucket


def _refusal(policy: Policy, cost: int, left: float) -> Verdict:
    return Verdict(granted=False, remaining=max(0, int(left)), after_s=_after_s(policy, cost, left))


def _left(bucket: _Bucket, policy: Policy) -> float:
    """Return how many tokens there are in the store at most: others may have taken some meanwhile."""
    return min(policy.burst, bucket.left + (monotonic() - bucket.left_at) * policy.per_s)


def _after_s(policy: Policy, cost: int, left: float) -> float:
    return max(0.0, cost - left) / policy.per_s
