"""Routes: what an order, an account, a market, a book was at a point of its history."""

from typing import Annotated

from litestar import Controller, Response
from litestar.params import FromPath, FromQuery, QueryParameter

from api.query.audit.desk import AskedBy, Desk, ask
from api.query.audit.histories import AccountOfOrder
from streams.audit.as_of import Level
from streams.audit.histories import resolve_order
from streams.audit.store import Store
from streams.audit.travel import (
    AccountThen,
    Asked,
    BookThen,
    MarketThen,
    OrderThen,
    account_then,
    book_then,
    market_then,
    order_then,
)

SEQ_MAX = 2**62

Version = Annotated[int | None, QueryParameter(ge=1, le=SEQ_MAX, description="After this version of it.")]
Seq = Annotated[
    int | None,
    QueryParameter(ge=0, le=SEQ_MAX, description="After this event of its shard; 0: before all."),
]
Moment = Annotated[
    str | None,
    QueryParameter(name="time", description="After all that had happened by then: 2026-01-31T12:00:00Z."),
]


class AuditAsOf(Controller):
    """Time travel: the events are replayed up to the point, and the state is compared with the hash that was
    recorded then. Give one of version, seq and time; none of them: now.
    """

    path = "/v1/audit"
    tags = ("audit",)

    @ask("/orders/{order:str}/as-of", operation_id="auditOrderAsOf", summary="An order as it was")
    async def order(
        self,
        request: AskedBy,
        audit_desk: Desk,
        order: FromPath[str],
        account: AccountOfOrder = None,
        version: Version = None,
        seq: Seq = None,
        moment: Moment = None,
    ) -> Response[OrderThen]:
        def read(store: Store) -> OrderThen:
            shard, order_id = resolve_order(store, order, account)
            return order_then(store, audit_desk.machine, shard, order_id, Asked(version, seq, moment))

        return await audit_desk.look(request, "order as of", read)

    @ask(
        "/accounts/{account:str}/as-of",
        operation_id="auditAccountAsOf",
        summary="An account's balances, positions, terms and open orders as they were",
    )
    async def account(
        self,
        request: AskedBy,
        audit_desk: Desk,
        account: FromPath[str],
        version: Version = None,
        seq: Seq = None,
        moment: Moment = None,
        shard: FromQuery[int | None] = None,
    ) -> Response[AccountThen]:
        def read(store: Store) -> AccountThen:
            return account_then(store, audit_desk.machine, account, Asked(version, seq, moment), shard)

        return await audit_desk.look(request, "account as of", read)

    @ask("/markets/{symbol:str}/as-of", operation_id="auditMarketAsOf", summary="A market as it was")
    async def market(
        self,
        request: AskedBy,
        audit_desk: Desk,
        symbol: FromPath[str],
        version: Version = None,
        seq: Seq = None,
        moment: Moment = None,
    ) -> Response[MarketThen]:
        def read(store: Store) -> MarketThen:
            return market_then(store, audit_desk.machine, symbol, Asked(version, seq, moment))

        return await audit_desk.look(request, "market as of", read)

    @ask(
        "/markets/{symbol:str}/book/as-of",
        operation_id="auditBookAsOf",
        summary="A book's whole depth as it was: by price (level 2), or by order (level 3)",
    )
    async def book(
        self,
        request: AskedBy,
        audit_desk: Desk,
        symbol: FromPath[str],
        level: FromQuery[Level] = 2,
        version: Version = None,
        seq: Seq = None,
        moment: Moment = None,
    ) -> Response[BookThen]:
        def read(store: Store) -> BookThen:
            return book_then(store, audit_desk.machine, symbol, Asked(version, seq, moment), level)

        return await audit_desk.look(request, "book as of", read)
