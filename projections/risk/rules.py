"""Rules: which limits an account's figures break, and how badly.

A threshold has up to three levels: ``soft`` (an alert), ``hard`` (the account may only sell) and ``suspend``
(it may do nothing). A breach lasts until the value is 5 % below its threshold, so that a value that trembles
around it breaks it once.
"""

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

import msgspec

from domain.account import AccountLimits
from domain.numbers import format_units, parse_units
from projections.risk.figures import PPM, Figures
from projections.risk.prices import PriceBook
from projections.risk.value_at_risk import Tail

Rule = Literal[
    "intraday_loss",
    "gross_exposure",
    "concentration",
    "var_99",
    "daily_loss",
    "max_position",
    "max_open_notional",
    "market_move",
]
Level = Literal["soft", "hard", "suspend"]
LEVELS: tuple[Level, ...] = ("soft", "hard", "suspend")

SOFT_PPM = 800_000
"""A pre-trade limit that is used so far is a soft breach."""
CLEARED_PPM = 950_000
ANY = "*"
"""Key of a rule that has no asset or market of its own."""


class Threshold(msgspec.Struct, frozen=True, omit_defaults=True):
    """Decimal strings in whole units; of ``concentration`` shares such as 0.8. ``None``: no such level."""

    soft: str | None = None
    hard: str | None = None
    suspend: str | None = None


RiskLimits = dict[Rule, dict[str, Threshold]]
"""By rule and key: the quote asset, or ``*``."""

OWN_RULES: tuple[Rule, ...] = ("intraday_loss", "gross_exposure", "concentration", "var_99")
"""Those that are set for the risk engine; the others follow from the limits checked before a trade."""


class Finding(NamedTuple):
    """One threshold that is reached. ``value`` and ``threshold``: minor units (of ``concentration`` parts per
    million), ``scale``: how many decimals they have.
    """

    rule: Rule
    key: str
    level: Level
    value: int
    threshold: int
    scale: int

    @property
    def place(self) -> tuple[str, str, str]:
        return (self.rule, self.key, self.level)

    def words(self) -> str:
        value, threshold = format_units(self.value, self.scale), format_units(self.threshold, self.scale)
        unit = "" if self.key == ANY else f" {self.key}"
        return f"{self.rule} is {value}{unit}, the {self.level} limit is {threshold}"


class Use(NamedTuple):
    """What is used of a limit; ``limits`` by level, in the same units."""

    rule: Rule
    key: str
    value: int
    scale: int
    limits: dict[Level, int]


def uses(
    figures: Figures,
    tails: Iterable[Tail],
    pre_trade: Iterable[AccountLimits],
    own: RiskLimits,
    prices: PriceBook,
) -> list[Use]:
    """Return what the account uses of each limit it has. ``pre_trade``: as each of its shards has them."""
    found = list(_own(figures, tails, own, prices))
    for limits in pre_trade:
        found += _pre_trade(figures, limits, prices)
    return found


def _own(figures: Figures, tails: Iterable[Tail], own: RiskLimits, prices: PriceBook) -> Iterable[Use]:
    var_99 = sum(tail.var for tail in tails if tail.confidence == 0.99)
    measures: Mapping[Rule, Mapping[str, int]] = {
        "intraday_loss": {asset: max(0, -pnl) for asset, pnl in figures.day_pnl.items()},
        "gross_exposure": figures.gross,
        "concentration": {ANY: figures.concentration_ppm},
        "var_99": {figures.currency: var_99},
    }
    for rule, by_key in own.items():
        for key, threshold in by_key.items():
            scale = 6 if rule == "concentration" else prices.scales.get(key)
            if scale is not None:
                yield Use(rule, key, measures.get(rule, {}).get(key, 0), scale, _levels(threshold, scale))


def _levels(threshold: Threshold, scale: int) -> dict[Level, int]:
    return {
        level: parse_units(text, scale) for level in LEVELS if (text := getattr(threshold, level)) is not None
    }


def _pre_trade(figures: Figures, limits: AccountLimits, prices: PriceBook) -> Iterable[Use]:
    """What is checked before a trade counts what was realised; here what is not realised counts as well."""
    for asset, most in limits.daily_loss.items():
        lost = max(0, -figures.day_pnl.get(asset, 0))
        yield Use("daily_loss", asset, lost, prices.scales.get(asset, 0), _soft_and(most, most))
    for symbol, most in limits.max_position.items():
        held = next((abs(each.quantity) for each in figures.markets if each.symbol == symbol), 0)
        market = prices.markets.get(symbol)
        scale = market.rules.base_scale if market else 0
        yield Use("max_position", symbol, held, scale, _soft_and(most, most + 1))
    for asset, most in limits.max_open_notional.items():
        used = figures.on_orders.get(asset, 0)
        yield Use("max_open_notional", asset, used, prices.scales.get(asset, 0), {"soft": _soft(most)})


def _soft(most: int) -> int:
    return max(1, most * SOFT_PPM // PPM)


def _soft_and(most: int, hard: int) -> dict[Level, int]:
    return {"soft": _soft(most), "hard": max(1, hard)}


def reached(used: Iterable[Use], still: Mapping[tuple[str, str, str], object]) -> list[Finding]:
    """Return the thresholds that are reached, and of those in ``still``, which were before, the ones that are
    not yet left behind.
    """
    found = []
    for use in used:
        for level, threshold in use.limits.items():
            finding = Finding(use.rule, use.key, level, use.value, threshold, use.scale)
            left_at = threshold * CLEARED_PPM // PPM if finding.place in still else threshold
            if use.value >= left_at and use.value > 0:
                found.append(finding)
    return found


def read_limits(text: str) -> RiskLimits:
    """Raises ``msgspec.ValidationError``."""
    return msgspec.json.decode(text, type=RiskLimits)
