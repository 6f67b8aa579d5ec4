from typing import Any

from rich.console import Console

from bench.read import report


def figures(rate: int) -> dict[str, Any]:
    return {
        "events_per_second": rate,
        "our_cpu_us": 20.0,
        "server_cpu_us": 80.0,
        "our_share_events_per_second": 50_000,
    }


def found(folded: int, worker: int, million_s: float) -> dict[str, Any]:
    written = {**figures(8_000), "events": 1_000, "documents": 400}
    rows: list[dict[str, Any]] = [
        {"name": name, "value": value, "unit": "events/s folded", "end_to_end": written}
        for name, value in (("orders", folded), ("all", None))
    ]
    rows += [
        {"name": name, "value": value, "unit": "events/s end to end", **figures(value)}
        for name, value in (("orders-replace-one", 500), ("orders-not-coalesced", 4_000))
    ]
    whole = {**figures(20_000), "events": 1_000_000, "seconds": million_s}
    parts = {
        "workers": [
            {
                "topic": "executions",
                "projections": 7,
                "events_per_second": worker,
                "decode_and_fold_us": 10.0,
            }
        ],
        "server_calls": [
            {"call": "insert", "indexes": 2, "per_second": 9_000, "server_cpu_us": 90.0, "our_cpu_us": 5.0}
        ],
        "fold_only": whole,
        "rebuild": {**whole, "documents": 400_000, "seconds_for_a_million": million_s},
    }
    load = {"machine_load_before": [1.0], "machine_load_after": [2.0]}
    return report.as_object(rows, parts, load)


def test_ratios_are_those_of_orders_end_to_end() -> None:
    assert found(90_000, 60_000, 50.0)["ratios"] == {
        "vs_replace_one_per_event": 16.0,
        "vs_not_coalesced": 2.0,
    }


def test_the_rate_of_a_rebuild_stands_at_the_top() -> None:
    assert found(90_000, 60_000, 50.0)["rebuild_events_per_second"] == 20_000


def test_what_meets_its_target_is_not_named() -> None:
    assert found(90_000, 60_000, 50.0)["missed"] == []


def test_every_target_that_is_missed_is_named_with_by_how_much() -> None:
    assert found(40_000, 25_000, 90.0)["missed"] == [
        "50,000 events/s folded, orders: 40,000, 20 % short",
        "50,000 events/s folded, worker of executions: 25,000, 50 % short",
        "a million events rebuilt in 60 s: 90.0 s",
    ]


def test_a_person_sees_every_row_and_every_miss() -> None:
    console = Console(width=150)
    with console.capture() as shown:
        report.show(console, found(40_000, 25_000, 90.0))
    text = shown.get()
    for part in ("orders-replace-one", "worker of executions", "insert", "missed: 50,000 events/s folded"):
        assert part in text
