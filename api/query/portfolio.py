"""The portfolio: an account's positions at mark, and what it traded day by day. docs/portfolio.md has the
formulas.
"""

import time
from typing import Literal

import msgspec
from litestar import Controller, Response, get
from litestar.params import FromPath

from api.permissions import may_read
from api.query.controllers import ASSETS_MAX, AskedBy, Read, Reader
from api.query.decimals import (
    Day,
    Decimal,
    Price,
    SymbolName,
    Time,
    average_price,
    base_of,
    day_text,
    price_of,
    quote_of,
    time_of,
)
from api.query.equity import value_of
from api.query.exports import CHUNK_MAX
from api.query.figures import GROUPS_MAX, bounded, too_much
from api.query.listing import Forms, SymbolQuery, answer_all
from api.query.pnl import documents
from api.query.times import FromDay, ToDay, days_of
from domain.market import MarketRules
from domain.numbers import format_units
from projections import daily, markets, positions
from projections.projection import Document

MarkSource = Literal["mark", "last"]


class HoldingView(msgspec.Struct, frozen=True):
    """A position at mark; all amounts but ``quantity`` in ``asset``, the market's quote asset.
    ``mark_price``: the market's mark price, or else its last price; ``mark_source`` says which, ``marked_at``
    and ``mark_age_ms`` from when it is. Without either it is ``null``, and so is what depends on it.
    ``net_pnl``: realised and unrealised, less ``fees``.
    """

    symbol: SymbolName
    asset: str
    quantity: Decimal
    average_cost: Price | None
    cost: Decimal
    mark_price: Price | None
    mark_source: MarkSource | None
    marked_at: Time | None
    mark_age_ms: int | None
    value: Decimal | None
    unrealised_pnl: Decimal | None
    realised_pnl: Decimal
    fees: Decimal
    net_pnl: Decimal | None
    fills_count: int
    updated_at: Time


class PortfolioTotal(msgspec.Struct, frozen=True):
    """Of all positions in one quote asset. ``exposure``: their values without sign, added up. ``unmarked``:
    how many open positions have no price; they count as worth nothing.
    """

    asset: str
    value: Decimal
    exposure: Decimal
    unrealised_pnl: Decimal
    realised_pnl: Decimal
    fees: Decimal
    net_pnl: Decimal
    unmarked: int


class PortfolioView(msgspec.Struct, frozen=True):
    """By market; closed positions included, for what they realised."""

    account: str
    positions: list[HoldingView]
    totals: list[PortfolioTotal]


class TurnoverDay(msgspec.Struct, frozen=True):
    """What an account traded on a market on one UTC day, in ``asset``: ``turnover`` is what it paid for what
    it bought plus what it earned for what it sold. ``until_day``: not one day, but all up to this one.
    """

    day: Day
    symbol: SymbolName
    asset: str
    turnover: Decimal
    bought: Decimal
    paid: Decimal
    sold: Decimal
    earned: Decimal
    fees: Decimal
    realised_pnl: Decimal
    fills: int
    until_day: bool


class TurnoverTotal(msgspec.Struct, frozen=True):
    """Of all days told, in one quote asset."""

    asset: str
    turnover: Decimal
    fees: Decimal
    realised_pnl: Decimal
    fills: int


class TurnoverView(msgspec.Struct, frozen=True):
    """By day and market."""

    account: str
    days: list[TurnoverDay]
    totals: list[TurnoverTotal]


class Portfolio(Controller):
    """What an account holds, and what it trades."""

    path = "/v1/accounts/{account:str}"
    tags = ("portfolio",)

    @get("/portfolio", operation_id="getPortfolio", summary="Positions at mark: what they are worth and made")
    async def portfolio(
        self, request: AskedBy, reader: Read, form: Forms, account: FromPath[str]
    ) -> Response[PortfolioView]:
        may_read(request, account)
        sums: Sums = {}

        def read() -> list[HoldingView]:
            now_us = time.time_ns() // 1_000
            found = positions.of_account(reader.database, account, ASSETS_MAX)
            return [_holding(reader, position, now_us, sums) for position in found]

        def view(rows: list[HoldingView]) -> PortfolioView:
            return PortfolioView(
                account, rows, [_total(reader, asset, sums[asset]) for asset in sorted(sums)]
            )

        reads = ("positions", "markets")
        return await answer_all(reader, form, "portfolio", reads, read, HoldingView, view)

    @get("/turnover", operation_id="getTurnover", summary="What the account traded, by day and market")
    async def turnover(
        self,
        request: AskedBy,
        reader: Read,
        form: Forms,
        account: FromPath[str],
        symbol: SymbolQuery = None,
        since: FromDay = None,
        until: ToDay = None,
    ) -> Response[TurnoverView]:
        """A trade that is busted or corrected changes the day on which that happens."""
        may_read(request, account)
        days = days_of(since, until)
        sums: Sums = {}

        def read() -> list[TurnoverDay]:
            found = bounded(documents(reader, [account], symbol, days, None, CHUNK_MAX))
            rows = [
                _day(reader, document, day, sums)
                for document in found
                for day in daily.days_of(document, days.first, days.last)
            ]
            if len(rows) > GROUPS_MAX:
                raise too_much(f"these are {len(rows)} days of markets; at most {GROUPS_MAX} are told")
            return sorted(rows, key=lambda row: (row.day, row.symbol))

        def view(rows: list[TurnoverDay]) -> TurnoverView:
            return TurnoverView(
                account, rows, [_traded(reader, asset, sums[asset]) for asset in sorted(sums)]
            )

        return await answer_all(reader, form, "turnover", ("daily",), read, TurnoverDay, view)


