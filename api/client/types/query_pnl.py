"""What the APIs take and give: the structs of api.query.pnl.

Written by docs/client_source.py from it: do not edit.
"""

from datetime import date
from decimal import Decimal

import msgspec


class DailyPnlView(msgspec.Struct, frozen=True, kw_only=True):
    """An account's trading on a market on one UTC day; all but ``bought`` and ``sold`` in the quote asset.

    ``realised_pnl`` is by average cost and before ``fees``. ``turnover`` is ``paid`` (for what was bought)
    plus ``earned``. A trade that is busted or corrected changes the day on which that happens.
    ``until_day``: not one day, but all up to this one, of which the single days are no longer kept.
    """

    day: date
    account: str
    symbol: str
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


class DailyPnlPage(msgspec.Struct, frozen=True, kw_only=True):
    """By account, market and day. ``next_cursor`` is ``null`` on the last page."""

    days: list[DailyPnlView]
    next_cursor: str | None
