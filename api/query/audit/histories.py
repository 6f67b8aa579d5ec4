"""Routes: histories, trades, commands, and what an id stands for."""

from typing import Annotated

import msgspec
from litestar import Controller, Response
from litestar.params import FromPath, FromQuery, QueryParameter

from api.query.audit.desk import (
    NAME_CHARS_MAX,
    STEPS_DEFAULT,
    AskedBy,
    CursorQuery,
    Desk,
    Limit,
    ask,
)
from streams.audit import access
from streams.audit.access import Access
from streams.audit.causation import CommandTree, command_tree
from streams.audit.histories import (
    AccountHistory,
    MarketHistory,
    OrderHistory,
    StreamHistory,
    account_history,
    market_history,
    order_history,
    read_cursor,
    resolve_order,
    stream_history,
)
from streams.audit.searching import Findings, search
from streams.audit.store import Store
from streams.audit.trades import TradeTrail, trade_trail

AccountOfOrder = Annotated[
    str | None,
    QueryParameter(name="account", description="With it, the order is named by the client's own id."),
]
Name = Annotated[str, QueryParameter(min_length=1, max_length=NAME_CHARS_MAX)]


class Accesses(msgspec.Struct, frozen=True):
    """Who looked at what, newest first."""

    accesses: list[Access]


class Audit(Controller):
    """What happened, by whom, and why. Every look is recorded before it is answered."""

    path = "/v1/audit"
    tags = ("audit",)

    @ask(
        "/orders/{order:str}",
        operation_id="auditOrder",
        summary="An order's whole history: every event with who, when, why, the state before and after",
    )
    async def order(
        self,
        request: AskedBy,
        audit_desk: Desk,
        order: FromPath[str],
        account: AccountOfOrder = None,
        cursor: CursorQuery = None,
        limit: Limit = STEPS_DEFAULT,
    ) -> Response[OrderHistory]:
        def read(store: Store) -> OrderHistory:
            shard, order_id = resolve_order(store, order, account)
            return order_history(store, shard, order_id, read_cursor(cursor).get(shard, 0), limit)

        return await audit_desk.look(request, "order", read)

    @ask(
        "/accounts/{account:str}",
        operation_id="auditAccount",
        summary="An account's whole history: every posting with the balance before and after, and its terms",
    )
    async def account(
        self,
        request: AskedBy,
        audit_desk: Desk,
        account: FromPath[str],
        cursor: CursorQuery = None,
        limit: Limit = STEPS_DEFAULT,
    ) -> Response[AccountHistory]:
        def read(store: Store) -> AccountHistory:
            return account_history(store, account, cursor, limit)

        return await audit_desk.look(request, "account", read)

    @ask(
        "/markets/{symbol:str}",
        operation_id="auditMarket",
        summary="A market's whole history: rules, statuses, trades, busts and corrections",
    )
    async def market(
        self,
        request: AskedBy,
        audit_desk: Desk,
        symbol: FromPath[str],
        trades: FromQuery[bool] = True,  # noqa: FBT002 - a query parameter is given by name
        cursor: CursorQuery = None,
        limit: Limit = STEPS_DEFAULT,
    ) -> Response[MarketHistory]:
        def read(store: Store) -> MarketHistory:
            return market_history(store, symbol, cursor, limit, with_trades=trades)

        return await audit_desk.look(request, "market", read)

    @ask(
        "/trades/{symbol:str}/{trade_id:int}",
        operation_id="auditTrade",
        summary="From a trade back to both orders, accounts, commands and people, and what became of it",
    )
    async def trade(
        self, request: AskedBy, audit_desk: Desk, symbol: FromPath[str], trade_id: FromPath[int]
    ) -> Response[TradeTrail]:
        return await audit_desk.look(request, "trade", lambda store: trade_trail(store, symbol, trade_id))

    @ask(
        "/commands/{command_id:str}",
        operation_id="auditCommand",
        summary="From a command to all that it caused, as a tree",
    )
    async def command(
        self, request: AskedBy, audit_desk: Desk, command_id: FromPath[str]
    ) -> Response[CommandTree]:
        return await audit_desk.look(request, "command", lambda store: command_tree(store, command_id))

    @ask(
        "/streams/{stream:str}",
        operation_id="auditStream",
        summary="The events of any aggregate by its id: of a transfer, an order list, the venue",
    )
    async def stream(
        self,
        request: AskedBy,
        audit_desk: Desk,
        stream: FromPath[str],
        cursor: CursorQuery = None,
        limit: Limit = STEPS_DEFAULT,
    ) -> Response[StreamHistory]:
        def read(store: Store) -> StreamHistory:
            return stream_history(store, stream, cursor, limit)

        return await audit_desk.look(request, "stream", read)

    @ask(
        "/search",
        operation_id="auditSearch",
        summary="What an id stands for: an order, account, market, trade (BTC-USD/17), command ...",
    )
    async def search(self, request: AskedBy, audit_desk: Desk, q: Name) -> Response[Findings]:
        return await audit_desk.look(request, "search", lambda store: Findings(q, search(store, q)))

    @ask("/accesses", operation_id="auditAccesses", summary="Who looked at what, newest first")
    async def accesses(
        self,
        request: AskedBy,
        audit_desk: Desk,
        who: FromQuery[str | None] = None,
        limit: Limit = STEPS_DEFAULT,
    ) -> Response[Accesses]:
        def read(store: Store) -> Accesses:
            return Accesses(access.last(store.connection, limit, who))

        return await audit_desk.look(request, "accesses", read)
