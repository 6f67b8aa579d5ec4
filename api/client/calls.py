"""One request to one of the APIs, what its answer is read as, and when it may be sent again."""

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Generic, Literal, TypeVar
from urllib.parse import quote, urlencode

from api.client import bounds

T = TypeVar("T")
Service = Literal["command", "query"]
Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
Auth = Callable[["Request"], Mapping[str, str]]
"""Is shown each request just before it is sent, and returns the headers that say who sends it."""

UNTOUCHED = frozenset(
    {"overloaded", "unavailable", "too_many_in_flight", "not_yet_visible", "too_many_exports"}
)
"""Codes of answers after which nothing has happened: anything may be sent again."""
UNDER_WAY = frozenset({"in_progress", "request_in_progress"})


@dataclass
class Request:
    """What is sent: ``url`` whole, with its query; ``body`` as it travels, so that it can be signed."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes = b""


@dataclass
class Answer:
    """``headers``: found by their names in any case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Call(Generic[T]):
    """``kind``: what the answer is read as; ``Answer`` for the answer itself, unread. ``repeatable``: doing
    it twice has the effect of once, so a lost answer may be asked for again.
    """

    service: Service
    method: Method
    path: str
    kind: type[T]
    body: Any = None
    params: tuple[tuple[str, str], ...] = ()
    repeatable: bool = True

    @property
    def target(self) -> str:
        return f"{self.path}?{urlencode(self.params, safe=':,')}" if self.params else self.path


@dataclass(frozen=True)
class RetryPolicy:
    """How patient a client is: ``patience_s`` in all, ``tries_max`` requests at most. Waits double from
    ``backoff_first_s`` to ``backoff_s_max``, half of each by chance; an answer's ``Retry-After`` is kept to.
    ``statuses``: after which a repeatable request is sent again. ``patience_s=0``: never.
    """

    patience_s: float = bounds.PATIENCE_S
    tries_max: int = 100
    backoff_first_s: float = bounds.BACKOFF_FIRST_S
    backoff_s_max: float = bounds.BACKOFF_S_MAX
    statuses: frozenset[int] = field(default=frozenset({429, 502, 503, 504}))

    def wait_s(self, tries: int, retry_after_s: float | None) -> float:
        """Return how long to wait after ``tries`` that failed."""
        backoff_s = min(self.backoff_first_s * 2.0 ** min(tries - 1, 20), self.backoff_s_max)
        return max(backoff_s * random.SystemRandom().uniform(0.5, 1.0), retry_after_s or 0.0)


def bearer(token: str | Callable[[], str]) -> Auth:
    """Return the auth of a bearer token, or of what gives one whenever it is asked."""
    if isinstance(token, str):
        fixed = {"Authorization": f"Bearer {token}"}
        return lambda _: fixed
    return lambda _: {"Authorization": f"Bearer {token()}"}


def path_of(*parts: str | int) -> str:
    """Return ``/v1/`` and the parts, each escaped."""
    return "/v1/" + "/".join(quote(str(part), safe="") for part in parts)


def params_of(**given: Any) -> tuple[tuple[str, str], ...]:
    """Return what was given as a query's parameters: lists by repetition, times as RFC 3339, no ``None``.

    A trailing underscore is dropped: ``from_`` asks for ``from``. Raises ``ValueError`` for a time without
    a zone.
    """
    found = []
    for name, value in given.items():
        values: Iterable[Any] = value if isinstance(value, list | tuple | set | frozenset) else [value]
        found += [(name.rstrip("_"), _text(each)) for each in values if each is not None]
    return tuple(found)


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone; give one, such as datetime.UTC")
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that an answer asks to wait, if it says so in seconds."""
    said = headers.get("Retry-After", "")
    return min(float(said), bounds.RETRY_AFTER_S_MAX) if said.isdigit() else None
