"""What the APIs take and give: the structs of api.query.portfolio.

Written by docs/client_source.py from it: do not edit.
"""

from datetime import date, datetime
from decimal import Decimal

import msgspec

from api.client.types.words import MarkSource


class HoldingView(msgspec.Struct, frozen=True, kw_only=True):
    """A position at mark; all amounts but ``quantity`` in ``asset``, the market's quote asset.
    ``mark_price``: the market's mark price, or else its last price; ``mark_source`` says which, ``marked_at``
    and ``mark_age_ms`` from when it is. Without either it is ``null``, and so is what depends on it.
    ``net_pnl``: realised and unrealised, less ``fees``.
    """

    symbol: str
    asset: str
    quantity: Decimal
    average_cost: Decimal | None
    cost: Decimal
    mark_price: Decimal | None
    mark_source: MarkSource | None
    marked_at: datetime | None
    mark_age_ms: int | None
    value: Decimal | None
    unrealised_pnl: Decimal | None
    realised_pnl: Decimal
    fees: Decimal
    net_pnl: Decimal | None
    fills_count: int
    updated_at: datetime


class PortfolioTotal(msgspec.Struct, frozen=True, kw_only=True):
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


class PortfolioView(msgspec.Struct, frozen=True, kw_only=True):
    """By market; closed positions included, for what they realised."""

    account: str
    positions: list[HoldingView]
    totals: list[PortfolioTotal]


class TurnoverDay(msgspec.Struct, frozen=True, kw_only=True):
    """What an account traded on a market on one UTC day, in ``asset``: ``turnover`` is what it paid for what
    it bought plus what it earned for what it sold. ``until_day``: not one day, but all up to this one.
    """

    day: date
    symbol: str
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


class TurnoverTotal(msgspec.Struct, frozen=True, kw_only=True):
    """Of all days told, in one quote asset."""

    asset: str
    turnover: Decimal
    fees: Decimal
    realised_pnl: Decimal
    fills: int


class TurnoverView(msgspec.Struct, frozen=True, kw_only=True):
    """By day and market."""

    account: str
    days: list[TurnoverDay]
    totals: list[TurnoverTotal]
