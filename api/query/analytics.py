"""The query API's routes for analysts: sums of trades, orders and fees, by a few dimensions."""

from collections.abc import Iterator, Sequence
from typing import Annotated, NamedTuple

import msgspec
from litestar import Controller, Response, get
from litestar.openapi.spec import Example
from litestar.params import FromQuery, QueryParameter

from api.permissions import readable
from api.query.controllers import AskedBy, Read, Reader
from api.query.decimals import Day, Decimal, Price, SymbolName, average_price, base_of, day_text, quote_of
from api.query.exports import CHUNK_MAX
from api.query.figures import (
    Group,
    SideOfDay,
    Sums,
    bounded,
    order_sums,
    picked,
    sides_of_days,
    summed,
    too_much,
)
from api.query.listing import AccountsQuery, Forms, SymbolQuery, answer_all
from api.query.order_search import Wanted
from api.query.order_views import OrderStatus
from api.query.pnl import documents
from api.query.times import US_MAX, Days, FirstDay, FromDay, LastDay, Span, ToDay, days_of, wrong
from domain.event import Side
from domain.market import DAY_US
from domain.numbers import format_units
from domain.order import OrderType
from projections.orders import STATUSES

ORDER_DAYS_MAX = 31

NOTHING = {"count": 0, "quantity": 0, "notional": 0, "fees": 0}
TRADES_BY = ("day", "account", "side")
FEES_BY = ("day", "symbol", "account", "side")
ORDERS_BY = ("day", "account", "side", "order_type", "status")


class TradeFigures(msgspec.Struct, frozen=True):
    """What the trades of a group came to. ``volume`` in the base asset, ``notional`` and ``fees`` in the
    quote asset; ``vwap``: notional by volume. ``null``: not grouped by it.
    """

    day: Day | None
    symbol: SymbolName
    account: str | None
    side: Side | None
    count: int
    volume: Decimal
    notional: Decimal
    fees: Decimal
    vwap: Price | None


class FeeFigures(msgspec.Struct, frozen=True):
    """What was paid in fees by a group, and for how many fills of which notional; in ``asset``. ``null``: not
    grouped by it.
    """

    day: Day | None
    asset: str
    symbol: str | None
    account: str | None
    side: Side | None
    fills: int
    notional: Decimal
    fees: Decimal


class OrderFigures(msgspec.Struct, frozen=True):
    """How many orders a group has, created on those days, and what became of them. Amounts are ``null`` for
    markets that are not listed: all that was asked for there was rejected. ``null``: not grouped by it.
    """

    day: Day | None
    symbol: str
    account: str | None
    side: Side | None
    order_type: OrderType | None
    status: OrderStatus | None
    count: int
    quantity: Decimal | None
    filled: Decimal | None
    notional: Decimal | None
    fees: Decimal | None
    vwap: Price | None


class TradeFiguresView(msgspec.Struct, frozen=True):
    figures: list[TradeFigures]


class FeeFiguresView(msgspec.Struct, frozen=True):
    figures: list[FeeFigures]


class OrderFiguresView(msgspec.Struct, frozen=True):
    figures: list[OrderFigures]


def groups_of(known: tuple[str, ...], example: str) -> QueryParameter:
    names = "|".join(known)
    return QueryParameter(
        pattern=f"^({names})(,({names}))*$",
        description=f"Any of {', '.join(known)}, with commas between them.",
        examples=[Example(value=example)],
    )


class Analytics(Controller):
    """Sums of what happened."""

    path = "/v1/analytics"
    tags = ("analytics",)

    @get("/trades", operation_id="sumTrades", summary="Trades summed up, by market and more")
    async def trades(
        self,
        request: AskedBy,
        reader: Read,
        form: Forms,
        group_by: Annotated[str | None, groups_of(TRADES_BY, "day,side")] = None,
        account: AccountsQuery = None,
        symbol: SymbolQuery = None,
        side: FromQuery[Side | None] = None,
        since: FromDay = None,
        until: ToDay = None,
    ) -> Response[TradeFiguresView]:
        """Of all accounts, not grouped by account or side, each trade counts once, with the fees of both.
        Else each side of a trade counts with its own account and fee. Busted and corrected trades change
        the day on which that happened.
        """
        chosen = Chosen(readable(request, account), symbol, side, days_of(since, until))

        def read() -> list[TradeFigures]:
            groups = _groups(group_by, TRADES_BY)
            once = chosen.accounts is None and side is None and not groups & {"account", "side"}
            found = summed(_trade_entries(reader, chosen, groups, once=once))
            return [_trade_figures(reader, key, sums) for key, sums in found.items()]

        return await answer_all(
            reader, form, "trade-figures", ("daily",), read, TradeFigures, TradeFiguresView
        )

    @get("/fees", operation_id="sumFees", summary="Fees summed up, by asset and more")
    async def fees(
        self,
        request: AskedBy,
        reader: Read,
        form: Forms,
        group_by: Annotated[str | None, groups_of(FEES_BY, "day,symbol")] = None,
        account: AccountsQuery = None,
        symbol: SymbolQuery = None,
        side: FromQuery[Side | None] = None,
        since: FromDay = None,
        until: ToDay = None,
    ) -> Response[FeeFiguresView]:
        """Each side of a trade counts with its own account and fee."""
        chosen = Chosen(readable(request, account), symbol, side, days_of(since, until))

        def read() -> list[FeeFigures]:
            found = summed(_fee_entries(reader, chosen, _groups(group_by, FEES_BY)))
            return [_fee_figures(reader, key, sums) for key, sums in found.items()]

        return await answer_all(reader, form, "fee-figures", ("daily",), read, FeeFigures, FeeFiguresView)

    @get("/orders", operation_id="sumOrders", summary="Orders summed up, by market and more")
    async def orders(
        self,
        request: AskedBy,
        reader: Read,
        form: Forms,
        since: FirstDay,
        until: LastDay,
        group_by: Annotated[str | None, groups_of(ORDERS_BY, "day,status")] = None,
        account: AccountsQuery = None,
        symbol: SymbolQuery = None,
        status: FromQuery[list[OrderStatus] | None] = None,
        side: FromQuery[Side | None] = None,
    ) -> Response[OrderFiguresView]:
        """Orders by the day on which they were created, of at most 31 days; their fills count as they were
        made, with that day.
        """
        wanted = Wanted(
            accounts=readable(request, account),
            symbol=symbol,
            statuses=tuple(sorted(set(status or STATUSES))),
            side=side,
            span=_span_of(since, until),
        )

        def read() -> list[OrderFigures]:
            found = summed(_order_entries(reader, wanted, _groups(group_by, ORDERS_BY)))
            return [_order_figures(reader, key, sums) for key, sums in found.items()]

        return await answer_all(
            reader, form, "order-figures", ("orders",), read, OrderFigures, OrderFiguresView
        )


