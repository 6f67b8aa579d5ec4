"""The directory: which shard a market is on, and which assets trade there, at hand in the process.

With one shard there is nothing to look up, and nothing is ever read. With several, a symbol it does not know
is looked for in the event store, where the listing stands; not more often than every ``reread_ms_min``,
whoever asks for what. What it knows stays true: a market never moves.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from time import monotonic
from typing import Protocol

import psycopg

from api.command import bounds
from api.command.gateway import UnavailableError
from api.problems import Problem
from domain.market import MarketRules

logger = logging.getLogger(__name__)

DEFAULT_SHARD = 0
"""For what names no market, or one that nobody knows: the processor there says so."""


class Listings(Protocol):
    """Reads every market that was ever listed, with its shard."""

    async def read(self) -> list[tuple[int, MarketRules]]:
        """Raises ``psycopg.Error``, ``OSError`` or ``TimeoutError`` if they cannot be told."""


class Directory:
    """``shards``: how many there are. ``listings`` is asked only where there are several."""

    def __init__(
        self,
        shards: int = 1,
        listings: Listings | None = None,
        reread_ms_min: int = bounds.DIRECTORY_REREAD_MS_MIN,
    ) -> None:
        self.shards = shards
        self.several = shards > 1 and listings is not None
        self._listings = listings
        self._reread_s_min = reread_ms_min / 1000
        self._homes: dict[str, int] = {}
        self._scales: dict[str, dict[int, int]] = {}
        self._read_at = float("-inf")
        self._failure = ""
        self._reading: asyncio.Task[None] | None = None

    # --- What is known ------------------------------------------------------------------------------------

    def shard_of(self, symbol: str) -> int:
        """Return the market's shard; the default one's if it is not known. ``learn`` it before."""
        return self._homes.get(symbol, DEFAULT_SHARD)

    def home(self, symbol: str) -> int | None:
        return self._homes.get(symbol)

    def scale(self, asset: str) -> int | None:
        """Return how many decimals the asset has on whichever shard it trades."""
        return next(iter(self._scales.get(asset, {}).values()), None)

    def trades(self, asset: str, shard: int) -> bool:
        return shard in self._scales.get(asset, {})

    def shard_of_id(self, what: str, stream: str) -> int:
        """Return the shard that an id carries; ``what`` names it in the error. Raises ``Problem`` (400)."""
        shard = int(stream[:4], 16)
        if shard >= self.shards:
            raise Problem(
                HTTPStatus.BAD_REQUEST,
                "invalid_request",
                f"{what} was {stream!r}, which names shard {shard}; {self._there_are()}",
            )
        return shard

    def checked(self, shard: int) -> int:
        """Return a shard that somebody named. Raises ``Problem`` (400) if there is no such shard."""
        if not 0 <= shard < self.shards:
            raise Problem(
                HTTPStatus.BAD_REQUEST, "invalid_request", f"shard was {shard}; {self._there_are()}"
            )
        return shard

    def _there_are(self) -> str:
        return f"there are shards 0 to {self.shards - 1}" if self.shards > 1 else "there is only shard 0"

    # --- Learning -----------------------------------------------------------------------------------------

    def note_listed(self, shard: int, symbol: str, scales: Mapping[str, int]) -> None:
        """Take note of a listing, with its assets' scales. What is known already stays: no market moves."""
        self._homes.setdefault(symbol, shard)
        for asset, scale in scales.items():
            self._scales.setdefault(asset, {})[shard] = scale

    async def learn(self, symbols: Iterable[str], assets: Iterable[str] = ()) -> None:
        """See to it that these are known if they are listed. Raises ``UnavailableError`` if that cannot be
        told for now.
        """
        if not self.several:
            return
        unknown = [symbol for symbol in symbols if symbol not in self._homes]
        unknown += [asset for asset in assets if asset not in self._scales]
        if not unknown:
            return
        if monotonic() - self._read_at >= self._reread_s_min:
            await self.read_again()
        elif self._failure:
            raise UnavailableError(self._failure)

    async def read_again(self) -> None:
        """Read the listings as they are now. Raises ``UnavailableError``."""
        if not self.several:
            return
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read())
        # Whoever waits may give up; the reading goes on for the others.
        await asyncio.shield(self._reading)
        if self._failure:
            raise UnavailableError(self._failure)

    async def _read(self) -> None:
        assert self._listings is not None, "only asked where there are several shards"  # noqa: S101 - an invariant
        try:
            found = await self._listings.read()
        except (psycopg.Error, OSError, TimeoutError) as error:
            logger.warning("no look at the listings for now: %s", error)
            self._failure = "which shard the market is on cannot be told: the event store does not answer"
        else:
            self._failure = ""
            for shard, rules in found:
                scales = {rules.base_asset: rules.base_scale, rules.quote_asset: rules.quote_scale}
                self.note_listed(shard, rules.symbol, scales)
        self._read_at = monotonic()


ONE_SHARD = Directory()
"""Of a venue with one shard: it never knows anything, and need not."""
