"""The risk desk's part of the query API: what accounts have at stake, what broke a limit, what was done."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any, TypeVar

import msgspec
from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.response import ServerSentEvent, ServerSentEventMessage
from sqlalchemy.exc import SQLAlchemyError

from api.permissions import may_read
from api.problems import Problem
from api.query import risk_views as shown
from api.query.controllers import PAGE_DEFAULT, PAGE_MAX, AskedBy, Read, not_found
from streams.risk import views
from streams.risk.reading import Reading, Wanted

logger = logging.getLogger(__name__)

T = TypeVar("T")

STREAMS_MAX = 32
STREAM_LOOK_S = 0.25
STREAM_S_MAX = 900
"""A stream ends then, and its reader comes again with the number it has: no connection lives for ever."""
ALERTS_AT_ONCE_MAX = 200
NUMBER_MAX = 2**63 - 1

Limit = Annotated[int, QueryParameter(ge=1, le=PAGE_MAX)]
After = Annotated[str, QueryParameter(max_length=36, description="The last account of the page before.")]
Before = Annotated[
    int | None,
    QueryParameter(ge=0, le=NUMBER_MAX, description="`next_before` of the page before."),
]
AfterNumber = Annotated[
    int, QueryParameter(ge=0, le=NUMBER_MAX, description="Only alerts with a higher number.")
]

FromNumber = Annotated[
    int | None, QueryParameter(ge=0, le=NUMBER_MAX, description="Only alerts with a higher number.")
]


class RiskRecord:
    """The record, and how many read it as a stream."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self.streams = 0

    def close(self) -> None:
        self.reading.engine.dispose()

    async def read(self, read: Callable[[], T]) -> T:
        """Read in a thread. Raises ``Problem`` (503)."""
        try:
            return await asyncio.to_thread(read)
        except SQLAlchemyError as error:
            logger.warning("the risk record: %s", error)
            detail = "the database of the risk record does not answer as it should"
            raise Problem(
                HTTPStatus.SERVICE_UNAVAILABLE, "record_unavailable", detail, headers={"Retry-After": "1"}
            ) from None


Record = NamedDependency[RiskRecord]


class AccountRisk(Controller):
    """One account's risk."""

    path = "/v1/accounts/{account:str}/risk"
    tags = ("risk",)

    @get("/", operation_id="getRisk", summary="What the account has at stake, and uses of its limits")
    async def one(self, request: AskedBy, reader: Read, account: FromPath[str]) -> shown.RiskView:
        may_read(request, account)
        found = await asyncio.to_thread(views.of_account, reader.database, account)
        if found is None:
            raise not_found("account", account)
        return shown.risk_view(found)


