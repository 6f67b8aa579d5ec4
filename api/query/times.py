"""Times and days as they are asked for: RFC 3339 in, microseconds and days since 1970 out."""

from datetime import UTC, date, datetime, timedelta
from http import HTTPStatus
from typing import Annotated, NamedTuple

import msgspec
from litestar.openapi.spec import Example
from litestar.params import QueryParameter
from msgspec import Meta

from api.problems import Problem
from api.query.decimals import EPOCH
from domain.market import DAY_US

US_MAX = 10**17 - 1  # as many digits as a page key has: the year 5138
DAYS_MAX = US_MAX // DAY_US

From = Annotated[
    str | None,
    QueryParameter(
        name="from",
        description="The first moment, RFC 3339, with its offset from UTC.",
        schema_extra={"format": "date-time"},
        examples=[Example(value="2026-01-31T00:00:00Z")],
    ),
]
To = Annotated[
    str | None,
    QueryParameter(
        name="to",
        description="The moment before which it ends: this one is no longer included.",
        schema_extra={"format": "date-time"},
        examples=[Example(value="2026-02-01T00:00:00Z")],
    ),
]
_FIRST_DAY = QueryParameter(
    name="from",
    description="The first UTC day, included.",
    schema_extra={"format": "date"},
    examples=[Example(value="2026-01-01")],
)
_LAST_DAY = QueryParameter(
    name="to",
    description="The last UTC day, included.",
    schema_extra={"format": "date"},
    examples=[Example(value="2026-01-31")],
)
FirstDay = Annotated[str, _FIRST_DAY]
LastDay = Annotated[str, _LAST_DAY]
FromDay = Annotated[str | None, _FIRST_DAY]
ToDay = Annotated[str | None, _LAST_DAY]

_Aware = Annotated[datetime, Meta(tz=True)]


class Span(NamedTuple):
    """From ``first_us`` until just before ``until_us``, in microseconds since 1970."""

    first_us: int
    until_us: int


class Days(NamedTuple):
    """Days since 1970, both included."""

    first: int
    last: int


def span_of(since: str | None, until: str | None) -> Span:
    """Return what lies between two times; ``None``: without such a bound. Raises ``Problem`` (400)."""
    first = 0 if since is None else _us_of("from", since)
    end = US_MAX if until is None else _us_of("to", until)
    if first > end and since is not None:
        raise wrong(f"from: {since} is after to: {until}; exchange the two")
    return Span(first, end)


def days_of(since: str | None, until: str | None) -> Days:
    """Return the days between two, both included. Raises ``Problem`` (400)."""
    first = 0 if since is None else _day_of("from", since)
    last = DAYS_MAX if until is None else _day_of("to", until)
    if first > last and since is not None and until is not None:
        raise wrong(f"from: {since} is after to: {until}; exchange the two")
    return Days(max(first, 0), max(last, -1))


def _day_of(name: str, text: str) -> int:
    try:
        return (msgspec.convert(text, date) - EPOCH.date()).days
    except msgspec.ValidationError:
        raise wrong(f"{name}: {text!r} is no day such as 2026-01-31") from None


def _us_of(name: str, text: str) -> int:
    try:
        moment = msgspec.convert(text.upper(), _Aware)
    except msgspec.ValidationError:
        raise wrong(f"{name}: {text!r} is no time of RFC 3339 such as 2026-01-31T12:00:00Z") from None
    since = moment.replace(tzinfo=UTC) - EPOCH - (moment.utcoffset() or timedelta())
    us = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    return min(max(us, 0), US_MAX)


def wrong(detail: str) -> Problem:
    return Problem(HTTPStatus.BAD_REQUEST, "invalid_request", detail)
