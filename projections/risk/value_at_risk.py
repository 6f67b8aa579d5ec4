"""Value at risk and expected shortfall by historical simulation, and stress scenarios.

Each past bar says how far every market moved; what the account has is revalued by each of these moves as if
it came again. A bar shorter than a day is scaled to one by the square root of time.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from projections.risk.prices import Bar, PriceBook

CONFIDENCES = (0.95, 0.99)
STRESSES_PERCENT = (-10, -30, -50)
SCENARIOS_MIN = 20
"""With fewer past moves nothing is said: the worst of five is no 95 % bound."""
DAY_S = 86_400


class Tail(NamedTuple):
    """What one confidence comes to: the loss that is not exceeded with it, and the mean of those that are at
    least as large; in minor units, never negative.
    """

    confidence: float
    var: int
    expected_shortfall: int


class Stress(NamedTuple):
    """All prices move by ``percent`` at once: what that does to the account, in minor units."""

    percent: int
    pnl: int


Returns = dict[str, list[float]]
"""By base asset how far its market moved in each bar, the same bars for all."""


def returns(prices: PriceBook, currency: str) -> Returns:
    """Return the moves of all markets against ``currency``, bar by bar. A market without a bar of its own has
    not moved in it.
    """
    bars = {
        market.rules.base_asset: list(market.bars)
        for market in prices.markets.values()
        if market.rules.quote_asset == currency and market.bars
    }
    slots = sorted({bar.slot for series in bars.values() for bar in series})
    if len(slots) < 2:
        return {}
    window = range(max(slots[0], slots[-1] - prices.bars_max + 1), slots[-1] + 1)
    return {asset: _moves(series, window) for asset, series in bars.items()}


def _moves(series: Sequence[Bar], window: range) -> list[float]:
    closes = {bar.slot: bar.close for bar in series}
    moves, price = [], next((bar.close for bar in series if bar.slot >= window[0]), series[-1].close)
    price = closes.get(window[0], price)
    for slot in window[1:]:
        after = closes.get(slot, price)
        moves.append(after / price - 1)
        price = after
    return moves


def losses(at_stake: Mapping[str, int], moves: Returns, bar_s: int) -> list[float]:
    """Return the loss of each scenario over one day, smallest first."""
    count = len(next(iter(moves.values()), ()))
    scale = math.sqrt(DAY_S / bar_s)
    pnl = [0.0] * count
    for asset, value in at_stake.items():
        for number, move in enumerate(moves.get(asset, ())):
            pnl[number] += value * move
    return sorted(-each * scale for each in pnl)


def tails(at_stake: Mapping[str, int], moves: Returns, bar_s: int) -> list[Tail]:
    """Return VaR and expected shortfall at each confidence; nothing while there are too few scenarios.

    VaR is the smallest loss that at least ``confidence`` of all scenarios do not exceed (the inverse of the
    empirical distribution), expected shortfall the mean of it and those beyond.
    """
    sorted_losses = losses(at_stake, moves, bar_s)
    count = len(sorted_losses)
    if count < SCENARIOS_MIN:
        return []
    found = []
    for confidence in CONFIDENCES:
        index = math.ceil(round(confidence * count, 9)) - 1
        beyond = sorted_losses[index:]
        mean = sum(beyond) / len(beyond)
        found.append(Tail(confidence, max(0, round(sorted_losses[index])), max(0, round(mean))))
    return found


def stresses(at_stake: Mapping[str, int]) -> list[Stress]:
    """Return what each scenario does to what is at stake."""
    total = sum(at_stake.values())
    return [Stress(percent, total * percent // 100) for percent in STRESSES_PERCENT]