class Risk(Controller):
    """All accounts and markets; for the risk desk."""

    path = "/v1/risk"
    tags = ("risk",)

    @get("/accounts", operation_id="listRisks", summary="Every account's risk, by account")
    async def accounts(
        self, reader: Read, after_account: After = "", limit: Limit = PAGE_DEFAULT
    ) -> shown.RisksView:
        found = await asyncio.to_thread(views.all_accounts, reader.database, after_account, limit)
        more = found[-1]["account"] if len(found) == limit else None
        return shown.RisksView([shown.risk_view(each) for each in found], more)

    @get("/stress", operation_id="listStress", summary="What stress scenarios do to every account")
    async def stress(
        self, reader: Read, after_account: After = "", limit: Limit = PAGE_DEFAULT
    ) -> shown.StressesView:
        found = await asyncio.to_thread(views.all_accounts, reader.database, after_account, limit)
        more = found[-1]["account"] if len(found) == limit else None
        return shown.StressesView([shown.stressed(each) for each in found], more)

    @get("/breaches", operation_id="listBreaches", summary="Thresholds that were reached, newest first")
    async def breaches(
        self,
        record: Record,
        *,
        subject: FromQuery[str | None] = None,
        open_only: FromQuery[bool] = False,
        before_us: Before = None,
        limit: Limit = PAGE_DEFAULT,
    ) -> shown.BreachesView:
        wanted = Wanted(subject, open_only, before_us, limit)
        rows = await record.read(lambda: record.reading.breaches(wanted))
        more = rows[-1].opened_at_us if len(rows) == limit else None
        return shown.BreachesView([shown.breach_view(row) for row in rows], more)

    @get("/actions", operation_id="listRiskActions", summary="What the risk engine did, newest first")
    async def actions(
        self,
        record: Record,
        subject: FromQuery[str | None] = None,
        before_us: Before = None,
        limit: Limit = PAGE_DEFAULT,
    ) -> shown.ActionsView:
        wanted = Wanted(subject, before_us=before_us, rows_max=limit)
        rows = await record.read(lambda: record.reading.actions(wanted))
        more = rows[-1].decided_at_us if len(rows) == limit else None
        return shown.ActionsView([shown.action_view(row) for row in rows], more)

    @get(
        "/limit-requests", operation_id="listLimitRequests", summary="Who asked for and approved which limits"
    )
    async def limit_requests(
        self,
        record: Record,
        *,
        account: FromQuery[str | None] = None,
        pending_only: FromQuery[bool] = False,
        before_us: Before = None,
        limit: Limit = PAGE_DEFAULT,
    ) -> shown.LimitRequestsView:
        wanted = Wanted(account, pending_only, before_us, limit)
        rows = await record.read(lambda: record.reading.requests(wanted))
        more = rows[-1].requested_at_us if len(rows) == limit else None
        return shown.LimitRequestsView([shown.request_view(row) for row in rows], more)

    @get("/alerts", operation_id="listAlerts", summary="Alerts, in the order in which they came")
    async def alerts(
        self,
        record: Record,
        *,
        account: FromQuery[str | None] = None,
        unacknowledged: FromQuery[bool] = False,
        after_number: AfterNumber = 0,
        limit: Limit = PAGE_DEFAULT,
    ) -> shown.AlertsView:
        rows = await record.read(
            lambda: record.reading.alerts(
                account, after=after_number, unacknowledged=unacknowledged, rows_max=limit
            )
        )
        last = rows[-1].number if rows else after_number
        return shown.AlertsView([shown.alert_view(row) for row in rows], last)

    @get(
        "/alerts/stream",
        operation_id="streamAlerts",
        summary="Alerts as they come, as server-sent events",
        media_type="text/event-stream",
    )
    async def stream(
        self, request: AskedBy, record: Record, after_number: FromNumber = None
    ) -> Response[Any]:
        """Begin after ``Last-Event-ID``, else after ``after_number``, else with the next alert."""
        if record.streams >= STREAMS_MAX:
            detail = f"{STREAMS_MAX} streams of alerts are open; read /v1/risk/alerts instead"
            raise Problem(
                HTTPStatus.SERVICE_UNAVAILABLE, "not_yet_visible", detail, headers={"Retry-After": "5"}
            )
        given = request.headers.get("Last-Event-ID", "")
        last = int(given) if given.isdigit() and len(given) < 19 else after_number
        if last is None:
            last = await record.read(record.reading.last_alert)
        return ServerSentEvent(_alerts_from(record, last))


async def _alerts_from(record: RiskRecord, last: int) -> AsyncIterator[ServerSentEventMessage]:
    """Yield alerts as they come, a page at a time; none is read for a reader that does not read."""
    record.streams += 1
    until = asyncio.get_running_loop().time() + STREAM_S_MAX
    try:
        yield ServerSentEventMessage(comment="alerts follow")
        while asyncio.get_running_loop().time() < until:
            rows = await record.read(partial(_next_alerts, record, last))
            for row in rows:
                last = row.number
                data = msgspec.json.encode(shown.alert_view(row)).decode()
                yield ServerSentEventMessage(data=data, event="alert", id=str(row.number))
            if not rows:
                await asyncio.sleep(STREAM_LOOK_S)
    finally:
        record.streams -= 1


def _next_alerts(record: RiskRecord, last: int) -> Sequence[Any]:
    return record.reading.alerts(None, after=last, unacknowledged=False, rows_max=ALERTS_AT_ONCE_MAX)
