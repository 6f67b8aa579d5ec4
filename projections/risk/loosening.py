"""Whether a change of limits loosens any of them: then it needs a second pair of eyes.

Amounts are decimal strings; a limit that is not named is none at all, the loosest there is.
"""

from collections.abc import Mapping
from decimal import Decimal

from domain.account import LimitsRequest
from projections.risk.rules import LEVELS, RiskLimits, Threshold

AMOUNTS = ("max_order_notional", "max_open_notional", "max_position", "daily_loss")
NONE = Threshold()


def loosened(before: LimitsRequest, after: LimitsRequest) -> list[str]:
    """Return in words what of the limits checked before a trade ``after`` allows and ``before`` does not."""
    found = []
    for name in AMOUNTS:
        found += _amounts(name, getattr(before, name), getattr(after, name))
    if _looser(before.order_rate, after.order_rate):
        found.append(_words("order_rate", before.order_rate, after.order_rate))
    return found


def loosened_thresholds(before: RiskLimits, after: RiskLimits) -> list[str]:
    """The same for what the risk engine watches."""
    found = []
    for rule, by_key in before.items():
        for key, threshold in by_key.items():
            new = after.get(rule, {}).get(key, NONE)
            for level in LEVELS:
                old_most, most = getattr(threshold, level), getattr(new, level)
                if _looser(old_most, most):
                    found.append(_words(f"{rule} of {key}, {level}", old_most, most))
    return found


def _amounts(name: str, before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    return [
        _words(f"{name} of {key}", most, after.get(key))
        for key, most in before.items()
        if _looser(most, after.get(key))
    ]


def _looser(before: str | int | None, after: str | int | None) -> bool:
    if before is None:
        return False
    return after is None or Decimal(after) > Decimal(before)


def _words(name: str, before: str | int | None, after: str | int | None) -> str:
    return f"{name} from {before} to {'unlimited' if after is None else after}"
