"""PnL by day: what trading came to on each UTC day, by account and market."""

from collections.abc import Iterator

import msgspec
from litestar import Controller, Response, get

from api.permissions import readable
from api.query import listing
from api.query.controllers import AskedBy, Read, Reader
from api.query.decimals import Day, Decimal, SymbolName, base_of, day_text, quote_of
from api.query.exports import Item, Listing, walk
from api.query.listing import AccountsQuery, Asks, SymbolQuery
from api.query.times import Days, FromDay, ToDay, days_of
from domain.market import MarketRules
from projections import daily
from projections.by_account import Pair
from projections.projection import Document


class DailyPnlView(msgspec.Struct, frozen=True, kw_only=True):
    """An account's trading on a market on one UTC day; all but ``bought`` and ``sold`` in the quote asset.

    ``realised_pnl`` is by average cost and before ``fees``. ``turnover`` is ``paid`` (for what was bought)
    plus ``earned``. A trade that is busted or corrected changes the day on which that happens.
    ``until_day``: not one day, but all up to this one, of which the single days are no longer kept.
    """

    day: Day
    account: str
    symbol: SymbolName
    realised_pnl: Decimal
    fees: Decimal
    net_realised_pnl: Decimal
    turnover: Decimal
    buys: int
    bought: Decimal
    paid: Decimal
    buy_fees: Decimal
    sells: int
    sold: Decimal
    earned: Decimal
    sell_fees: Decimal
    until_day: bool = False


class DailyPnlPage(msgspec.Struct, frozen=True):
    """By account, market and day. ``next_cursor`` is ``null`` on the last page."""

    days: list[DailyPnlView]
    next_cursor: str | None


class Pnl(Controller):
    """What trading made."""

    path = "/v1/pnl"
    tags = ("analytics",)

    @get("/daily", operation_id="searchDailyPnl", summary="PnL, turnover and fees by account, market and day")
    async def daily(
        self,
        request: AskedBy,
        reader: Read,
        asked: Asks,
        account: AccountsQuery = None,
        symbol: SymbolQuery = None,
        since: FromDay = None,
        until: ToDay = None,
    ) -> Response[DailyPnlPage]:
        found = _listing(reader, readable(request, account), symbol, days_of(since, until))
        return await listing.answer(reader, found, asked, DailyPnlPage)


def _listing(reader: Reader, accounts: list[str] | None, symbol: str | None, days: Days) -> Listing:
    def items(last: tuple[str, str, int] | None, some: int) -> Iterator[Item]:
        seen = None if last is None else Pair(last[0], last[1])
        if last is not None and seen is not None:
            for document in daily.of_pair(reader.database, seen):
                yield from _items(document, Days(max(days.first, last[2] + 1), days.last))
        for document in documents(reader, accounts, symbol, days, seen, some):
            yield from _items(document, days)

    return Listing(
        name="daily-pnl",
        projections=("daily",),
        scope=(accounts, symbol, days),
        keys=(str, str, int),
        items=items,
        views=lambda found: [view_of(reader, *each) for each in found],
        row=DailyPnlView,
    )


def documents(
    reader: Reader, accounts: list[str] | None, symbol: str | None, days: Days, seen: Pair | None, some: int
) -> Iterator[Document]:
    """Yield what has any of these days, by account and market."""

    def read(last: Pair | None, most: int) -> list[Document]:
        return daily.scan(
            reader.database,
            accounts=accounts,
            symbol=symbol,
            since_day=days.first,
            last=last,
            documents_max=most,
        )

    return walk(read, lambda each: Pair(each["account"], each["symbol"]), seen, some)


def _items(document: Document, days: Days) -> Iterator[Item]:
    for day in daily.days_of(document, days.first, days.last):
        yield Item((document["account"], document["symbol"], day["day"]), (document, day))


def view_of(reader: Reader, document: Document, day: Document) -> DailyPnlView:
    rules: MarketRules = reader.rules_visible(document["symbol"])
    sums = {name: int(day[name]) for name in daily.SUMS}
    fees = sums["buy_fees"] + sums["sell_fees"]
    return DailyPnlView(
        day=day_text(day["day"]),
        account=document["account"],
        symbol=document["symbol"],
        realised_pnl=quote_of(rules, sums["realised"]),
        fees=quote_of(rules, fees),
        net_realised_pnl=quote_of(rules, sums["realised"] - fees),
        turnover=quote_of(rules, sums["paid"] + sums["earned"]),
        buys=day["buys"],
        bought=base_of(rules, sums["bought"]),
        paid=quote_of(rules, sums["paid"]),
        buy_fees=quote_of(rules, sums["buy_fees"]),
        sells=day["sells"],
        sold=base_of(rules, sums["sold"]),
        earned=quote_of(rules, sums["earned"]),
        sell_fees=quote_of(rules, sums["sell_fees"]),
        until_day=day is document["earlier"],
    )
