"""The auditor's desk: reads the event store, and tells nothing before it is on record who looked at what."""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Annotated, TypeVar

import msgspec
import psycopg
from litestar import Request, Response, get
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import QueryParameter
from litestar.security.jwt import Token
from msgspec import Meta

from api.auth import Identity
from api.problems import Problem
from api.query.audit.machine import BrokenError, BusyError, MachineClient
from streams.audit import access
from streams.audit.histories import CursorError
from streams.audit.store import IndexBehindError, NotThereError, Store
from streams.audit.travel import PointError

logger = logging.getLogger(__name__)

T = TypeVar("T")

STEPS_MAX, STEPS_DEFAULT = 500, 100
NAME_CHARS_MAX = 200
ITEMS = ("steps", "nodes", "found", "sides", "shards", "accesses")

AskedBy = Request[Identity, Token, State]
Limit = Annotated[int, QueryParameter(ge=1, le=STEPS_MAX, description="Steps on a page, at most.")]
CursorQuery = Annotated[
    str | None,
    QueryParameter(
        pattern=r"^\d{1,18}:\d{1,18}(,\d{1,18}:\d{1,18}){0,255}$",
        description="`next_cursor` of the page before.",
    ),
]


@dataclass(frozen=True)
class AuditConfig:
    """``postgres_dsn``: the event store; ``time_machine``: the command that starts the replaying child."""

    postgres_dsn: str
    time_machine: tuple[str, ...]
    replay_wait_ms_max: int = 10_000
    """How long a query waits for a replay before it answers 503; the replay goes on."""
    index_events_max: int = 200_000
    """Events that one query indexes itself, where the audit index is behind."""
    reads_max: int = 4
    """Queries that read the event store at the same time."""
    connect_s_max: int = 5
    statement_ms_max: int = 20_000


class AuditDesk:
    """What the auditor's routes read from; one for each process."""

    def __init__(self, config: AuditConfig) -> None:
        self.config = config
        self.machine = MachineClient(config.time_machine, config.replay_wait_ms_max)
        self._turns = asyncio.Semaphore(config.reads_max)

    async def look(self, request: AskedBy, what: str, read: Callable[[Store], T]) -> Response[T]:
        """Read, write down who looked at what, then answer. Raises ``Problem``."""
        which = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        async with self._turns:
            return Response(await asyncio.to_thread(self._look, request.user.subject, what, which, read))

    def _look(self, who: str, what: str, which: str, read: Callable[[Store], T]) -> T:
        try:
            connection = self._connect()
        except psycopg.Error as error:
            logger.warning("the event store does not answer: %s", error)
            raise _unavailable("the event store does not answer") from None
        with connection:
            found: T | Problem
            try:
                found = read(Store(connection, self.config.index_events_max))
                items = items_of(found)
            except Problem as problem:
                found, items = problem, 0
            except Exception as error:
                known = _problem_of(error)
                if known is None:
                    raise
                found, items = known, 0
            _record(connection, who, what, which, items)
        if isinstance(found, Problem):
            raise found
        return found

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(
            self.config.postgres_dsn,
            autocommit=True,
            connect_timeout=self.config.connect_s_max,
            options=f"-c statement_timeout={self.config.statement_ms_max}",
        )

    def close(self) -> None:
        self.machine.close()


Desk = NamedDependency[AuditDesk]


def items_of(found: object) -> int:
    """Return how many things an answer shows."""
    return sum(len(getattr(found, name, ())) for name in ITEMS) or 1


def _record(connection: psycopg.Connection, who: str, what: str, which: str, items: int) -> None:
    try:
        access.record(connection, time.time_ns() // 1_000, who, "api", what, which, items)
    except psycopg.Error as error:
        logger.warning("the record of accesses could not be written: %s", error)
        raise Problem(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "access_not_recorded",
            "the record of accesses could not be written",
            headers={"Retry-After": "1"},
        ) from None


def _problem_of(error: Exception) -> Problem | None:
    """Return what to answer to errors that say what is wrong with the wish, or with the moment."""
    if isinstance(error, NotThereError):
        return Problem(HTTPStatus.NOT_FOUND, "not_found", str(error))
    if isinstance(error, PointError | CursorError):
        return Problem(HTTPStatus.BAD_REQUEST, "invalid_request", str(error))
    if isinstance(error, IndexBehindError):
        return _later("index_behind", str(error), 5)
    if isinstance(error, BusyError):
        return _later("replaying", str(error), 2)
    if isinstance(error, BrokenError | psycopg.Error):
        logger.warning("the history is not available: %s", error)
        return _unavailable(str(error) if isinstance(error, BrokenError) else "the event store is away")
    return None


def _later(code: str, detail: str, after_s: int) -> Problem:
    return Problem(HTTPStatus.SERVICE_UNAVAILABLE, code, detail, headers={"Retry-After": str(after_s)})


def _unavailable(detail: str) -> Problem:
    return _later("history_unavailable", detail, 1)


class ProblemDetails(msgspec.Struct, frozen=True):
    """An answer that is an error (RFC 9457)."""

    type: Annotated[str, Meta(examples=["/docs/problems#replaying"])]
    title: str
    status: Annotated[int, Meta(examples=[503])]
    detail: Annotated[str, Meta(examples=["it has come to seq 120,000 of 2,000,000"])]
    code: Annotated[str, Meta(examples=["replaying"])]
    remedy: Annotated[str, Meta(examples=["Ask again after the time named: it goes on meanwhile."])]


def _told(description: str) -> ResponseSpec:
    return ResponseSpec(
        ProblemDetails,
        generate_examples=False,
        description=description,
        media_type="application/problem+json",
    )


ask = partial(
    get,
    responses={
        400: _told("A point or cursor that says nothing."),
        401: _told("No token, or none of ours."),
        403: _told("Only auditors may look."),
        404: _told("The history has nothing of that name."),
        503: _told(
            "The index is behind, the replay is under way, the store is away, or the access could not be"
            " recorded: ask again after `Retry-After` seconds."
        ),
    },
)
"""A route of the auditor's: ``get``, with the errors that all of them may answer with."""
