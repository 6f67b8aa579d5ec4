"""Token buckets on a real Redis: shared by many, forgotten when full, and safe when it is away."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic
from uuid import uuid4

import pytest
import redis.asyncio

from api.token_bucket import LEASE_SHARE, Buckets, Policy, RedisStore
from stack.ports import free_ports
from stack.running import Stack

SLOW = 0.001  # tokens a second: nothing comes back during a test


@pytest.fixture
def key() -> str:
    return uuid4().hex


@asynccontextmanager
async def buckets(servers: Stack, alone_percent: int = 25, url: str | None = None) -> AsyncIterator[Buckets]:
    made = Buckets(RedisStore(url or servers.settings.redis_url), alone_percent)
    try:
        yield made
    finally:
        await made.close()


async def granted(own: Buckets, policy: Policy, key: str, times: int, cost: int = 1) -> int:
    taken = 0
    for _ in range(times):
        verdict = own.leased(policy, key, cost) or await own.take(policy, key, cost)
        taken += verdict.granted
    return taken


async def test_processes_together_never_take_more_than_there_is(servers: Stack, key: str) -> None:
    policy = Policy("test", SLOW, 1_000)
    async with buckets(servers) as one, buckets(servers) as two, buckets(servers) as three:
        asking = [granted(own, policy, key, 40) for own in (one, two, three) for _ in range(20)]
        taken = sum(await asyncio.gather(*asking))
    assert taken <= policy.burst
    assert taken >= policy.burst - 3 * policy.burst // LEASE_SHARE, "no more is lost than each may lease"


async def test_a_single_client_gets_all_there_is_and_no_more(servers: Stack, key: str) -> None:
    policy = Policy("test", SLOW, 200)
    async with buckets(servers) as own:
        assert await granted(own, policy, key, 300) == 200


async def test_tokens_come_back(servers: Stack, key: str) -> None:
    policy = Policy("test", 50, 10)
    async with buckets(servers) as own:
        assert await granted(own, policy, key, 10) == 10
        refused = await own.take(policy, key, 5)
        assert (refused.granted, 0 < refused.after_s <= 5 / 50) == (False, True)
        deadline = monotonic() + 30
        while not (await own.take(policy, key, 5)).granted:
            assert monotonic() < deadline
            await asyncio.sleep(refused.after_s)


async def test_a_busy_client_asks_redis_seldom(servers: Stack, key: str) -> None:
    asked = 0

    class Counting(RedisStore):
        async def take(self, key: str, policy: Policy, cost: int, wanted: int, floor: int) -> tuple[int, int]:
            nonlocal asked
            asked += 1
            return await super().take(key, policy, cost, wanted, floor)

    own = Buckets(Counting(servers.settings.redis_url), 25)
    policy = Policy("test", 100_000, 100_000)
    taken = await granted(own, policy, key, 2_000)
    await own.close()
    assert taken == 2_000
    assert asked < 200


async def test_who_asks_for_more_than_there_can_ever_be_is_told_so(servers: Stack, key: str) -> None:
    async with buckets(servers) as own:
        verdict = await own.take(Policy("test", 1, 10), key, 11)
        assert (verdict.granted, verdict.after_s) == (False, 10)


async def test_an_empty_bucket_can_still_be_overdrawn_and_not_without_end(servers: Stack, key: str) -> None:
    policy = Policy("test", SLOW, 10)
    async with buckets(servers) as own:
        assert await granted(own, policy, key, 12) == 10
        overdrawn = [(await own.take(policy, key, 1, overdraw=True)).granted for _ in range(12)]
        assert overdrawn == [True] * 10 + [False] * 2
        assert not (await own.take(policy, key, 1)).granted


async def test_a_bucket_is_forgotten_once_it_would_be_full(servers: Stack, key: str) -> None:
    async with buckets(servers) as own, redis.asyncio.Redis.from_url(servers.settings.redis_url) as store:
        await own.take(Policy("test", 10, 100), key, 50)
        life_ms = await store.pttl(f"rate:test:{key}")
        assert 0 < life_ms <= 5_000 + 1_000
        await own.take(Policy("test", SLOW, 100), f"{key}-untouched", 101)
        assert not await store.exists(f"rate:test:{key}-untouched"), "who is refused leaves nothing behind"


async def test_without_redis_each_process_allows_a_part_and_cancels_always_pass(
    servers: Stack, key: str
) -> None:
    policy = Policy("test", SLOW, 100)
    nowhere = f"redis://127.0.0.1:{free_ports(1)[0]}/0"
    async with buckets(servers, 25, nowhere) as own:
        assert await granted(own, policy, key, 50) == 25, "never open, and never closed to all"
        assert all([(await own.take(policy, key, 1, overdraw=True)).granted for _ in range(200)])
        refused = await own.take(policy, key, 1)
        assert (refused.granted, refused.after_s >= 1) == (False, True)
        assert await granted(own, policy, f"{key}-other", 1) == 1


async def test_a_hanging_redis_holds_nobody_up_for_long(servers: Stack, key: str) -> None:
    """A server that takes connections, and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        async with buckets(servers, 25, f"redis://127.0.0.1:{port}/0") as own, asyncio.timeout(20):
            assert await granted(own, Policy("test", SLOW, 400), key, 50) == 50
