"""Integers of the events as the decimals and times people read."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from domain.market import MarketListed, MarketRules
from domain.numbers import format_units
from domain.rejections import CATALOGUE

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def time_of(us: int) -> str:
    """Return microseconds since 1970 as RFC 3339: ``2026-01-31T12:00:00.000001Z``."""
    return f"{EPOCH + timedelta(microseconds=us):%Y-%m-%dT%H:%M:%S.%f}Z"


def moment_us(written: str) -> int:
    """Return an RFC 3339 time as microseconds since 1970; without an offset it is UTC.

    Raises ``ValueError``, in words for whoever wrote it.
    """
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        raise ValueError(f"{written!r} is no time such as 2026-01-31T12:00:00Z") from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (moment - EPOCH) // _MICROSECOND


class Units:
    """How many decimals the amounts of each market and asset have. Scales of a market never change, so its
    rules of any time serve.
    """

    def __init__(self, listed: Iterable[MarketListed]) -> None:
        self.rules: dict[str, MarketRules] = {}
        self.scales: dict[str, int] = {}
        for event in listed:
            self.add(event.rules)

    def add(self, rules: MarketRules) -> None:
        self.rules[rules.symbol] = rules
        self.scales[rules.base_asset] = rules.base_scale
        self.scales[rules.quote_asset] = rules.quote_scale

    def price(self, symbol: str, units: int) -> str:
        rules = self.rules.get(symbol)
        return _raw(units) if rules is None else format_units(units, rules.price_scale)

    def base(self, symbol: str, units: int) -> str:
        rules = self.rules.get(symbol)
        return _raw(units) if rules is None else format_units(units, rules.base_scale)

    def quote(self, symbol: str, units: int) -> str:
        rules = self.rules.get(symbol)
        return _raw(units) if rules is None else format_units(units, rules.quote_scale)

    def amount(self, asset: str, units: int) -> str:
        scale = self.scales.get(asset)
        return _raw(units) if scale is None else format_units(units, scale)

    def base_asset(self, symbol: str) -> str:
        rules = self.rules.get(symbol)
        return symbol.partition("-")[0] if rules is None else rules.base_asset

    def quote_asset(self, symbol: str) -> str:
        rules = self.rules.get(symbol)
        return symbol.partition("-")[2] if rules is None else rules.quote_asset

    def quantity(self, symbol: str, units: int) -> str:
        """Return a quantity with the name of its asset: ``1.5 BTC``."""
        return f"{self.base(symbol, units)} {self.base_asset(symbol)}"

    def money(self, symbol: str, units: int) -> str:
        """Return a sum in the market's quote asset, with its name: ``150 USD``."""
        return f"{self.quote(symbol, units)} {self.quote_asset(symbol)}"

    def sum(self, asset: str, units: int) -> str:
        return f"{self.amount(asset, units)} {asset}"


def _raw(units: int) -> str:
    """A market that was never listed has no decimals: its orders were rejected."""
    return f"{units} minor units"


def meaning(code: str) -> str:
    """Return what a rejection's code means, in plain words."""
    return CATALOGUE[code].meaning if code in CATALOGUE else code