class Chosen(NamedTuple):
    """Which days of which accounts, markets and sides; ``None``: all."""

    accounts: list[str] | None
    symbol: str | None
    side: Side | None
    days: Days


def _groups(asked: str | None, known: Sequence[str]) -> set[str]:
    groups = set(asked.split(",")) if asked else set()
    if unknown := groups - set(known):
        raise wrong(f"group_by: {', '.join(sorted(unknown))} is none of {', '.join(known)}")
    return groups


def _span_of(since: str, until: str) -> Span:
    first, last = days_of(since, until)
    if last - first >= ORDER_DAYS_MAX:
        raise too_much(
            f"{since} to {until} are {last - first + 1} days; at most {ORDER_DAYS_MAX} are summed up"
        )
    return Span(min(first * DAY_US, US_MAX), min(max(first, last + 1) * DAY_US, US_MAX))


def _sides(reader: Reader, chosen: Chosen) -> Iterator[SideOfDay]:
    found = bounded(documents(reader, chosen.accounts, chosen.symbol, chosen.days, None, CHUNK_MAX))
    return sides_of_days(found, chosen.days, [chosen.side] if chosen.side else ["buy", "sell"])


def _trade_entries(
    reader: Reader, chosen: Chosen, groups: set[str], *, once: bool
) -> Iterator[tuple[Group, Sums]]:
    for account, symbol, day, side, sums in _sides(reader, chosen):
        values = {"day": day, "account": account, "side": side}
        group = (symbol, *picked(values, groups, TRADES_BY))
        yield group, {**NOTHING, "fees": sums["fees"]} if once and side == "sell" else sums


def _trade_figures(reader: Reader, group: Group, sums: Sums) -> TradeFigures:
    symbol, day, account, side = group
    rules = reader.rules_visible(symbol)
    return TradeFigures(
        _day(day),
        symbol,
        account,
        side,
        sums["count"],
        base_of(rules, sums["quantity"]),
        quote_of(rules, sums["notional"]),
        quote_of(rules, sums["fees"]),
        average_price(rules, sums["notional"], sums["quantity"]),
    )


def _fee_entries(reader: Reader, chosen: Chosen, groups: set[str]) -> Iterator[tuple[Group, Sums]]:
    for account, symbol, day, side, sums in _sides(reader, chosen):
        values = {"day": day, "symbol": symbol, "account": account, "side": side}
        yield (reader.rules_visible(symbol).quote_asset, *picked(values, groups, FEES_BY)), sums


def _fee_figures(reader: Reader, group: Group, sums: Sums) -> FeeFigures:
    asset, day, symbol, account, side = group
    scale = reader.scale(asset)
    return FeeFigures(
        _day(day),
        asset,
        symbol,
        account,
        side,
        sums["count"],
        format_units(sums["notional"], scale),
        format_units(sums["fees"], scale),
    )


def _order_entries(reader: Reader, wanted: Wanted, groups: set[str]) -> Iterator[tuple[Group, Sums]]:
    for item in bounded(wanted.items(reader, None, CHUNK_MAX)):
        order = item.found
        if order is not None:
            values = {**order, "day": order["created_at_us"] // DAY_US}
            yield (order["symbol"], *picked(values, groups, ORDERS_BY)), order_sums(order)


def _order_figures(reader: Reader, group: Group, sums: Sums) -> OrderFigures:
    symbol, day, account, side, order_type, status = group
    rules = reader.markets.rules(symbol)
    amounts: tuple[str | None, ...] = (None,) * 5
    if rules is not None:
        amounts = (
            base_of(rules, sums["quantity"]),
            base_of(rules, sums["filled"]),
            quote_of(rules, sums["notional"]),
            quote_of(rules, sums["fees"]),
            average_price(rules, sums["notional"], sums["filled"]),
        )
    return OrderFigures(_day(day), symbol, account, side, order_type, status, sums["count"], *amounts)


def _day(day: int | None) -> str | None:
    return None if day is None else day_text(day)
