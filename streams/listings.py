"""Listings: which market is on which shard, as the event store tells it, and claims on what is to be listed.

Where a market is, an event says (``MarketListed``, in the history of its shard), so the directory is read
from the store itself: it is as new as the last commit. A shard knows only its own markets. So that no two
shards list one symbol, or one asset with two scales, who sends a listing first claims both, in the same store
(docs/adr/0012).
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Literal, NamedTuple

from psycopg import AsyncConnection

from domain.market import MarketListed, MarketRules
from streams.codec import decode_recorded

CONNECT_WAIT_S = 3
ANSWER_MS_MAX = 3_000

# As the index `events_listings` has it (commands/schema.py): else every event would be looked at.
_LISTINGS = "SELECT shard, state FROM events WHERE starts_with(topic, 'MarketListed.')"
_CLAIM = """
    INSERT INTO listing_claims AS held (kind, name, value) VALUES (%(kind)s, %(name)s, %(value)s)
    ON CONFLICT (kind, name) DO UPDATE SET claims = held.claims + 1 WHERE held.value = excluded.value
    RETURNING value
"""
_HELD = "SELECT value FROM listing_claims WHERE kind = %(kind)s AND name = %(name)s"
_RELEASE = """
    UPDATE listing_claims SET claims = claims - 1
    WHERE kind = %(kind)s AND name = %(name)s AND value = %(value)s
"""
_FORGET = "DELETE FROM listing_claims WHERE kind = %(kind)s AND name = %(name)s AND claims <= 0"


class Claim(NamedTuple):
    """``market``: the symbol ``name`` is on shard ``value``; ``asset``: ``name`` has scale ``value``."""

    kind: Literal["asset", "market"]
    name: str
    value: int


class ClaimedError(Exception):
    """Somebody else has claimed it with another value; ``held`` is what they claimed."""

    def __init__(self, asked: Claim, held: Claim) -> None:
        super().__init__(f"{asked.kind} {asked.name} is claimed with {held.value}, not {asked.value}")
        self.asked = asked
        self.held = held


class ListingStore:
    """The listings in the event store at ``dsn``. It connects anew each time: listings are read seldom.

    Its methods raise ``psycopg.Error``, ``OSError`` or ``TimeoutError`` if the store does not answer.
    """

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    async def read(self) -> list[tuple[int, MarketRules]]:
        """Return every market that was ever listed, as it was listed then, with its shard."""
        async with connected(self._dsn, "oms-listings") as connection:
            rows = await (await connection.execute(_LISTINGS, binary=True)).fetchall()
        return [(shard, _rules(state)) for shard, state in rows]

    async def claim(self, claims: Sequence[Claim]) -> None:
        """Claim all of it, or nothing. Raises ``ClaimedError``. The same claim may be made again."""
        async with connected(self._dsn, "oms-listings") as connection, connection.transaction():
            for claim in sorted(claims):  # always in one order: two claims then never wait for each other
                fields = claim._asdict()
                if await (await connection.execute(_CLAIM, fields)).fetchone() is None:
                    row = await (await connection.execute(_HELD, fields)).fetchone()
                    raise ClaimedError(claim, claim._replace(value=int(row[0]) if row else -1))

    async def release(self, claims: Sequence[Claim]) -> None:
        """Take the claims back: nothing was listed. What others claim as well stays claimed."""
        async with connected(self._dsn, "oms-listings") as connection, connection.transaction():
            for claim in sorted(claims):
                await connection.execute(_RELEASE, claim._asdict())
                await connection.execute(_FORGET, claim._asdict())


@asynccontextmanager
async def connected(dsn: str, name: str) -> AsyncIterator[AsyncConnection]:
    """Connect to the event store under ``name``, for a few short statements."""
    connecting = AsyncConnection.connect(
        dsn,
        autocommit=True,
        connect_timeout=CONNECT_WAIT_S,
        options=f"-c statement_timeout={ANSWER_MS_MAX}",
        application_name=name,
    )
    # the store's own bound does not help where the network swallows what is sent
    async with asyncio.timeout(CONNECT_WAIT_S + 2 * ANSWER_MS_MAX / 1000):
        async with await connecting as connection:
            yield connection


def claims_of(symbol: str, shard: int, scales: Mapping[str, int]) -> list[Claim]:
    """Return what a listing claims: its symbol for its shard, its assets' scales."""
    return [
        Claim("market", symbol, shard),
        *(Claim("asset", asset, scale) for asset, scale in scales.items()),
    ]


def _rules(state: bytes) -> MarketRules:
    event = decode_recorded(state).event
    assert isinstance(event, MarketListed), "the query asks for no other"  # noqa: S101 - an invariant
    return event.rules
