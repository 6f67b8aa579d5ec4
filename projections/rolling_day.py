"""The rolling day: what was traded on a market in the last 24 hours, to the minute.

Trades are summed by the minute, so that a day of any market takes 1,441 minutes at most; trades that are
loaded later than newer ones find their minute all the same.
"""

from dataclasses import dataclass
from typing import NamedTuple

MINUTE_US = 60_000_000
MINUTES = 1_440


@dataclass(slots=True)
class _Minute:
    first_id: int
    last_id: int
    open: int
    high: int
    low: int
    last: int
    volume: int
    quote_volume: int
    count: int


class Day(NamedTuple):
    """Prices in price units (``None``: nothing was traded), ``volume`` in base, ``quote_volume`` in quote
    units.
    """

    open: int | None
    high: int | None
    low: int | None
    last: int | None
    volume: int
    quote_volume: int
    trades: int


NOTHING = Day(None, None, None, None, 0, 0, 0)


class RollingDay:
    """``take`` each trade once, in any order. Trades older than a day are let go."""

    def __init__(self) -> None:
        self._minutes: dict[int, _Minute] = {}
        self._newest = 0

    def take(self, trade_id: int, price: int, quantity: int, notional: int, traded_at_us: int) -> None:
        number = traded_at_us // MINUTE_US
        minute = self._minutes.get(number)
        if minute is None:
            self._minutes[number] = _Minute(
                trade_id, trade_id, price, price, price, price, quantity, notional, 1
            )
            self._let_go(number)
            return
        if trade_id < minute.first_id:
            minute.first_id, minute.open = trade_id, price
        if trade_id > minute.last_id:
            minute.last_id, minute.last = trade_id, price
        minute.high, minute.low = max(minute.high, price), min(minute.low, price)
        minute.volume += quantity
        minute.quote_volume += notional
        minute.count += 1

    def _let_go(self, number: int) -> None:
        self._newest = max(self._newest, number)
        if len(self._minutes) > 2 * MINUTES:
            least = self._newest - MINUTES
            self._minutes = {each: minute for each, minute in self._minutes.items() if each >= least}

    def as_of(self, now_us: int) -> Day:
        """Return the day that ends with the minute of ``now_us`` (microseconds since 1970, UTC)."""
        least = now_us // MINUTE_US - MINUTES
        minutes = [self._minutes[number] for number in sorted(self._minutes) if number > least]
        if not minutes:
            return NOTHING
        return Day(
            minutes[0].open,
            max(minute.high for minute in minutes),
            min(minute.low for minute in minutes),
            minutes[-1].last,
            sum(minute.volume for minute in minutes),
            sum(minute.quote_volume for minute in minutes),
            sum(minute.count for minute in minutes),
        )
