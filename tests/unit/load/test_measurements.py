import pytest

from stack.load.client import Outcome, OutcomeFill
from stack.load.measurements import Histogram, Measurements
from stack.load.proofs import OwnOrders, Proofs
from stack.load.report import as_object, durations, reasons
from stack.load.trading import Governor


def test_percentiles_are_within_one_per_cent() -> None:
    histogram = Histogram()
    for duration_ms in range(1, 10_001):
        histogram.add(duration_ms)
    assert histogram.percentile(50) == pytest.approx(5_000, rel=0.01)
    assert histogram.percentile(99) == pytest.approx(9_900, rel=0.01)
    assert histogram.percentile(99.9) == pytest.approx(9_990, rel=0.01)


def test_nothing_measured_has_no_percentile() -> None:
    assert Histogram().percentiles() == {"p50": None, "p99": None, "p999": None}


def test_a_single_duration_is_every_percentile() -> None:
    histogram = Histogram()
    histogram.add(0.0)
    histogram.add(0.0)
    assert histogram.percentile(50) == histogram.percentile(99.9)


def test_outcomes_are_counted_by_what_became_of_the_order() -> None:
    measured = Measurements()
    fill = OutcomeFill(1, "100", "1")
    for outcome in (
        Outcome("filled", "a", fills=(fill, fill)),
        Outcome("open", "b", replayed=True),
        Outcome("rejected", "c", "insufficient_funds"),
        Outcome("refused", "d", "id_reused"),
        Outcome("pending"),
    ):
        measured.orders_sent += 1
        measured.order_answered(outcome, measured.began)
    assert (measured.orders_accepted, measured.trades, measured.orders_replayed) == (2, 2, 1)
    assert measured.orders_rejected == {"insufficient_funds": 1, "id_reused": 1}
    assert measured.orders_unanswered == 1
    assert measured.acknowledged == {"a", "b", "c"}


def test_the_object_has_what_the_design_asks_for() -> None:
    found = as_object(Measurements(), Proofs(), {"run_id": "r"})
    assert {
        "orders_sent",
        "orders_accepted",
        "orders_rejected",
        "trades",
        "orders_per_second",
        "latency_ms",
        "visible_ms",
        "proofs",
        "machine",
        "version",
    } <= set(found)
    assert set(found["latency_ms"]) == {"p50", "p99", "p999"}
    assert set(found["visible_ms"]) == {"p50", "p99"}
    assert found["run_id"] == "r"


def test_an_acknowledged_order_that_is_not_stored_is_named() -> None:
    own = OwnOrders("r")
    own.times.update({"a": 1, "b": 2})
    assert list(own.wrong(["a", "c"])) == [
        "order c was acknowledged and is not stored",
        "order b is stored 2 times",
    ]


def test_figures_are_told_in_words() -> None:
    assert reasons({"b": 2, "a": 1000}) == "1,000 a, 2 b"
    assert reasons({}) == "none"
    assert durations({"p50": 1.25, "p99": None}) == "P50 1.2 ms, P99 - ms"


def test_the_governor_sends_less_while_latency_is_high_and_more_again_after() -> None:
    governor = Governor(400.0)
    governor.adjust(1_000)
    assert governor.per_s == pytest.approx(340)
    for _ in range(100):
        governor.adjust(1_000)
    assert governor.per_s == 20
    governor.adjust(300)
    assert governor.per_s == 20
    for _ in range(100):
        governor.adjust(50)
    assert governor.per_s == 400
    assert governor.lowest_per_s == 20
