"""Trades: those of a market, and an account's own side of its own; by time, newest first."""

import asyncio
from collections.abc import Iterator
from typing import Annotated

import msgspec
from litestar import Controller, Response, get
from litestar.params import FromPath
from msgspec import Meta

from api.permissions import may_read
from api.query import listing
from api.query.controllers import SHARDS_MAX, AskedBy, Read, Reader
from api.query.decimals import Decimal, Price, SymbolName, Time, base_of, price_of, quote_of, time_of
from api.query.exports import Item, Listing
from api.query.listing import Asks, SymbolQuery
from api.query.times import From, Span, To, span_of
from api.query.trade_views import TradeChangeView, TradeStatus, trade_status
from api.query.views import TradesView, TradeView
from domain.event import Liquidity, Side
from projections import accounts, fills, trade_changes, trades
from projections.fills import Placed, Position
from projections.projection import Document


class TradeRow(msgspec.Struct, frozen=True):
    """A trade of a market, in a table. What was busted or corrected has a reason."""

    trade_id: int
    symbol: SymbolName
    price: Price
    quantity: Decimal
    taker_side: Side
    traded_at: Time
    status: TradeStatus
    corrected_price: Price | None
    reason: str | None


class OwnTradeView(msgspec.Struct, frozen=True):
    """An account's own side of a trade, as it was made, and what the venue has made of it since. ``notional``
    and ``fee`` are in the quote asset.
    """

    trade_id: int
    symbol: SymbolName
    order_id: str
    side: Side
    liquidity: Liquidity
    price: Price
    quantity: Decimal
    notional: Decimal
    fee: Decimal
    traded_at: Time
    status: TradeStatus
    change: TradeChangeView | None


class OwnTradeRow(msgspec.Struct, frozen=True):
    """An account's own side of a trade, in a table."""

    account: str
    trade_id: int
    symbol: SymbolName
    order_id: str
    side: Side
    liquidity: Liquidity
    price: Price
    quantity: Decimal
    notional: Decimal
    fee: Decimal
    traded_at: Time
    status: TradeStatus
    corrected_price: Price | None
    reason: str | None


class OwnTradesPage(msgspec.Struct, frozen=True):
    """Newest first. ``next_cursor`` asks for the page after this one; ``null``: this was the last."""

    account: str
    trades: list[OwnTradeView]
    next_cursor: Annotated[str | None, Meta(examples=[None])]


class MarketTrades(Controller):
    """What was traded on a market."""

    path = "/v1/markets/{symbol:str}/trades"
    tags = ("markets",)

    @get("/", operation_id="listTrades", summary="The market's trades, newest first")
    async def of_market(
        self,
        reader: Read,
        asked: Asks,
        symbol: FromPath[str],
        since: From = None,
        until: To = None,
    ) -> Response[TradesView]:
        span = span_of(since, until)
        await asyncio.to_thread(reader.rules, symbol)
        found = _of_market(reader, symbol, span)
        return await listing.answer(
            reader, found, asked, lambda views, cursor: TradesView(symbol, views, cursor)
        )


class AccountTrades(Controller):
    """What an account traded."""

    path = "/v1/accounts/{account:str}/trades"
    tags = ("accounts",)

    @get("/", operation_id="listAccountTrades", summary="The account's own side of its trades, newest first")
    async def of_account(
        self,
        request: AskedBy,
        reader: Read,
        asked: Asks,
        account: FromPath[str],
        symbol: SymbolQuery = None,
        since: From = None,
        until: To = None,
    ) -> Response[OwnTradesPage]:
        may_read(request, account)
        found = _of_account(reader, account, symbol, span_of(since, until))
        return await listing.answer(
            reader, found, asked, lambda views, cursor: OwnTradesPage(account, views, cursor)
        )


def _of_market(reader: Reader, symbol: str, span: Span) -> Listing:
    def items(last: tuple[int] | None, _some: int) -> Iterator[Item]:
        before = last[0] if last else None
        for trade in trades.newest_first(reader.database, symbol, span.until_us, before):
            if trade["traded_at_us"] < span.first_us:
                return
            yield Item((trade["trade_id"],), trade)

    return Listing(
        name="trades",
        projections=("trades", "trade_changes"),
        scope=(symbol, span),
        keys=(int,),
        items=items,
        views=lambda found: reader.trade_views(found, reader.rules(symbol)),
        row=TradeRow,
        rows=lambda views: [_row(symbol, view) for view in views],
    )


def _row(symbol: str, view: TradeView) -> TradeRow:
    price, reason = _changed(view.change)
    return TradeRow(
        view.trade_id,
        symbol,
        view.price,
        view.quantity,
        view.taker_side,
        view.traded_at,
        view.status,
        price,
        reason,
    )


def _changed(change: TradeChangeView | None) -> tuple[str | None, str | None]:
    return (None, None) if change is None else (change.corrected_price, change.reason)


def _of_account(reader: Reader, account: str, symbol: str | None, span: Span) -> Listing:
    def items(last: tuple[int, int, int, int] | None, _some: int) -> Iterator[Item]:
        found = accounts.by_name(reader.database, account, SHARDS_MAX)
        shards = [each["shard"] for each in found]
        position = None if last is None else Position(*last)
        for placed in fills.newest_first(reader.database, account, shards, span.until_us, position):
            if placed.position.filled_at_us < span.first_us:
                return
            fits = symbol is None or placed.fill["symbol"] == symbol
            yield Item(tuple(placed.position), placed if fits else None)

    return Listing(
        name="account-trades",
        projections=("fills", "trade_changes", "accounts"),
        scope=(account, symbol, span),
        keys=(int, int, int, int),
        items=items,
        views=lambda found: _own_views(reader, found),
        row=OwnTradeRow,
        rows=lambda views: [_own_row(account, view) for view in views],
    )


def _own_views(reader: Reader, found: list[Placed]) -> list[OwnTradeView]:
    ids = [trade_changes.document_id(one.fill["order_id"], one.fill["trade_id"]) for one in found]
    changes = trade_changes.by_ids(reader.database, ids)
    return [_own_view(reader, one, changes.get(each)) for one, each in zip(found, ids, strict=True)]


def _own_view(reader: Reader, placed: Placed, change: Document | None) -> OwnTradeView:
    fill = placed.fill
    rules = reader.rules_visible(fill["symbol"])
    return OwnTradeView(
        fill["trade_id"],
        fill["symbol"],
        fill["order_id"],
        fill["side"],
        fill["liquidity"],
        price_of(rules, fill["price"]),
        base_of(rules, fill["quantity"]),
        quote_of(rules, int(fill["notional"])),
        quote_of(rules, int(fill["fee"])),
        time_of(fill["filled_at_us"]),
        *trade_status(change, rules),
    )


def _own_row(account: str, view: OwnTradeView) -> OwnTradeRow:
    shown = {name: getattr(view, name) for name in OwnTradeRow.__struct_fields__ if hasattr(view, name)}
    price, reason = _changed(view.change)
    return OwnTradeRow(account=account, **shown, corrected_price=price, reason=reason)


CONTROLLERS = [MarketTrades, AccountTrades]
