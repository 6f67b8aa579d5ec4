"""Value at risk, expected shortfall and stress, against numpy on real prices."""

import math

import numpy as np
import pytest

from projections.risk.prices import PriceBook
from projections.risk.value_at_risk import DAY_S, losses, returns, stresses, tails
from tests.unit.risk import recorded
from tests.unit.risk.recorded import BAR_S, Floats

HELD = {"BTC": 1_234_567_890_123, "ETH": -456_789_012_345}


def naive_returns(book: PriceBook, symbol: str) -> Floats:
    """Carry the last price forward over the seconds in which none was traded."""
    bars = {bar.slot: bar.close for bar in book.markets[symbol].bars}
    every = {bar.slot for market in book.markets.values() for bar in market.bars}
    first = max(min(every), max(every) - book.bars_max + 1)
    slots = np.arange(first, max(every) + 1)
    series = np.full(len(slots), np.nan)
    for number, slot in enumerate(slots):
        series[number] = bars.get(int(slot), series[number - 1] if number else np.nan)
    first_seen = series[~np.isnan(series)][0]
    series = np.where(np.isnan(series), first_seen, series)
    moves: Floats = np.diff(series) / series[:-1]
    return moves


def naive_losses(book: PriceBook) -> Floats:
    by_bar = HELD["BTC"] * naive_returns(book, "BTC-USD") + HELD["ETH"] * naive_returns(book, "ETH-USD")
    found: Floats = -by_bar * math.sqrt(DAY_S / BAR_S)
    return found


def test_every_scenario_is_what_numpy_finds() -> None:
    book = recorded.book()
    ours = losses(HELD, returns(book, "USD"), BAR_S)
    assert len(ours) >= 250
    assert ours == pytest.approx(np.sort(naive_losses(book)), rel=1e-9, abs=1)


@pytest.mark.parametrize("bars_max", [41, 151, 301])
def test_var_is_the_quantile_and_the_shortfall_the_mean_beyond(bars_max: int) -> None:
    book = recorded.book(bars_max)
    expected = naive_losses(book)
    found = tails(HELD, returns(book, "USD"), BAR_S)
    assert [tail.confidence for tail in found] == [0.95, 0.99]
    for tail in found:
        var = float(np.quantile(expected, tail.confidence, method="inverted_cdf"))
        assert var > 0
        assert tail.var == pytest.approx(var, rel=1e-9, abs=1)
        assert tail.expected_shortfall == pytest.approx(expected[expected >= var].mean(), rel=1e-9, abs=1)
        assert tail.expected_shortfall >= tail.var


def test_with_too_few_bars_nothing_is_said() -> None:
    assert tails(HELD, returns(recorded.book(bars_max=20), "USD"), BAR_S) == []
    assert tails(HELD, {}, BAR_S) == []


def test_stress_moves_all_prices_at_once() -> None:
    assert [(each.percent, each.pnl) for each in stresses({"BTC": 1_000, "ETH": 500})] == [
        (-10, -150),
        (-30, -450),
        (-50, -750),
    ]
