"""Integers of the read models as the decimals and times people read."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated

from msgspec import Meta

from domain.market import MarketRules
from domain.numbers import format_units

Decimal = Annotated[str, Meta(examples=["1.25"], description="A decimal number.")]
Price = Annotated[str, Meta(examples=["60000.01"], description="A decimal number, in the quote asset.")]
Time = Annotated[str, Meta(examples=["2026-01-31T12:00:00.000001Z"], description="UTC, RFC 3339.")]
Day = Annotated[str, Meta(examples=["2026-01-31"], description="A UTC day.")]
SymbolName = Annotated[str, Meta(examples=["BTC-USD"])]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
AVERAGE_EXTRA_DECIMALS = 4


def time_of(us: int) -> str:
    """Return microseconds since 1970 as RFC 3339: ``2026-01-31T12:00:00.000001Z``."""
    moment = EPOCH + timedelta(microseconds=us)
    return f"{moment:%Y-%m-%dT%H:%M:%S.%f}Z"


def day_text(day: int) -> str:
    """Return a day since 1970 as ``2026-01-31``."""
    return f"{EPOCH.date() + timedelta(days=day)}"


def price_of(rules: MarketRules, units: int) -> str:
    return format_units(units, rules.price_scale)


def base_of(rules: MarketRules, units: int) -> str:
    return format_units(units, rules.base_scale)


def quote_of(rules: MarketRules, units: int) -> str:
    return format_units(units, rules.quote_scale)


def given(show: Callable[[MarketRules, int], str], rules: MarketRules, units: int | None) -> str | None:
    return None if units is None else show(rules, units)


def time_given(us: int | None) -> str | None:
    return None if us is None else time_of(us)


def average_price(rules: MarketRules, notional: int, quantity: int) -> str | None:
    """Return notional / quantity, rounded half to even, with four decimals more than the market's prices;
    ``None`` if there is no quantity.
    """
    if quantity == 0:
        return None
    decimals = rules.price_scale + AVERAGE_EXTRA_DECIMALS
    shift = decimals + rules.base_scale - rules.quote_scale
    top, bottom = notional * 10 ** max(shift, 0), abs(quantity) * 10 ** max(-shift, 0)
    whole, rest = divmod(top, bottom)
    if 2 * rest > bottom or (2 * rest == bottom and whole % 2):
        whole += 1
    return format_units(whole, decimals)
