"""Lists: a page of one in JSON, or all of it as CSV or Parquet."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

import msgspec
from litestar import Request, Response
from litestar.di import NamedDependency
from litestar.openapi.spec import Example
from litestar.params import FromQuery, QueryParameter
from litestar.response import Stream

from api.query.controllers import PAGE_DEFAULT, PAGE_MAX, AfterHeader, AfterQuery, Reader
from api.query.exports import TABLES, Format, Item, Listing
from api.query.scoped_cursors import LENGTH_MAX, Key, read_cursor, write_cursor

T = TypeVar("T")
R = TypeVar("R", bound=msgspec.Struct)

SCANNED_MAX = 10_000  # of one page: what is looked at and does not fit is not told, but costs as much
ACCOUNTS_MAX = 100

CSV, PARQUET, JSON = "text/csv", "application/vnd.apache.parquet", "application/json"
MEDIA: dict[str, Format] = {JSON: "json", CSV: "csv", PARQUET: "parquet"}
TYPES = {name: media for media, name in MEDIA.items()}


@dataclass(frozen=True)
class Form:
    """How an answer is to look, and what it must have seen."""

    format: Format
    token: str | None


Forms = NamedDependency[Form]


@dataclass(frozen=True)
class Asked:
    """What may be asked of every list."""

    limit: int
    cursor: str | None
    form: Form


async def form_of(
    request: Request[Any, Any, Any],
    format_: Annotated[
        Format | None,
        QueryParameter(
            name="format",
            description="Wins over the header Accept. A list in CSV or Parquet has all there is, "
            "from the cursor on.",
            examples=[Example(value="csv")],
        ),
    ] = None,
    after: AfterQuery = None,
    read_after: AfterHeader = None,
) -> Form:
    return Form(format_ or accepted(request), after or read_after)


async def asked_of(
    form: Forms,
    limit: Annotated[
        int, QueryParameter(ge=1, le=PAGE_MAX, description="How many a page of JSON has at most.")
    ] = PAGE_DEFAULT,
    cursor: Annotated[
        str | None,
        QueryParameter(
            min_length=1,
            max_length=LENGTH_MAX,
            description="`next_cursor` of the page before; all else asked for must be the same.",
        ),
    ] = None,
) -> Asked:
    return Asked(limit, cursor, form)


Asks = NamedDependency[Asked]
AccountsQuery = Annotated[
    list[str] | None,
    QueryParameter(
        name="account",
        max_items=ACCOUNTS_MAX,
        description="Of these accounts; may be repeated. Without: of all that you may see.",
    ),
]
SymbolQuery = FromQuery[str | None]


def accepted(request: Request[Any, Any, Any]) -> Format:
    """Return the format that the header Accept likes best; JSON where it names none of ours."""
    return MEDIA[request.accept.best_match(list(MEDIA), default=JSON) or JSON]


async def answer(
    reader: Reader, listing: Listing, asked: Asked, page: Callable[[list[Any], str | None], T]
) -> Response[T]:
    """Return a page of the list as JSON, or all of it as a stream, once it is fresh enough.

    Raises ``Problem``.
    """
    last = read_cursor(asked.cursor, _scope(listing), listing.keys) if asked.cursor else None
    headers = await reader.freshness.reach_all(listing.projections, asked.form.token)
    if asked.form.format == "json":
        return Response(await asyncio.to_thread(_page, listing, last, asked.limit, page), headers=headers)
    reader.exports.check()
    if listing.count is not None:
        headers["OMS-Rows-Max"] = str(await asyncio.to_thread(listing.count))
    headers["Content-Disposition"] = f'attachment; filename="{listing.name}.{asked.form.format}"'
    pieces = reader.exports.pieces(listing, last, asked.form.format)
    streamed: Any = Stream(pieces, media_type=TYPES[asked.form.format], headers=headers)
    return streamed  # type: ignore[no-any-return] # the same answer in another form


def _page(listing: Listing, last: Any, limit: int, page: Callable[[list[Any], str | None], T]) -> T:
    found, key = _some(listing.items(last, limit + 1), limit)
    return page(listing.views(found), None if key is None else write_cursor(_scope(listing), key))


def _some(items: Iterator[Item], limit: int) -> tuple[list[Any], Key | None]:
    """Return up to ``limit`` of what was found, and the key to go on from; ``None``: that was all."""
    found: list[Any] = []
    last: Key | None = None
    for scanned, item in enumerate(items, start=1):
        if item.found is not None:
            if len(found) == limit:
                return found, last
            found.append(item.found)
        last = item.key
        if scanned == SCANNED_MAX:
            return found, last
    return found, None


def _scope(listing: Listing) -> str:
    return repr((listing.name, *listing.scope))


async def answer_all(
    reader: Reader,
    form: Form,
    name: str,
    projections: tuple[str, ...],
    read: Callable[[], list[R]],
    row: type[R],
    view: Callable[[list[R]], T],
) -> Response[T]:
    """Return the rows, which are few, as JSON or as a table. Raises ``Problem``."""
    headers = await reader.freshness.reach_all(projections, form.token)
    rows = await asyncio.to_thread(read)
    if form.format == "json":
        return Response(view(rows), headers=headers)
    table = TABLES[form.format](row)
    content: Any = table.write(rows) + table.end()
    headers["Content-Disposition"] = f'attachment; filename="{name}.{form.format}"'
    return Response(content, media_type=TYPES[form.format], headers=headers)
