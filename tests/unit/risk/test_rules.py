"""When a limit counts as reached, and what loosens one."""

import pytest

from domain.account import AccountLimits, LimitsRequest
from projections.risk.figures import Figures, MarketExposure
from projections.risk.loosening import loosened, loosened_thresholds
from projections.risk.prices import PriceBook
from projections.risk.rules import Finding, RiskLimits, Threshold, reached, uses
from projections.risk.value_at_risk import Tail
from tests.unit.risk.recorded import rules

USD = 10**8


def book() -> PriceBook:
    made = PriceBook()
    made.listed(rules("BTC-USD"))
    return made


def lost(amount: int) -> Figures:
    return Figures("ann", "USD", day_pnl={"USD": -amount * USD}, gross={"USD": 900 * USD})


def found(figures: Figures, own: RiskLimits, limits: AccountLimits | None = None) -> set[tuple[str, str]]:
    tails = [Tail(0.99, 500 * USD, 600 * USD)]
    used = uses(figures, tails, [limits or AccountLimits()], own, book())
    return {(finding.rule, finding.level) for finding in reached(used, {})}


@pytest.mark.parametrize(
    ("loss", "levels"),
    [(79, set()), (80, {"soft"}), (100, {"soft", "hard"}), (150, {"soft", "hard", "suspend"})],
)
def test_a_loss_reaches_one_level_after_the_other(loss: int, levels: set[str]) -> None:
    own: RiskLimits = {"intraday_loss": {"USD": Threshold("80", "100", "150")}}
    assert found(lost(loss), own) == {("intraday_loss", level) for level in levels}


def test_every_measure_has_its_rule() -> None:
    own: RiskLimits = {
        "gross_exposure": {"USD": Threshold(hard="900")},
        "concentration": {"*": Threshold(soft="0.5")},
        "var_99": {"USD": Threshold(soft="500.00000001", hard="500")},
    }
    figures = lost(0)
    figures.concentration_ppm = 500_000
    assert found(figures, own) == {("gross_exposure", "hard"), ("concentration", "soft"), ("var_99", "hard")}


def test_the_limits_before_a_trade_are_watched_as_well() -> None:
    figures = lost(100)
    figures.markets = [MarketExposure("BTC-USD", "USD", -9 * USD, 0, 1, 0, 0, 0, 0)]
    figures.on_orders = {"USD": 80 * USD}
    limits = AccountLimits(
        max_open_notional={"USD": 100 * USD}, max_position={"BTC-USD": 9 * USD}, daily_loss={"USD": 100 * USD}
    )
    assert found(figures, {}, limits) == {
        ("daily_loss", "soft"),
        ("daily_loss", "hard"),
        ("max_position", "soft"),  # what is allowed is no hard breach
        ("max_open_notional", "soft"),
    }


def test_a_breach_ends_five_percent_below_its_threshold() -> None:
    own: RiskLimits = {"intraday_loss": {"USD": Threshold(hard="100")}}
    place = ("intraday_loss", "USD", "hard")
    for loss, lasts in ((99, True), (95, True), (94, False)):
        used = uses(lost(loss), [], [], own, book())
        assert bool(reached(used, {place: "breach"})) is lasts
        assert not reached(used, {})


def test_it_is_told_in_words() -> None:
    words = Finding("intraday_loss", "USD", "hard", 101 * USD, 100 * USD, 8).words()
    assert words == "intraday_loss is 101 USD, the hard limit is 100"


def test_more_and_none_at_all_loosen_and_less_does_not() -> None:
    before = LimitsRequest(max_open_notional={"USD": "100", "EUR": "100.0"}, order_rate=10)
    assert loosened(before, LimitsRequest(max_open_notional={"USD": "99", "EUR": "100"}, order_rate=10)) == []
    assert loosened(LimitsRequest(), before) == []
    assert loosened(before, LimitsRequest(max_open_notional={"USD": "100.01"}, order_rate=11)) == [
        "max_open_notional of USD from 100 to 100.01",
        "max_open_notional of EUR from 100.0 to unlimited",
        "order_rate from 10 to 11",
    ]


def test_a_threshold_that_goes_loosens() -> None:
    before: RiskLimits = {"var_99": {"USD": Threshold("80", "100")}}
    assert loosened_thresholds(before, {"var_99": {"USD": Threshold("70", "100")}}) == []
    assert loosened_thresholds(before, {"var_99": {"USD": Threshold("80")}}) == [
        "var_99 of USD, hard from 100 to unlimited"
    ]
    assert len(loosened_thresholds(before, {})) == 2
