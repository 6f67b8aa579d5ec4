"""What a market is held to be worth: index and mark price, what each source said, and a day of both."""

import asyncio
import time
from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec
from litestar import Controller, Response, get
from litestar.params import FromPath
from msgspec import Meta

from api.query import listing
from api.query.controllers import AfterHeader, AfterQuery, Read, Reader
from api.query.decimals import Decimal, Price, SymbolName, Time, given, price_of, time_given, time_of
from api.query.exports import Item, Listing
from api.query.listing import Asks
from api.query.times import From, Span, To, span_of
from projections import external_prices, markets
from projections.projection import Document

MINUTES_PER_QUERY = 20

SourceState = Annotated[
    Literal["fresh", "stale", "withdrawn", "outlier"],
    Meta(
        description="stale: it has said nothing for too long. withdrawn: its feed is broken or missed "
        "something. outlier: too far from the others."
    ),
]


class SourceView(msgspec.Struct, frozen=True):
    """What a venue said last. Only what is fresh counts."""

    source: Annotated[str, Meta(examples=["binance"])]
    state: SourceState
    weight: int
    bid: Price | None
    ask: Price | None
    last: Price | None
    received_at: Time
    age_ms: int


class PricesView(msgspec.Struct, frozen=True):
    """``index``: of the sources; ``mark``: as computed of it; ``null``: no source can be trusted now, or none
    is followed. ``market_mark``: the mark price that is in force, which triggers orders. ``last``: of the
    market's own last trade.
    """

    symbol: SymbolName
    index: Decimal | None
    mark: Price | None
    market_mark: Price | None
    market_marked_at: Time | None
    last: Price | None
    computed_at: Time | None
    age_ms: int | None
    fresh: Annotated[bool, Meta(description="There is an index, and it was computed just now.")]
    sources: list[SourceView]


class PricePoint(msgspec.Struct, frozen=True):
    """What the market was held to be worth at a moment; ``null``: nobody could tell."""

    at: Time
    index: Decimal | None
    mark: Price | None


class PricePointsPage(msgspec.Struct, frozen=True):
    """Newest first, about one a second, of the last day. ``next_cursor`` asks for the page after this one."""

    symbol: SymbolName
    points: list[PricePoint]
    next_cursor: Annotated[str | None, Meta(examples=[None])]


class ExternalPrices(Controller):
    """Prices from outside, and what follows from them. Open to everyone with a valid token."""

    path = "/v1/markets/{symbol:str}/prices"
    tags = ("markets",)

    @get("/", operation_id="getPrices", summary="Index and mark price, and what each source said")
    async def of_market(
        self,
        reader: Read,
        symbol: FromPath[str],
        after: AfterQuery = None,
        read_after: AfterHeader = None,
    ) -> Response[PricesView]:
        return await reader.answer("markets", (after, read_after), lambda: _prices(reader, symbol))

    @get("/history", operation_id="listPrices", summary="Index and mark price of the last day, newest first")
    async def history(
        self,
        reader: Read,
        asked: Asks,
        symbol: FromPath[str],
        since: From = None,
        until: To = None,
    ) -> Response[PricePointsPage]:
        span = span_of(since, until)
        await asyncio.to_thread(reader.rules, symbol)
        found = _history(reader, symbol, span)
        return await listing.answer(
            reader, found, asked, lambda points, cursor: PricePointsPage(symbol, points, cursor)
        )


def _now_us() -> int:
    return time.time_ns() // 1_000


def _prices(reader: Reader, symbol: str) -> PricesView:
    rules = reader.rules(symbol)
    market = markets.by_symbol(reader.database, symbol) or {}
    found, now_us = external_prices.latest(reader.database, symbol) or {}, _now_us()
    computed_at_us = found.get("computed_at_us")
    age_us = None if computed_at_us is None else max(0, now_us - computed_at_us)
    is_fresh = age_us is not None and age_us <= found["fresh_us"]
    return PricesView(
        symbol,
        found.get("index"),
        found.get("mark"),
        given(price_of, rules, market.get("mark_price")),
        time_given(market.get("marked_at_us")),
        given(price_of, rules, market.get("last_price")),
        time_given(computed_at_us),
        None if age_us is None else age_us // 1_000,
        is_fresh and found["index"] is not None,
        [_source(each, found, now_us) for each in found.get("sources", ())],
    )


def _source(said: Document, found: Document, now_us: int) -> SourceView:
    """Whoever wrote it may be gone: what was fresh then is not for ever."""
    age_us = max(0, now_us - said["received_at_us"])
    state = said["state"]
    if state == "fresh":
        state = "outlier" if said["source"] in found["outliers"] else state
        state = "stale" if age_us > found["fresh_us"] else state
    place = (said["source"], state, said["weight"])
    told = (said["bid"], said["ask"], said["last"])
    return SourceView(*place, *told, time_of(said["received_at_us"]), age_us // 1_000)


def _history(reader: Reader, symbol: str, span: Span) -> Listing:
    def items(last: tuple[int] | None, _some: int) -> Iterator[Item]:
        before_us = span.until_us if last is None else last[0]
        for at_us, index, mark in _newest_first(reader, symbol, Span(_first(span), before_us)):
            yield Item((at_us,), PricePoint(time_of(at_us), index, mark))

    return Listing(
        name="prices",
        projections=("markets",),
        scope=(symbol, span),
        keys=(int,),
        items=items,
        views=list,
        row=PricePoint,
    )


def _first(span: Span) -> int:
    return max(span.first_us, _now_us() - external_prices.KEPT_US)


def _newest_first(reader: Reader, symbol: str, span: Span) -> Iterator[tuple[int, str | None, str | None]]:
    until_us = span.until_us
    while found := external_prices.minutes_before(reader.database, symbol, until_us, MINUTES_PER_QUERY):
        for minute in found:
            for at_us, index, mark in reversed(minute["points"]):
                if at_us < span.first_us:
                    return
                if at_us < span.until_us:
                    yield at_us, index, mark
        until_us = found[-1]["begins_us"]
