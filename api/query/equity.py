"""The equity curve: what an account's trading came to by the end of each hour or day, at the marks of then.

docs/portfolio.md has the formulas.
"""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import msgspec
from litestar import Controller, Response, get
from litestar.params import FromPath, FromQuery

from api.permissions import may_read
from api.query.controllers import AskedBy, Read, Reader
from api.query.decimals import Decimal, Time, time_of
from api.query.figures import bounded, too_much
from api.query.listing import Forms, answer_all
from api.query.times import From, Span, To, span_of
from domain.market import MarketRules
from domain.numbers import format_units
from projections import account_hours, market_hours
from projections.account_hours import HOUR_US, HOURS_A_DAY
from projections.projection import Document

Step = Literal["hour", "day"]
HOURS: dict[Step, int] = {"hour": 1, "day": HOURS_A_DAY}
STEPS_MAX = 2_000
STEPS_DEFAULT: dict[Step, int] = {"hour": 48, "day": 30}


class EquityPoint(msgspec.Struct, frozen=True):
    """How trading stood at the end of the step that begins at ``at``; all in ``asset``, the markets' quote
    asset. ``equity``: realised and unrealised PnL less fees, since the first trade. ``fees`` since then.
    ``position_value``: what the positions were worth at mark, short ones negative. ``peak``: the highest
    equity from just before the first step on; ``drawdown``: how far equity is below it. ``unmarked``: open
    positions whose market had no price yet, which count as worth nothing.
    """

    at: Time
    asset: str
    equity: Decimal
    fees: Decimal
    position_value: Decimal
    peak: Decimal
    drawdown: Decimal
    unmarked: int


class DrawdownView(msgspec.Struct, frozen=True):
    """The deepest fall of equity in the time asked for: from ``peak_at`` (``null``: from before it) until
    ``trough_at``; both ``null``: it never fell.
    """

    asset: str
    max_drawdown: Decimal
    peak_at: Time | None
    trough_at: Time | None


class EquityView(msgspec.Struct, frozen=True):
    """By time and asset, oldest first."""

    account: str
    step: Step
    points: list[EquityPoint]
    drawdowns: list[DrawdownView]


class Price(NamedTuple):
    """What an hour of a market ended with; ``None``: it set none."""

    hour: int
    mark: int | None
    last: int | None


class Change(NamedTuple):
    """What an hour changed on a market, in its units."""

    hour: int
    symbol: str
    quantity: int
    cash: int
    fees: int


@dataclass
class Holding:
    """What trading on one market had come to, and what the market was worth."""

    quantity: int = 0
    cash: int = 0
    fees: int = 0
    mark: int | None = None
    last: int | None = None

    @property
    def price(self) -> int | None:
        return self.last if self.mark is None else self.mark


@dataclass
class Total:
    """Of all markets with one quote asset, in its minor units."""

    equity: int = 0
    fees: int = 0
    value: int = 0
    unmarked: int = 0


@dataclass
class Highest:
    """The peak so far, and the deepest fall from one."""

    peak: int
    peak_step: int | None = None
    fall: int = 0
    fall_from: int | None = None
    fall_to: int | None = None

    def take(self, step: int, equity: int) -> None:
        if equity > self.peak:
            self.peak, self.peak_step = equity, step
        if self.peak - equity > self.fall:
            self.fall, self.fall_from, self.fall_to = self.peak - equity, self.peak_step, step


@dataclass
class Curve:
    """Goes through the hours of an account's markets, in order."""

    rules: Mapping[str, MarketRules]
    changes: Sequence[Change]
    prices: Mapping[str, Sequence[Price]]
    holdings: dict[str, Holding] = field(default_factory=dict)
    highest: dict[str, Highest] = field(default_factory=dict)
    _taken: int = 0
    _priced: dict[str, int] = field(default_factory=dict)

    def points(self, first: int, end: int, hours: int) -> Iterator[tuple[int, str, Total, Highest]]:
        """Yield for each step of so many hours from hour ``first`` until ``end`` what each asset came to."""
        self._until(first)
        for asset, total in self._totals().items():
            self.highest[asset] = Highest(total.equity)
        for step in range(first, end, hours):
            self._until(step + hours)
            for asset, total in self._totals().items():
                highest = self.highest.setdefault(asset, Highest(0))
                highest.take(step, total.equity)
                yield step, asset, total, highest

    def _until(self, hour: int) -> None:
        """Take in all hours before ``hour``."""
        while self._taken < len(self.changes) and self.changes[self._taken].hour < hour:
            change = self.changes[self._taken]
            holding = self.holdings.setdefault(change.symbol, Holding())
            holding.quantity += change.quantity
            holding.cash += change.cash
            holding.fees += change.fees
            self._taken += 1
        for symbol, holding in self.holdings.items():
            prices, number = self.prices.get(symbol, ()), self._priced.get(symbol, 0)
            while number < len(prices) and prices[number].hour < hour:
                holding.mark = holding.mark if prices[number].mark is None else prices[number].mark
                holding.last = holding.last if prices[number].last is None else prices[number].last
                number += 1
            self._priced[symbol] = number

    def _totals(self) -> dict[str, Total]:
        totals: dict[str, Total] = {}
        for symbol, holding in sorted(self.holdings.items()):
            rules = self.rules[symbol]
            total = totals.setdefault(rules.quote_asset, Total())
            value = value_of(rules, holding.price, holding.quantity)
            total.unmarked += value is None and holding.quantity != 0
            total.value += value or 0
            total.fees += holding.fees
            total.equity += holding.cash - holding.fees + (value or 0)
        return dict(sorted(totals.items()))


