import json
from typing import Any

import pytest
from rich.console import Console

from bench.engine import report
from bench.engine.contestants import OURS, PEERS, Contestant
from bench.engine.flow import Flow, Shape, generate

FLOWS = [generate(Shape(name, 40), 400, seed=1) for name in ("thin", "deep")]
RIVAL = next(peer for peer in PEERS if peer.language == "python" and peer.tells_trades)


def outcome(flow: Flow, rate: int, **changes: Any) -> dict[str, Any]:
    kinds = dict.fromkeys(("rest", "take", "cancel", "modify"), 1_000)
    return {
        "runs": [[1.0, rate], [1.0, rate + 10], [1.0, rate - 10]],
        "kinds_ns": kinds,
        "inspected": 400,
        "trades": flow.trades[-1],
        "volume_lots": flow.volume_lots[-1],
        **changes,
    }


def row(contestant: Contestant, thin: int, deep: int, **changes: Any) -> dict[str, Any]:
    rates = zip(FLOWS, (thin, deep), strict=True)
    return report.row(contestant, [(flow, outcome(flow, rate, **changes)) for flow, rate in rates])


def results(*rows: dict[str, Any]) -> dict[str, Any]:
    load = {
        "messages": 400,
        "seed": 1,
        "repetitions": 3,
        "books": [{"name": flow.shape.name, "resting": 40, **flow.mix()} for flow in FLOWS],
        "machine_load_before": [0.0, 0.0, 0.0],
        "machine_load_after": [0.0, 0.0, 0.0],
    }
    return report.as_object(rows, load)


def test_a_row_gives_the_median_of_each_book_and_their_harmonic_mean() -> None:
    found = row(OURS[0], 100, 300)
    assert (found["value"], found["books"]["thin"]["value"], found["books"]["deep"]["value"]) == (
        150,
        100,
        300,
    )
    assert (found["books"]["thin"]["min"], found["books"]["thin"]["max"]) == (90, 110)
    assert found["books"]["thin"]["differences"] == []


def test_trades_that_differ_are_told() -> None:
    found = row(RIVAL, 100, 100, trades=1)
    expected = FLOWS[0].trades[-1]
    assert found["books"]["thin"]["differences"] == [f"1 trades, expected {expected:,}"]


def test_the_object_has_the_shape_that_design_md_gives() -> None:
    found = results(row(OURS[0], 500_000, 500_000, compiled=True), row(RIVAL, 100_000, 250_000))
    assert {"bench", "machine", "load", "results", "ratios", "missed"} <= set(found)
    assert all({"name", "value", "unit"} <= set(result) for result in found["results"])
    assert found["ratios"] == {RIVAL.name: 3.5}
    assert found["missed"] == []
    json.dumps(found, allow_nan=False)


def test_targets_that_are_missed_are_named_with_by_how_much() -> None:
    ours = row(OURS[0], 150_000, 150_000, compiled=True) | {"resting": {"bytes_per_order": 700}}
    missed = results(ours, row(RIVAL, 300_000, 100_000))["missed"]
    assert missed == [
        "300,000 messages/s compiled: 150,000, 50 % short",
        f"ahead of {RIVAL.name} on the thin book: 0.5 of its messages/s",
        "600 bytes per resting order: 700",
    ]


def test_a_domain_that_is_not_compiled_misses_the_target_whatever_its_speed() -> None:
    assert "not compiled here" in results(row(OURS[0], 900_000, 900_000, compiled=False))["missed"][0]


def test_a_peer_that_failed_keeps_its_row_with_the_reason() -> None:
    thin, deep = FLOWS
    half = report.row(RIVAL, [(thin, outcome(thin, 100)), (deep, {"failed": "too slow"})])
    none = report.row(RIVAL, [(flow, {"failed": "could not be installed"}) for flow in FLOWS])
    assert (half["value"], half["failed"]) == (100, {"deep": "too slow"})
    assert (none["value"], none["failed"]["thin"]) == (None, "could not be installed")
    ours = row(OURS[0], 200, 50)
    assert report.ratio(ours, half) == 2.0
    assert report.ratio(ours, none) is None


def test_growth_is_what_each_further_order_costs() -> None:
    sizes = [
        {"resting": 10, "resident_bytes": 10_000, "ns_per_message": 100},
        {"resting": 110, "resident_bytes": 60_000, "ns_per_message": 150},
    ]
    assert report.growth(sizes) == {"bytes_per_order": 500, "growth": 1.5, "sizes": sizes}


@pytest.mark.parametrize("width", [80, 200])
def test_a_person_reads_who_failed_and_what_was_played(width: int) -> None:
    sizes = [{"resting": size, "resident_bytes": size, "ns_per_message": 5} for size in (10, 20)]
    ours = row(OURS[0], 1_000, 2_000, compiled=False) | {"resting": report.growth(sizes)}
    failed = report.row(RIVAL, [(flow, {"failed": "could not be installed"}) for flow in FLOWS])
    console = Console(record=True, width=width, quiet=False, soft_wrap=True)
    with console.capture() as captured:
        report.show(console, results(ours, failed))
    text = captured.get()
    assert "1,333" in text
    assert f"{RIVAL.name}, thin book: could not be installed" in text
    assert "ioc of placed" in text
    assert "1 bytes per resting order" in text
