"""The answers to requests that came with an Idempotency-Key, kept beside the event store.

A key is one subject's. Whoever claims it first carries the request out; who comes meanwhile is told that it
is under way, who comes later gets the same answer. They are in PostgreSQL, not in a cache: one that
loses a key would let its request be done twice.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple
from uuid import uuid4

from psycopg import AsyncConnection

CONNECT_WAIT_S = 3
ANSWER_MS_MAX = 3_000
CONNECTIONS_MAX = 16
UNDER_WAY_S_MAX = 60
"""Whoever has held a key for so long without an answer is dead: somebody else may have it."""
KEPT_DAYS = 30
FORGOTTEN_AT_A_TIME = 100

_CLAIM = """
    INSERT INTO idempotency_keys AS held (subject, key, fingerprint, claim)
    VALUES (%(subject)s, %(key)s, %(fingerprint)s, %(claim)s)
    ON CONFLICT (subject, key) DO UPDATE SET claim = excluded.claim, claimed_at = clock_timestamp()
    WHERE held.status IS NULL AND held.fingerprint = excluded.fingerprint
      AND held.claimed_at < clock_timestamp() - make_interval(secs => %(under_way_s)s)
    RETURNING 1
"""
_HELD = """
    SELECT fingerprint, status, body FROM idempotency_keys WHERE subject = %(subject)s AND key = %(key)s
"""
_KEEP = """
    UPDATE idempotency_keys SET status = %(status)s, body = %(body)s
    WHERE subject = %(subject)s AND key = %(key)s AND claim = %(claim)s
"""
_RELEASE = """
    DELETE FROM idempotency_keys
    WHERE subject = %(subject)s AND key = %(key)s AND claim = %(claim)s AND status IS NULL
"""
_FORGET = """
    DELETE FROM idempotency_keys WHERE (subject, key) IN (
        SELECT subject, key FROM idempotency_keys
        WHERE claimed_at < clock_timestamp() - make_interval(days => %(days)s) LIMIT %(most)s
    )
"""


class Held(NamedTuple):
    """What a key was used for before: ``status`` and ``body`` of the answer, none while it is under way."""

    fingerprint: bytes
    status: int | None
    body: bytes | None


class Claim(NamedTuple):
    """The right to carry a request out, once."""

    subject: str
    key: str
    claim: str


class IdempotencyKeys:
    """The keys in the event store at ``dsn``. It connects anew each time: such requests are few.

    Its methods raise ``psycopg.Error``, ``OSError`` or ``TimeoutError`` if the store does not answer.
    """

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._room = asyncio.Semaphore(CONNECTIONS_MAX)

    async def claim(self, subject: str, key: str, fingerprint: bytes) -> Claim | Held:
        """Return the claim, or what the key was used for before."""
        claim = Claim(subject, key, uuid4().hex)
        asked = {**claim._asdict(), "fingerprint": fingerprint, "under_way_s": UNDER_WAY_S_MAX}
        async with self._connected() as connection:
            await connection.execute(_FORGET, {"days": KEPT_DAYS, "most": FORGOTTEN_AT_A_TIME})
            if await (await connection.execute(_CLAIM, asked)).fetchone() is not None:
                return claim
            row = await (await connection.execute(_HELD, asked)).fetchone()
        # Released between the two looks: to whoever asks again it is free.
        return Held(fingerprint, None, None) if row is None else Held(*row)

    async def keep(self, claim: Claim, status: int, body: bytes) -> None:
        """Keep the answer for whoever asks again."""
        async with self._connected() as connection:
            await connection.execute(_KEEP, {**claim._asdict(), "status": status, "body": body})

    async def release(self, claim: Claim) -> None:
        """Give the key back: nothing was done."""
        async with self._connected() as connection:
            await connection.execute(_RELEASE, claim._asdict())

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[AsyncConnection]:
        connecting = AsyncConnection.connect(
            self._dsn,
            autocommit=True,
            connect_timeout=CONNECT_WAIT_S,
            options=f"-c statement_timeout={ANSWER_MS_MAX}",
            application_name="oms-idempotency",
        )
        most_s = CONNECT_WAIT_S + 3 * ANSWER_MS_MAX / 1000
        async with self._room, asyncio.timeout(most_s), await connecting as connection:
            yield connection
