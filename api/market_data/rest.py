"""Snapshots from memory, for everybody: each names the event it is as of, so that it joins with the
stream.
"""

import time
from http import HTTPStatus
from typing import Annotated, Any, Literal

import msgspec
from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from api.market_data import messages
from api.market_data.board import UnknownMarketError
from api.market_data.bounds import TRADES_KEPT
from api.market_data.market import Market
from api.market_data.market_views import state_of, ticker_of
from api.market_data.service import MarketData
from api.problems import Problem
from api.query.book_views import BookOrderView, BookView, LevelView, OrderBookView, QueueView
from api.query.decimals import base_of, price_of
from projections import checksums
from projections.book_orders import Queues
from projections.live_book import Levels

DEPTH_MAX, DEPTH_DEFAULT = 5_000, 100
TRADES_DEFAULT = 100
NO_STORE = {"Cache-Control": "no-store"}

OwnService = NamedDependency[MarketData]
LevelOf = Annotated[Literal["1", "2", "3"], QueryParameter(name="level")]
Depth = Annotated[int, QueryParameter(ge=1, le=DEPTH_MAX, description="Price levels of each side.")]
Limit = Annotated[int, QueryParameter(ge=1, le=TRADES_KEPT, description="Trades, the newest.")]


class MarketsView(msgspec.Struct, frozen=True):
    """All markets by symbol, as the channel ``status`` tells of each."""

    markets: list[messages.MarketState]


class TickersView(msgspec.Struct, frozen=True):
    tickers: list[messages.Ticker]


@get("/health", operation_id="health")
async def health(market_data: OwnService) -> Response[dict[str, Any]]:
    """Say whether the service has caught up with the events."""
    board = market_data.board
    body = {
        "status": "ok" if market_data.caught_up else "catching up",
        "markets": len(board.markets),
        "subscriptions": board.listeners(),
    }
    status = HTTPStatus.OK if market_data.caught_up else HTTPStatus.SERVICE_UNAVAILABLE
    return Response(body, status_code=status, headers=NO_STORE)


class Snapshots(Controller):
    """What the streams begin from."""

    path = "/v1"
    tags = ("market data",)

    @get("/markets", operation_id="listLiveMarkets", summary="All markets, their status and rules")
    async def markets(self, market_data: OwnService) -> Response[MarketsView]:
        board = _live(market_data).board
        found = [state_of(board.markets[each], board.markets[each].seq) for each in sorted(board.markets)]
        return Response(MarketsView(found), headers=NO_STORE)

    @get("/tickers", operation_id="listTickers", summary="The last 24 hours of all markets")
    async def tickers(self, market_data: OwnService) -> Response[TickersView]:
        board, now_us = _live(market_data).board, time.time_ns() // 1_000
        found = [_ticker(board.markets[each], now_us) for each in sorted(board.markets)]
        return Response(TickersView(found), headers=NO_STORE)

    @get("/markets/{symbol:str}/ticker", operation_id="getTicker", summary="The last 24 hours of a market")
    async def ticker(self, market_data: OwnService, symbol: FromPath[str]) -> Response[messages.Ticker]:
        return Response(_ticker(_market(market_data, symbol), time.time_ns() // 1_000), headers=NO_STORE)

    @get(
        "/markets/{symbol:str}/trades",
        operation_id="listLiveTrades",
        summary="The newest trades, oldest first",
    )
    async def trades(
        self, market_data: OwnService, symbol: FromPath[str], limit: Limit = TRADES_DEFAULT
    ) -> Response[messages.TradesSnapshot]:
        market = _market(market_data, symbol)
        newest = list(market.trades)[-limit:]
        return Response(
            messages.TradesSnapshot(symbol=symbol, seq=market.seq, trades=newest), headers=NO_STORE
        )

    @get("/markets/{symbol:str}/book", operation_id="getLiveBook", summary="The book, by price or by order")
    async def book(
        self,
        market_data: OwnService,
        symbol: FromPath[str],
        level: LevelOf = "2",
        depth: Depth = DEPTH_DEFAULT,
    ) -> Response[BookView | OrderBookView]:
        market = _market(market_data, symbol)
        found = _by_order(market, depth) if level == "3" else _by_price(market, level, depth)
        return Response(found, headers=NO_STORE)


def _live(market_data: MarketData) -> MarketData:
    """Raise a problem (503) before everything that happened is known."""
    if not market_data.caught_up:
        raise Problem(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "not_yet_visible",
            "this service has just begun and has not caught up with the events yet",
            headers={"Retry-After": "1"},
        )
    return market_data


def _market(market_data: MarketData, symbol: str) -> Market:
    try:
        return _live(market_data).board.market(symbol)
    except UnknownMarketError as error:
        raise Problem(HTTPStatus.NOT_FOUND, "not_found", str(error)) from None


def _ticker(market: Market, now_us: int) -> messages.Ticker:
    return ticker_of(market, now_us, market.seq)


def _by_price(market: Market, level: Literal["1", "2"], depth: int) -> BookView:
    shown = 1 if level == "1" else depth
    most = max(shown, checksums.LEVELS)
    bids, asks = market.book.best("buy", most), market.book.best("sell", most)
    return BookView(
        market.symbol,
        1 if level == "1" else 2,
        _levels(market, bids[:shown]),
        _levels(market, asks[:shown]),
        market.seq,
        checksums.of_levels(market.rules, bids, asks),
    )


def _levels(market: Market, levels: Levels) -> list[LevelView]:
    return [LevelView(price_of(market.rules, price), base_of(market.rules, left)) for price, left in levels]


def _by_order(market: Market, depth: int) -> OrderBookView:
    most = max(depth, checksums.LEVELS_OF_ORDERS)
    bids, asks = market.book.queues("buy", most), market.book.queues("sell", most)
    return OrderBookView(
        market.symbol,
        3,
        _queues(market, bids[:depth]),
        _queues(market, asks[:depth]),
        market.seq,
        checksums.of_orders(market.rules, bids, asks),
    )


def _queues(market: Market, queues: Queues) -> list[QueueView]:
    rules = market.rules
    return [
        QueueView(
            price_of(rules, price),
            base_of(rules, sum(order.quantity for order in queue)),
            [BookOrderView(order.order_id, base_of(rules, order.quantity), order.joined) for order in queue],
        )
        for price, queue in queues
    ]


ROUTES: list[Any] = [health, Snapshots]
