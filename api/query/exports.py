"""Exports: a whole list as a stream of CSV or Parquet, in bounded memory.

A list is walked by what it is ordered by, with queries of a bounded size, each from just after the last thing
that was seen. So a page costs what it holds, a stream holds a piece of it at a time, and what is written
meanwhile moves nothing.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from itertools import islice
from time import monotonic
from typing import Any, Literal, NamedTuple

import msgspec

from api.problems import Problem
from api.query.scoped_cursors import Key
from api.query.tables import CsvTable, ParquetTable

CHUNK_MAX = 1_000
PIECE_ROWS = 5_000

Format = Literal["json", "csv", "parquet"]
TABLES: dict[Format, Callable[[type[msgspec.Struct]], CsvTable | ParquetTable]] = {
    "csv": CsvTable,
    "parquet": ParquetTable,
}


class Item(NamedTuple):
    """Something a list came by; ``found`` is ``None`` if it is not one of those asked for."""

    key: Key
    found: Any


@dataclass(frozen=True)
class Listing:
    """A list, as it was asked for.

    ``items(last, some)`` walks it from just after the key ``last`` on, at first ``some`` at a time;
    ``views`` makes what JSON shows of what was found, ``rows`` the rows of a table of those. ``scope``
    tells what was asked for from all else; ``keys``: of what kinds a key is. ``count()``: about how many
    there are at most, where that costs nothing: counting those of a filter would cost as much as reading
    them.
    """

    name: str
    projections: tuple[str, ...]
    scope: tuple[Any, ...]
    keys: tuple[type, ...]
    items: Callable[[Any, int], Iterator[Item]]
    views: Callable[[list[Any]], list[Any]]
    row: type[msgspec.Struct]
    rows: Callable[[list[Any]], list[Any]] = list
    count: Callable[[], int] | None = None


def walk(
    read: Callable[[Any, int], list[Any]], key_of: Callable[[Any], Any], last: Any, some: int
) -> Iterator[Any]:
    """Yield what ``read(last, how many)`` returns, again and again from just after the last one's key on."""
    while found := read(last, some):
        yield from found
        if len(found) < some:
            return
        last, some = key_of(found[-1]), min(2 * some, CHUNK_MAX)


class Exports:
    """Streams that run in this process: at most ``running_max`` at a time, each for ``s_max`` seconds and
    ``rows_max`` rows at most.
    """

    def __init__(self, running_max: int, s_max: float, rows_max: int) -> None:
        self.running_max = running_max
        self.s_max = s_max
        self.rows_max = rows_max
        self.running = 0

    def check(self) -> None:
        """Raise ``Problem`` (503) if there is no room for another."""
        if self.running >= self.running_max:
            raise Problem(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "too_many_exports",
                f"{self.running} exports run in this process, and at most {self.running_max} may",
                headers={"Retry-After": "5"},
            )

    async def pieces(self, listing: Listing, last: Any, kind: Format) -> AsyncIterator[bytes]:
        """Yield the file, a piece at a time. It ends when its client is gone.

        Raises ``RuntimeError`` beyond the bounds: the answer breaks off, which the client sees.
        """
        deadline, rows = monotonic() + self.s_max, 0
        self.running += 1
        try:
            table = TABLES[kind](listing.row)
            items = listing.items(last, CHUNK_MAX)
            while found := await asyncio.to_thread(lambda: list(islice(items, PIECE_ROWS))):
                wanted = [item.found for item in found if item.found is not None]
                rows += len(wanted)
                if rows > self.rows_max or monotonic() > deadline:
                    raise RuntimeError(f"the export {listing.scope} is cut off after {rows} rows")
                yield await asyncio.to_thread(_write, listing, table, wanted)
            yield await asyncio.to_thread(table.end)
        finally:
            self.running -= 1


def _write(listing: Listing, table: CsvTable | ParquetTable, found: list[Any]) -> bytes:
    return table.write(listing.rows(listing.views(found)))
