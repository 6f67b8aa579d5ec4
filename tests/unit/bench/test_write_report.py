from typing import Any

import pytest
from rich.console import Console

from bench.write import flow, report
from bench.write.included import BATCH_COMMANDS
from bench.write.limits import cut
from bench.write.usage import per_order
from domain.order import CancelOrder, PlaceOrder


def row(name: str, value: int, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "value": value,
        "commands_per_second": 2 * value,
        "rows_per_second": 2 * value,
        "rows_per_order": 2.0,
        "rows_per_commit": 500,
        "cpu_us_per_order": {"postgres": 10.0, "all": 30.0},
        "batch_ms": {"p50": 1.0, "p99": 2.0},
        "leaves_out": "deciding",
        **more,
    }


def results(included: int, alone: int, copied: int, single: int, batched: int) -> dict[str, Any]:
    rows = [row("crypto-oms", included), row("processor-alone", alone), row("raw-copy", copied)]
    rows += [row("stock-recorder-single", single), row("stock-recorder-batched", batched)]
    return report.as_object(rows, {"commands_per_request": BATCH_COMMANDS})


def test_ratios_are_the_processors_rows_over_theirs() -> None:
    found = results(20_000, 50_000, 200_000, 500, 10_000)
    assert found["ratios"] == {
        "vs_raw_copy_rows": 0.5,
        "vs_stock_recorder_single": 200.0,
        "vs_stock_recorder_batched": 10.0,
    }
    assert found["missed"] == []
    assert [found["results"][index]["cores_at_50000"] for index in (0, 1)] == [1.5, 1.5]


def test_every_target_that_is_missed_is_named_with_by_how_much() -> None:
    missed = results(10_000, 40_000, 400_000, 5_000, 50_000)["missed"]
    assert [line.split(":")[0] for line in missed] == [
        "50,000 orders/s, processor-alone",
        "20,000 orders/s, crypto-oms",
        "vs_raw_copy_rows 0.4",
        "vs_stock_recorder_single 20.0",
        "vs_stock_recorder_batched 3.0",
    ]
    assert "20 % short" in missed[0]


def test_a_person_sees_every_row_and_every_miss() -> None:
    console = Console(width=150)
    with console.capture() as shown:
        report.show(console, results(10_000, 50_000, 100_000, 500, 10_000))
    for name in ("crypto-oms", "processor-alone", "raw-copy", "stock-recorder-batched", "missed: 20,000"):
        assert name in shown.get()


def test_cpu_time_is_told_by_process_and_in_all() -> None:
    assert per_order({"a": 1.0, "b": 2.0}, {"a": 1.5, "b": 2.25}, 100_000) == {"a": 5.0, "b": 2.5, "all": 7.5}


@pytest.mark.parametrize(("size", "sizes"), [(2.5, [2, 3, 3, 2]), (3, [3, 3, 3, 1])])
def test_events_are_cut_into_pieces_of_a_mean_size(size: float, sizes: list[int]) -> None:
    assert [len(piece) for piece in cut(range(10), size)] == sizes


def test_the_flow_is_the_same_by_both_doors() -> None:
    steps = list(flow.steps(300, seed=1, run="r"))
    for number, step in enumerate(steps):
        command, request = flow.command(step, number, "BTC-USD"), flow.request(step, "BTC-USD")
        assert isinstance(command, PlaceOrder if isinstance(step, flow.Order) else CancelOrder)
        assert command.account == request.account
    assert len({step.name for step in steps if isinstance(step, flow.Order)}) == sum(
        isinstance(step, flow.Order) for step in steps
    )


def test_a_cancel_names_an_order_that_was_placed_before() -> None:
    placed: set[str] = set()
    for step in flow.steps(2_000, seed=1, run="r"):
        if isinstance(step, flow.Order):
            placed.add(step.name)
        else:
            assert step.name in placed
