"""Candles of a market, newest first: a page in JSON, all of a time as CSV or Parquet."""

import asyncio
import time
from collections.abc import Iterator
from http import HTTPStatus
from typing import Annotated

import msgspec
from litestar import Controller, Response, get
from litestar.params import FromPath, QueryParameter
from msgspec import Meta

from api.problems import Problem
from api.query import listing
from api.query.controllers import Read, Reader
from api.query.decimals import Decimal, Price, SymbolName, Time, base_of, price_of, quote_of, time_of
from api.query.exports import Item, Listing
from api.query.listing import Asks
from api.query.times import From, Span, To, span_of
from domain.market import MarketRules
from projections import candle_reading
from projections.candle_reading import INTERVALS_US, SECONDS_KEPT_US, Interval
from projections.candles import Candle

AT_ONCE_MAX = 1_000

IntervalQuery = Annotated[
    Interval,
    QueryParameter(description="How long a candle is. Seconds are kept for one day, all others for ever."),
]


class CandleView(msgspec.Struct, frozen=True):
    """``volume`` in the base asset, ``notional`` in the quote asset. One with no trades stands at the last
    price before it. The newest may still change.
    """

    opened_at: Time
    open: Price
    high: Price
    low: Price
    close: Price
    volume: Decimal
    notional: Decimal
    trades: int


class CandleRow(msgspec.Struct, frozen=True):
    """A candle, in a table."""

    symbol: SymbolName
    interval: Interval
    opened_at: Time
    open: Price
    high: Price
    low: Price
    close: Price
    volume: Decimal
    notional: Decimal
    trades: int


class CandlesPage(msgspec.Struct, frozen=True):
    """Newest first, without gaps. ``next_cursor`` asks for the page after this one; ``null``: this was the
    last.
    """

    symbol: SymbolName
    interval: Interval
    candles: list[CandleView]
    next_cursor: Annotated[str | None, Meta(examples=[None])]


class Candles(Controller):
    """What became of a market's price."""

    path = "/v1/markets/{symbol:str}/candles"
    tags = ("markets",)

    @get("/", operation_id="listCandles", summary="The market's candles, newest first, without gaps")
    async def of_market(
        self,
        reader: Read,
        asked: Asks,
        symbol: FromPath[str],
        interval: IntervalQuery,
        since: From = None,
        until: To = None,
    ) -> Response[CandlesPage]:
        span = _kept(span_of(since, until), interval, _now_us())
        await asyncio.to_thread(reader.rules, symbol)
        found = _of_market(reader, symbol, interval, span, (since, until))
        return await listing.answer(
            reader, found, asked, lambda views, cursor: CandlesPage(symbol, interval, views, cursor)
        )


def _now_us() -> int:
    return time.time_ns() // 1_000


def _kept(span: Span, interval: Interval, now_us: int) -> Span:
    """Return what of ``span`` there can be candles of: up to now, and of seconds since a day ago.

    Raises ``Problem`` (400) where seconds from before that are asked for.
    """
    until_us = min(span.until_us, now_us)
    if interval != "1s":
        return Span(span.first_us, until_us)
    oldest_us = now_us - SECONDS_KEPT_US
    if 0 < span.first_us < oldest_us:
        detail = f"from: candles of 1s are kept since {time_of(oldest_us)}; take that, or interval=1m"
        raise Problem(HTTPStatus.BAD_REQUEST, "invalid_request", detail)
    return Span(max(span.first_us, oldest_us), until_us)


def _of_market(
    reader: Reader, symbol: str, interval: Interval, span: Span, asked: tuple[str | None, str | None]
) -> Listing:
    def items(last: tuple[int] | None, some: int) -> Iterator[Item]:
        until_us = span.until_us if last is None else last[0]
        for candle in _newest_first(reader, symbol, interval, Span(span.first_us, until_us), some):
            yield Item((candle.start_us,), candle)

    return Listing(
        name="candles",
        projections=("candles", "trade_changes"),
        scope=(symbol, interval, asked),
        keys=(int,),
        items=items,
        views=lambda found: [_view(candle, reader.rules(symbol)) for candle in found],
        row=CandleRow,
        rows=lambda views: [_row(symbol, interval, view) for view in views],
    )


def _newest_first(reader: Reader, symbol: str, interval: Interval, span: Span, some: int) -> Iterator[Candle]:
    """Yield the candles that begin in ``span``, a piece at a time."""
    begun_us = candle_reading.first_start(reader.database, symbol, interval)
    if begun_us is None:
        return
    width_us = INTERVALS_US[interval]
    first_us = max(span.first_us, begun_us)
    until_us = span.until_us + -span.until_us % width_us
    while until_us > first_us:
        from_us = max(first_us, until_us - min(some, AT_ONCE_MAX) * width_us)
        yield from reversed(candle_reading.series(reader.database, symbol, interval, from_us, until_us))
        until_us = from_us


def _view(candle: Candle, rules: MarketRules) -> CandleView:
    return CandleView(
        time_of(candle.start_us),
        price_of(rules, candle.open),
        price_of(rules, candle.high),
        price_of(rules, candle.low),
        price_of(rules, candle.close),
        base_of(rules, candle.volume),
        quote_of(rules, candle.notional),
        candle.trades,
    )


def _row(symbol: str, interval: Interval, view: CandleView) -> CandleRow:
    return CandleRow(symbol, interval, **msgspec.structs.asdict(view))