Sums = dict[str, dict[str, int]]
"""By asset, in its minor units."""


def _add(sums: Sums, asset: str, values: dict[str, int]) -> None:
    found = sums.setdefault(asset, dict.fromkeys(values, 0))
    for name, value in values.items():
        found[name] += value


def _holding(reader: Reader, position: Document, now_us: int, sums: Sums) -> HoldingView:
    rules = reader.rules_visible(position["symbol"])
    quantity, cost = int(position["quantity"]), int(position["cost"])
    realised, fees = int(position["realised"]), int(position["fees"])
    price, source, marked_us = mark_of(markets.by_symbol(reader.database, rules.symbol))
    value = 0 if quantity == 0 else value_of(rules, price, quantity)
    unrealised = None if value is None else value - (cost if quantity >= 0 else -cost)
    net = None if unrealised is None else realised + unrealised - fees
    values = {
        "value": value or 0,
        "exposure": abs(value or 0),
        "unrealised": unrealised or 0,
        "realised": realised,
        "fees": fees,
        "net": realised - fees + (unrealised or 0),
        "unmarked": int(value is None),
    }
    _add(sums, rules.quote_asset, values)
    return HoldingView(
        rules.symbol,
        rules.quote_asset,
        base_of(rules, quantity),
        average_price(rules, cost, quantity),
        quote_of(rules, cost),
        None if price is None else price_of(rules, price),
        source,
        None if marked_us is None else time_of(marked_us),
        None if marked_us is None else max(0, now_us - marked_us) // 1_000,
        _quoted(rules, value),
        _quoted(rules, unrealised),
        quote_of(rules, realised),
        quote_of(rules, fees),
        _quoted(rules, net),
        position["fills"],
        time_of(position["changed_at_us"]),
    )


def mark_of(market: Document | None) -> tuple[int | None, MarkSource | None, int | None]:
    """Return what a market is worth (price units), by which price, and when that was set."""
    if market is not None and market["mark_price"] is not None:
        return market["mark_price"], "mark", market["marked_at_us"]
    if market is not None and market["last_price"] is not None:
        return market["last_price"], "last", market["traded_at_us"]
    return None, None, None


def _quoted(rules: MarketRules, units: int | None) -> str | None:
    return None if units is None else quote_of(rules, units)


def _total(reader: Reader, asset: str, sums: dict[str, int]) -> PortfolioTotal:
    scale = reader.scale(asset)
    return PortfolioTotal(
        asset=asset,
        value=format_units(sums["value"], scale),
        exposure=format_units(sums["exposure"], scale),
        unrealised_pnl=format_units(sums["unrealised"], scale),
        realised_pnl=format_units(sums["realised"], scale),
        fees=format_units(sums["fees"], scale),
        net_pnl=format_units(sums["net"], scale),
        unmarked=sums["unmarked"],
    )


def _day(reader: Reader, document: Document, day: Document, sums: Sums) -> TurnoverDay:
    rules = reader.rules_visible(document["symbol"])
    of_day = {name: int(day[name]) for name in daily.SUMS}
    turnover, fees = of_day["paid"] + of_day["earned"], of_day["buy_fees"] + of_day["sell_fees"]
    fills = day["buys"] + day["sells"]
    values = {"turnover": turnover, "fees": fees, "realised": of_day["realised"], "fills": fills}
    _add(sums, rules.quote_asset, values)
    return TurnoverDay(
        day_text(day["day"]),
        rules.symbol,
        rules.quote_asset,
        quote_of(rules, turnover),
        base_of(rules, of_day["bought"]),
        quote_of(rules, of_day["paid"]),
        base_of(rules, of_day["sold"]),
        quote_of(rules, of_day["earned"]),
        quote_of(rules, fees),
        quote_of(rules, of_day["realised"]),
        fills,
        day is document["earlier"],
    )


def _traded(reader: Reader, asset: str, sums: dict[str, int]) -> TurnoverTotal:
    scale = reader.scale(asset)
    return TurnoverTotal(
        asset=asset,
        turnover=format_units(sums["turnover"], scale),
        fees=format_units(sums["fees"], scale),
        realised_pnl=format_units(sums["realised"], scale),
        fills=sums["fills"],
    )
