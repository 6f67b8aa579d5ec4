"""What the scale benchmark makes of measured CPU time."""

from typing import Any

from rich.console import Console

from bench.scale import report


def row(shards: int, value: int, **cpu_us: float) -> dict[str, Any]:
    us = {"client": 8.0, "postgres": 20.0, **cpu_us}
    return {
        "name": f"shards_{shards}",
        "value": value,
        "shards": shards,
        "cpu_us_per_order": {**us, "all": sum(us.values())},
    }


def results(*rows: dict[str, Any]) -> dict[str, Any]:
    return report.as_object(rows, {})


ONE = row(1, 20_000, **{"order-processor": 20.0})
TWO = row(2, 18_000, **{"order-processor": 11.0, "order-processor-1": 11.0})


def test_cores_follow_from_the_cpu_time_of_an_order_without_that_of_the_load() -> None:
    one = report.capacity(ONE)
    assert (one["orders_per_cpu_second"], one["cores_at_50000"], one["cores_at_500000"]) == (
        25_000,
        2.0,
        20.0,
    )


def test_shards_follow_from_what_one_core_decides() -> None:
    assert [report.capacity(each)["orders_per_processor_core"] for each in (ONE, TWO)] == [50_000, 45_455]
    assert [report.capacity(ONE)[f"shards_at_{goal}"] for goal in (50_000, 500_000)] == [1, 10]
    assert report.capacity(TWO)["shards_at_50000"] == 2


def test_each_row_is_compared_with_one_shard() -> None:
    found = results(ONE, TWO)
    assert found["ratios"] == {"throughput_shards_2": 0.9, "orders_per_cpu_second_shards_2": 0.952}
    assert found["missed"] == []


def test_a_row_that_costs_much_more_is_named() -> None:
    (line,) = results(ONE, row(4, 20_000, **{"order-processor": 60.0}))["missed"]
    assert line.startswith("shards_4: 12,500 orders per CPU-second")


def test_a_small_machine_says_what_it_cannot_show() -> None:
    assert any("cannot give more throughput" in note for note in report.notes(2))
    assert not any("cannot give more throughput" in note for note in report.notes(64))


def test_a_person_sees_every_row_and_process() -> None:
    console = Console(width=150)
    with console.capture() as shown:
        report.show(console, results(ONE, TWO))
    for text in ("shards_1", "shards_2", "order-processor-1", "cores at 500,000/s", "cores_at_"):
        assert text in shown.get()
