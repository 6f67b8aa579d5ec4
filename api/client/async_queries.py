"""The query API's routes, asynchronous. What comes in pages is iterated over, page by page as it is read."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any, TypeVar

from api.client import bounds
from api.client.async_sending import AsyncSender
from api.client.calls import Call, params_of, path_of
from api.client.errors import ClientError
from api.client.types import (
    AccountBalance,
    AccountPosition,
    AccountRow,
    AccountsPage,
    AccountView,
    ActivityPage,
    ActivityView,
    AllTransfersPage,
    BalancesPage,
    BalancesView,
    BookView,
    DailyPnlPage,
    DailyPnlView,
    EntriesView,
    EquityView,
    FeeFiguresView,
    LimitsView,
    MarketsView,
    MarketView,
    OrderBookView,
    OrderEventsView,
    OrderFiguresView,
    OrderListView,
    OrdersPage,
    OrderView,
    OwnTradesPage,
    OwnTradeView,
    PortfolioView,
    PositionsPage,
    PositionsView,
    TradeFiguresView,
    TradesView,
    TradeView,
    TransfersPage,
    TransferView,
    TrialBalanceView,
    TurnoverView,
    VenuesView,
)
from api.client.types.words import OrderStatus, OrderType, Side, Step

P = TypeVar("P")
E = TypeVar("E")
Accounts = str | Sequence[str] | None


class AsyncQueries(AsyncSender):
    """Times are with their zone, days are UTC days; ``None`` does not filter."""

    # --- Orders ---------------------------------------------------------------------------------------------

    async def order(self, order_id: str) -> OrderView:
        """Return an order as it stands."""
        return await self.send(Call("query", "GET", path_of("orders", order_id), OrderView))

    async def order_events(self, order_id: str) -> OrderEventsView:
        """Return what happened to an order, oldest first."""
        return await self.send(Call("query", "GET", path_of("orders", order_id, "events"), OrderEventsView))

    async def order_list(self, list_id: str) -> OrderListView:
        """Return an order list, and its orders' ids."""
        return await self.send(Call("query", "GET", path_of("order-lists", list_id), OrderListView))

    def orders_of(
        self,
        account: str,
        *,
        status: Sequence[OrderStatus] | None = None,
        symbol: str | None = None,
        limit: int = bounds.PAGE_LIMIT,
    ) -> AsyncIterator[OrderView]:
        """Yield the account's orders, newest first; ``limit`` a page."""
        params = params_of(status=status, symbol=symbol, limit=limit)
        call = Call("query", "GET", path_of("accounts", account, "orders"), OrdersPage, params=params)
        return self._pages(call, lambda page: page.orders)

    def search_orders(
        self,
        *,
        account: Accounts = None,
        symbol: str | None = None,
        status: Sequence[OrderStatus] | None = None,
        side: Side | None = None,
        order_type: OrderType | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = bounds.PAGE_LIMIT,
    ) -> AsyncIterator[OrderView]:
        """Yield the orders of all accounts that one may see."""
        params = params_of(
            account=account,
            symbol=symbol,
            status=status,
            side=side,
            order_type=order_type,
            from_=since,
            to=until,
            limit=limit,
        )
        call = Call("query", "GET", "/v1/orders", OrdersPage, params=params)
        return self._pages(call, lambda page: page.orders)

    # --- Accounts -------------------------------------------------------------------------------------------

    async def account(self, account: str) -> AccountView:
        """Return what the account may do."""
        return await self.send(Call("query", "GET", path_of("accounts", account), AccountView))

    def search_accounts(
        self, *, account: Accounts = None, limit: int = bounds.PAGE_LIMIT
    ) -> AsyncIterator[AccountRow]:
        """Yield all accounts that one may see, by name."""
        params = params_of(account=account, limit=limit)
        call = Call("query", "GET", "/v1/accounts", AccountsPage, params=params)
        return self._pages(call, lambda page: page.accounts)

    async def balances(self, account: str) -> BalancesView:
        """Return what the account has of each asset."""
        return await self.send(Call("query", "GET", path_of("accounts", account, "balances"), BalancesView))

    async def positions(self, account: str) -> PositionsView:
        """Return what the account's trading left it with."""
        return await self.send(Call("query", "GET", path_of("accounts", account, "positions"), PositionsView))

    async def limits(self, account: str) -> LimitsView:
        """Return what the account may do at most, and what is used of it."""
        return await self.send(Call("query", "GET", path_of("accounts", account, "limits"), LimitsView))

    def trades_of(
        self,
        account: str,
        *,
        symbol: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = bounds.PAGE_LIMIT,
    ) -> AsyncIterator[OwnTradeView]:
        """Yield the account's own side of its trades, newest first."""
        params = params_of(symbol=symbol, from_=since, to=until, limit=limit)
        call = Call("query", "GET", path_of("accounts", account, "trades"), OwnTradesPage, params=params)
        return self._pages(call, lambda page: page.trades)

    def activity_of(self, account: str, *, limit: int = bounds.PAGE_LIMIT) -> AsyncIterator[ActivityView]:
        """Yield what happened to the account, newest first."""
        params = params_of(limit=limit)
        call = Call("query", "GET", path_of("accounts", account, "activity"), ActivityPage, params=params)
        return self._pages(call, lambda page: page.activity)

    def transfers_of(self, account: str, *, limit: int = bounds.PAGE_LIMIT) -> AsyncIterator[TransferView]:
        """Yield the account's deposits, withdrawals and transfers, newest first."""
        params = params_of(limit=limit)
        call = Call("query", "GET", path_of("accounts", account, "transfers"), TransfersPage, params=params)
        return self._pages(call, lambda page: page.transfers)

    def search_positions(
        self, *, account: Accounts = None, symbol: str | None = None, limit: int = bounds.PAGE_LIMIT
    ) -> AsyncIterator[AccountPosition]:
        """Yield the positions of all accounts that one may see."""
        params = params_of(account=account, symbol=symbol, limit=limit)
        call = Call("query", "GET", "/v1/positions", PositionsPage, params=params)
        return self._pages(call, lambda page: page.positions)

    def search_balances(
        self, *, account: Accounts = None, asset: str | None = None, limit: int = bounds.PAGE_LIMIT
    ) -> AsyncIterator[AccountBalance]:
        """Yield the balances of all accounts that one may see."""
        params = params_of(account=account, asset=asset, limit=limit)
        call = Call("query", "GET", "/v1/balances", BalancesPage, params=params)
        return self._pages(call, lambda page: page.balances)

    def search_transfers(
        self,
        *,
        account: Accounts = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = bounds.PAGE_LIMIT,
    ) -> AsyncIterator[TransferView]:
        """Yield the transfers of all accounts that one may see."""
        params = params_of(account=account, from_=since, to=until, limit=limit)
        call = Call("query", "GET", "/v1/transfers", AllTransfersPage, params=params)
        return self._pages(call, lambda page: page.transfers)

    # --- Markets --------------------------------------------------------------------------------------------

    async def markets(self) -> MarketsView:
        """Return all listed markets, with their prices."""
        return await self.send(Call("query", "GET", "/v1/markets", MarketsView))

    async def market(self, symbol: str) -> MarketView:
        """Return a market's rules and prices."""
        return await self.send(Call("query", "GET", path_of("markets", symbol), MarketView))

    async def book(self, symbol: str, depth: int = 20) -> BookView:
        """Return what is bid and asked by price, best first."""
        params = params_of(level=2, depth=depth)
        return await self.send(
            Call("query", "GET", path_of("markets", symbol, "book"), BookView, params=params)
        )

    async def order_book(self, symbol: str, depth: int = 20) -> OrderBookView:
        """Return the book order by order."""
        params = params_of(level=3, depth=depth)
        path = path_of("markets", symbol, "book")
        return await self.send(Call("query", "GET", path, OrderBookView, params=params))

    def trades(
        self,
        symbol: str,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = bounds.PAGE_LIMIT,
    ) -> AsyncIterator[TradeView]:
        """Yield the market's trades, newest first."""
        params = params_of(from_=since, to=until, limit=limit)
        call = Call("query", "GET", path_of("markets", symbol, "trades"), TradesView, params=params)
        return self._pages(call, lambda page: page.trades)

    async def venue(self) -> VenuesView:
        """Return what the venue takes, by shard."""
        return await self.send(Call("query", "GET", "/v1/venue/status", VenuesView))

    # --- Sums -----------------------------------------------------------------------------------------------

    def daily_pnl(
        self,
        *,
        account: Accounts = None,
        symbol: str | None = None,
        since: date | None = None,
        until: date | None = None,
        limit: int = bounds.PAGE_LIMIT,
    ) -> AsyncIterator[DailyPnlView]:
        """Yield PnL, turnover and fees by account, market and day."""
        params = params_of(account=account, symbol=symbol, from_=since, to=until, limit=limit)
        call = Call("query", "GET", "/v1/pnl/daily", DailyPnlPage, params=params)
        return self._pages(call, lambda page: page.days)

    async def portfolio(self, account: str) -> PortfolioView:
        """Return the account's positions at mark: what they are worth, and what they made."""
        return await self.send(Call("query", "GET", path_of("accounts", account, "portfolio"), PortfolioView))

    async def equity(
        self,
        account: str,
        step: Step = "day",
        *,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> EquityView:
        """Return the account's net PnL at mark by hour or day, and how far it fell."""
        params = params_of(step=step, from_=since, to=until)
        path = path_of("accounts", account, "equity")
        return await self.send(Call("query", "GET", path, EquityView, params=params))

    async def turnover(
        self, account: str, *, symbol: str | None = None, since: date | None = None, until: date | None = None
    ) -> TurnoverView:
        """Return what the account traded, by day and market."""
        params = params_of(symbol=symbol, from_=since, to=until)
        path = path_of("accounts", account, "turnover")
        return await self.send(Call("query", "GET", path, TurnoverView, params=params))

    async def sum_trades(
        self,
        *,
        group_by: str | None = None,
        account: Accounts = None,
        symbol: str | None = None,
        side: Side | None = None,
        since: date | None = None,
        until: date | None = None,
    ) -> TradeFiguresView:
        """Return trades summed up, by market and what ``group_by`` names, such as ``day,side``."""
        params = params_of(
            group_by=group_by, account=account, symbol=symbol, side=side, from_=since, to=until
        )
        return await self.send(Call("query", "GET", "/v1/analytics/trades", TradeFiguresView, params=params))

    async def sum_fees(
        self,
        *,
        group_by: str | None = None,
        account: Accounts = None,
        symbol: str | None = None,
        side: Side | None = None,
        since: date | None = None,
        until: date | None = None,
    ) -> FeeFiguresView:
        """Return fees summed up, by asset and what ``group_by`` names, such as ``day,symbol``."""
        params = params_of(
            group_by=group_by, account=account, symbol=symbol, side=side, from_=since, to=until
        )
        return await self.send(Call("query", "GET", "/v1/analytics/fees", FeeFiguresView, params=params))

    async def sum_orders(
        self,
        since: date,
        until: date,
        *,
        group_by: str | None = None,
        account: Accounts = None,
        symbol: str | None = None,
        status: Sequence[OrderStatus] | None = None,
        side: Side | None = None,
    ) -> OrderFiguresView:
        """Return orders summed up, by market and what ``group_by`` names, of at most 31 days."""
        params = params_of(
            from_=since,
            to=until,
            group_by=group_by,
            account=account,
            symbol=symbol,
            status=status,
            side=side,
        )
        return await self.send(Call("query", "GET", "/v1/analytics/orders", OrderFiguresView, params=params))

    async def trial_balance(self) -> TrialBalanceView:
        """Return all books of each asset, and their sum."""
        return await self.send(Call("query", "GET", "/v1/ledger/trial-balance", TrialBalanceView))

    async def entries(self, transfer_id: str) -> EntriesView:
        """Return the entries of one transfer, oldest first."""
        params = params_of(transfer_id=transfer_id)
        return await self.send(Call("query", "GET", "/v1/ledger/entries", EntriesView, params=params))

    async def _pages(self, call: Call[P], entries: Callable[[P], Sequence[E]]) -> AsyncIterator[E]:
        """Yield the entries of all pages. Raises ``ClientError`` beyond the bound of pages."""
        params = call.params
        for _ in range(bounds.PAGES_MAX):
            page: Any = await self.send(call)
            for each in entries(page):
                yield each
            if page.next_cursor is None:
                return
            call = replace(call, params=(*params, ("cursor", page.next_cursor)))
        raise ClientError(f"{call.path} has more than {bounds.PAGES_MAX} pages; ask for less at a time")