def value_of(rules: MarketRules, price: int | None, quantity: int) -> int | None:
    """Return what a position is worth in quote units, short ones negative; ``None`` without a price."""
    if price is None:
        return None
    value = rules.notional(price, abs(quantity))
    return value if quantity >= 0 else -value


class Equity(Controller):
    """What trading came to, over time."""

    path = "/v1/accounts/{account:str}/equity"
    tags = ("portfolio",)

    @get("/", operation_id="getEquity", summary="Net PnL at mark by hour or day, and how far it fell")
    async def curve(
        self,
        request: AskedBy,
        reader: Read,
        form: Forms,
        account: FromPath[str],
        step: FromQuery[Step] = "day",
        since: From = None,
        until: To = None,
    ) -> Response[EquityView]:
        """The last 30 days or 48 hours, unless told; whole steps of UTC, at most 2,000."""
        may_read(request, account)
        first, end = _hours(step, since, until)
        curve: list[Curve] = []

        def read() -> list[EquityPoint]:
            curve.append(_curve(reader, account, first, end))
            return [_point(reader, *each) for each in curve[0].points(first, end, HOURS[step])]

        def view(points: list[EquityPoint]) -> EquityView:
            return EquityView(account, step, points, _drawdowns(reader, curve[0].highest))

        projections = ("account_hours", "market_hours")
        return await answer_all(reader, form, "equity", projections, read, EquityPoint, view)


def _hours(step: Step, since: str | None, until: str | None) -> tuple[int, int]:
    """Return the first hour, and the one before which it ends; both begin a step. Raises ``Problem``."""
    asked: Span = span_of(since, until)
    hours, now = HOURS[step], time.time_ns() // 1_000
    step_us = hours * HOUR_US
    end = -(-min(asked.until_us, now + 1) // step_us)
    first = asked.first_us // step_us if since is not None else max(0, end - STEPS_DEFAULT[step])
    if end - first > STEPS_MAX:
        raise too_much(
            f"from {since} on there are {end - first} steps of a {step}; at most {STEPS_MAX} are told"
        )
    return first * hours, max(first, end) * hours


def _curve(reader: Reader, account: str, first: int, end: int) -> Curve:
    last_day = max(0, end - 1) // HOURS_A_DAY
    changes = list(_changes(bounded(account_hours.of_account(reader.database, account, last_day))))
    rules = {symbol: reader.rules_visible(symbol) for symbol in sorted({each.symbol for each in changes})}
    days = first // HOURS_A_DAY, last_day
    prices = {
        symbol: list(_prices(market_hours.of_market(reader.database, symbol, *days))) for symbol in rules
    }
    return Curve(rules, sorted(changes), prices)


def _changes(documents: Iterable[Document]) -> Iterator[Change]:
    for document in documents:
        for entry in document["hours"]:
            sums = (int(entry[name]) for name in account_hours.SUMS)
            yield Change(entry["hour"], document["symbol"], *sums)


def _prices(documents: Iterable[Document]) -> Iterator[Price]:
    for document in documents:
        for entry in document["hours"]:
            yield Price(entry["hour"], entry["mark"], entry["last"])


def _point(reader: Reader, step: int, asset: str, total: Total, highest: Highest) -> EquityPoint:
    scale = reader.scale(asset)
    return EquityPoint(
        at=time_of(step * HOUR_US),
        asset=asset,
        equity=format_units(total.equity, scale),
        fees=format_units(total.fees, scale),
        position_value=format_units(total.value, scale),
        peak=format_units(highest.peak, scale),
        drawdown=format_units(highest.peak - total.equity, scale),
        unmarked=total.unmarked,
    )


def _drawdowns(reader: Reader, highest: Mapping[str, Highest]) -> list[DrawdownView]:
    return [
        DrawdownView(
            asset,
            format_units(each.fall, reader.scale(asset)),
            None if each.fall_from is None else time_of(each.fall_from * HOUR_US),
            None if each.fall_to is None else time_of(each.fall_to * HOUR_US),
        )
        for asset, each in sorted(highest.items())
    ]
