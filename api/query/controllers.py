"""The query API's routes. Each says how fresh its answer is, and waits for a write if asked to."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Annotated, Literal, TypeVar

from litestar import Controller, Request, Response, get
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.openapi.spec import Example
from litestar.params import FromPath, FromQuery, HeaderParameter, QueryParameter
from litestar.security.jwt import Token

from api.auth import Identity
from api.permissions import may_know, may_read
from api.problems import Problem
from api.query import cursors
from api.query.book_views import BookView, OrderBookView, book_view, order_book_view
from api.query.exports import Exports
from api.query.freshness import Freshness
from api.query.limit_views import LimitsView, Use, limits_view, symbols_of
from api.query.market_cache import MarketCache
from api.query.order_views import OrdersPage, OrderStatus, OrderView, order_view
from api.query.views import (
    AccountView,
    BalancesView,
    BalanceView,
    MarketsView,
    MarketView,
    PositionsView,
    PositionView,
    TradeView,
    VenuesView,
    account_view,
    balance_view,
    market_view,
    position_view,
    trade_view,
    venue_view,
)
from domain.market import MarketRules
from domain.positions import day_of
from projections import (
    accounts,
    balances,
    books,
    limits,
    markets,
    orders,
    positions,
    trade_changes,
    venue,
)
from projections.generations import LiveView
from projections.projection import Document

T = TypeVar("T")

PAGE_MAX, PAGE_DEFAULT = 500, 50
DEPTH_MAX, DEPTH_DEFAULT = 1_000, 20
ASSETS_MAX = 10_000  # of one account, over all shards
SHARDS_MAX = 1_000
ORDERS_COUNTED_MAX = 10_000  # open ones, for what is used of a limit

PLACES = r"^[ae][0-9]{1,4}\.[0-9]{1,3}:[0-9]{1,18}(,[ae][0-9]{1,4}\.[0-9]{1,3}:[0-9]{1,18}){0,255}$"
AfterQuery = Annotated[
    str | None,
    QueryParameter(
        name="after",
        pattern=PLACES,
        description="The read-after token of a write's answer: wait (bounded) until it is visible.",
        examples=[Example(value="a1.0:1243,e3.0:1240")],
    ),
]
AfterHeader = Annotated[
    str | None,
    HeaderParameter(
        name="OMS-Read-After",
        pattern=PLACES,
        description="The same, as a header.",
        examples=[Example(value="a1.0:1243,e3.0:1240")],
    ),
]
Limit = Annotated[int, QueryParameter(ge=1, le=PAGE_MAX)]
AskedBy = Request[Identity, Token, State]


class Reader:
    """What one query reads from: the generations that were live when it began, or those of its cursor."""

    def __init__(
        self,
        database: LiveView,
        markets: MarketCache,
        freshness: Freshness,
        exports: Exports,
        partitions: int,
    ) -> None:
        self.partitions = partitions
        self.database = database
        self.markets = markets
        self.freshness = freshness
        self.exports = exports

    def at_cursor(self, projection: str, cursor: str | None) -> tuple["Reader", str | None]:
        """Return what reads on where ``cursor`` was given out, and the page key it holds."""
        view, page_key = cursors.read(self.database, projection, cursor)
        freshness = replace(self.freshness, database=view)
        return Reader(view, self.markets, freshness, self.exports, self.partitions), page_key

    def cursor(self, projection: str, page_key: str) -> str:
        """Return the cursor for what comes after ``page_key``."""
        return cursors.write(self.database, projection, page_key)

    async def answer(
        self, projection: str, after: tuple[str | None, str | None], read: Callable[[], T], beside: str = ""
    ) -> Response[T]:
        """Wait until ``projection`` is fresh enough, and ``beside``, if that is read too; then ``read`` in a
        thread.
        """
        token = after[0] or after[1]
        headers = await self.freshness.reach(projection, token)
        if beside and token:
            await self.freshness.reach(beside, token)
        return Response(await asyncio.to_thread(read), headers=headers)

    def rules(self, symbol: str) -> MarketRules:
        rules = self.markets.rules(symbol)
        if rules is None:
            raise not_found("market", symbol)
        return rules

    def rules_visible(self, symbol: str) -> MarketRules:
        """Return the rules of a market that something is known of, so that it must be listed."""
        return self._known(self.markets.rules(symbol), symbol)

    def order_views(self, found: list[Document]) -> list[OrderView]:
        filled = [order["_id"] for order in found if order.get("fills_count")]
        changes = trade_changes.of_orders(self.database, filled) if filled else {}
        return [self._order_view(order, changes.get(order["_id"], ())) for order in found]

    def _order_view(self, order: Document, changes: Sequence[Document]) -> OrderView:
        if order["status"] == orders.REJECTED:
            return order_view(order, None)
        return order_view(order, self.rules_visible(order["symbol"]), changes)

    def trade_views(self, found: list[Document], rules: MarketRules) -> list[TradeView]:
        changes = trade_changes.of_trades(self.database, found) if found else {}
        return [trade_view(trade, rules, changes.get(trade["trade_id"])) for trade in found]

    def position_view(self, position: Document) -> PositionView:
        return position_view(position, self.rules_visible(position["symbol"]))

    def balance_views(self, documents: list[Document]) -> list[BalanceView]:
        sums: dict[str, tuple[int, int]] = {}
        for document in documents:
            available, held = sums.get(document["asset"], (0, 0))
            sums[document["asset"]] = available + int(document["available"]), held + int(document["held"])
        return [
            balance_view(asset, *sums[asset], self._known(self.markets.scale(asset), asset)) for asset in sums
        ]

    def scale(self, asset: str) -> int:
        """Return how many decimals the asset's minor unit has."""
        return self._known(self.markets.scale(asset), asset)

    def limits_view(self, account: str) -> LimitsView:
        found = orders.open_of_account(self.database, account, ORDERS_COUNTED_MAX + 1)
        held = positions.of_account(self.database, account, ASSETS_MAX)
        document = limits.of_account(self.database, account)
        today = day_of(time.time_ns() // 1_000)
        use = Use(
            found[:ORDERS_COUNTED_MAX], symbols_of(held), today, complete=len(found) <= ORDERS_COUNTED_MAX
        )
        return limits_view(
            account,
            limits.limits_of(document),
            None if document is None else document["changed_at_us"],
            use,
            self.rules_visible,
            lambda asset: self._known(self.markets.scale(asset), asset),
        )

    def _known(self, found: T | None, name: str) -> T:
        """Markets are a projection of their own, which may be a moment behind."""
        if found is not None:
            return found
        raise Problem(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "not_yet_visible",
            f"the market rules of {name} are not visible yet",
            headers={"Retry-After": "1"},
        )


def not_found(what: str, name: str) -> Problem:
    return Problem(HTTPStatus.NOT_FOUND, "not_found", f"there is no {what} {name!r}")


Read = NamedDependency[Reader]


class Orders(Controller):
    """Single orders."""

    path = "/v1/orders"
    tags = ("orders",)

    @get("/{order_id:str}", operation_id="getOrder", summary="One order, with its last fills")
    async def one(
        self,
        request: AskedBy,
        reader: Read,
        order_id: FromPath[str],
        after: AfterQuery = None,
        read_after: AfterHeader = None,
    ) -> Response[OrderView]:
        def read() -> OrderView:
            order = orders.by_id(reader.database, order_id)
            if order is None or not may_know(request, order["account"]):
                raise not_found("order", order_id)
            return reader.order_views([order])[0]

        return await reader.answer("orders", (after, read_after), read, "trade_changes")


class Accounts(Controller):
    """What an account has and does."""

    path = "/v1/accounts/{account:str}"
    tags = ("accounts",)

    @get("/", operation_id="getAccount", summary="What the account may do, and who said so")
    async def one(
        self,
        request: AskedBy,
        reader: Read,
        account: FromPath[str],
        after: AfterQuery = None,
        read_after: AfterHeader = None,
    ) -> Response[AccountView]:
        may_read(request, account)

        def read() -> AccountView:
            found = accounts.by_name(reader.database, account, SHARDS_MAX)
            if not found:
                raise not_found("account", account)
            return account_view(*found)

        return await reader.answer("accounts", (after, read_after), read)

    @get("/orders", operation_id="listOrders", summary="The account's orders, newest first")
    async def orders_of(
        self,
        request: AskedBy,
        reader: Read,
        account: FromPath[str],
        status: FromQuery[list[OrderStatus] | None] = None,
        symbol: FromQuery[str | None] = None,
        limit: Limit = PAGE_DEFAULT,
        cursor: cursors.Cursor = None,
        after: AfterQuery = None,
        read_after: AfterHeader = None,
    ) -> Response[OrdersPage]:
        may_read(request, account)
        reader, before = reader.at_cursor("orders", cursor)

        def read() -> OrdersPage:
            found = orders.of_account(
                reader.database,
                account,
                statuses=status or orders.STATUSES,
                symbol=symbol,
                before=before,
                orders_max=limit + 1,
            )
            page = found[:limit]
            next_cursor = reader.cursor("orders", page[-1]["page_key"]) if len(found) > limit else None
            return OrdersPage(reader.order_views(page), next_cursor)

        return await reader.answer("orders", (after, read_after), read, "trade_changes")

    @get("/balances", operation_id="listBalances", summary="What the account has of each asset")
    async def balances_of(
        self,
        request: AskedBy,
        reader: Read,
        account: FromPath[str],
        after: AfterQuery = None,
        read_after: AfterHeader = None,
    ) -> Response[BalancesView]:
        may_read(request, account)

        def read() -> BalancesView:
            found = balances.of_account(reader.database, account, ASSETS_MAX)
            return BalancesView(account, reader.balance_views(found))

        return await reader.answer("balances", (after, read_after), read)

    @get("/positions", operation_id="listPositions", summary="What the account's trading left it with")
    async def positions_of(
        self,
        request: AskedBy,
        reader: Read,
        account: FromPath[str],
        after: AfterQuery = None,
        read_after: AfterHeader = None,
    ) -> Response[PositionsView]:
        may_read(request, account)

        def read() -> PositionsView:
            found = positions.of_account(reader.database, account, ASSETS_MAX)
            return PositionsView(account, [reader.position_view(position) for position in found])

        return await reader.answer("positions", (after, read_after), read)

    @get(
        "/limits", operation_id="getLimits", summary="What the account may do at most, and what is used of it"
    )
    async def limits_of(
        self,
        request: AskedBy,
        reader: Read,
        account: FromPath[str],
        after: AfterQuery = None,
        read_after: AfterHeader = None,
    ) -> Response[LimitsView]:
        may_read(request, account)
        for projection in ("orders", "positions"):
            await reader.freshness.reach(projection, after or read_after)
        return await reader.answer("limits", (after, read_after), lambda: reader.limits_view(account))


class Markets(Controller):
    """What is traded. Open to everyone with a valid token."""

    path = "/v1/markets"
    tags = ("markets",)

    @get("/", operation_id="listMarkets", summary="All listed markets, with their prices")
    async def all_markets(
        self, reader: Read, after: AfterQuery = None, read_after: AfterHeader = None
    ) -> Response[MarketsView]:
        def read() -> MarketsView:
            found = markets.all_markets(reader.database, reader.markets.markets_max)
            listed = [market for market in found if market["status"] != "delisted"]
            return MarketsView([market_view(market) for market in listed])

        return await reader.answer("markets", (after, read_after), read)

    @get("/{symbol:str}", operation_id="getMarket", summary="One market: its rules and prices")
    async def one(
        self,
        reader: Read,
        symbol: FromPath[str],
        after: AfterQuery = None,
        read_after: AfterHeader = None,
    ) -> Response[MarketView]:
        def read() -> MarketView:
            market = markets.by_symbol(reader.database, symbol)
            if market is None:
                raise not_found("market", symbol)
            return market_view(market)

        return await reader.answer("markets", (after, read_after), read)

    @get("/{symbol:str}/book", operation_id="getBook", summary="What is bid and asked: by price, or by order")
    async def book(
        self,
        reader: Read,
        symbol: FromPath[str],
        level: FromQuery[Literal[1, 2, 3]] = 2,
        depth: Annotated[int, QueryParameter(ge=1, le=DEPTH_MAX)] = DEPTH_DEFAULT,
        after: AfterQuery = None,
        read_after: AfterHeader = None,
    ) -> Response[BookView | OrderBookView]:
        def read() -> BookView | OrderBookView:
            rules = reader.rules(symbol)
            if level == 3:
                return order_book_view(reader.database, rules, reader.partitions, depth)
            return book_view(rules, books.of_market(reader.database, symbol), level, depth)

        name, beside = ("book_orders", "books") if level == 3 else ("books", "")
        return await reader.answer(name, (after, read_after), read, beside)


@get(
    "/v1/venue/status",
    operation_id="getVenueStatus",
    summary="What the venue takes, by shard",
    tags=["venue"],
)
async def venue_status(
    reader: Read, after: AfterQuery = None, read_after: AfterHeader = None
) -> Response[VenuesView]:
    def read() -> VenuesView:
        return VenuesView([venue_view(shard) for shard in venue.of_all_shards(reader.database, SHARDS_MAX)])

    return await reader.answer("venue", (after, read_after), read)


@get("/health", operation_id="health", summary="Whether the API and its database answer", tags=["health"])
async def health(reader: Read) -> Mapping[str, str]:
    await asyncio.to_thread(reader.database.command, "ping")
    return {"status": "ok"}
