"""How fresh an answer is, and waiting until it is fresh enough: read-your-writes.

A write's answer carries a token that names how far its events go. A query that comes with it waits, bounded,
until the projection it reads has come so far, and only on the places that projection is fed from.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from time import monotonic, time_ns

from pymongo.database import Database

from api.problems import Problem
from api.query.decimals import time_of
from projections import caught_up, progress
from projections.progress import Mark
from projections.projection import Document
from streams.progress import Place, read_token
from streams.sources import SOURCES

SEQ_HEADER, AS_OF_HEADER, LAG_HEADER = "OMS-Seq", "OMS-As-Of", "OMS-Lag-Ms"
LAG_READ_MS_MIN = 200  # how often it is looked up at most, for each projection


@dataclass(frozen=True)
class Freshness:
    """``wait_ms_max``: how long a query waits for what its token names; it looks every ``poll_ms``."""

    database: Database[Document]
    wait_ms_max: int
    poll_ms: int
    known_lag: dict[str, tuple[float, int | None]] = field(default_factory=dict)

    async def reach_all(self, projections: Sequence[str], after: str | None) -> dict[str, str]:
        """Wait for each of them. Return the headers of the first: that is what the answer is about."""
        headers = await self.reach(projections[0], after)
        if after:
            for projection in projections[1:]:
                await self.reach(projection, after)
        return headers

    async def reach(self, projection: str, after: str | None) -> dict[str, str]:
        """Wait until ``projection`` shows what the token ``after`` names. Return the headers that say how
        fresh it is: ``OMS-Seq`` ("<shard>:<seq>", the last event it has seen of each shard), ``OMS-As-Of``
        (when the latest of these happened) and ``OMS-Lag-Ms`` (all that was published longer ago than that
        is in the answer).

        Raises ``Problem``: 400 for what is no token, 503 if the wait was not long enough.
        """
        needed = _needed(projection, after)
        deadline = monotonic() + self.wait_ms_max / 1000
        while True:
            marks = await asyncio.to_thread(progress.read, self.database, projection)
            if _reached(marks, needed):
                return _headers(marks) | await asyncio.to_thread(self._lag, projection)
            if monotonic() >= deadline:
                raise _not_yet_visible(projection, self.wait_ms_max)
            await asyncio.sleep(self.poll_ms / 1000)

    def _lag(self, projection: str) -> dict[str, str]:
        """Return the header; none where no worker ever told how late it is."""
        read_at, oldest_us = self.known_lag.get(projection, (float("-inf"), None))
        if monotonic() - read_at > LAG_READ_MS_MIN / 1000:
            oldest_us = caught_up.oldest_us(self.database, projection, SOURCES[projection])
            self.known_lag[projection] = (monotonic(), oldest_us)
        if oldest_us is None:
            return {}
        return {LAG_HEADER: str(max(0, time_ns() // 1_000 - oldest_us) // 1_000)}


def _needed(projection: str, after: str | None) -> dict[Place, int]:
    try:
        token = read_token(after or "")
    except ValueError as error:
        raise Problem(HTTPStatus.BAD_REQUEST, "invalid_request", f"after: {error}") from None
    return {place: seq for place, seq in token.items() if place.topic == SOURCES[projection]}


def _reached(marks: Iterable[Mark], needed: Mapping[Place, int]) -> bool:
    if not needed:
        return True
    seen = {Place(mark.topic, mark.partition, mark.shard): mark.seq for mark in marks}
    return all(seen.get(place, 0) >= seq for place, seq in needed.items())


def _headers(marks: list[Mark]) -> dict[str, str]:
    if not marks:
        return {}
    last: dict[int, int] = {}
    for mark in marks:
        last[mark.shard] = max(mark.seq, last.get(mark.shard, 0))
    return {
        SEQ_HEADER: ",".join(f"{shard}:{seq}" for shard, seq in sorted(last.items())),
        AS_OF_HEADER: time_of(max(mark.occurred_at_us for mark in marks)),
    }


def _not_yet_visible(projection: str, waited_ms: int) -> Problem:
    return Problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "not_yet_visible",
        f"{projection} did not show after {waited_ms} ms what the token names",
        headers={"Retry-After": "1"},
    )
